"""How many rows, files, objects and bytes a release has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cellcommons.indexes import SCHEMAS, ReleaseItem
from cellcommons.manifest import Index, Manifest, ObjectCount
from cellcommons.object_store import ObjectStore
from cellcommons.parts import SHARDS, table_of
from cellcommons.summary import Summary
from cellcommons.tree import Tree, TreeEntry, load_tree


def item_trees(item: ReleaseItem) -> tuple[tuple[str, str], ...]:
    """``(role, tree digest)`` of every tree an item names, its image first."""
    return ("image", item.tree), ("labels", item.labels), *sorted(item.companions.items())


def counted_files(parts: Iterable[Tree], summary: Summary) -> tuple[dict[str, Index], Index]:
    """Rows, files and bytes of every index and of the shards, of these parts."""
    files: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for tree in parts:
        for entry in tree.entries:
            files[table_of(entry.path)] += 1
            sizes[table_of(entry.path)] += entry.size
    found = {name: Index(summary.rows(name), files[name], sizes[name]) for name in (*SCHEMAS, SHARDS)}
    return found, found.pop(SHARDS)


def object_count(manifest: Manifest, parts: Iterable[TreeEntry], summary: Summary) -> ObjectCount:
    """Objects that a manifest leads to and their bytes; one that several images share counts for each."""
    blobs = [*manifest.blobs().values(), manifest.parts]
    tables = [*manifest.indexes.values(), manifest.shards]
    sizes = [entry.size for entry in parts]
    return ObjectCount(
        summary.total("objects") + sum(table.files for table in tables) + len(sizes) + len(blobs),
        summary.total("bytes") + sum(table.bytes for table in tables) + sum(sizes) + sum(b.size for b in blobs),
    )


def item_objects(store: ObjectStore, item: ReleaseItem) -> tuple[int, int]:
    """Objects of an item's trees, listings and files, and their bytes."""
    count = size = 0
    for _, digest in item_trees(item):
        tree = load_tree(store, digest)
        count, size = count + 1 + len(tree.entries), size + len(tree.to_bytes()) + tree.size
    return count, size
