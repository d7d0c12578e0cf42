"""How often a release uses each object, by difference: what is the same in both releases is never opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cellcommons.counting import item_trees
from cellcommons.parts import differing
from cellcommons.release import Release
from cellcommons.tree import load_tree


def use_changes(before: Release | None, after: Release) -> dict[str, tuple[int, int]]:
    """sha256 -> (how many more uses ``after`` makes of the object than ``before``, its size); nothing that is 0.

    A use is a place that names the object: the release itself, a part, or the listing or a file of an image's trees. So
    the uses of one release add up to ``manifest.objects.count`` and one, for the manifest.

    Args:
        before: None: a release that uses nothing.
    """
    uses: Counter[str] = Counter()
    sizes: dict[str, int] = {}
    trees: Counter[str] = Counter()
    for sign, release, other in ((1, after, before), (-1, before, after)):
        if release is None:
            continue
        for digest, size in _of_release(release, other):
            uses[digest] += sign
            sizes[digest] = size
        for number in _numbers(release, other):
            for item in release.part_items(number):
                trees.update({digest: sign * n for digest, n in Counter(d for _, d in item_trees(item)).items()})
    for digest, number in trees.items():
        if number:
            tree = load_tree(after.store, digest)
            for name, size in ((digest, len(tree.to_bytes())), *((e.sha256, e.size) for e in tree.entries)):
                uses[name] += number
                sizes[name] = size
    return {digest: (n, sizes[digest]) for digest, n in uses.items() if n}


def _numbers(release: Release, other: Release | None) -> list[int]:
    if other is None or other.manifest.parts.depth != release.manifest.parts.depth:
        return sorted(release.parts)
    return list(differing(release.parts, other.parts))


def _of_release(release: Release, other: Release | None) -> Iterator[tuple[str, int]]:
    """The manifest, what it names itself, and the files of the parts that ``other`` has not."""
    manifest = release.manifest
    yield release.digest, len(manifest.to_bytes())
    yield manifest.parts.sha256, manifest.parts.size
    yield from ((blob.sha256, blob.size) for blob in manifest.blobs().values())
    for number in _numbers(release, other):
        entry, tree = release.parts.get(number), release.part(number)
        if entry is not None and tree is not None:
            yield entry.sha256, entry.size
            yield from ((file.sha256, file.size) for file in tree.entries)
