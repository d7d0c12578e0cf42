"""The edits of the workbench again in numpy, scipy and scikit-image: what each tool must make of a label map.

Written from what docs/workbench.md says of the tools, with library calls where a library has the operation. Label maps
are uint32, axes yx; pixels are (row, column). Every function returns a new map.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.draw import disk

Labels = NDArray[np.uint32]
Pixel = tuple[int, int]

CROSS = ndimage.generate_binary_structure(2, 1)
SQUARE = ndimage.generate_binary_structure(2, 2)
FREE = np.iinfo(np.int64).max


def path_pixels(corners: Sequence[Pixel]) -> list[Pixel]:
    """Evenly spaced points from corner to corner, as many as the longer side has pixels, rounded half up."""
    path = [corners[0]]
    for start, end in pairwise(corners):
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
        for step in range(1, steps + 1):
            row, column = (a + (2 * step * (b - a) + steps) // (2 * steps) for a, b in zip(start, end, strict=True))
            path.append((row, column))
    return path


def grow_labels(seeds: NDArray[np.int64], heights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Labels (``FREE``: none yet) grow ring by ring over pixels that share a side, from the highest ground down.

    Of several labels that reach a pixel in one ring the lowest takes it. Height 0 is never taken.
    """
    labels = seeds.copy()
    for height in np.unique(heights[heights > 0])[::-1]:
        ground = heights >= height
        while True:
            padded = np.pad(np.where(heights > 0, labels, FREE), 1, constant_values=FREE)
            beside = np.minimum.reduce([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]])
            reached = ground & (labels == FREE) & (beside != FREE)
            if not reached.any():
                break
            labels[reached] = beside[reached]
    return labels


def merge(labels: Labels, ids: Sequence[int]) -> Labels:
    """All of ``ids`` become the first."""
    return np.where(np.isin(labels, ids), np.uint32(ids[0]), labels)


def relabel(labels: Labels, old: int, new: int) -> Labels:
    """The cell ``old`` is called ``new``."""
    return np.where(labels == old, np.uint32(new), labels)


def split_along(labels: Labels, path: Sequence[Pixel], next_id: int) -> Labels:
    """Cut the cell that most of ``path`` lies in (the lower id of two) along it; new cells begin at ``next_id``."""
    inside = [at for at in path if 0 <= at[0] < labels.shape[0] and 0 <= at[1] < labels.shape[1]]
    met = np.array([labels[at] for at in inside if labels[at]], dtype=np.int64)
    if met.size == 0:
        return labels.copy()
    cell = int(np.bincount(met).argmax())
    mask = labels == cell
    line = np.zeros_like(mask)
    line[tuple(np.transpose(inside))] = True
    parts, _ = ndimage.label(mask, CROSS)
    pieces, count = ndimage.label(mask & ~line, CROSS)
    part_of = {piece: int(parts[pieces == piece][0]) for piece in range(1, count + 1)}
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    seeds = np.full(labels.shape, FREE)
    cut = {part for part in part_of.values() if list(part_of.values()).count(part) > 1}
    seeds[mask & ~np.isin(parts, list(cut))] = 0
    kept = {min((-sizes[piece], piece) for piece in part_of if part_of[piece] == part)[1] for part in cut}
    named = 0
    for piece in sorted(part_of):
        if part_of[piece] in cut:
            named += piece not in kept
            seeds[pieces == piece] = 0 if piece in kept else named
    return _write(labels, cell, grow_labels(seeds, mask.astype(np.int64)), next_id)


def split_between(labels: Labels, first: Pixel, second: Pixel, next_id: int) -> Labels:
    """Cut the cell under ``first`` from ``second``: a watershed of the squared distance to their part's border."""
    cell = int(labels[first])
    if cell == 0 or labels[second] != cell or first == second:
        return labels.copy()
    parts, _ = ndimage.label(labels == cell, CROSS)
    seeds = np.full(labels.shape, FREE)
    if parts[first] != parts[second]:
        seeds[labels == cell] = 0
        seeds[parts == parts[second]] = 1
        return _write(labels, cell, seeds, next_id)
    part = parts == parts[first]
    heights = np.rint(ndimage.distance_transform_edt(np.pad(part, 1))[1:-1, 1:-1] ** 2).astype(np.int64)
    ways = [_climb(heights, at) for at in (first, second)]
    if ways[0][-1] == ways[1][-1]:
        ways, heights = [[first], [second]], part.astype(np.int64)
    for side, way in enumerate(ways):
        seeds[tuple(np.transpose(way))] = side
    return _write(labels, cell, grow_labels(seeds, heights), next_id)


def _climb(heights: NDArray[np.int64], start: Pixel) -> list[Pixel]:
    """Always to the highest of the eight neighbours, the first of equals row by row."""
    padded = np.pad(heights, 1)
    way = [start]
    while True:
        row, column = way[-1]
        around = padded[row : row + 3, column : column + 3]
        if around.max() == heights[row, column]:
            return way
        step = divmod(int(around.argmax()), 3)
        way.append((row + step[0] - 1, column + step[1] - 1))


def _write(labels: Labels, cell: int, sides: NDArray[np.int64], next_id: int) -> Labels:
    new = (labels == cell) & (sides != 0) & (sides != FREE)
    out = labels.copy()
    out[new] = (sides[new] + next_id - 1).astype(np.uint32)
    return out


def fill_holes(labels: Labels, cell: int) -> Labels:
    """Background that the cell encloses becomes the cell."""
    filled = ndimage.binary_fill_holes(labels == cell)
    return np.where(filled & (labels == 0), np.uint32(cell), labels)


def grow(labels: Labels, cell: int) -> Labels:
    """Background that shares a side with the cell becomes the cell."""
    return np.where(ndimage.binary_dilation(labels == cell, CROSS) & (labels == 0), np.uint32(cell), labels)


def shrink(labels: Labels, cell: int) -> Labels:
    """The cell loses what shares a side with something else; the image's border is nothing else."""
    mask = labels == cell
    left = ndimage.binary_erosion(mask, CROSS, border_value=1)
    return np.where(mask & ~left, np.uint32(0), labels) if left.any() else labels.copy()


def smooth(labels: Labels, cell: int, radius: int = 2) -> Labels:
    """A majority vote over a disc."""
    disc = np.zeros((2 * radius + 1, 2 * radius + 1), np.int64)
    disc[disk((radius, radius), radius + 1e-6)] = 1
    mask = labels == cell
    votes = ndimage.convolve(mask.astype(np.int64), disc, mode="constant")
    wanted = 2 * votes > disc.sum()
    if not (wanted & mask).any():
        return labels.copy()
    out = np.where(mask & ~wanted, np.uint32(0), labels)
    return np.where(wanted & (labels == 0), np.uint32(cell), out)


def fill_polygon(labels: Labels, corners: Sequence[tuple[float, float]], cell: int, *, protect: bool) -> Labels:
    """Pixels whose centres lie inside by the even-odd rule; ``protect``: background only."""
    rows, columns = (places + 0.5 for places in np.indices(labels.shape, dtype=np.float64))
    odd = np.zeros(labels.shape, bool)
    for (py, px), (qy, qx) in zip(corners, [*corners[1:], corners[0]], strict=True):
        crosses = (py <= rows) != (qy <= rows)
        if py != qy:
            odd ^= crosses & (px + ((rows - py) * (qx - px)) / (qy - py) <= columns)
    return np.where(odd & (labels == 0) if protect else odd, np.uint32(cell), labels)


def wand(labels: Labels, texels: NDArray[np.uint16], seed: Pixel, tolerance: float, cell: int, *, fill: bool) -> Labels:
    """Background joined to ``seed`` whose mean of 3 x 3 differs from that at ``seed`` by at most ``tolerance``."""
    sums = ndimage.convolve(texels.astype(np.int64), np.ones((3, 3), np.int64), mode="nearest")
    free = labels == 0
    like = (np.abs(sums - sums[seed]) <= 9 * tolerance) & free
    regions, _ = ndimage.label(like, CROSS)
    if not regions[seed]:
        return labels.copy()
    region = regions == regions[seed]
    return np.where((ndimage.binary_fill_holes(region) if fill else region) & free, np.uint32(cell), labels)
