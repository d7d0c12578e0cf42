"""Cells as outlines with holes and pieces, exact to the pixel, and outlines as cells within bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cellcommons.errors import InvalidDocument, TooLarge
from cellcommons.labels import Cell, Mask
from cellcommons.overlapping import cell_of
from cellcommons.polygons import Ring, filled_box, mask_rings, signed_area

Piece = list[Ring]
"""The outer ring of a piece, then those of its holes; corners are row and column of pixel edges."""
MAX_MASKS = 1 << 30
"""Bytes that the masks of one image's cells may take together."""
MAX_CORNER = 1e7


def pieces_of(mask: Mask, corner: tuple[int, int] = (0, 0)) -> list[Piece]:
    """The pieces of a mask (bool, yx); those that touch at a corner only are apart. No ring passes a corner twice.

    Args:
        corner: row and column of the mask's first pixel, added to all corners.
    """
    labels, count = ndimage.label(mask)
    pieces = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        assert box is not None  # each of ``count`` labels is there
        here = np.array([box[0].start + corner[0], box[1].start + corner[1]], dtype=np.float64)
        rings = [loop for ring in mask_rings(labels[box] == number) for loop in _simple(ring)]
        pieces.append([ring + here for ring in sorted(rings, key=lambda ring: signed_area(ring) < 0)])
    assert len(pieces) == count
    return pieces


def _simple(ring: Ring) -> list[Ring]:
    """A ring that touches itself at corners as rings that do not: a hole that reaches the outside is one of its own."""
    loops: list[Ring] = []
    path: list[tuple[float, float]] = []
    place: dict[tuple[float, float], int] = {}
    for y, x in ring.tolist():
        if (y, x) in place:
            start = place[y, x]
            loops.append(np.array(path[start:], dtype=np.float64))
            for gone in path[start:]:
                del place[gone]
            del path[start:]
        place[y, x] = len(path)
        path.append((y, x))
    return [*loops, np.array(path, dtype=np.float64)]


@dataclass
class Drawing:
    """Masks of one image as they are drawn from outlines; refuses more memory than ``MAX_MASKS``.

    Attributes:
        shape: rows and columns of the image; what lies outside is cut off. used: bytes so far.
    """

    shape: tuple[int, int]
    used: int = 0

    def cell(self, number: int, pieces: Sequence[Sequence[Ring]], *, where: str) -> Cell | None:
        """The cell that covers every piece; in a piece a ring within a ring is a hole. None where it has no pixel.

        Raises:
            InvalidDocument: a corner that is no number within reach of an image. TooLarge.
        """
        for ring in (ring for piece in pieces for ring in piece):
            if not (np.abs(ring) <= MAX_CORNER).all():
                raise InvalidDocument("a corner is no number within reach of an image", where=where)
        drawn = [[ring for ring in piece if len(ring) >= 3] for piece in pieces]
        found = []
        for rings in (rings for rings in drawn if rings):
            low, high = (edge(np.concatenate(rings), axis=0) for edge in (np.min, np.max))
            self.take(int(np.prod(np.clip(high, 0, self.shape) - np.clip(low, 0, self.shape) + 2)), where)
            mask, corner = filled_box(rings, self.shape, where=where)
            if mask.size:
                found.append((mask, corner))
        if len(found) <= 1:
            return cell_of(number, found[0][0], corner=found[0][1]) if found else None
        y0, x0 = (min(corner[axis] for _, corner in found) for axis in (0, 1))
        y1, x1 = (max(corner[axis] + mask.shape[axis] for mask, corner in found) for axis in (0, 1))
        self.take((y1 - y0) * (x1 - x0), where)
        whole = np.zeros((y1 - y0, x1 - x0), dtype=np.bool_)
        for mask, (top, left) in found:
            whole[top - y0 : top - y0 + mask.shape[0], left - x0 : left - x0 + mask.shape[1]] |= mask
        return cell_of(number, whole, corner=(y0, x0))

    def take(self, count: int, where: str) -> None:
        """Note ``count`` more bytes. Raises TooLarge."""
        self.used += count
        if self.used > MAX_MASKS:
            raise TooLarge(
                f"its outlines take more than {MAX_MASKS:,} bytes as masks", where=where, remedy="Cut the image up."
            )
