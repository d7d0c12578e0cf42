"""Read PNG: 1, 8 and 16 bit, gray, colour, palette, with or without alpha."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import imagecodecs

from cellcommons.errors import UnreadableFile
from cellcommons.images.colour import from_samples
from cellcommons.images.data import Pixels
from cellcommons.images.held import held_file
from cellcommons.images.lazy import ImageFile
from cellcommons.images.limits import DEFAULT_LIMITS, Limits

_SIGNATURE = 8
# PNG colour type -> samples a pixel once decoded (a palette is expanded to RGB, RGBA with transparency).
_SAMPLES = {0: 1, 2: 3, 3: 4, 4: 2, 6: 4}


@dataclass(frozen=True)
class PngHeader:
    """What IHDR declares: pixels, bits a sample, PNG colour type; and the packed bytes there are for it."""

    width: int
    height: int
    bits: int
    colour_type: int
    packed: int

    @property
    def unpacked(self) -> int:
        """Bytes of all rows before they become pixels, each with its filter byte (interlacing only adds more)."""
        samples = 1 if self.colour_type == 3 else _SAMPLES[self.colour_type]
        return self.height * (1 + (self.width * self.bits * samples + 7) // 8)


def png_header(data: bytes, *, where: str) -> PngHeader:
    """Parse IHDR and walk the chunks to the end.

    Raises:
        UnreadableFile: a chunk reaches beyond the file, or IHDR is missing or senseless.
    """
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise UnreadableFile("the PNG ends before its header", where=where, remedy="Export or upload it again.")
    width, height, bits, colour_type = struct.unpack(">IIBB", data[16:26])
    if not width or not height or colour_type not in _SAMPLES:
        raise UnreadableFile("the PNG header is damaged", where=where, remedy="Export or upload it again.")
    offset, packed = _SIGNATURE, 0
    while offset + 12 <= len(data):
        length = int.from_bytes(data[offset : offset + 4], "big")
        if data[offset + 4 : offset + 8] == b"IEND":
            return PngHeader(width, height, bits, colour_type, packed)
        if data[offset + 4 : offset + 8] == b"IDAT":
            packed += length
        offset += 12 + length
    raise UnreadableFile(
        "the PNG is truncated: its end is missing", where=where, remedy="Copy, export or upload it again."
    )


def decode_png(data: bytes, limits: Limits = DEFAULT_LIMITS, *, where: str) -> Pixels:
    """Samples of shape (y, x) or (y, x, samples), uint8 or uint16.

    Raises:
        UnreadableFile: truncated or damaged.
        TooLarge: declared above a limit.
    """
    header = png_header(data, where=where)
    shape = (header.height, header.width, _SAMPLES[header.colour_type])
    limits.check_declared("YXS", shape, 2 if header.bits == 16 else 1, where=where)
    # Deflate grows at most 1032-fold: a header that promises more is false, and not worth the memory.
    if header.packed * 1032 < header.unpacked:
        raise UnreadableFile(
            f"it declares {header.width:,} x {header.height:,} pixels and holds too little data for them",
            where=where,
            remedy="Export or upload it again.",
        )
    try:
        pixels: Pixels = imagecodecs.png_decode(data)
    except (RuntimeError, ValueError, OSError) as error:
        raise UnreadableFile(
            f"the PNG is damaged ({error})", where=where, remedy="Export or upload it again."
        ) from error
    return pixels


def open_png(path: Path, name: str, limits: Limits) -> ImageFile:
    """Open a PNG, which decodes as a whole. It states no channels and no trustworthy pixel size: the size is unknown.

    Raises:
        UnreadableFile, TooLarge: as ``decode_png``.
    """
    return held_file("PNG", from_samples(decode_png(path.read_bytes(), limits, where=name), {"format": "PNG"}), path)
