"""Smaller copies of an image or label map, each half the size of the one before."""

from __future__ import annotations

import numpy as np

from cellcommons.images.data import Pixels
from cellcommons.labels import Labels

SMALLEST = 256


def _small_enough(array: Pixels) -> bool:
    return bool(max(array.shape[-2:]) <= SMALLEST)


def halve_mean(array: Pixels) -> Pixels:
    """Mean of each 2 x 2 block of the last two axes; odd edges average what there is. Same dtype, halves round up.

    NaN counts as absent, so that one bad pixel does not spread.
    """
    height, width = array.shape[-2:]
    pad = [(0, 0)] * (array.ndim - 2) + [(0, height % 2), (0, width % 2)]
    padded = np.pad(array, pad, mode="edge") if height % 2 or width % 2 else array
    if array.dtype.kind == "f":
        quarters = [padded[..., i::2, j::2] for i in (0, 1) for j in (0, 1)]
        with np.errstate(invalid="ignore", over="ignore"):
            sums = quarters[0] + quarters[1]
            sums += quarters[2]
            sums += quarters[3]
            sums /= 4
            absent = np.isnan(sums)
            if absent.any():
                stack = np.stack([quarter[absent] for quarter in quarters])
                there = ~np.isnan(stack)
                sums[absent] = np.where(there, stack, 0).sum(axis=0) / there.sum(axis=0)
        return np.asarray(sums)
    wide = {1: np.int32, 2: np.int32, 4: np.int64}[array.dtype.itemsize]
    rows = np.add(padded[..., 0::2, :], padded[..., 1::2, :], dtype=wide)
    total = rows[..., 0::2] + rows[..., 1::2]
    total += 2
    total >>= 2
    return np.asarray(total, dtype=array.dtype)


def halve_nearest(array: Pixels) -> Pixels:
    """Every second pixel of the last two axes; halves round up. Values are never blended."""
    return array[..., ::2, ::2]


def mean_levels(array: Pixels) -> list[Pixels]:
    """``array`` and its halvings until both sides are at most 256 pixels."""
    levels = [array]
    while not _small_enough(levels[-1]):
        levels.append(halve_mean(levels[-1]))
    return levels


def nearest_levels(labels: Labels) -> list[Labels]:
    """``labels`` (uint32, yx or tyx) and every second pixel, until at most 256 pixels: ids are never blended."""
    levels = [labels]
    while not _small_enough(levels[-1]):
        levels.append(np.ascontiguousarray(halve_nearest(levels[-1])))
    return levels
