"""Releases that differ in what a test says, and what must hold of any two that are compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from planted import mirrored, mirrored_track, sealed

from cellcommons.diff.compare import diff_releases
from cellcommons.diff.result import ReleaseDiff
from cellcommons.images.outline import read_outline
from cellcommons.indexes import ReleaseItem
from cellcommons.kinds.given import read_given
from cellcommons.kinds.registry import kind_of
from cellcommons.reading import Reading, write_reading
from cellcommons.release import Release
from cellcommons.store import FolderStore

TASKS = ("instance_segmentation", "semantic_segmentation", "classification", "tracking", "augmented")


class Watched(FolderStore):
    """A store that remembers what was read of it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read: set[str] = set()

    def get(self, digest: str) -> bytes:
        self.read.add(digest)
        return super().get(digest)

    def open(self, digest: str):
        self.read.add(digest)
        return super().open(digest)


def reread(store: FolderStore, release: Release, item: ReleaseItem, reading: Reading, **changes: object) -> ReleaseItem:
    """The item with another reading, its rows as the task counts them."""
    companions = dict(changes.pop("companions", item.companions))  # type: ignore[call-overload]
    given = read_given(store, companions, read_outline(store, item.tree))
    cells = kind_of(release.manifest.task).rows(reading, given, release.ontology)
    tree = write_reading(store, reading, read_outline(store, item.tree).pixel_size)
    return replace(item, labels=tree.digest, cells=cells, companions=companions, **changes)  # type: ignore[arg-type]


def again(store: FolderStore, release: Release, items: list[ReleaseItem], **changes: object) -> Release:
    facts: dict = {"dataset": release.manifest.dataset, "task": release.manifest.task, "ontology": release.ontology}
    return sealed(store, items, parent=release.digest, **{**facts, **changes})


def both_ways(before: Release, after: Release) -> ReleaseDiff:
    """The diff; and that the other way round is its mirror image."""
    there, back = diff_releases(before, after), diff_releases(after, before)
    assert sorted(map(mirrored, there.cells), key=repr) == sorted(back.cells, key=repr)
    assert sorted(map(mirrored_track, there.tracks), key=repr) == sorted(back.tracks, key=repr)
    a, b = there.tally, back.tally
    assert (a.born, a.died, a.split, a.merged, a.split_into) == (b.died, b.born, b.merged, b.split, b.merged_from)
    assert (
        a.before - a.removed - a.died + a.split_into - a.split - a.merged_from + a.merged + a.born + a.added == a.after
    )
    assert [(c.before, c.after, c.both) for c in there.classes] == [(c.after, c.before, c.both) for c in back.classes]
    assert diff_releases(before, after).to_bytes() == there.to_bytes()
    return there
