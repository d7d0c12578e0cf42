"""What changed of one image as a whole, from the indexes and, where its tree is another, from the two listings."""

from __future__ import annotations

from cellcommons.diff.changes import ADDED, CHANGED, REMOVED, ImageChange
from cellcommons.indexes import ReleaseItem
from cellcommons.store import ObjectStore
from cellcommons.tree import load_tree

PIXELS, METADATA, LABELS, SPLIT = "pixels", "metadata", "labels", "split"
FACTS = ("name", "channels", "split", "source", "stratum", "provenance")
DOCUMENT = "zarr.json"


def only_document_differs(before: ObjectStore, tree_before: str, after: ObjectStore, tree_after: str) -> bool:
    """Whether two image trees differ in their root document alone (names, colours, sizes), reading two listings.

    Raises:
        NotFound, DigestMismatch, InvalidDocument: a listing is missing or damaged.
    """
    entries = [
        {e.path: e.sha256 for e in load_tree(s, t).entries} for s, t in ((before, tree_before), (after, tree_after))
    ]
    return all(entries[0].get(p) == entries[1].get(p) for p in entries[0].keys() | entries[1].keys() if p != DOCUMENT)


def what_changed(before: ObjectStore, one: ReleaseItem, after: ObjectStore, other: ReleaseItem) -> tuple[str, ...]:
    """Which facts of an image differ, in the words of ``ImageChange.what``. No pixel is read."""
    what = []
    if one.tree != other.tree:
        what.append(METADATA if only_document_differs(before, one.tree, after, other.tree) else PIXELS)
    if one.labels != other.labels:
        what.append(LABELS)
    kinds = sorted({*one.companions, *other.companions})
    what += [kind for kind in kinds if one.companions.get(kind) != other.companions.get(kind)]
    what += [name for name in FACTS if getattr(one, name) != getattr(other, name)]
    return tuple(what)


def image_change(
    one: ReleaseItem | None, other: ReleaseItem | None, what: tuple[str, ...], changes: int
) -> ImageChange:
    """The row of an image; None where a release lacks it, one of them at most."""
    known = other or one
    assert known is not None
    facts: dict[str, str] = {}
    for name in ("split", "source", "stratum"):
        facts[f"{name}_before"] = getattr(one, name) if one else ""
        facts[f"{name}_after"] = getattr(other, name) if other else ""
    return ImageChange(
        image=known.image,
        name=known.name,
        kind=CHANGED if one and other else REMOVED if one else ADDED,
        what=what,
        cells_before=len(one.cells) if one else 0,
        cells_after=len(other.cells) if other else 0,
        changes=changes,
        **facts,
    )
