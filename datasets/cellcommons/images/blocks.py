"""Cutting an array into blocks that are worth reading at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from cellcommons.images.lazy import Region


def grown(chunk: tuple[int, ...], shape: tuple[int, ...], most: int) -> tuple[int, ...]:
    """``chunk``, in whole multiples, as large as ``most`` pixels allow: first along x, then y, then outwards."""
    sizes = [min(c, n) for c, n in zip(chunk, shape, strict=True)]
    for axis in reversed(range(len(shape))):
        room = most // max(1, math.prod(sizes))
        if room > 1:
            sizes[axis] = min(sizes[axis] * room, shape[axis])
    return tuple(sizes)


def blocks(shape: tuple[int, ...], step: tuple[int, ...], *, within: Region | None = None) -> Iterator[Region]:
    """Regions of at most ``step`` that cover ``within`` (all of ``shape``) in C order; the last are cut to fit."""
    within = within or tuple(slice(0, n) for n in shape)
    starts = (range(part.start, part.stop, s) for part, s in zip(within, step, strict=True))
    for start in itertools.product(*starts):
        yield tuple(slice(a, min(a + s, part.stop)) for a, s, part in zip(start, step, within, strict=True))


def region_shape(region: Region) -> tuple[int, ...]:
    """Sizes of a region."""
    return tuple(part.stop - part.start for part in region)
