"""Packs: many small objects in one answer, so that a request is not what each of them costs.

A pack is its objects in the order in which they were asked for, each behind its length: eight bytes, big-endian. It
says nothing of what they are; whoever asked knows their sha256, and checks each.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

MEDIA_TYPE = "application/vnd.cellcommons.pack"
#: Objects in one pack, and bytes of the largest that a hub puts into one.
MOST, LARGEST = 4096, 8 << 20
_LENGTH = struct.Struct(">Q")
HEADER = _LENGTH.size


def header(size: int) -> bytes:
    """What stands before an object of ``size`` bytes."""
    return _LENGTH.pack(size)


class Unpacked:
    """The objects of a pack as its bytes come.

    Attributes:
        rest: what came of the object that the pack broke off in; empty where it did not.
    """

    def __init__(self, blocks: Iterable[bytes | memoryview]) -> None:
        self._blocks = blocks
        self.rest = b""

    def __iter__(self) -> Iterator[memoryview]:
        """Each object. Raises ValueError where one is larger than a pack may hold, and what ``blocks`` raises."""
        held, at = b"", 0
        try:
            for block in self._blocks:
                held, at = held[at:] + bytes(block), 0
                view = memoryview(held)
                while len(held) - at >= HEADER:
                    (size,) = _LENGTH.unpack_from(held, at)
                    if size > LARGEST:
                        raise ValueError(f"an object of {size} bytes in a pack")
                    if len(held) - at - HEADER < size:
                        break
                    start = at + HEADER
                    at = start + size
                    yield view[start:at]
        finally:
            self.rest = held[at + HEADER :]
