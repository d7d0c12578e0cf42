"""Where a CZI keeps its pixels: segments, the directory of subblocks, and the metadata's XML.

After the layout that Zeiss publishes as ZISRAW: a file is a chain of segments, each behind a header of 32 bytes; the
first names the position of the directory, which lists every subblock (one tile of one plane) with its place along each
dimension.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

from cellcommons.errors import UnreadableFile, WrongFormat
from cellcommons.images.limits import Limits

SEGMENT = struct.Struct("<16sqq")
_FILE = struct.Struct("<iiii16s16siqqiq")
_ENTRY = struct.Struct("<2siqiiB5xi")
_DIMENSION = struct.Struct("<4siifi")
_SUBBLOCK = struct.Struct("<iiq")
_DIRECTORY_HEAD = 128
_METADATA_HEAD = 256
_AGAIN = "Copy, export or upload it again."
Place = tuple[int, int]
"""First index and length along one dimension."""


@dataclass(frozen=True)
class Subblock:
    """One tile of one plane.

    Attributes:
        pixel_type, compression: as numbered by the format. position: of its segment in the file.
        places: dimension letter -> (start, size) in pixels of the full image; X and Y may start below 0.
        stored: (rows, columns) that are kept: fewer than its size on levels of a pyramid.
    """

    pixel_type: int
    compression: int
    position: int
    places: dict[str, Place]
    stored: tuple[int, int]

    @property
    def is_full(self) -> bool:
        """Whether it is kept at full resolution."""
        return self.stored == (self.places["Y"][1], self.places["X"][1])

    def start(self, letter: str) -> int:
        """Its place along ``letter``; 0 where it has none."""
        return self.places.get(letter, (0, 1))[0]


class CziFile:
    """An open CZI, read by position only, so that threads may share it.

    Raises:
        UnreadableFile: truncated or damaged. WrongFormat: one part of several. TooLarge: more subblocks than planes
            are allowed of each 256 tiles.
    """

    def __init__(self, descriptor: int, limits: Limits, *, where: str) -> None:
        self.descriptor, self.where = descriptor, where
        self.size = os.fstat(descriptor).st_size
        head = self.read(SEGMENT.size, _FILE.size)
        *_, part, self._directory, self._metadata, _pending, _attachments = _FILE.unpack(head)
        if part:
            raise WrongFormat(
                f"it is part {part + 1} of a CZI of several files", where=where, remedy="Save it as one file in ZEN."
            )
        self.subblocks = self._listed(limits)

    def read(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``. Raises UnreadableFile where the file ends before."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise UnreadableFile("the CZI is truncated: it points beyond its end", where=self.where, remedy=_AGAIN)
        data = b""
        while len(data) < length:
            part = os.pread(self.descriptor, length - len(data), offset + len(data))
            if not part:
                raise UnreadableFile("the CZI ends before its pixels", where=self.where, remedy=_AGAIN)
            data += part
        return data

    def metadata(self) -> bytes:
        """The XML document; empty where the file has none."""
        if self._metadata <= 0:
            return b""
        self._segment(self._metadata, b"ZISRAWMETADATA")
        (length,) = struct.unpack("<i", self.read(self._metadata + SEGMENT.size, 4))
        return self.read(self._metadata + SEGMENT.size + _METADATA_HEAD, length)

    def pixels(self, subblock: Subblock, at_most: int) -> bytes:
        """A subblock's pixels as kept. Raises UnreadableFile where they are more than ``at_most`` bytes."""
        self._segment(subblock.position, b"ZISRAWSUBBLOCK")
        head = subblock.position + SEGMENT.size
        metadata, _, length = _SUBBLOCK.unpack(self.read(head, _SUBBLOCK.size))
        entry = self.read(head + _SUBBLOCK.size, _ENTRY.size)
        dimensions = _ENTRY.unpack(entry)[-1]
        if metadata < 0 or not 0 < length <= at_most or not 0 < dimensions < 64:
            raise UnreadableFile("a subblock of the CZI is damaged", where=self.where, remedy=_AGAIN)
        start = max(256, _SUBBLOCK.size + _ENTRY.size + dimensions * _DIMENSION.size)
        return self.read(head + start + metadata, length)

    def _segment(self, position: int, kind: bytes) -> int:
        """Bytes used by the segment at ``position``, which must be of ``kind``."""
        name, allocated, used = SEGMENT.unpack(self.read(position, SEGMENT.size))
        if name.rstrip(b"\0") != kind:
            raise UnreadableFile(f"there is no {kind.decode()} where one should be", where=self.where, remedy=_AGAIN)
        return int(used or allocated)

    def _listed(self, limits: Limits) -> list[Subblock]:
        used = self._segment(self._directory, b"ZISRAWDIRECTORY")
        at = self._directory + SEGMENT.size
        (count,) = struct.unpack("<i", self.read(at, 4))
        if count < 1 or count * (_ENTRY.size + 2 * _DIMENSION.size) > used:
            raise UnreadableFile(f"its directory lists {count} subblocks", where=self.where, remedy=_AGAIN)
        limits.check_planes(count // 256, where=self.where)
        data = self.read(at + _DIRECTORY_HEAD, used - _DIRECTORY_HEAD)
        offset, found = 0, []
        try:
            for _ in range(count):
                schema, pixel_type, position, part, compression, _pyramid, dimensions = _ENTRY.unpack_from(data, offset)
                offset += _ENTRY.size
                if schema != b"DV" or not 0 < dimensions < 64:
                    raise UnreadableFile("its directory of subblocks is damaged", where=self.where, remedy=_AGAIN)
                if part:
                    raise WrongFormat(
                        "its pixels are kept in other files", where=self.where, remedy="Save it as one file in ZEN."
                    )
                places, stored = {}, {}
                for _ in range(dimensions):
                    letter, start, size, _, kept = _DIMENSION.unpack_from(data, offset)
                    offset += _DIMENSION.size
                    name = letter.rstrip(b"\0").decode("ascii")
                    places[name], stored[name] = (start, size), kept or size
                found.append(Subblock(pixel_type, compression, position, places, (stored["Y"], stored["X"])))
        except (struct.error, KeyError, UnicodeDecodeError) as error:
            raise UnreadableFile("its directory of subblocks is damaged", where=self.where, remedy=_AGAIN) from error
        return [self._checked(subblock) for subblock in found]

    def _checked(self, subblock: Subblock) -> Subblock:
        sizes = [subblock.places[a][1] for a in "YX"]
        if min(*sizes, *subblock.stored) < 1 or not 0 < subblock.position < self.size:
            raise UnreadableFile("the CZI is truncated, or its directory damaged", where=self.where, remedy=_AGAIN)
        return subblock
