"""TIFFs that are cut short or larger inside than they say: told before a pixel is decoded."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from cellcommons.errors import CellCommonsError, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.readers import read_image


def one_strip(strip: bytes, width: int, height: int, compression: int) -> bytes:
    tags = [(256, width), (257, height), (258, 8), (259, compression), (262, 1), (273, 8), (277, 1), (278, height)]
    tags.append((279, len(strip)))
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return struct.pack("<2sHI", b"II", 42, 8 + len(strip)) + strip + directory + bytes(4)


def described(path: Path, description: str) -> Path:
    tifffile.imwrite(path, np.zeros((20, 31), np.uint8), description=description, metadata=None)
    return path


def jpeg(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (side, side), 9).save(buffer, "JPEG")
    return buffer.getvalue()


def test_the_helper_writes_a_tiff_that_reads(tmp_path: Path) -> None:
    pixels = np.arange(100, dtype=np.uint8).reshape(10, 10)
    (tmp_path / "a.tif").write_bytes(one_strip(zlib.compress(pixels.tobytes()), 10, 10, 8))
    assert np.array_equal(read_image(tmp_path / "a.tif").plane(), pixels)
    (tmp_path / "a.tif").write_bytes(one_strip(jpeg(16), 16, 16, 7))
    assert (read_image(tmp_path / "a.tif").plane() == 9).all()


@pytest.mark.parametrize(
    ("strip", "compression", "error"),
    [
        (zlib.compress(bytes(64 << 20), 9), 8, UnreadableFile),
        (imagecodecs.zstd_encode(bytes(64 << 20)), 50000, UnreadableFile),
        (jpeg(4000), 7, UnreadableFile),
        (imagecodecs.png_encode(np.zeros((4000, 4000), np.uint8)), 34933, WrongFormat),
        (b"\xff" * 400, 7, UnreadableFile),
        (b"\xff\xd8\xff\xe0\x00\x00" * 40, 7, UnreadableFile),
    ],
    ids=["deflate", "zstd", "jpeg", "png", "padding", "zero-length"],
)
def test_a_strip_that_holds_more_than_it_may_is_refused(
    tmp_path: Path, strip: bytes, compression: int, error: type[Exception]
) -> None:
    (tmp_path / "a.tif").write_bytes(one_strip(strip, 100, 100, compression))
    tracemalloc.start()
    try:
        with pytest.raises(error):
            read_image(tmp_path / "a.tif")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["imagej", "plain", "ome"])
def test_a_stack_cut_anywhere_is_never_read_as_a_smaller_one(tmp_path: Path, kind: str) -> None:
    data = np.random.default_rng(0).integers(0, 99, (5, 24, 24)).astype(np.uint16)
    path = tmp_path / "a.tif"
    if kind == "plain":
        with tifffile.TiffWriter(path) as writer:
            for plane in data:
                writer.write(plane, metadata=None, contiguous=False)
    else:
        tifffile.imwrite(path, data, **{kind: True}, metadata={"axes": "ZYX"})
    whole = path.read_bytes()
    for end in range(20, len(whole) - 12, 41):
        path.write_bytes(whole[:end])
        try:
            image = read_image(path)
        except CellCommonsError:
            continue
        # What lies behind the last plane (ImageJ's spare directories) may be lost without losing a pixel.
        assert np.array_equal(image.data.reshape(data.shape), data)


@pytest.mark.parametrize(
    ("description", "error"),
    [
        ("ImageJ=1.53\nimages=999999999\nchannels=999999999\n", UnreadableFile),
        ('{"shape": [1000000000, 20, 31]}', TooLarge),
        ('{"shape": [6, 20, 31], "axes": "CYX"}', UnreadableFile),
    ],
)
def test_descriptions_that_promise_more_are_refused(tmp_path: Path, description: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_image(described(tmp_path / "a.tif", description))


def test_an_xml_bomb_is_refused(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(9))
    xml = f'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY e0 "aaaaaaaaaa">{entities}]>'
    xml += '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">&e9;</OME>'
    with pytest.raises(UnreadableFile):
        read_image(described(tmp_path / "a.tif", xml))


def test_too_many_directories_are_refused_quickly(tmp_path: Path) -> None:
    chain = b"".join(struct.pack("<HI", 0, 8 + 6 * (i + 1)) for i in range(30_000))
    (tmp_path / "a.tif").write_bytes(struct.pack("<2sHI", b"II", 42, 8) + chain)
    with pytest.raises(TooLarge, match="20,001 planes"):
        read_image(tmp_path / "a.tif")


def test_a_tile_larger_than_an_image_may_be_is_refused(tmp_path: Path) -> None:
    tags = [
        (256, 100),
        (257, 100),
        (258, 8),
        (259, 8),
        (262, 1),
        (277, 1),
        (322, 65536),
        (323, 65536),
        (324, 8),
        (325, 16),
    ]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    (tmp_path / "a.tif").write_bytes(struct.pack("<2sHI", b"II", 42, 24) + bytes(16) + directory + bytes(4))
    with pytest.raises(TooLarge, match="65,536 x 65,536"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize(("compression", "enough"), [(1, 10_000), (32773, 200), (8, 20), (5, 20)])
def test_a_file_with_too_little_data_for_its_pixels_is_refused(tmp_path: Path, compression: int, enough: int) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(one_strip(bytes(enough), 10_000, 10_000, compression))
    with pytest.raises(UnreadableFile, match=r"too little data|truncated"):
        read_image(path)


def test_an_honest_blank_image_reads_however_small_it_is_packed(tmp_path: Path) -> None:
    blank = np.zeros((2000, 2000), np.uint8)
    for compression in ("zlib", "lzw", "packbits", "zstd", "lzma", None):
        tifffile.imwrite(tmp_path / "a.tif", blank, compression=compression, rowsperstrip=2000)
        assert not read_image(tmp_path / "a.tif").data.any()
    tifffile.imwrite(tmp_path / "b.tif", blank > 0, photometric="minisblack")
    assert not read_image(tmp_path / "b.tif").data.any()
