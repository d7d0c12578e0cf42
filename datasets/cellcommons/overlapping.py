"""Cells that may lie over one another: each with its own mask, which one label map cannot hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from cellcommons.axes import PixelSize
from cellcommons.classes import CellClasses, Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.labels import Cell, LabelMap, Labels, Mask, checked_region


@dataclass(frozen=True, eq=False)
class OverlappingCells:
    """Cells of one plane, each with a mask of its own.

    Attributes:
        cells: in order of id; ids are unique, every mask has a pixel and lies inside ``shape``.
        shape: rows and columns of the image. pixel_size: micrometres.
        classes: cell id -> names within ``ontology``; a cell without an entry has not been classified.
        ontology: None where no classes are asked for.
        annotated: as for ``LabelMap``: bool, yx; None where all of the image was looked at.

    Raises:
        InvalidDocument: an id twice, a mask outside the image or empty, a class of no cell or outside the ontology.
    """

    cells: tuple[Cell, ...] = field(repr=False)
    shape: tuple[int, int]
    pixel_size: PixelSize = field(default_factory=PixelSize)
    classes: Mapping[int, tuple[str, ...]] = field(default_factory=dict, repr=False)
    ontology: Ontology | None = None
    annotated: Mask | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", tuple(sorted(self.cells, key=lambda cell: cell.id)))
        object.__setattr__(self, "annotated", checked_region(self.annotated, self.shape))
        seen: set[int] = set()
        for cell in self.cells:
            where = f"cell {cell.id}"
            y0, x0, y1, x1 = cell.box
            if not 0 < cell.id < 2**32:
                raise InvalidDocument("cell ids lie in 1..2^32-1", where=where)
            if cell.id in seen:
                raise InvalidDocument("two cells have this id", where=where, remedy="Number each cell once.")
            if not (0 <= y0 < y1 <= self.shape[0] and 0 <= x0 < x1 <= self.shape[1]):
                raise InvalidDocument(
                    f"rows {y0}..{y1} and columns {x0}..{x1} do not lie in {self.shape[1]} x {self.shape[0]} pixels",
                    where=where,
                )
            if cell.mask.dtype != np.bool_ or cell.mask.shape != (y1 - y0, x1 - x0) or not cell.mask.any():
                raise InvalidDocument("its mask is no bool array of its box, or has no pixel", where=where)
            seen.add(cell.id)
        if self.classes and self.ontology is None:
            raise InvalidDocument("cells have classes, and no ontology lists them")
        known = {}
        for number, names in self.classes.items():
            if number not in seen:
                raise InvalidDocument("a class is given to a cell that is not there", where=f"cell {number}")
            assert self.ontology is not None
            known[number] = self.ontology.checked(names, where=f"cell {number}")
        object.__setattr__(self, "classes", dict(sorted(known.items())))

    @classmethod
    def of(cls, truth: LabelMap | CellClasses) -> Self:
        """The cells of a label map, with their classes where there are any. Raises InvalidDocument for a volume."""
        labels = truth.labels if isinstance(truth, CellClasses) else truth
        if labels.axes != "yx":
            raise InvalidDocument(f"cells have outlines in a plane, not along {labels.axes}")
        classes = truth.classes if isinstance(truth, CellClasses) else {}
        ontology = truth.ontology if isinstance(truth, CellClasses) else None
        height, width = labels.data.shape
        return cls(
            tuple(labels.cells()), (height, width), labels.pixel_size, classes, ontology, annotated=labels.annotated
        )

    def label_map(self) -> tuple[LabelMap, int]:
        """The cells as a label map, the smaller on top where they overlap, and how many pixels were so decided.

        A nucleus within another stays visible, and the larger loses least of itself. A cell that others cover wholly
        is gone from the map.
        """
        labels: Labels = np.zeros(self.shape, dtype=np.uint32)
        covered = 0
        for cell in sorted(self.cells, key=lambda one: (-one.area, one.id)):
            y0, x0, y1, x1 = cell.box
            part = labels[y0:y1, x0:x1]
            covered += int(np.count_nonzero(part[cell.mask]))
            part[cell.mask] = cell.id
        return LabelMap(labels, self.pixel_size, annotated=self.annotated), covered

    @property
    def overlap(self) -> bool:
        """Whether any pixel belongs to two cells."""
        taken = np.zeros(self.shape, dtype=np.bool_)
        for cell in self.cells:
            y0, x0, y1, x1 = cell.box
            if (taken[y0:y1, x0:x1] & cell.mask).any():
                return True
            taken[y0:y1, x0:x1] |= cell.mask
        return False


def cell_of(number: int, mask: Mask, *, corner: tuple[int, int] = (0, 0)) -> Cell | None:
    """A cell from its mask (bool, yx), cut to its box; None where the mask has no pixel.

    Args:
        corner: row and column of the mask's first pixel in the image.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    y0, x0, y1, x1 = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    cut = np.ascontiguousarray(mask[y0:y1, x0:x1])
    box = (y0 + corner[0], x0 + corner[1], y1 + corner[0], x1 + corner[1])
    return Cell(number, box, cut, int(np.count_nonzero(cut)))
