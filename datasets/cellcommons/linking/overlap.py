"""Overlap: a cell continues the cell whose pixels it covers. Right where cells move by less than their size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellcommons.errors import InvalidDocument
from cellcommons.linking.contract import Links, checked_links
from cellcommons.linking.features import CellTable


@dataclass(frozen=True)
class MaskOverlap:
    """Each cell takes as parent the cell of the frame before that it shares most pixels with.

    Attributes:
        least: share of the smaller of two cells that they must have in common.
        daughter: share of its own pixels that each of two children must have in common with their parent; where only
            one has, only the one with more pixels in common is kept.
    """

    name = "overlap"
    least: float = 0.1
    daughter: float = 0.3

    def link(self, cells: CellTable) -> Links:
        """Most pixels first, at most two children a cell."""
        if cells.overlaps is None:
            raise InvalidDocument(
                "linking by overlap reads masks, and this table has only points",
                remedy="Make the table with measure_cells(), or choose another linker.",
            )
        before, after, pixels = cells.overlaps.before, cells.overlaps.after, cells.overlaps.pixels
        enough = pixels >= self.least * np.minimum(cells.area[before], cells.area[after])
        before, after, pixels = before[enough], after[enough], pixels[enough]
        order = np.lexsort((before, -pixels, after))
        before, after, pixels = before[order], after[order], pixels[order]
        one_parent = np.concatenate([[True], np.diff(after) != 0]) if after.size else np.zeros(0, dtype=np.bool_)
        before, after, pixels = before[one_parent], after[one_parent], pixels[one_parent]
        order = np.lexsort((after, -pixels, before))
        before, after, pixels = before[order], after[order], pixels[order]
        start = np.flatnonzero(np.concatenate([[True], np.diff(before) != 0])) if before.size else before
        place = np.arange(before.size) - np.repeat(start, np.diff(np.concatenate([start, [before.size]])))
        inside = pixels >= self.daughter * cells.area[after]
        first_inside = np.repeat(inside[start], np.diff(np.concatenate([start, [before.size]])))
        keep = (place == 0) | ((place == 1) & inside & first_inside)
        return checked_links(cells, before[keep], after[keep])
