"""Is a TIFF whole, and no larger than it may be? Asked of its directories and segments before a pixel is decoded."""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree

import tifffile

from cellcommons.errors import UnreadableFile, WrongFormat
from cellcommons.images.limits import Limits

_AGAIN = "Copy, export or upload it again."
_JPEG = int(tifffile.COMPRESSION.JPEG)
# Decoders of these are told how many bytes to give; those of nested picture formats would believe the nested header.
_BOUNDED = frozenset(
    int(tifffile.COMPRESSION[name])
    for name in (
        "NONE",
        "LZW",
        "ADOBE_DEFLATE",
        "DEFLATE",
        "PACKBITS",
        "ZSTD",
        "LZMA",
        "CCITTRLE",
        "CCITT_T4",
        "CCITT_T6",
    )
)
# No stream of these grows more than this when decoded, so fewer bytes mean that the declared size is false.
_MOST_GROWTH = {"NONE": 1, "PACKBITS": 64, "ADOBE_DEFLATE": 1032, "DEFLATE": 1032, "LZW": 4096}
# JPEG frame headers: SOF0..SOF15 without DHT (C4), JPG (C8) and DAC (CC).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def check_directories(path: Path, limits: Limits, name: str) -> None:
    """Follow the chain of image directories to its end.

    tifffile stops quietly where the chain leaves the file, and would give the planes so far as if they were all.

    Raises:
        UnreadableFile: the chain leaves the file or runs in a circle.
        TooLarge: more directories than planes are allowed.
    """
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = len(head) >= 4 and struct.unpack(order + "H", head[2:4])[0] == 43
        if len(head) < (16 if big else 8):
            raise _truncated(name)
        count_format, entry_bytes, link_format = (
            (order + "Q", 20, order + "Q") if big else (order + "H", 12, order + "I")
        )
        (offset,) = struct.unpack(link_format, head[8:16] if big else head[4:8])
        seen: set[int] = set()
        while offset:
            limits.check_planes(len(seen) + 1, where=name)
            if offset in seen:
                raise UnreadableFile("its image directories run in a circle", where=name, remedy=_AGAIN)
            seen.add(offset)
            count = _number(handle, offset, count_format, size, name)
            offset = _number(
                handle, offset + struct.calcsize(count_format) + count * entry_bytes, link_format, size, name
            )


def check_counts(xml: str, limits: Limits, name: str) -> None:
    """Bound the counts in OME-XML that tifffile would make lists of: planes of a block, steps of a modulo axis.

    Raises:
        TooLarge: a count above the limit on planes.
        ValueError, xml.etree.ElementTree.ParseError: no number, no XML.
    """
    for element in ElementTree.fromstring(xml).iter():
        tag = element.tag.rsplit("}", 1)[-1]
        if tag == "TiffData":
            for key in ("PlaneCount", "NumPlanes", "IFD"):
                limits.check_planes(int(element.get(key, "0")), where=name)
        elif tag[:-1].endswith("Along") and "Start" in element.attrib:
            start, end, step = (float(element.get(key, "1")) for key in ("Start", "End", "Step"))
            steps = abs((end - start) / step) if step else math.inf
            limits.check_planes(int(steps) if steps < 1e15 else 10**15, where=name)


def check_segments(series: Any, limits: Limits, name: str) -> None:
    """Every strip or tile of ``series`` must lie in its file and be of an allowed size.

    Raises:
        UnreadableFile: planes or segments are missing.
        WrongFormat: a compression whose decoded size cannot be bounded.
        TooLarge: a tile is above a limit.
    """
    first = series.keyframe
    compression = int(first.compression)
    if compression not in _BOUNDED and compression != _JPEG:
        raise WrongFormat(
            f"TIFF compression {getattr(first.compression, 'name', compression)} is not read",
            where=name,
            remedy="Save it again without compression, or with LZW or deflate.",
        )
    if not first.is_final:
        # A strip may state 2^32-1 rows, which means all of them.
        rows = first.tilelength if first.is_tiled else min(first.rowsperstrip or 1, first.imagelength)
        width = first.tilewidth if first.is_tiled else first.imagewidth
        itemsize = max(1, first.tiledepth) * max(1, first.bitspersample // 8)
        limits.check_declared("SYX", (first.samplesperpixel, rows, width), itemsize, where=name)
    if series.dataoffset is not None and not series.is_multifile:
        if series.dataoffset + series.nbytes > first.parent.filehandle.size:
            raise _truncated(name)
        return
    held = 0
    sizes: dict[str, int] = {}
    for page in series.pages:
        if page is None:
            raise UnreadableFile(
                "planes of this image are not in this file", where=name, remedy="Export it as one single file."
            )
        path = page.parent.filehandle.path
        if path not in sizes:
            sizes[path] = page.parent.filehandle.size
        spans = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        if not spans or any(offset <= 0 or count <= 0 or offset + count > sizes[path] for offset, count in spans):
            raise _truncated(name)
        held += sum(count for _, count in spans)
    growth = _MOST_GROWTH.get(first.compression.name)
    # Samples of 1 to 7 bits are widened to bytes only after decoding; eight times covers them.
    if growth is not None and held * growth * (1 if first.bitspersample % 8 == 0 else 8) < series.nbytes:
        raise UnreadableFile(
            f"it declares {series.nbytes:,} bytes of pixels and holds too little data for them",
            where=name,
            remedy=_AGAIN,
        )


def check_jpeg(data: bytes, rows: int, width: int, name: str) -> None:
    """The JPEG in one segment must not declare more pixels than the segment holds. Raises UnreadableFile."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            height, across = struct.unpack(">HH", data[at + 5 : at + 9])
            if height > rows or across > width:
                raise UnreadableFile(
                    f"a segment of {width} x {rows} pixels holds a JPEG of {across} x {height}",
                    where=name,
                    remedy=_AGAIN,
                )
            return
        # Fill bytes and markers without a length (TEM, RSTn, SOI) are two bytes long, or one of padding.
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    raise UnreadableFile("a JPEG segment has no frame header", where=name, remedy=_AGAIN)


def _number(handle: BinaryIO, offset: int, form: str, size: int, name: str) -> int:
    length = struct.calcsize(form)
    if offset + length > size:
        raise _truncated(name)
    handle.seek(offset, os.SEEK_SET)
    return int(struct.unpack(form, handle.read(length))[0])


def _truncated(name: str) -> UnreadableFile:
    return UnreadableFile("the TIFF is truncated: it ends before its last plane", where=name, remedy=_AGAIN)
