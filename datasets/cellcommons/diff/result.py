"""The result of a comparison: numbers first, then rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from typing import Any, ClassVar

from cellcommons.canonical import canonical_json
from cellcommons.diff.changes import (
    ADDED,
    CELL_KINDS,
    CHANGED,
    DIVISION_BORN,
    DIVISION_CHANGED,
    DIVISION_DIED,
    LINK_ADDED,
    LINK_REMOVED,
    REMOVED,
    AnswerChange,
    CellChange,
    CellTally,
    ClassOverlap,
    ImageChange,
    TrackChange,
)

SEMANTIC, TRACKING = "semantic_segmentation", "tracking"


@dataclass(frozen=True)
class ReleaseDiff:
    """What changed from one release to another. Equal releases give equal diffs, byte for byte.

    Attributes:
        before, after: references. before_sha256, after_sha256: of the manifests. task: of both.
        images_before, images_after: how many images.
        facts: title, licence, ontology and dataset where they differ: (before, after).
        images: in order of id; those of which nothing changed are left out. cells, tracks, answers: in order of image.
        tally: what became of the cells. classes: of semantic maps, pixels of each class.
    """

    KIND: ClassVar[str] = "cellcommons.diff/1"
    before: str
    after: str
    before_sha256: str
    after_sha256: str
    task: str
    images_before: int
    images_after: int
    facts: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    images: tuple[ImageChange, ...] = ()
    cells: tuple[CellChange, ...] = ()
    tracks: tuple[TrackChange, ...] = ()
    answers: tuple[AnswerChange, ...] = ()
    tally: CellTally = field(default_factory=CellTally)
    classes: tuple[ClassOverlap, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs but the names of the releases."""
        return not (self.facts or self.images or self.cells or self.tracks or self.answers)

    def summary(self) -> dict[str, Any]:
        """The numbers, as JSON; sections that the task has nothing for are left out."""
        numbers: dict[str, Any] = {
            "before": self.before,
            "after": self.after,
            "task": self.task,
            "same": self.is_empty,
            "images": self._image_numbers(),
        }
        if self.task != SEMANTIC:
            numbers["tracks" if self.task == TRACKING else "cells"] = asdict(self.tally)
        if self.task == TRACKING:
            kinds = Counter(row.kind for row in self.tracks)
            numbers["links"] = {"added": kinds[LINK_ADDED], "removed": kinds[LINK_REMOVED]}
            numbers["divisions"] = {
                "born": kinds[DIVISION_BORN],
                "died": kinds[DIVISION_DIED],
                "changed": kinds[DIVISION_CHANGED],
            }
        if self.task == SEMANTIC:
            numbers["pixels"] = self._pixel_numbers()
        if self.answers:
            numbers["answers"] = len(self.answers)
        numbers["facts"] = {name: list(pair) for name, pair in sorted(self.facts.items())}
        return numbers

    def document(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return {
            "kind": self.KIND,
            "before_sha256": self.before_sha256,
            "after_sha256": self.after_sha256,
            "summary": self.summary(),
            "images": [asdict(row) for row in self.images],
            "cells": [asdict(row) for row in self.cells],
            "tracks": [asdict(row) for row in self.tracks],
            "answers": [asdict(row) for row in self.answers],
        }

    def to_bytes(self) -> bytes:
        """Canonical JSON of ``document``."""
        return canonical_json(self.document())

    def most_changed(self, limit: int) -> list[CellChange]:
        """The ``limit`` cells that changed most, of each kind in turn, so that one kind does not hide the others.

        Within a kind by how much of the cell changed, then by its pixels.
        """
        ranked = sorted(self.cells, key=lambda c: (-c.amount, -max(c.area_before, c.area_after), c.image, c.box))
        rounds = zip_longest(*([row for row in ranked if row.kind == kind] for kind in CELL_KINDS))
        return [row for turn in rounds for row in turn if row is not None][:limit]

    def _image_numbers(self) -> dict[str, Any]:
        kinds = Counter(row.kind for row in self.images)
        what = Counter(word for row in self.images for word in row.what)
        moves = Counter(
            f"{row.split_before} -> {row.split_after}"
            for row in self.images
            if row.kind == CHANGED and row.split_before != row.split_after
        )
        return {
            "before": self.images_before,
            "after": self.images_after,
            "added": kinds[ADDED],
            "removed": kinds[REMOVED],
            "changed": kinds[CHANGED],
            "what": dict(sorted(what.items())),
            "moves": dict(sorted(moves.items())),
        }

    def _pixel_numbers(self) -> dict[str, Any]:
        pairs: Counter[tuple[str, str]] = Counter()
        for row in self.cells:
            pairs["".join(row.classes_before), "".join(row.classes_after)] += row.area_after
        return {
            "changed": sum(pairs.values()),
            "pairs": [{"before": a, "after": b, "pixels": n} for (a, b), n in sorted(pairs.items(), key=_by_pixels)],
            "classes": [{**asdict(row), "dice": row.dice} for row in self.classes],
        }


def _by_pixels(found: tuple[tuple[str, str], int]) -> tuple[int, tuple[str, str]]:
    return -found[1], found[0]
