"""Masks of cells as PNG: every reader sees what we wrote, and we see what every writer wrote."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from cellcommons.errors import CellCommonsError, MismatchedShapes, UnreadableFile, WrongFormat
from cellcommons.images.mask_png import decode_mask, encode_mask
from cellcommons.labels import Cell, Mask


def random_mask(seed: int, shape: tuple[int, int]) -> Mask:
    """A few blobs, some of them at the edge; or nothing."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, dtype=np.bool_)
    for _ in range(int(rng.integers(0, 4))):
        y, x = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        part = mask[y : y + int(rng.integers(1, 9)), x : x + int(rng.integers(1, 9))]
        part |= rng.random(part.shape) < 0.8
    return mask


def filtered(pixels: NDArray[np.uint8], filters: list[int]) -> bytes:
    """A PNG whose row ``n`` is filtered by ``filters[n]``, as the standard defines it."""
    rows, above = [], np.zeros(pixels.shape[1], dtype=int)
    for row, kind in zip(pixels.astype(int), filters, strict=True):
        left, corner = np.concatenate([[0], row[:-1]]), np.concatenate([[0], above[:-1]])
        base = left + above - corner
        off = np.abs(np.stack([base - left, base - above, base - corner]))
        paeth = np.where((off[0] <= off[1]) & (off[0] <= off[2]), left, np.where(off[1] <= off[2], above, corner))
        guess = [np.zeros_like(row), left, above, (left + above) // 2, paeth][kind]
        rows.append(bytes([kind]) + ((row - guess) % 256).astype(np.uint8).tobytes())
        above = row
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def whole(data: bytes, shape: tuple[int, int]) -> Mask:
    """What ``decode_mask`` says, in the plane."""
    plane = np.zeros(shape, dtype=np.bool_)
    window = decode_mask(data, shape, where="m.png")
    if window is not None:
        y, x, mask = window
        assert mask.any(axis=0)[[0, -1]].all()
        assert mask.any(axis=1)[[0, -1]].all()
        plane[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    return plane


@given(st.data())
@settings(max_examples=60)
def test_every_filter_is_undone(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 24), st.integers(1, 24)))
    mask = random_mask(data.draw(st.integers(0, 10_000)), shape)
    values = data.draw(st.sampled_from([1, 127, 255]))
    pixels = (mask * values).astype(np.uint8)
    filters = data.draw(st.lists(st.integers(0, 4), min_size=shape[0], max_size=shape[0]))
    packed = filtered(pixels, filters)
    np.testing.assert_array_equal(imagecodecs.png_decode(packed).reshape(shape), pixels)
    np.testing.assert_array_equal(whole(packed, shape), mask)


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=60)
def test_what_is_written_is_a_png_to_everyone(seed: int, height: int, width: int) -> None:
    mask = random_mask(seed, (height, width))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return
    y0, x0, y1, x1 = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    data = encode_mask(Cell(1, (y0, x0, y1, x1), mask[y0:y1, x0:x1], int(mask.sum())), (height, width))
    for read in (lambda raw: np.asarray(Image.open(io.BytesIO(raw))), imagecodecs.png_decode):
        np.testing.assert_array_equal(read(data).reshape(height, width), mask * 255)
    np.testing.assert_array_equal(whole(data, (height, width)), mask)


@pytest.mark.parametrize("mode", ["1", "P", "RGB", "RGBA", "LA", "I;16"])
def test_other_kinds_of_png_are_read_too(mode: str) -> None:
    mask = random_mask(3, (20, 30))
    assert mask.any()
    gray = (mask * 255).astype(np.uint8)
    if mode == "I;16":
        picture = Image.fromarray(gray.astype(np.uint16) * 257)
    elif mode == "RGBA":
        # Opaque everywhere: the alpha channel is no ink.
        picture = Image.fromarray(np.dstack([gray, gray, gray, np.full_like(gray, 255)]))
    elif mode == "LA":
        picture = Image.fromarray(np.dstack([gray, np.full_like(gray, 255)]), "LA")
    else:
        picture = Image.fromarray(gray).convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    np.testing.assert_array_equal(whole(buffer.getvalue(), mask.shape), mask)


def test_an_empty_mask() -> None:
    assert decode_mask(filtered(np.zeros((9, 7), np.uint8), [4] * 9), (9, 7), where="m.png") is None


def test_refusals() -> None:
    data = filtered(np.full((9, 7), 255, np.uint8), [0] * 9)
    with pytest.raises(MismatchedShapes, match="7 x 9, its image 9 x 7"):
        decode_mask(data, (7, 9), where="m.png")
    with pytest.raises(UnreadableFile):
        decode_mask(data[:-20], (9, 7), where="m.png")
    with pytest.raises(UnreadableFile):
        decode_mask(b"", (9, 7), where="m.png")
    with pytest.raises(WrongFormat):
        decode_mask(b"\xff\xd8\xff" + bytes(600), (9, 7), where="m.jpg")
    broken = bytearray(data)
    broken[45] ^= 0xFF
    with pytest.raises(UnreadableFile):
        decode_mask(bytes(broken), (9, 7), where="m.png")


@given(st.data())
@settings(max_examples=60)
def test_damaged_masks_are_refused_or_read_never_worse(data: st.DataObject) -> None:
    shape = (12, 15)
    packed = bytearray(filtered((random_mask(data.draw(st.integers(0, 99)), shape) * 255).astype(np.uint8), [2] * 12))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CellCommonsError):
        whole(bytes(packed[: data.draw(st.integers(0, len(packed)))]), shape)


def test_the_real_masks_are_read_as_libpng_reads_them(real_data: Path) -> None:
    files = sorted((real_data / "seg_dsb2018_fixes").glob("stage1_train/*/masks/*.png"))[::97]
    assert len(files) > 100
    for path in files:
        data = path.read_bytes()
        pixels = imagecodecs.png_decode(data)
        np.testing.assert_array_equal(whole(data, pixels.shape[:2]), pixels != 0)
