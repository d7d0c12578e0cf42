"""Cells as polygons, the way annotation files give them: flat lists of x and y, one list a piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellcommons.errors import InvalidDocument
from cellcommons.labels import Cell
from cellcommons.overlapping import cell_of
from cellcommons.polygons import Ring, filled_box, mask_rings, signed_area

_FAR = 1e8


def parse_ring(said: Any, *, where: str) -> Ring:
    """The corners, (n, 2) row and column, of a flat list ``x1 y1 x2 y2 ...``. Raises InvalidDocument."""
    try:
        values = np.asarray(said, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        values = np.full(1, np.nan)
    if values.ndim != 1 or values.size % 2:
        raise InvalidDocument("a polygon is a list of x and y in turn, all numbers", where=where)
    if not (np.abs(values) < _FAR).all():
        raise InvalidDocument("a corner of a polygon is no number within reach of an image", where=where)
    return values.reshape(-1, 2)[:, ::-1]


def cell_of_rings(number: int, rings: Sequence[Ring], shape: tuple[int, int], *, where: str) -> Cell | None:
    """The cell that covers the pixels of every ring, each a piece; None where they hold the centre of no pixel.

    A ring of fewer than 3 corners holds none.
    """
    parts = [filled_box([ring], shape, where=where) for ring in rings if len(ring) >= 3]
    parts = [(mask, corner) for mask, corner in parts if mask.size]
    if not parts:
        return None
    if len(parts) == 1:
        return cell_of(number, parts[0][0], corner=parts[0][1])
    y0, x0 = (min(corner[axis] for _, corner in parts) for axis in (0, 1))
    y1, x1 = (max(corner[axis] + mask.shape[axis] for mask, corner in parts) for axis in (0, 1))
    whole = np.zeros((y1 - y0, x1 - x0), dtype=np.bool_)
    for mask, (top, left) in parts:
        whole[top - y0 : top - y0 + mask.shape[0], left - x0 : left - x0 + mask.shape[1]] |= mask
    return cell_of(number, whole, corner=(y0, x0))


def rings_of(cell: Cell) -> list[Ring] | None:
    """The outline of each piece of a cell in pixels of its image; None where it has a hole, which rings do not show."""
    rings = mask_rings(cell.mask)
    if signed_area(rings[-1]) < 0:
        return None
    return [ring + cell.box[:2] for ring in rings]


def outer_ring(cell: Cell) -> Ring:
    """The outline of the largest piece of a cell, holes filled."""
    parts, count = ndimage.label(cell.mask)
    mask = cell.mask
    if count > 1:
        mask = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    return mask_rings(mask)[0] + cell.box[:2]


def flat(ring: Ring) -> list[int | float]:
    """``x1, y1, x2, y2 ...``, whole numbers as such."""
    values: NDArray[np.float64] = ring[:, ::-1].ravel()
    return [int(value) if value.is_integer() else value for value in values.tolist()]


def pixel_box(x0: float, y0: float, x1: float, y1: float, *, where: str) -> tuple[int, int, int, int]:
    """A box of edges between pixels as rows and columns ``y0, x0, y1, x1``: the nearest, at least one pixel a side.

    Raises:
        InvalidDocument: a side that is no number, or a corner that comes before the first.
    """
    if not all(-_FAR < value < _FAR for value in (x0, y0, x1, y1)) or x1 < x0 or y1 < y0:
        raise InvalidDocument(f"{x0:g}, {y0:g} to {x1:g}, {y1:g} is no box", where=where, remedy="Draw it again.")
    left, right = _span(x0, x1)
    top, bottom = _span(y0, y1)
    return top, left, bottom, right


def _span(low: float, high: float) -> tuple[int, int]:
    start, stop = int(np.floor(low + 0.5)), int(np.floor(high + 0.5))
    return (start, stop) if stop > start else (int(np.floor(low)), int(np.floor(low)) + 1)


def inside(box: tuple[int, int, int, int], shape: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """``box`` cut to its image; None where nothing of it is there."""
    y0, x0, y1, x1 = box
    cut = (max(0, y0), max(0, x0), min(shape[0], y1), min(shape[1], x1))
    return cut if cut[0] < cut[2] and cut[1] < cut[3] else None
