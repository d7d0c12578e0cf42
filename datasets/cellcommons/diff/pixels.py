"""Which pixels of a semantic map have another class now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from cellcommons.classes import Ontology
from cellcommons.diff.changes import REPAINTED, Box, CellChange, ClassOverlap
from cellcommons.errors import InvalidDocument
from cellcommons.indexes import CellRow
from cellcommons.labels import Labels


@dataclass
class PixelTally:
    """Pixels of each class, by name, summed over the images that both releases hold."""

    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    both: dict[str, int] = field(default_factory=dict)

    def count(self, name_before: str, name_after: str, pixels: int) -> None:
        """``pixels`` of one class before and another after; "" where unknown."""
        for counts, name in ((self.before, name_before), (self.after, name_after)):
            if name:
                counts[name] = counts.get(name, 0) + pixels
        if name_before and name_before == name_after:
            self.both[name_before] = self.both.get(name_before, 0) + pixels

    def overlaps(self) -> tuple[ClassOverlap, ...]:
        """Every class that is there, in order of name."""
        names = sorted(self.before.keys() | self.after.keys())
        return tuple(
            ClassOverlap(name, self.before.get(name, 0), self.after.get(name, 0), self.both.get(name, 0))
            for name in names
        )


def pixel_changes(
    image: str, before: Labels, after: Labels, names_before: Ontology, names_after: Ontology, tally: PixelTally
) -> list[CellChange]:
    """Pixels that changed class, one row for each pair of classes; classes are the same where their names are.

    Args:
        before, after: label maps of one shape, uint32, yx: 0 unknown, k + 1 the class k of its ontology.
        tally: every pixel is counted here.
    """
    lookups = [np.array(["", *names.names], dtype=object) for names in (names_before, names_after)]
    for labels, lookup in zip((before, after), lookups, strict=True):
        if int(labels.max(initial=0)) >= lookup.size:
            raise InvalidDocument(f"pixel value {int(labels.max())} is no class", where=image)
    codes = before.astype(np.int64) * lookups[1].size + after
    counts = np.bincount(codes.ravel())
    changes = []
    for code in np.flatnonzero(counts).tolist():
        values, pixels = divmod(code, lookups[1].size), int(counts[code])
        one, other = (str(lookup[value]) for lookup, value in zip(lookups, values, strict=True))
        tally.count(one, other, pixels)
        if one != other:
            changes.append(_repainted(image, values, (one, other), pixels, _box_of(codes == code)))
    return changes


def renamed_classes(
    image: str, before: Iterable[CellRow], after: Mapping[int, CellRow], tally: PixelTally
) -> list[CellChange]:
    """The same of an image whose label map is that of the other release, from its index: only names can differ."""
    changes = []
    for row in before:
        names = ["".join(found.classes) for found in (row, after.get(row.id, CellRow(row.id, row.box, 0)))]
        tally.count(names[0], names[1], row.area)
        if names[0] != names[1]:
            changes.append(_repainted(image, (row.id, row.id), (names[0], names[1]), row.area, row.box))
    return changes


def _repainted(image: str, values: tuple[int, int], names: tuple[str, str], pixels: int, box: Box) -> CellChange:
    ids = [(value,) if name else () for value, name in zip(values, names, strict=True)]
    classes = [(name,) if name else () for name in names]
    return CellChange(image, REPAINTED, ids[0], ids[1], None, box, pixels, pixels, classes[0], classes[1])


def _box_of(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Box:
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1
