"""Small CZI files, segment by segment, for what Zeiss's own writer does not write: JPEG XR, pyramids, faults."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

ALIGN = 32


@dataclass
class Tile:
    """One subblock: bytes as kept, and where they lie. ``stored`` (rows, columns) if fewer than its size."""

    data: bytes
    places: dict[str, tuple[int, int]]
    pixel_type: int = 0
    compression: int = 0
    stored: tuple[int, int] | None = None
    part: int = 0
    metadata: bytes = field(default=b"")

    def entry(self, position: int) -> bytes:
        kept = dict(zip("YX", self.stored, strict=True)) if self.stored else {}
        told = (self.pixel_type, position, self.part, self.compression, 0, len(self.places))
        head = struct.pack("<2siqiiB5xi", b"DV", *told)
        return head + b"".join(
            struct.pack("<4siifi", name.encode(), start, size, 0.0, kept.get(name, size))
            for name, (start, size) in self.places.items()
        )


def segment(name: bytes, data: bytes) -> bytes:
    padded = data + bytes(-len(data) % ALIGN)
    return struct.pack("<16sqq", name, len(padded), len(data)) + padded


def build_czi(tiles: list[Tile], xml: str = "", *, part: int = 0, count: int | None = None) -> bytes:
    """The bytes of a CZI. ``count``: what its directory declares, if not the truth."""
    body, entries = b"", []
    start = len(segment(b"ZISRAWFILE", bytes(512)))
    for tile in tiles:
        position = start + len(body)
        entry = tile.entry(position)
        head = struct.pack("<iiq", len(tile.metadata), 0, len(tile.data)) + entry
        head += bytes(max(0, 256 - len(head)))
        body += segment(b"ZISRAWSUBBLOCK", head + tile.metadata + tile.data)
        entries.append(entry)
    document = xml.encode()
    metadata_at = start + len(body) if xml else 0
    if xml:
        body += segment(b"ZISRAWMETADATA", struct.pack("<ii248x", len(document), 0) + document)
    directory_at = start + len(body)
    listed = struct.pack("<i124x", len(tiles) if count is None else count) + b"".join(entries)
    body += segment(b"ZISRAWDIRECTORY", listed)
    head = struct.pack("<iiii16s16siqqiq", 1, 0, 0, 0, b"", b"", part, directory_at, metadata_at, 0, 0)
    return segment(b"ZISRAWFILE", head.ljust(512, b"\0")) + body
