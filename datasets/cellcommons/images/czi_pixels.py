"""Decode the pixels of one CZI subblock: plain, zstd with or without split bytes, JPEG XR."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import imagecodecs
import numpy as np

from cellcommons.errors import TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.czi_directory import CziFile, Subblock
from cellcommons.images.data import Pixels
from cellcommons.images.limits import Limits

_AGAIN = "Copy, export or upload it again."
_PLAIN, _JPEG_XR, _ZSTD, _ZSTD_SPLIT = 0, 4, 5, 6


@dataclass(frozen=True)
class PixelType:
    """A kind of pixel: ``samples`` of ``dtype``; 3 are blue, green, red; 4 have alpha besides."""

    dtype: str
    samples: int = 1


PIXEL_TYPES = {
    0: PixelType("<u1"),
    1: PixelType("<u2"),
    2: PixelType("<f4"),
    3: PixelType("<u1", 3),
    4: PixelType("<u2", 3),
    8: PixelType("<f4", 3),
    9: PixelType("<u1", 4),
    12: PixelType("<i4"),
}


def check_readable(subblock: Subblock, limits: Limits, *, where: str) -> None:
    """Raises WrongFormat for kinds of pixel or compression that are not read, TooLarge for a tile above the limit."""
    if subblock.pixel_type not in PIXEL_TYPES:
        raise WrongFormat(f"pixels of CZI type {subblock.pixel_type} are not supported", where=where)
    if subblock.compression not in (_PLAIN, _JPEG_XR, _ZSTD, _ZSTD_SPLIT):
        raise WrongFormat(
            f"CZI compression {subblock.compression} is not read",
            where=where,
            remedy="Save it in ZEN without compression, or with zstd or JPEG XR.",
        )
    if (size := unpacked_bytes(subblock)) > limits.max_decoded_bytes:
        raise TooLarge(
            f"one tile declares {size:,} bytes; the limit is {limits.max_decoded_bytes:,}",
            where=where,
            remedy="Save it as a tiled CZI.",
        )


def unpacked_bytes(subblock: Subblock) -> int:
    """Bytes of its pixels as declared."""
    kind = PIXEL_TYPES[subblock.pixel_type]
    return subblock.stored[0] * subblock.stored[1] * kind.samples * np.dtype(kind.dtype).itemsize


def decoded(file: CziFile, subblock: Subblock) -> Pixels:
    """Pixels of shape (y, x, samples); samples are red, green, blue (and alpha) where there are several.

    Raises:
        UnreadableFile: damaged, or of another size than declared.
    """
    kind = PIXEL_TYPES[subblock.pixel_type]
    size = unpacked_bytes(subblock)
    # No compression here lengthens noise by more than a little.
    data = file.pixels(subblock, size + size // 8 + 4096)
    shape = (*subblock.stored, kind.samples)
    try:
        if subblock.compression == _JPEG_XR:
            _check_jpeg_xr(data, subblock.stored)
            pixels = np.asarray(imagecodecs.jpegxr_decode(data)).reshape(shape)
            if pixels.dtype != np.dtype(kind.dtype):
                raise ValueError(f"it holds {pixels.dtype}")
            return pixels
        if subblock.compression == _ZSTD:
            data = bytes(imagecodecs.zstd_decode(data, out=size))
        elif subblock.compression == _ZSTD_SPLIT:
            data = _unsplit(data, size)
        pixels = np.frombuffer(data, kind.dtype, count=int(np.prod(shape))).reshape(shape)
    except Exception as error:  # codecs raise several types on damaged bytes
        raise UnreadableFile(f"a tile is truncated or damaged ({error})", where=file.where, remedy=_AGAIN) from error
    return pixels if kind.samples == 1 else pixels[..., [2, 1, 0, 3][: kind.samples]]


def _unsplit(data: bytes, size: int) -> bytes:
    """zstd behind a header that may say that low and high bytes of 16 bits were put apart."""
    length = data[0]
    split = length >= 3 and data[1] == 1 and bool(data[2] & 1)
    if length not in (1, 3):
        raise ValueError(f"a header of {length} bytes")
    unpacked = bytes(imagecodecs.zstd_decode(data[length:], out=size))
    if not split:
        return unpacked
    low, high = np.frombuffer(unpacked, np.uint8).reshape(2, -1)
    return np.stack([low, high], axis=-1).tobytes()


def _check_jpeg_xr(data: bytes, stored: tuple[int, int]) -> None:
    """Both headers of a JPEG XR must give the declared size, for which memory is taken. Raises ValueError."""
    magic, directory = struct.unpack_from("<2sxxI", data)
    if magic != b"II":
        raise ValueError("no JPEG XR")
    (count,) = struct.unpack_from("<H", data, directory)
    tags = {}
    for number in range(count):
        tag, kind, _, value = struct.unpack_from("<HHII", data, directory + 2 + 12 * number)
        tags[tag] = value & 0xFFFF if kind == 3 else value
    at = tags[0xBCC0]
    if data[at : at + 8] != b"WMPHOTO\0":
        raise ValueError("no JPEG XR image")
    width, height = struct.unpack_from(">HH" if data[at + 10] & 0x80 else ">II", data, at + 12)
    if (tags[0xBC81], tags[0xBC80]) != stored or (height + 1, width + 1) != stored:
        raise ValueError(f"it holds {width + 1} x {height + 1} pixels")
