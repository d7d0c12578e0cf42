"""A release in parts, so that a change costs what it touches: the same part in two releases has the same digest.

An image, and a source, belongs to the part that the first bits of the sha256 of its id say; how many bits is the depth,
so there are 2**depth parts at most. A part is a tree: the listing of its parquet files by their path in a download,
``indexes/cells/00003.parquet``, ``data/train-00003-of-00008.parquet``. The parts of a release are a tree too: the
listing of their listings, ``00003``; that is what the manifest names.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.indexes import ReleaseItem, read_items, read_sources, write_indexes, write_sources
from cellcommons.object_store import ObjectStore
from cellcommons.shards import write_shards
from cellcommons.tree import Tree, TreeEntry, load_tree

#: A part has at most so many images, and so many rows of cells, on average.
IMAGES, ROWS = 64, 8192
DEEPEST = 20
SHARDS, _SOURCES = "data", "sources"
REPAIR = "Restore this object from another copy, or repeat the download with --repair."

Sources = Mapping[str, tuple[str, int]]


def fitting_depth(images: int, rows: int) -> int:
    """The smallest depth at which parts are not too full. A release is never less deep than its parent."""
    parts = max(-(-images // IMAGES), -(-rows // ROWS), 1)
    return min(DEEPEST, (parts - 1).bit_length())


def part_of(key: str, depth: int) -> int:
    """Number of the part that an image id, or the name of a source, belongs to."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") >> (32 - depth)


def table_of(path: str) -> str:
    """Which index a file of a part is of; ``data`` of the shards."""
    return path.split("/")[1] if path.startswith("indexes/") else SHARDS


def by_part(items: Iterable[ReleaseItem], depth: int) -> dict[int, list[ReleaseItem]]:
    """The items of each part that has any."""
    found: dict[int, list[ReleaseItem]] = defaultdict(list)
    for item in items:
        found[part_of(item.image, depth)].append(item)
    return found


def write_part(
    store: ObjectStore,
    number: int,
    depth: int,
    *,
    items: Sequence[ReleaseItem] | None,
    sources: Sources | None,
    before: Tree | None = None,
) -> Tree | None:
    """Put the files of one part into ``store``, and their listing; None of a part that holds nothing.

    Args:
        items: all of this part, named; None: as ``before`` has them. sources: likewise.
    """
    files = {entry.path: entry for entry in before.entries} if before else {}
    written: dict[str, bytes] = {}
    if items is not None:
        files = {path: entry for path, entry in files.items() if table_of(path) == _SOURCES}
        written |= {_path(name, number): data for name, data in write_indexes(items).items()} if items else {}
        written |= write_shards(items, number, 1 << depth)
    if sources is not None:
        files.pop(_path(_SOURCES, number), None)
        written |= {_path(_SOURCES, number): write_sources(sources)} if sources else {}
    entries = [*files.values(), *(TreeEntry(path, store.put(data), len(data)) for path, data in written.items())]
    if not entries:
        return None
    tree = Tree(tuple(sorted(entries)))
    tree.save(store)
    return tree


def read_part_items(store: ObjectStore, tree: Tree) -> list[ReleaseItem]:
    """The items of one part, in order of image id. Raises NotFound, DigestMismatch, InvalidDocument."""
    tables = {table_of(entry.path): entry for entry in tree.entries if entry.path.startswith("indexes/")}
    tables.pop(_SOURCES, None)
    return read_items({name: _get(store, entry) for name, entry in tables.items()}) if tables else []


def read_part_sources(store: ObjectStore, tree: Tree | None) -> dict[str, tuple[str, int]]:
    """Source -> split and number of images, of the sources of one part. Raises as ``read_part_items``."""
    for entry in tree.entries if tree else ():
        if table_of(entry.path) == _SOURCES:
            return read_sources(_get(store, entry))
    return {}


def part_name(number: int) -> str:
    """What a part is called in the listing of parts."""
    return f"{number:05d}"


def parts_tree(parts: Mapping[int, TreeEntry]) -> Tree:
    """The listing of parts: number -> entry of its listing."""
    return Tree(tuple(sorted(parts.values(), key=lambda entry: entry.path)))


def part_entry(number: int, tree: Tree) -> TreeEntry:
    """A part as the listing of parts names it."""
    data = tree.to_bytes()
    return TreeEntry(part_name(number), hashlib.sha256(data).hexdigest(), len(data))


def parsed_parts(tree: Tree, depth: int) -> dict[int, TreeEntry]:
    """Number -> entry. Raises InvalidDocument where it is no listing of parts of that depth."""
    try:
        found = {int(entry.path): entry for entry in tree.entries}
    except ValueError as error:
        raise InvalidDocument("the listing of parts names something else", where=tree.digest) from error
    if any(number >> depth or entry.path != part_name(number) for number, entry in found.items()):
        raise InvalidDocument("the listing of parts names parts that there cannot be", where=tree.digest)
    return found


def counted_sources(items: Iterable[ReleaseItem]) -> dict[str, tuple[str, int]]:
    """Source -> its split and how many images it has.

    Raises:
        InvalidDocument: a source lies in two splits.
    """
    found: dict[str, tuple[str, int]] = {}
    for item in items:
        split, n = found.get(item.source, (item.split, 0))
        if split != item.split:
            raise _straddles(item.source, split, item.split)
        found[item.source] = (split, n + 1)
    return found


def moved_sources(
    held: Sources, gone: Counter[tuple[str, str]], came: Counter[tuple[str, str]]
) -> dict[str, tuple[str, int]]:
    """``held`` without some images of sources and with others; ``(source, split)`` -> images.

    Raises:
        InvalidDocument: a source lies in two splits, or images go that were not there.
    """
    tally = Counter({(source, split): n for source, (split, n) in held.items()})
    tally.subtract(gone)
    tally.update(came)
    found: dict[str, tuple[str, int]] = {}
    for (source, split), n in sorted(tally.items()):
        if n < 0:
            raise InvalidDocument("images go that were not there", where=source)
        if n and source in found:
            raise _straddles(source, found[source][0], split)
        if n:
            found[source] = (split, n)
    return found


def differing(before: Mapping[int, TreeEntry], after: Mapping[int, TreeEntry]) -> Iterator[int]:
    """Numbers of the parts that are not the same in both, in order; of releases of one depth."""
    for number in sorted(before.keys() | after.keys()):
        one, other = before.get(number), after.get(number)
        if one is None or other is None or one.sha256 != other.sha256:
            yield number


def _path(table: str, number: int) -> str:
    return f"indexes/{table}/{number:05d}.parquet"


def _get(store: ObjectStore, entry: TreeEntry) -> bytes:
    try:
        return store.get(entry.sha256)
    except NotFound:
        raise NotFound(f"file {entry.path} is missing", where=entry.sha256, remedy=REPAIR) from None


def _straddles(source: str, one: str, other: str) -> InvalidDocument:
    return InvalidDocument(
        f"source {source!r} lies in both {one} and {other}",
        where=source,
        remedy="Split by source with cellcommons.splits.",
    )


def load_part(store: ObjectStore, entry: TreeEntry) -> Tree:
    """The listing of one part. Raises NotFound, DigestMismatch, InvalidDocument."""
    try:
        return load_tree(store, entry.sha256)
    except NotFound:
        raise NotFound(f"part {entry.path}, listing is missing", where=entry.sha256, remedy=REPAIR) from None
