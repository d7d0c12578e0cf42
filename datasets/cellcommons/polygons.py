"""Masks as polygons of their pixels' edges, and polygons as masks: exact there and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument, TooLarge
from cellcommons.labels import Mask

Ring = NDArray[np.float64]
MAX_POINTS = 1_000_000


def mask_rings(mask: Mask) -> list[Ring]:
    """The closed outlines of a mask (bool, yx) along the edges of its pixels.

    Corners are (row, column) in units of pixels, 0 at the outer corner of the first pixel, so the pixel (0, 0) is the
    square from (0, 0) to (1, 1). Only turns are kept, and the first corner is not repeated. Rings round a piece run
    clockwise on the screen and come before those of its holes, which run the other way; pieces that touch at a corner
    only are rings of their own (4-connected).
    """
    padded = np.pad(mask, 1)
    ahead: dict[tuple[int, int], list[tuple[int, int]]] = {}
    # Every edge between a pixel and not a pixel, directed so that the pixel lies to the right of the way (y down).
    for dy, dx, start, stop in (
        (-1, 0, (0, 0), (0, 1)),  # nothing above: along the top, to the right
        (0, 1, (0, 1), (1, 1)),  # nothing to the right: down
        (1, 0, (1, 1), (1, 0)),  # nothing below: to the left
        (0, -1, (1, 0), (0, 0)),  # nothing to the left: up
    ):
        beside = padded[1 + dy : 1 + dy + mask.shape[0], 1 + dx : 1 + dx + mask.shape[1]]
        for y, x in np.argwhere(mask & ~beside).tolist():
            ahead.setdefault((y + start[0], x + start[1]), []).append((y + stop[0], x + stop[1]))
    rings: list[Ring] = []
    while ahead:
        first = min(ahead)
        here, ring = first, [first]
        way = (0, 0)
        while True:
            nexts = ahead[here]
            # Where two pixels touch at a corner, turn right: stay with the pixel that the way came along.
            right = (way[1], -way[0])
            there = next((n for n in nexts if (n[0] - here[0], n[1] - here[1]) == right), nexts[0])
            nexts.remove(there)
            if not nexts:
                del ahead[here]
            step = (there[0] - here[0], there[1] - here[1])
            if step == way:
                ring[-1] = there
            else:
                ring.append(there)
            way, here = step, there
            if here == first:
                break
        ring.pop()  # the first again
        rings.append(np.array(ring, dtype=np.float64))
    return sorted(rings, key=lambda ring: signed_area(ring) < 0)


def signed_area(ring: Ring) -> float:
    """Area inside a ring of (row, column) corners: positive where it runs clockwise on the screen, as round a piece."""
    y, x = ring[:, 0], ring[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def fill_rings(rings: Sequence[Ring], shape: tuple[int, int], *, where: str = "") -> Mask:
    """The pixels whose centres lie inside an odd number of ``rings`` (so a ring within a ring is a hole). Bool, yx.

    Args:
        rings: (n, 2) corners, row and column as ``mask_rings`` gives them; at least 3 corners, closed by themselves.
            What reaches beyond the image is cut off.

    Raises:
        InvalidDocument: a corner that is not finite, or a ring of fewer than 3. TooLarge: more than a million corners.
    """
    toggles = np.zeros((shape[0], shape[1] + 1), dtype=np.int64)
    if sum(len(ring) for ring in rings) > MAX_POINTS:
        raise TooLarge(f"a polygon of more than {MAX_POINTS:,} corners", where=where)
    for ring in rings:
        if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3:
            raise InvalidDocument("a polygon needs at least 3 corners", where=where, remedy="Draw it again.")
        if not np.isfinite(ring).all():
            raise InvalidDocument("a corner of a polygon is not a finite number", where=where)
        one, two = ring, np.roll(ring, -1, axis=0)
        upper = np.minimum(one[:, 0], two[:, 0])
        lower = np.maximum(one[:, 0], two[:, 0])
        # Rows whose centre (row + 0.5) lies in [upper, lower).
        begin = np.clip(np.ceil(upper - 0.5), 0, shape[0]).astype(np.int64)
        end = np.clip(np.ceil(lower - 0.5), 0, shape[0]).astype(np.int64)
        crossing = end > begin
        if not crossing.any():
            continue
        counts = (end - begin)[crossing]
        edge = np.repeat(np.flatnonzero(crossing), counts)
        firsts = np.repeat(begin[crossing] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        rows = np.arange(len(edge)) + firsts
        a, b = one[edge], two[edge]
        at = a[:, 1] + (rows + 0.5 - a[:, 0]) / (b[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
        columns = np.clip(np.ceil(at - 0.5), 0, shape[1]).astype(np.int64)
        np.add.at(toggles, (rows, columns), 1)
    return np.asarray(np.cumsum(toggles[:, :-1], axis=1) % 2 == 1)


def filled_box(rings: Sequence[Ring], shape: tuple[int, int], *, where: str = "") -> tuple[Mask, tuple[int, int]]:
    """As ``fill_rings``, in the smallest box that holds the rings: its mask, and the row and column of its corner."""
    corners = np.concatenate(
        [np.asarray(ring, dtype=np.float64).reshape(-1, 2) for ring in rings] or [np.zeros((1, 2))]
    )
    if not np.isfinite(corners).all():
        raise InvalidDocument("a corner of a polygon is not a finite number", where=where)
    low = np.clip(np.floor(corners.min(axis=0)), 0, shape).astype(np.int64)
    high = np.clip(np.ceil(corners.max(axis=0)), 0, shape).astype(np.int64)
    moved = [np.asarray(ring, dtype=np.float64) - low for ring in rings]
    mask = fill_rings(moved, (int(high[0] - low[0]), int(high[1] - low[1])), where=where)
    return mask, (int(low[0]), int(low[1]))
