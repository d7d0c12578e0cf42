"""Masks of single cells as PNG, by the thousand: read and written without touching the emptiness around the cell.

A mask is nearly all zeros. Written, the rows above and below the cell are runs of zero bytes whose compressed form is
put together from blocks made once; read, only rows that hold something are unfiltered. Both are plain PNG
(https://www.w3.org/TR/png-3/): what this module does not read quickly it leaves to libpng.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import MismatchedShapes, WrongFormat
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.images.png import decode_png, png_header
from cellcommons.images.sniff import HEAD, checked_kind
from cellcommons.labels import Cell, Mask

# Row and column of the first pixel of a window, and the window.
Window = tuple[int, int, Mask]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NONE, _SUB, _UP, _AVERAGE, _PAETH = range(5)
# What begins a zlib stream: deflate with a window of 32 KiB.
_ZLIB_HEADER = b"\x78\x01"
_END = b"\x03\x00"
_ADLER = 65521
_INK = 255


def decode_mask(data: bytes, shape: tuple[int, int], *, where: str) -> Window | None:
    """The foreground of a mask: a window that holds all of it; None where there is none.

    Args:
        shape: rows and columns that it must have. Compared before anything is decoded.

    Raises:
        WrongFormat: no PNG. MismatchedShapes: another size. UnreadableFile: truncated or damaged.
    """
    kind = checked_kind(data[:HEAD], where.rpartition("/")[2])
    if kind != "PNG":
        raise WrongFormat(f"a mask is a PNG, this is {kind}", where=where)
    header = png_header(data, where=where)
    if (header.height, header.width) != shape:
        raise MismatchedShapes(
            f"the mask is {header.width} x {header.height}, its image {shape[1]} x {shape[0]}",
            where=where,
            remedy="Export the mask at the size of its image, or remove it.",
        )
    # Gray of 8 bits, not interlaced: what nearly all masks are.
    if header.bits == 8 and header.colour_type == 0 and data[28] == 0:
        rows = _unpacked(data, shape)
        window = _unfiltered(rows) if rows is not None else None
        if window is not None:
            return _cut(*window)
    pixels = decode_png(data, DEFAULT_LIMITS, where=where)
    if pixels.ndim == 3:
        pixels = np.asarray(pixels[..., : 1 if pixels.shape[-1] == 2 else 3].any(axis=-1))
    return _cut(0, pixels != 0)


def encode_mask(cell: Cell, shape: tuple[int, int]) -> bytes:
    """A gray PNG of 8 bits and of ``shape``: 255 in the cell, 0 elsewhere."""
    (height, width), (y0, x0, y1, x1) = shape, cell.box
    stride = width + 1
    rows = np.zeros((y1 - y0, stride), dtype=np.uint8)
    rows[:, 1 + x0 : 1 + x1][cell.mask] = _INK
    middle = rows.tobytes()
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    before, after = y0 * stride, (height - y1) * stride
    body = packer.compress(middle) + packer.flush(zlib.Z_FULL_FLUSH)
    # Adler-32 of zeros: the first sum stays, the second grows by it with each byte.
    low, high = 1, before % _ADLER
    total = zlib.adler32(middle, high << 16 | low)
    low, high = total & 0xFFFF, total >> 16
    high = (high + after * low) % _ADLER
    stream = b"".join([_ZLIB_HEADER, _zeros(before), body, _zeros(after), _END, struct.pack(">I", high << 16 | low)])
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", stream) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))


def _zeros(count: int) -> bytes:
    """``count`` zero bytes as deflate blocks that end on a byte and refer to nothing before them."""
    return b"".join(_zero_block(bit) for bit in range(count.bit_length()) if count >> bit & 1)


@lru_cache(maxsize=64)
def _zero_block(power: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(bytes(1 << power)) + packer.flush(zlib.Z_FULL_FLUSH)


def _unpacked(data: bytes, shape: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Filter byte and residuals of each row; None where the stream is not what the header promises."""
    height, width = shape
    parts, offset = [], len(_SIGNATURE)
    while offset + 12 <= len(data):
        length = int.from_bytes(data[offset : offset + 4], "big")
        if data[offset + 4 : offset + 8] == b"IDAT":
            parts.append(data[offset + 8 : offset + 8 + length])
        offset += 12 + length
    try:
        # The output has the declared size and no more: nothing can be larger than it says.
        raw = imagecodecs.deflate_decode(b"".join(parts), raw=False, out=height * (width + 1))
    except (RuntimeError, ValueError):
        return None
    if len(raw) != height * (width + 1):
        return None
    return np.frombuffer(raw, dtype=np.uint8).reshape(height, width + 1)


def _unfiltered(rows: NDArray[np.uint8]) -> tuple[int, Mask] | None:
    """Rows from the first to the last that hold something; None where a filter is none of PNG's.

    Each filter predicts zero from zeros, so a row of zero residuals is empty wherever the row above it is.
    """
    filters, residuals = rows[:, 0], rows[:, 1:]
    if int(filters.max()) > _PAETH:
        return None
    written = np.asarray(residuals.any(axis=1))
    starts = np.flatnonzero(written)
    if not starts.size:
        return 0, np.zeros((0, residuals.shape[1]), dtype=np.bool_)
    first, last = int(starts[0]), int(starts[-1])
    empty = np.zeros(residuals.shape[1], dtype=np.uint8)
    above, found = empty, []
    for number in range(first, len(rows)):
        if number > last and not above.any():
            break
        kind = int(filters[number])
        if not written[number] and (kind <= _SUB or above is empty):
            above = empty
        elif kind == _NONE:
            above = residuals[number]
        elif kind == _SUB:
            above = np.cumsum(residuals[number], dtype=np.uint8)
        elif kind == _UP:
            above = above + residuals[number] if written[number] else above
        else:
            above = _predicted(kind, residuals[number], above)
        found.append(above)
    return first, np.asarray(found) != 0


def _predicted(kind: int, residual: NDArray[np.uint8], above: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A row whose prediction needs the pixel to the left: one by one, from where something is until nothing is left."""
    held = np.flatnonzero((residual != 0) | (above != 0))
    row = bytearray(len(residual))
    if not held.size:
        return np.frombuffer(row, dtype=np.uint8)
    start, stop = int(held[0]), int(held[-1])
    given, upper = residual.tobytes(), above.tobytes()
    left = corner = 0
    for place in range(start, len(row)):
        up = upper[place]
        if place > stop + 1 and left == 0:
            break
        if kind == _AVERAGE:
            guess = (left + up) >> 1
        else:
            base = left + up - corner
            off_left, off_up, off_corner = abs(base - left), abs(base - up), abs(base - corner)
            nearer = up if off_up <= off_corner else corner
            guess = left if off_left <= off_up and off_left <= off_corner else nearer
        left = row[place] = (given[place] + guess) & 0xFF
        corner = up
    return np.frombuffer(row, dtype=np.uint8)


def _cut(first: int, mask: Mask) -> Window | None:
    """The part of ``mask``, whose first row is ``first`` in the image, that holds something."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    y0, x0 = int(rows[0]), int(columns[0])
    return first + y0, x0, np.ascontiguousarray(mask[y0 : int(rows[-1]) + 1, x0 : int(columns[-1]) + 1])
