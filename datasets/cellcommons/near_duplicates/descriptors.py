"""What is kept of an image to find others of the same field; it follows from the pixels alone, so it can be cached.

As bytes: the magic ``CCD2``, little-endian header (rows and columns of the image, level, number of levels), thumbnail
as float16, the four borders as float32 with their steps, then for each level its number, rows, columns, number of
points, their places as uint16 and their terms as int8.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.near_duplicates.borders import SIDES, Borders, borders
from cellcommons.near_duplicates.fingerprints import SIDE, Fingerprint, fingerprint
from cellcommons.near_duplicates.interest_points import TERMS, interest_points
from cellcommons.near_duplicates.planes import ComparedPlane, compared_plane

METHOD = "cellcommons.near-duplicates/1"
_MAGIC = b"CCD2"


@dataclass(frozen=True)
class LevelPoints:
    """Interest points of one level: places (n, 2: y, x), terms int8 (n, 20), rows and columns of the level."""

    level: int
    shape: tuple[int, int]
    places: NDArray[np.int64] = field(repr=False)
    terms: NDArray[np.int8] = field(repr=False)


@dataclass(frozen=True)
class Descriptor:
    """An image as it is looked for.

    Attributes:
        shape: rows and columns of the image. level: halvings of its compared plane, whose borders these are.
        levels: interest points of that plane and its halved levels.
    """

    shape: tuple[int, int]
    level: int
    fingerprint: Fingerprint
    borders: Borders | None
    levels: tuple[LevelPoints, ...]

    def at(self, level: int) -> LevelPoints | None:
        """The points of one level, or None."""
        return next((points for points in self.levels if points.level == level), None)

    def to_bytes(self) -> bytes:
        """The same as bytes: about 2 kB, 4 bytes a pixel of the border and 24 bytes a point."""
        parts = [_MAGIC, struct.pack("<IIBB?", *self.shape, self.level, len(self.levels), self.borders is not None)]
        parts.append(self.fingerprint.thumbnail.astype("<f2").tobytes())
        if self.borders is not None:
            for side in SIDES:
                line = self.borders.lines[side]
                parts += [struct.pack("<Id", len(line), self.borders.steps[side]), line.astype("<f4").tobytes()]
        for points in self.levels:
            parts.append(struct.pack("<BIII", points.level, *points.shape, len(points.places)))
            parts += [points.places.astype("<u2").tobytes(), points.terms.astype("i1").tobytes()]
        return b"".join(parts)


def describe(plane: ComparedPlane) -> Descriptor:
    """The descriptor of a compared plane."""
    found = []
    for level, pixels in plane.levels():
        places, terms = interest_points(pixels)
        found.append(LevelPoints(level, (pixels.shape[0], pixels.shape[1]), places, terms))
    small = fingerprint(plane.pixels)
    # What is kept is what bytes keep, so that a descriptor from the cache finds the same.
    kept = Fingerprint(plane.shape[0] / plane.shape[1], small.thumbnail.astype(np.float16).astype(np.float32))
    edges = borders(plane.pixels) if min(plane.pixels.shape) >= 2 else None
    return Descriptor(plane.shape, plane.level, kept, edges, tuple(found))


def descriptor(image: ImageData) -> bytes:
    """The descriptor of an image as bytes. Raises InvalidDocument where no pixel is a finite number."""
    return describe(compared_plane(image)).to_bytes()


def parse_descriptor(data: bytes, *, where: str = "") -> Descriptor:
    """From ``Descriptor.to_bytes``. Raises InvalidDocument."""
    reader = _Reader(data, where)
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise InvalidDocument("not a descriptor of an image, or of another version", where=where)
    height, width, level, levels, bordered = reader.unpack("<IIBB?")
    thumbnail = reader.array("<f2", SIDE * SIDE).reshape(SIDE, SIDE).astype(np.float32)
    edges = None
    if bordered:
        lines, steps = {}, {}
        for side in SIDES:
            length, steps[side] = reader.unpack("<Id")
            lines[side] = reader.array("<f4", length).astype(np.float32)
        edges = Borders(lines, steps)
    found = []
    for _ in range(levels):
        number, rows, columns, count = reader.unpack("<BIII")
        places = reader.array("<u2", 2 * count).reshape(-1, 2).astype(np.int64)
        found.append(LevelPoints(number, (rows, columns), places, reader.array("i1", TERMS * count).reshape(-1, TERMS)))
    if reader.rest:
        raise InvalidDocument("bytes are left over after the descriptor", where=where)
    return Descriptor((height, width), level, Fingerprint(height / max(1, width), thumbnail), edges, tuple(found))


class _Reader:
    def __init__(self, data: bytes, where: str) -> None:
        self._data, self._at, self._where = data, 0, where

    @property
    def rest(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.rest:
            raise InvalidDocument("the descriptor ends too early", where=self._where)
        self._at += size
        return self._data[self._at - size : self._at]

    def unpack(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def array(self, form: str, count: int) -> NDArray[Any]:
        return np.frombuffer(self.take(np.dtype(form).itemsize * count), dtype=form)
