"""How a large image is cut: parts that fit memory, each of which fills one shard of every level it reaches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from cellcommons.images.blocks import blocks
from cellcommons.images.lazy import Region
from cellcommons.images.pyramid import SMALLEST
from cellcommons.images.shards import CHUNK, chunk_shape, whole_chunks

# Decoded bytes of a part, and so of a full-resolution shard. Larger shards are fewer objects and more memory: the
# halved copies of a part (a third of its bytes) are held until it is done.
PART_BYTES = 128 << 20


def halved(shape: tuple[int, ...], times: int = 1) -> tuple[int, ...]:
    """``shape`` with its last two sizes halved, rounded up, ``times`` times."""
    return (*shape[:-2], *(max(1, -(-n // (1 << times))) for n in shape[-2:]))


def level_count(shape: tuple[int, ...]) -> int:
    """Levels until both sides are at most 256 pixels, the full resolution included."""
    levels = 1
    while max(halved(shape, levels - 1)[-2:]) > SMALLEST:
        levels += 1
    return levels


@dataclass(frozen=True)
class Stage:
    """Levels that are made together, from one reading of the level ``source``.

    Attributes:
        shape: of ``source``. part: what is read for one shard of each level, along the same axes.
        levels: how many levels below ``source`` each part reaches.
        chunk: a shape that ``source`` gives cheaply.
        first: whether ``source`` itself is written too (the image's own pixels).
    """

    source: int
    shape: tuple[int, ...]
    part: tuple[int, ...]
    levels: int
    chunk: tuple[int, ...]
    first: bool

    @property
    def last(self) -> int:
        """Number of the smallest level made."""
        return self.source + self.levels

    def parts(self) -> Iterator[tuple[tuple[int, ...], Region]]:
        """(place in the grid of shards, region of ``source``) of each part, in C order."""
        for region in blocks(self.shape, self.part):
            yield tuple(r.start // p for r, p in zip(region, self.part, strict=True)), region

    def shard(self, level: int) -> tuple[int, ...]:
        """Shape of the shards of ``level``, in whole chunks."""
        shape = halved(self.shape, level - self.source)
        part = tuple(min(p, n) for p, n in zip(halved(self.part, level - self.source), shape, strict=True))
        return whole_chunks(part, chunk_shape(shape))


def plan_stages(
    shape: tuple[int, ...], chunk: tuple[int, ...], itemsize: int, *, part_bytes: int = PART_BYTES
) -> list[Stage]:
    """Cut an image into stages and parts.

    A part is whole planes where one fits ``part_bytes``; else a window of 256 x 2^n pixels (of full width where the
    file holds strips of rows), which reaches n levels down. What lies below is made from the last level written, which
    is small by then.

    Args:
        chunk: a shape that the file gives cheaply.
    """
    total = level_count(shape)
    stages: list[Stage] = []
    source = 0
    while not stages or source < total - 1:
        part, reach = _part(shape, chunk, part_bytes // itemsize)
        # A level that cannot be halved within a part is halved in the next stage, from its own shards.
        if stages and reach == 0:
            part = (*part[:-2], *(min(2 * CHUNK, n) for n in shape[-2:]))
            reach = 1
        levels = min(reach, total - 1 - source)
        stages.append(Stage(source, shape, part, levels, chunk, first=not stages))
        source += levels
        shape = halved(shape, levels)
        chunk = chunk_shape(shape)
    return stages


def _part(shape: tuple[int, ...], chunk: tuple[int, ...], most: int) -> tuple[tuple[int, ...], int]:
    """(part, levels it reaches below its own)."""
    # What is decoded together (samples of one pixel, planes of one chunk) is kept together, unless it leaves no room.
    part = [*chunk[:-2], 1, 1]
    height, width = shape[-2:]
    least = min(height, 2 * CHUNK) * (width if chunk[-1] >= width else min(width, 2 * CHUNK))
    while math.prod(part) > 1 and math.prod(part) * least > most:
        deepest = part.index(max(part))
        part[deepest] = -(-part[deepest] // 2)
    most_plane = max(1, most // math.prod(part))
    if height * width <= most_plane:
        part[-2:], reach = (height, width), level_count(shape) - 1
    elif chunk[-1] >= width or width <= _side(math.isqrt(most_plane)):
        rows = _side(most_plane // width)
        part[-2:], reach = (rows, width), (rows // CHUNK).bit_length() - 1
    else:
        side = _side(math.isqrt(most_plane))
        part[-2:], reach = (min(side, height), side), (side // CHUNK).bit_length() - 1
    for axis in reversed(range(len(shape) - 2)):
        room = most // math.prod(part)
        if room > 1:
            wanted = min(shape[axis], part[axis] * room)
            part[axis] = wanted if wanted == shape[axis] else wanted // part[axis] * part[axis]
        if part[axis] < shape[axis]:
            break
    return tuple(part), reach


def _side(pixels: int) -> int:
    """The largest 256 x 2^n of at most ``pixels``; 256 at least."""
    return CHUNK << max(0, (pixels // CHUNK).bit_length() - 1)
