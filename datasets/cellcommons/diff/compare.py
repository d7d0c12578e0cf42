"""Compare two releases, image by image: what has one digest in both is never read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.diff.cells import all_replaced, cell_changes, subject_changes
from cellcommons.diff.changes import AnswerChange, CellChange, ImageChange, TrackChange, tally_cells
from cellcommons.diff.images import image_change, what_changed
from cellcommons.diff.lineages import link_changes, same_cells
from cellcommons.diff.pixels import PixelTally, pixel_changes, renamed_classes
from cellcommons.diff.result import ReleaseDiff
from cellcommons.errors import InvalidDocument
from cellcommons.images.ome_zarr import read_label_stack
from cellcommons.indexes import CellRow, ReleaseItem
from cellcommons.kinds.checks import known_ontology
from cellcommons.kinds.given import CELLS, DETECTIONS
from cellcommons.matching import overlap_table
from cellcommons.reading import read_values
from cellcommons.release import Release, differing_items
from cellcommons.tracks import Movie

FACTS = ("dataset", "title", "licence", "ontology")

Progress = Callable[[int, int], None]


def diff_releases(before: Release, after: Release, *, progress: Progress | None = None) -> ReleaseDiff:
    """What changed from one release to another, of one task.

    Images are the same where their ids are, cells where they overlap. One image at a time is in memory, and only trees
    and parts that differ are read, so that two releases at an address cost what changed between them.

    Args:
        progress: called with images done, and images in all that lie in parts that differ.

    Raises:
        InvalidDocument: the releases are of different tasks, or an index does not fit its labels.
        NotFound, DigestMismatch: an object is missing or damaged.
    """
    if before.manifest.task != after.manifest.task:
        raise InvalidDocument(
            f"{before.manifest.task} and {after.manifest.task} cannot be compared",
            where=f"{before.manifest.reference}, {after.manifest.reference}",
            remedy="Compare two releases of one task.",
        )
    for release in (before, after):
        release.need_whole("a comparison")
    ones, others = differing_items(before, after)
    run = _Run(before, after)
    images = sorted(ones.keys() | others.keys())
    for number, image in enumerate(images):
        one, other = ones.get(image), others.get(image)
        if one is None or other is None:
            run.images.append(image_change(one, other, (), 0))
        else:
            run.compare(one, other)
        if progress:
            progress(number + 1, len(images))
    shared = ones.keys() & others.keys()
    removed = sum(len(item.cells) for image, item in ones.items() if image not in shared)
    added = sum(len(item.cells) for image, item in others.items() if image not in shared)
    counts = [release.manifest.counts for release in (before, after)]
    run.count_unopened(ones.values())
    return ReleaseDiff(
        before=before.manifest.reference,
        after=after.manifest.reference,
        before_sha256=before.digest,
        after_sha256=after.digest,
        task=after.manifest.task,
        images_before=counts[0].images,
        images_after=counts[1].images,
        facts=_facts(before, after),
        images=tuple(run.images),
        cells=tuple(run.cells),
        tracks=tuple(run.tracks),
        answers=tuple(run.answers),
        tally=tally_cells(counts[0].cells, counts[1].cells, removed, added, run.cells),
        classes=run.pixels.overlaps(),
    )


@dataclass
class _Run:
    """The rows found so far."""

    before: Release
    after: Release
    images: list[ImageChange] = field(default_factory=list)
    cells: list[CellChange] = field(default_factory=list)
    tracks: list[TrackChange] = field(default_factory=list)
    answers: list[AnswerChange] = field(default_factory=list)
    pixels: PixelTally = field(default_factory=PixelTally)

    def count_unopened(self, opened: Iterable[ReleaseItem]) -> None:
        """Count the pixels of each class in the images of parts that are the same in both, from the summary."""
        if self.after.manifest.task != "semantic_segmentation":
            return
        areas = self.before.summary.by_key("class_area")
        for row in (row for item in opened for row in item.cells):
            areas.subtract(dict.fromkeys(row.classes, row.area))
        for name, pixels in areas.items():
            if pixels:
                self.pixels.count(name, name, pixels)

    def compare(self, one: ReleaseItem, other: ReleaseItem) -> None:
        """Add what changed of an image that both hold."""
        what = what_changed(self.before.store, one, self.after.store, other)
        cells, tracks = self._inside(one, other)
        answers = self._answers(one, other)
        if what or cells or tracks:
            self.images.append(image_change(one, other, what, len(cells) + len(tracks) + len(answers)))
        self.cells += cells
        self.tracks += tracks
        self.answers += answers

    def _inside(self, one: ReleaseItem, other: ReleaseItem) -> tuple[list[CellChange], list[TrackChange]]:
        task, image = self.after.manifest.task, one.image
        rows_a, rows_b = _rows(one), _rows(other)
        relabelled = one.labels != other.labels
        if task == "semantic_segmentation" and not relabelled:
            return renamed_classes(image, one.cells, rows_b, self.pixels), []
        if task == "classification":
            return self._subjects(one, other), []
        detections = one.companions.get(DETECTIONS) != other.companions.get(DETECTIONS)
        if not relabelled and not detections:
            return [], []
        if (one.height, one.width) != (other.height, other.width):
            if task == "semantic_segmentation":
                return [], []  # no pixel of the one is a pixel of the other
            return all_replaced(image, one.cells, other.cells), []
        if task == "tracking":
            return self._movie(one, other, renamed=detections)
        a, b = self.before.labels(one), self.after.labels(other)
        if task == "semantic_segmentation":
            names = known_ontology(self.before.ontology), known_ontology(self.after.ontology)
            return pixel_changes(image, a, b, *names, self.pixels), []
        return cell_changes(image, overlap_table(a, b), rows_a, rows_b), []

    def _subjects(self, one: ReleaseItem, other: ReleaseItem) -> list[CellChange]:
        """What was classified: by the outlines of the given cells where those are others, else by id and box."""
        given = one.companions.get(CELLS), other.companions.get(CELLS)
        if not all(given) or given[0] == given[1] or (one.height, one.width) != (other.height, other.width):
            return subject_changes(one.image, _rows(one), _rows(other))
        stacks = [
            read_label_stack(release.store, item.companions[CELLS])
            for release, item in ((self.before, one), (self.after, other))
        ]
        for stack, item in zip(stacks, (one, other), strict=True):
            # Given cells that nobody has classified are no rows, and nothing of them changed.
            keep = [row.id for row in item.cells]
            stack[~_within(stack, keep)] = 0
        return cell_changes(one.image, overlap_table(stacks[0], stacks[1]), _rows(one), _rows(other))

    def _movie(
        self, one: ReleaseItem, other: ReleaseItem, *, renamed: bool
    ) -> tuple[list[CellChange], list[TrackChange]]:
        links = [read_values(self.before.store, one.labels), read_values(self.after.store, other.labels)]
        movies = [self.before.movie(one).data, self.after.movie(other).data]
        if movies[0].shape != movies[1].shape:
            return all_replaced(one.image, one.cells, other.cells), []
        names = None
        if renamed:
            names = same_cells(
                read_label_stack(self.before.store, one.companions[DETECTIONS]),
                read_label_stack(self.after.store, other.companions[DETECTIONS]),
            )
        table = overlap_table(movies[0], movies[1])
        cells = cell_changes(one.image, table, _rows(one), _rows(other))
        return cells, link_changes(one.image, links[0], links[1], names)

    def _answers(self, one: ReleaseItem, other: ReleaseItem) -> list[AnswerChange]:
        """Of tasks whose values are neither classes nor links."""
        if one.labels == other.labels or self.after.manifest.task in ("classification", "tracking"):
            return []
        a, b = read_values(self.before.store, one.labels), read_values(self.after.store, other.labels)
        keys = sorted(key for key in a.keys() | b.keys() if a.get(key) != b.get(key))
        return [AnswerChange(one.image, key, a.get(key), b.get(key)) for key in keys]


def _rows(item: ReleaseItem) -> dict[int, CellRow]:
    return {row.id: row for row in item.cells}


def _within(stack: Movie, ids: list[int]) -> NDArray[np.bool_]:
    return np.isin(stack, np.array(ids, dtype=np.uint32))


def _facts(before: Release, after: Release) -> dict[str, tuple[Any, Any]]:
    pairs = {name: (getattr(before.manifest, name), getattr(after.manifest, name)) for name in FACTS}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
