"""Masks as runs of pixels: the run lengths of COCO (plain and as text) and of CVAT.

COCO counts along columns, CVAT along rows; both begin with the pixels outside. COCO's text is written in characters of
48 to 111, each five bits of a number and one bit that says whether more follow; from the third number on, what is
written is the difference to the number two before (https://github.com/cocodataset/cocoapi, maskApi).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument
from cellcommons.labels import Cell, Mask
from cellcommons.overlapping import cell_of

Counts = NDArray[np.int64]
_MOST = 12
"""Characters of one number: 60 bits."""


def parse_counts(said: Any, *, where: str) -> Counts:
    """Run lengths from a list of numbers or from COCO's text. Raises InvalidDocument."""
    if isinstance(said, str):
        return decode_text(said, where=where)
    try:
        counts = np.asarray(said, dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        counts = np.zeros((1, 1), dtype=np.int64)
    if not isinstance(said, list) or counts.ndim != 1 or any(isinstance(value, float) for value in said[:8]):
        raise InvalidDocument("run lengths are a list of whole numbers or a text", where=where)
    return counts


def decode_text(text: str, *, where: str = "") -> Counts:
    """Run lengths from COCO's text. Raises InvalidDocument."""
    try:
        codes = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError:
        codes = np.array([-1])
    if codes.size == 0:
        return np.zeros(0, dtype=np.int64)
    last = (codes & 0x20) == 0
    if codes.min() < 0 or codes.max() > 63 or not last[-1]:
        raise InvalidDocument("the text of its run lengths is damaged", where=where, remedy="Export it again.")
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > _MOST:
        raise InvalidDocument("a run length of more than 60 bits", where=where, remedy="Export it again.")
    shifts = 5 * (np.arange(codes.size) - np.repeat(starts, lengths))
    values = np.add.reduceat((codes & 0x1F) << shifts, starts)
    values -= np.where(codes[ends] & 0x10, np.int64(1) << (5 * lengths), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return np.asarray(values, dtype=np.int64)


def encode_text(counts: Counts) -> str:
    """COCO's text of run lengths."""
    left = counts.astype(np.int64)
    left[3:] -= counts[1:-2]
    digits, used = [], []
    open_ = np.ones(left.size, dtype=np.bool_)
    while open_.any():
        digit = left & 0x1F
        left = left >> 5
        more = np.where(digit & 0x10, left != -1, left != 0)
        digits.append(digit | (more.astype(np.int64) << 5))
        used.append(open_)
        open_ = open_ & more
    if not digits:
        return ""
    table = (np.stack(digits, axis=1) + 48).astype(np.uint8)
    return table[np.stack(used, axis=1)].tobytes().decode("ascii")


def counts_of(mask: Mask) -> Counts:
    """Run lengths of ``mask`` (bool, any shape) in the order of its memory, C order; the first run is outside."""
    return _counts(mask.ravel(order="C"))


def _counts(flat: Mask) -> Counts:
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0], turns, [flat.size]])
    counts = np.diff(edges)
    return np.concatenate([[0], counts]) if flat.size and flat[0] else np.asarray(counts)


def mask_of(counts: Counts, shape: tuple[int, int], *, where: str) -> Mask:
    """The mask of run lengths along rows. Raises InvalidDocument where they do not fill ``shape``."""
    _check(counts, shape[0] * shape[1], where)
    inside = np.arange(counts.size) % 2 == 1
    return np.repeat(inside, counts).reshape(shape)


def counts_of_cell(cell: Cell, shape: tuple[int, int]) -> Counts:
    """COCO's run lengths (along columns of the whole image) of one cell; costs what its box costs."""
    height, width = shape
    y0, x0, _, _ = cell.box
    columns = np.pad(cell.mask.T, ((0, 0), (1, 1)))
    turned = columns[:, 1:] != columns[:, :-1]
    column, row = np.nonzero(turned)
    places = (column + x0) * height + row + y0
    # A run to the foot of one column goes on at the head of the next: there two turns are at one place.
    if places.size > 1:
        same = np.flatnonzero(places[1:] == places[:-1])
        keep = np.ones(places.size, dtype=np.bool_)
        keep[same], keep[same + 1] = False, False
        places = places[keep]
    edges = np.concatenate([[0], places, [height * width]])
    counts = np.diff(edges)
    return np.asarray(counts[:-1] if counts[-1] == 0 else counts)


def cell_from_counts(number: int, counts: Counts, shape: tuple[int, int], *, where: str) -> Cell | None:
    """The cell of COCO's run lengths; None where it has no pixel. Takes no more memory than the columns it spans.

    Raises:
        InvalidDocument: a negative length, or lengths that do not fill ``shape``.
    """
    height, width = shape
    _check(counts, height * width, where)
    edges = np.cumsum(counts)
    starts, stops = edges[:-1:2], edges[1::2]
    there = stops > starts
    starts, stops = starts[there], stops[there]
    if not starts.size:
        return None
    first, last = int(starts[0]) // height, int(stops[-1] - 1) // height
    toggles = np.zeros(height * (last - first + 1) + 1, dtype=np.int8)
    np.add.at(toggles, starts - first * height, 1)
    np.add.at(toggles, stops - first * height, -1)
    slab = np.cumsum(toggles[:-1], dtype=np.int8).astype(np.bool_).reshape(-1, height).T
    return cell_of(number, slab, corner=(0, first))


def _check(counts: Counts, size: int, where: str) -> None:
    # Checked one by one before the sum, which could wrap round.
    if (
        (counts.size and (counts.min() < 0 or counts.max() > size))
        or int(counts.sum()) != size
        or counts.size > size + 2
    ):
        raise InvalidDocument(
            f"its run lengths do not fill the {size:,} pixels of the image", where=where, remedy="Export it again."
        )
