"""Which crops an epoch holds, and in what order: random for a model, and kind to chunks and workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellcommons.images.shards import CHUNK

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Frame:
    """One picture that crops are cut from: the number of its image, its frame of a movie, rows and columns."""

    image: int
    t: int
    height: int
    width: int

    def crops(self, size: int) -> int:
        """How many crops it gives an epoch: as many as tiles of ``size`` cover it."""
        return -(-self.height // size) * -(-self.width // size)


@dataclass(frozen=True)
class Plan:
    """An epoch.

    Attributes:
        windows: one row a window that is read at once: frame, y0, x0, y1, x1. crops: one row a crop, in the order of
            the epoch: window, y, x (its first pixel in the image).
    """

    windows: Integers
    crops: Integers


def plan_epoch(
    frames: Sequence[Frame], *, size: int, seed: int, epoch: int, mix: int, batch: int, workers: int
) -> Plan:
    """The crops of one epoch. A function of its arguments alone.

    Every frame is cut into windows of whole chunks, at least twice ``size`` a side, on a grid that is shifted by a
    random number of chunks; the crops of a frame are spread over its windows by area, each at a random place in its
    window. Windows are shuffled, and the crops of ``mix`` windows at a time, so that each window is decoded once while
    neighbouring crops come from ``mix`` places. Batch ``k`` holds crops of windows that only batches ``k + n workers``
    share: whoever gives every ``workers``-th batch to one worker has each window decoded by one of them.

    Args:
        size: pixels a side of a crop.
    """
    rng = np.random.default_rng([seed, epoch])
    windows: list[tuple[int, int, int, int, int]] = []
    crops: list[list[tuple[int, int]]] = []
    for number, frame in enumerate(frames):
        found = _windows(frame, size, rng)
        shares = _shares([area for _, area in found], frame.crops(size), rng)
        for (window, _), count in zip(found, shares, strict=True):
            if count:
                y0, x0, y1, x1 = window
                ys = rng.integers(y0, max(y0, y1 - size) + 1, count)
                xs = rng.integers(x0, max(x0, x1 - size) + 1, count)
                windows.append((number, *window))
                crops.append(list(zip(ys.tolist(), xs.tolist(), strict=True)))
    order = rng.permutation(len(windows))
    lanes: list[list[tuple[int, int, int]]] = [[] for _ in range(workers)]
    for block in range(0, len(order), mix):
        mixed = [(int(w), y, x) for w in order[block : block + mix] for y, x in crops[w]]
        lanes[block // mix % workers] += [mixed[n] for n in rng.permutation(len(mixed))]
    rows = [
        row
        for first in range(0, max(map(len, lanes), default=0), batch)
        for lane in lanes
        for row in lane[first : first + batch]
    ]
    return Plan(np.array(windows, np.int64).reshape(-1, 5), np.array(rows, np.int64).reshape(-1, 3))


def _windows(frame: Frame, size: int, rng: np.random.Generator) -> list[tuple[tuple[int, int, int, int], int]]:
    """Half-open boxes that hold a crop each, or all of a frame that is smaller, and the pixels each stands for."""
    rows, cols = (_cuts(length, size, rng) for length in (frame.height, frame.width))
    return [((y0, x0, y1, x1), height * width) for y0, y1, height in rows for x0, x1, width in cols]


def _cuts(length: int, size: int, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """First and last pixel of each window along one axis, and how many of them are its own."""
    side = -(-2 * size // CHUNK) * CHUNK
    first = -CHUNK * int(rng.integers(side // CHUNK))
    cuts = []
    for start in range(first, length, side):
        low, high = max(0, start), min(length, start + side)
        if high > low:
            # What the edge of the image leaves too small for a crop borrows from its neighbour.
            wide = (max(0, high - size), high) if low else (0, max(high, min(length, size)))
            cuts.append((min(low, wide[0]), max(high, wide[1]), high - low))
    return cuts


def _shares(areas: Sequence[int], count: int, rng: np.random.Generator) -> list[int]:
    """``count`` spread by area: what does not divide falls by chance, in proportion, so that no place is left out."""
    edges = np.floor(np.cumsum(np.array(areas, float)) * (count / sum(areas)) + rng.random()).astype(int)
    edges[-1] = count
    return [int(n) for n in np.diff(edges, prepend=0)]
