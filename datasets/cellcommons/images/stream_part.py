"""One part of a streamed image: blocks in, compressed chunks of every level out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.images.blocks import blocks, region_shape
from cellcommons.images.data import Pixels
from cellcommons.images.lazy import Region
from cellcommons.images.shard_file import ShardFile
from cellcommons.images.shard_plan import Stage, halved
from cellcommons.images.shards import CHUNK, Codec, chunk_shape, encode_chunk, shard_key

Halve = Callable[[Pixels], Pixels]
TILE_BYTES = 1 << 20
Chunks = list[tuple[int, tuple[int, ...], bytes | None]]


@dataclass(eq=False)
class Part:
    """The shards that one region of a stage's source fills.

    Attributes:
        number: in the order of the stage's parts. place: in the grid of shards. region: of the source.
        seen: what its pixels told, block by block.
    """

    stage: Stage
    number: int
    place: tuple[int, ...]
    region: Region
    dtype: np.dtype[Any]
    codec: Codec
    halve: Halve
    seen: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._shards: dict[int, ShardFile] = {}
        self._row: Chunks = []
        self._smaller: dict[int, Pixels] = {}
        shape = region_shape(self.region)
        # A level of the part begins where halving its first pixel leads, and takes the rounding up at the image's edge.
        self._shapes = {
            level: halved(shape, level - self.stage.source) for level in range(self.stage.source, self.stage.last + 1)
        }

    @property
    def pixels(self) -> int:
        """Pixels of its source that it reads."""
        return math.prod(region_shape(self.region))

    @property
    def written(self) -> range:
        """Levels that the part writes shards of."""
        return range(self.stage.source + (0 if self.stage.first else 1), self.stage.last + 1)

    def open(self, work: Path) -> None:
        """Begin its shards and take memory for its smaller levels."""
        for level in self.written:
            chunk = self._chunk(level)
            grid = tuple(n // c for n, c in zip(self.stage.shard(level), chunk, strict=True))
            self._shards[level] = ShardFile(work / f"{level}-{self.number}.shard", grid)

    def tiles(self, level: int, region: Region, pixels: Pixels) -> Iterator[Callable[[], Chunks]]:
        """Work for threads: each encodes two rows of chunks and halves them into the next level.

        Args:
            region: of this part at ``level``, from its own corner. pixels: what lies there.
        """
        following = level + 1 if level < self.stage.last else None
        if following is not None and following not in self._smaller:
            self._smaller[following] = np.empty(self._shapes[following], dtype=self.dtype)
        wide = max(1, TILE_BYTES // (4 * CHUNK * CHUNK * self.dtype.itemsize)) * 2 * CHUNK
        step = (1,) * (len(region) - 2) + (2 * CHUNK, wide)
        for cut in blocks(region_shape(region), step):
            origin = tuple(r.start + c.start for r, c in zip(region, cut, strict=True))
            yield _Tile(self, level, origin, pixels[cut], self._smaller.get(following or -1))

    def below(self, level: int) -> Pixels:
        """The pixels of a smaller level, once all tiles above are done; they are let go of with the caller."""
        return self._smaller.pop(level)

    def encode(self, level: int, origin: tuple[int, ...], tile: Pixels, smaller: Pixels | None) -> Chunks:
        """Run one tile."""
        if smaller is not None:
            half = self.halve(tile)
            target = (*origin[:-2], origin[-2] // 2, origin[-1] // 2)
            smaller[tuple(slice(a, a + n) for a, n in zip(target, half.shape, strict=True))] = half
        if level not in self.written:
            return []
        chunk = self._chunk(level)
        found: Chunks = []
        for cut in blocks(tile.shape, chunk):
            place = tuple((o + c.start) // n for o, c, n in zip(origin, cut, chunk, strict=True))
            found.append((level, place, encode_chunk(tile[cut], chunk, self.codec)))
        return found

    def append(self, chunks: Chunks) -> None:
        """Write what a tile gave: tiles come row by row, and a row is written once it is whole, in C order."""
        if chunks and self._row and self._row_of(chunks) != self._row_of(self._row):
            self._flush()
        self._row += chunks

    def _row_of(self, chunks: Chunks) -> tuple[int, ...]:
        level, place, _ = chunks[0]
        return (level, *place[:-2], place[-2] // 2)

    def _flush(self) -> None:
        for level, place, data in sorted(self._row, key=lambda chunk: chunk[:2]):
            self._shards[level].append(place, data)
        self._row = []

    def close(self) -> Iterator[tuple[str, ShardFile, str]]:
        """End its shards: (path in the tree, shard, checksum)."""
        self._flush()
        for level, shard in self._shards.items():
            yield f"{level}/{shard_key(len(self.place), self.place)}", shard, shard.close()

    def abandon(self) -> None:
        """Let go of its files, which stay unfinished."""
        for shard in self._shards.values():
            shard.abandon()

    def _chunk(self, level: int) -> tuple[int, ...]:
        return chunk_shape(halved(self.stage.shape, level - self.stage.source))


@dataclass(frozen=True, eq=False)
class _Tile:
    part: Part
    level: int
    origin: tuple[int, ...]
    pixels: Pixels
    smaller: Pixels | None

    def __call__(self) -> Chunks:
        return self.part.encode(self.level, self.origin, self.pixels, self.smaller)
