"""How large compressed chunks of a zarr array become, asked before they are decoded: a small file can be a bomb."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import imagecodecs
from zarr.abc.store import ByteRequest, RangeByteRequest, SuffixByteRequest

from cellcommons.errors import UnreadableFile, WrongFormat

COMPRESSORS = frozenset(("blosc", "zlib", "gzip", "zstd", "lz4", "bz2", "lzma"))
_DEFLATE_GROWTH = 1032
SHORT = 1 << 20
"""Bytes of a deflate stream that is believed without being unpacked once more to see: it becomes 1 GiB at the worst."""
_EMPTY = (1 << 64) - 1
_CHECKSUM = 4


@dataclass(frozen=True)
class Packing:
    """Codecs of one array.

    Attributes:
        codecs: names, in the order of encoding.
        index_at: ``start`` or ``end`` of each file where files are shards; empty where they are chunks.
        inner: chunks in one shard. summed: the index ends in a checksum of 4 bytes.
    """

    codecs: tuple[str, ...]
    index_at: str = ""
    inner: int = 1
    summed: bool = True

    def check_file(self, decoded: int, where: str) -> Callable[[str, bytes, ByteRequest | None], None]:
        """What to call with each file, or range of one, before it is decoded.

        Args:
            decoded: bytes of one chunk as declared.

        Raises:
            WrongFormat: more than one compressor, whose steps cannot be bounded.
        """
        compressors = [name for name in self.codecs if name in COMPRESSORS]
        if len(compressors) > 1:
            raise WrongFormat(
                f"chunks compressed twice ({', '.join(compressors)}) are not read",
                where=where,
                remedy="Write the array again with one compressor.",
            )
        # Differences of neighbours may be kept in a wider type.
        bound = decoded * (8 if "delta" in self.codecs else 1)
        index_bytes = 16 * self.inner

        def check(key: str, data: bytes, byte_range: ByteRequest | None) -> None:
            if not compressors:
                return
            for part in self._chunks(data, byte_range, index_bytes):
                if unpacks_beyond(compressors[0], part, bound):
                    raise UnreadableFile(
                        f"a chunk unpacks to more than the {decoded:,} bytes that it declares",
                        where=f"{where}/{key}",
                        remedy="Copy or export the folder again.",
                    )

        return check

    def _chunks(self, data: bytes, byte_range: ByteRequest | None, index_bytes: int) -> list[bytes]:
        """The compressed chunks in what was read of one file."""
        if not self.index_at:
            return [data]
        if isinstance(byte_range, RangeByteRequest):
            return [] if byte_range.start == 0 and self.index_at == "start" else [data]
        if isinstance(byte_range, SuffixByteRequest) or len(data) < index_bytes + _CHECKSUM:
            return []
        at = 0 if self.index_at == "start" else len(data) - index_bytes - (_CHECKSUM if self.summed else 0)
        spans = struct.iter_unpack("<QQ", data[at : at + index_bytes])
        return [data[offset : offset + size] for offset, size in spans if size != _EMPTY]


def unpacks_beyond(codec: str, data: bytes, bound: int) -> bool:
    """Whether ``data``, compressed by one of ``COMPRESSORS``, unpacks or claims to unpack to more than ``bound``."""
    if codec == "blosc":
        return len(data) < 16 or struct.unpack_from("<I", data, 4)[0] > bound
    if codec == "lz4":
        return len(data) < 4 or struct.unpack_from("<I", data)[0] > bound
    if codec == "zstd":
        declared = _zstd_size(data)
        return _overflows_zstd(data, bound) if declared is None else declared > bound
    if codec in ("gzip", "zlib"):
        if len(data) <= SHORT or len(data) * _DEFLATE_GROWTH <= bound:
            return False
        unpack = zlib.decompressobj(wbits=47).decompress
    elif codec == "bz2":
        unpack = bz2.BZ2Decompressor().decompress
    else:
        unpack = lzma.LZMADecompressor().decompress
    try:
        return len(unpack(data, bound + 1)) > bound
    except (zlib.error, OSError, lzma.LZMAError):
        return False  # damaged: the decoder itself will say so, within these bytes


def _zstd_size(data: bytes) -> int | None:
    """Content size that a zstd frame states (RFC 8878, 3.1.1.1); None where it states none."""
    if len(data) < 6 or data[:4] != b"\x28\xb5\x2f\xfd":
        return None
    descriptor = data[4]
    flag, single = descriptor >> 6, descriptor >> 5 & 1
    if flag == 0 and not single:
        return None
    at = 5 + (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3]
    length = (1, 2, 4, 8)[flag]
    if len(data) < at + length:
        return None
    return int.from_bytes(data[at : at + length], "little") + (256 if flag == 1 else 0)


def _overflows_zstd(data: bytes, bound: int) -> bool:
    try:
        imagecodecs.zstd_decode(data, out=bound)
    except Exception:  # damaged, or longer than the room it was given: refused either way
        return True
    return False
