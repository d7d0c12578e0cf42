"""Edits: the XOR of the tiles that one stroke changed. The wire form is described in ``docs/protocol.md``.

XOR makes an edit its own inverse, needs no colour of "nothing", and leaves long runs of zeros that deflate to a few
hundred bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cellcommons.errors import InvalidDocument
from cellcommons.labels import Labels

TILE = 128


def deflate(labels: Labels) -> str:
    """base64 of the raw deflate of uint32 little-endian pixels, row-major."""
    packer = zlib.compressobj(level=6, wbits=-zlib.MAX_WBITS)
    data = packer.compress(np.ascontiguousarray(labels, dtype="<u4").tobytes()) + packer.flush()
    return base64.b64encode(data).decode("ascii")


def inflate(text: str, shape: tuple[int, int], *, where: str = "") -> Labels:
    """The pixels that ``deflate`` packed.

    Never inflates past the size that ``shape`` needs, so a small hostile text cannot fill the memory.

    Raises:
        InvalidDocument: not base64, not raw deflate, or not exactly ``shape`` of uint32.
    """
    wanted = shape[0] * shape[1] * 4
    try:
        packed = base64.b64decode(text, validate=True)
        unpacker = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        data = unpacker.decompress(packed, wanted + 1)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise InvalidDocument(f"not base64 of raw-deflated pixels ({error})", where=where) from error
    if len(data) != wanted or not unpacker.eof:
        raise InvalidDocument(f"the pixels do not fill {shape[0]} x {shape[1]} uint32", where=where)
    return np.frombuffer(data, dtype="<u4").astype(np.uint32).reshape(shape)


def pixels_sha256(labels: Labels) -> str:
    """sha256 of the uint32 little-endian pixels, row-major, without padding."""
    return hashlib.sha256(np.ascontiguousarray(labels, dtype="<u4").tobytes()).hexdigest()


def tile_count(shape: tuple[int, int]) -> tuple[int, int]:
    """Tiles along y and x."""
    return -(-shape[0] // TILE), -(-shape[1] // TILE)


def encode_tiles(old: Labels, new: Labels, versions: Mapping[str, int]) -> list[dict[str, Any]]:
    """The tiles in which ``old`` and ``new`` (uint32, yx) differ, in wire form.

    Args:
        versions: ``"y,x"`` -> earlier edits that touched the tile; absent means 0.
    """
    if old.shape != new.shape:
        raise InvalidDocument(f"label maps of {old.shape} and {new.shape} cannot be compared")
    change = old ^ new
    rows, columns = np.nonzero(change)
    tiles = []
    for y, x in sorted(set(zip((rows // TILE).tolist(), (columns // TILE).tolist(), strict=True))):
        tile = np.zeros((TILE, TILE), dtype=np.uint32)
        part = change[y * TILE : (y + 1) * TILE, x * TILE : (x + 1) * TILE]
        tile[: part.shape[0], : part.shape[1]] = part
        tiles.append({"y": y, "x": x, "version": versions.get(f"{y},{x}", 0), "xor": deflate(tile)})
    return tiles


def check_tiles(tiles: Iterable[Mapping[str, Any]], shape: tuple[int, int], *, where: str = "") -> None:
    """Refuse tiles outside the image, twice in one edit, or whose XOR does not unpack. Raises InvalidDocument."""
    high, wide = tile_count(shape)
    seen: set[tuple[int, int]] = set()
    for tile in tiles:
        y, x = int(tile["y"]), int(tile["x"])
        if not (0 <= y < high and 0 <= x < wide):
            raise InvalidDocument(f"tile ({y}, {x}) lies outside the {high} x {wide} tiles of the image", where=where)
        if (y, x) in seen:
            raise InvalidDocument(f"tile ({y}, {x}) comes twice in one edit", where=where)
        seen.add((y, x))
        inflate(str(tile["xor"]), (TILE, TILE), where=f"{where} tile ({y}, {x})".strip())


def fold_edits(base: Labels, edits: Iterable[Iterable[Mapping[str, Any]]]) -> Labels:
    """Apply edits (each a list of tiles) over ``base`` (uint32, yx); the padding of border tiles is ignored."""
    labels = base.copy()
    for tiles in edits:
        for tile in tiles:
            y, x = int(tile["y"]) * TILE, int(tile["x"]) * TILE
            part = labels[y : y + TILE, x : x + TILE]
            part ^= inflate(str(tile["xor"]), (TILE, TILE))[: part.shape[0], : part.shape[1]]
    return labels
