"""Where an ND2 keeps its frames, and their bytes.

An ND2 is a chain of chunks (magic, length of name, length of data, name, data); its last 40 bytes point to a map of all
chunks. A frame is the chunk ``ImageDataSeq|n!``: eight bytes of time, then rows of interleaved channels.
"""

from __future__ import annotations

import os
import struct
import zlib

from cellcommons.errors import TooLarge, UnreadableFile

_HEADER = struct.Struct("<IIQ")
_MAGIC = 0x0ABECEDA
_MAP_AT = struct.Struct("<32sQ")
_MAP_SIGNATURE = b"ND2 CHUNK MAP SIGNATURE 0000001!"
_SPAN = struct.Struct("<QQ")
_FRAME = b"ImageDataSeq|"
_TIME = 8
MAX_MAP = 1 << 28
"""Bytes of the map of chunks."""
_AGAIN = "Copy, export or upload it again."


class Nd2Frames:
    """The frames of an open ND2, read by position only, so that threads may share it.

    Attributes:
        offsets: frame number -> position of its chunk.
    """

    def __init__(self, descriptor: int, *, where: str) -> None:
        """Raises UnreadableFile where the map of chunks is missing or damaged: the file is truncated."""
        self.descriptor, self.where = descriptor, where
        self.size = os.fstat(descriptor).st_size
        signature, at = _MAP_AT.unpack(self._read(self.size - _MAP_AT.size, _MAP_AT.size))
        if signature != _MAP_SIGNATURE:
            raise UnreadableFile("the ND2 is truncated: the map at its end is missing", where=where, remedy=_AGAIN)
        self.offsets = self._mapped(self._chunk(at, MAX_MAP))

    def frame(self, number: int, length: int, *, compressed: bool) -> bytes:
        """The first ``length`` bytes of a frame. Raises UnreadableFile where it has less or is damaged."""
        if not compressed:
            return self._chunk(self.offsets[number], length + _TIME, whole=False)[_TIME:]
        packed = self._chunk(self.offsets[number], length + length // 8 + 4096)
        try:
            data = zlib.decompressobj().decompress(packed[_TIME:], length)
        except zlib.error as error:
            raise self._damaged(f"frame {number} is damaged ({error})") from error
        if len(data) < length:
            raise self._damaged(f"frame {number} holds {len(data):,} of {length:,} bytes")
        return data

    def _mapped(self, data: bytes) -> dict[int, int]:
        found: dict[int, int] = {}
        at = 0
        while True:
            end = data.find(b"!", at) + 1
            if not end or end + _SPAN.size > len(data):
                raise self._damaged("the map of its chunks is damaged")
            name = data[at:end]
            if name == _MAP_SIGNATURE:
                return found
            if name.startswith(_FRAME) and name[len(_FRAME) : -1].isdigit():
                found[int(name[len(_FRAME) : -1])] = _SPAN.unpack_from(data, end)[0]
            at = end + _SPAN.size

    def _chunk(self, position: int, at_most: int, *, whole: bool = True) -> bytes:
        """Data of the chunk at ``position``: all of it, or its first ``at_most`` bytes."""
        magic, name, length = _HEADER.unpack(self._read(position, _HEADER.size))
        if magic != _MAGIC or name > 1 << 16:
            raise self._damaged("it is truncated or damaged: there is no chunk where one should be")
        if not whole and length < at_most:
            raise self._damaged(f"a frame holds {length:,} of {at_most:,} bytes")
        if whole and length > at_most:
            raise TooLarge(f"a chunk declares {length:,} bytes", where=self.where, remedy=_AGAIN)
        return self._read(position + _HEADER.size + name, min(length, at_most))

    def _read(self, offset: int, length: int) -> bytes:
        if offset < 0 or offset + length > self.size:
            raise self._damaged("it is truncated: it points beyond its end")
        data = b""
        while len(data) < length:
            part = os.pread(self.descriptor, length - len(data), offset + len(data))
            if not part:
                raise self._damaged("it ends before its pixels")
            data += part
        return data

    def _damaged(self, what: str) -> UnreadableFile:
        return UnreadableFile(f"the ND2: {what}", where=self.where, remedy=_AGAIN)
