"""PNG and JPEG, files whose name and content disagree, and real files of many kinds."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from cellcommons.errors import NotFound, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.limits import Limits
from cellcommons.images.readers import is_image, read_image


def pixels(shape: tuple[int, ...], dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape).astype(dtype)


def png(path: Path, data: np.ndarray) -> Path:
    path.write_bytes(imagecodecs.png_encode(data))
    return path


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png_gray_and_colour(tmp_path: Path, dtype: str) -> None:
    gray = pixels((20, 31), dtype)
    image = read_image(png(tmp_path / "a.png", gray))
    assert (image.axes, image.channels, image.rgb, image.data.dtype) == ("cyx", ("intensity",), False, dtype)
    assert np.array_equal(image.plane(), gray)
    colour = pixels((20, 31, 3), dtype)
    image = read_image(png(tmp_path / "b.png", colour))
    assert (image.channels, image.rgb) == (("red", "green", "blue"), True)
    assert np.array_equal(image.data, np.moveaxis(colour, -1, 0))
    image = read_image(png(tmp_path / "c.png", np.repeat(gray[..., None], 3, -1)))
    assert (image.channels, image.rgb) == (("intensity",), False)
    assert np.array_equal(image.plane(), gray)


@pytest.mark.parametrize("samples", [2, 4])
def test_png_alpha(tmp_path: Path, samples: int) -> None:
    data = pixels((20, 31, samples))
    data[..., -1] = 255
    image = read_image(png(tmp_path / "a.png", data))
    assert image.data.shape == (samples - 1, 20, 31)
    assert "alpha" not in image.metadata
    data[3, 3, -1] = 0
    image = read_image(png(tmp_path / "a.png", data))
    assert image.data.shape == (samples - 1, 20, 31)
    assert "not opaque" in image.metadata["alpha"]


def test_png_palette_and_one_bit(tmp_path: Path) -> None:
    source = Image.fromarray(pixels((20, 31, 3))).quantize(16)
    source.save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.rgb
    assert np.array_equal(np.moveaxis(image.data, 0, -1), np.asarray(source.convert("RGB")))
    Image.fromarray(pixels((20, 31)) > 100).save(tmp_path / "b.png")
    image = read_image(tmp_path / "b.png")
    assert np.array_equal(image.plane() > 0, pixels((20, 31)) > 100)


def test_jpeg(tmp_path: Path) -> None:
    smooth = np.tile(np.arange(64, dtype=np.uint8) * 3, (48, 1))
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    image = read_image(tmp_path / "a.jpg")
    assert image.channels == ("intensity",)
    assert np.abs(image.plane().astype(int) - smooth).max() < 8
    assert "lossy" in image.metadata
    Image.fromarray(pixels((20, 31, 3))).save(tmp_path / "b.jpeg")
    assert read_image(tmp_path / "b.jpeg").rgb
    Image.new("CMYK", (9, 9)).save(tmp_path / "c.jpg")
    with pytest.raises(WrongFormat, match="CMYK"):
        read_image(tmp_path / "c.jpg")


def encoded(kind: str) -> bytes:
    if kind == "TIFF":
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, pixels((20, 31)))
        return buffer.getvalue()
    if kind == "text":
        return b"id,stratum\n1,a\n"
    if kind == "an HTML page":
        return b"<!DOCTYPE html><html>sign in</html>"
    buffer = io.BytesIO()
    Image.fromarray(pixels((20, 31))).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.png", "TIFF"),
        ("a.png", "JPEG"),
        ("a.tif", "PNG"),
        ("a.ome.tif", "JPEG"),
        ("a.jpg", "PNG"),
        ("a.JPEG", "TIFF"),
    ],
)
def test_a_name_that_promises_another_format_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(encoded(kind))
    with pytest.raises(WrongFormat, match=f"looks like {kind}") as caught:
        read_image(tmp_path / name)
    assert caught.value.where == name
    assert "Rename" in caught.value.remedy
    (tmp_path / "upload").write_bytes(encoded(kind))
    with pytest.raises(WrongFormat, match=f"looks like {kind}"):
        read_image(tmp_path / "upload", name=name)
    assert read_image(tmp_path / "upload").shape_yx == (20, 31)


@pytest.mark.parametrize("kind", ["text", "an HTML page", "GIF", "BMP", "WebP"])
@pytest.mark.parametrize("name", ["a.png", "a.xyz"])
def test_content_that_is_not_supported_is_named(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(encoded(kind))
    with pytest.raises(WrongFormat, match=f"looks like {kind}"):
        read_image(tmp_path / name)


def test_empty_missing_and_folder(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(UnreadableFile, match="empty"):
        read_image(tmp_path / "a.png")
    with pytest.raises(NotFound):
        read_image(tmp_path / "b.png")
    with pytest.raises(WrongFormat, match="no OME-Zarr"):
        read_image(tmp_path)
    os.mkfifo(tmp_path / "c.png")
    with pytest.raises(UnreadableFile, match="plain file"):
        read_image(tmp_path / "c.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_truncated_pictures_are_unreadable(tmp_path: Path, kind: str) -> None:
    whole = encoded(kind)
    path = tmp_path / "a"
    for end in range(8, len(whole) - 4, 7):
        path.write_bytes(whole[:end])
        with pytest.raises(UnreadableFile, match=r"truncated|damaged|ends"):
            read_image(path)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def test_a_png_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    write_declared(tmp_path / "a.png", 60_000)
    with pytest.raises(TooLarge, match="60,000 x 60,000"):
        read_image(tmp_path / "a.png")
    write_declared(tmp_path / "a.png", 16_000)
    with pytest.raises(UnreadableFile, match="too little data"):
        read_image(tmp_path / "a.png")


def test_an_honest_blank_png_reads(tmp_path: Path) -> None:
    for blank in (np.zeros((3000, 3000), np.uint16), np.zeros((3000, 3000, 4), np.uint8)):
        assert not read_image(png(tmp_path / "a.png", blank)).data.any()
    for mode in ("1", "P"):
        Image.new(mode, (3000, 3000)).save(tmp_path / "b.png", compress_level=9)
        assert read_image(tmp_path / "b.png").shape_yx == (3000, 3000)


def write_declared(path: Path, side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    path.write_bytes(data)


def test_a_png_whose_pixels_are_damaged(tmp_path: Path) -> None:
    data = bytearray(encoded("PNG"))
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UnreadableFile, match="damaged"):
        read_image(tmp_path / "a.png")


def test_limits_hold_for_pictures(tmp_path: Path) -> None:
    for kind, name in (("PNG", "a.png"), ("JPEG", "a.jpg")):
        (tmp_path / name).write_bytes(encoded(kind))
        with pytest.raises(TooLarge, match="pixels a plane"):
            read_image(tmp_path / name, limits=Limits(max_pixels=600))
        with pytest.raises(TooLarge, match="file has"):
            read_image(tmp_path / name, limits=Limits(max_file_bytes=10))


REAL = [
    ("fmt_neubias_ccby/xy_16bit__bacteria_cords_thin.tif", "cyx", (1, 512, 512), "uint16", 0.628171),
    ("fmt_neubias_ccby/xy_rgb__cells.tif", "cyx", (3, 257, 280), "uint8", None),
    ("fmt_neubias_ccby/xyc_16bit__hela-cells.tif", "cyx", (3, 512, 672), "uint16", 0.0514931),
    ("fmt_neubias_ccby/xyz_8bit__chromosomes.tif", "czyx", (1, 40, 152, 126), "uint16", 0.0338542),
    ("fmt_neubias_ccby/xyzc_16bit__dna_conf_wf.tif", "czyx", (2, 45, 130, 133), "uint16", 0.511878),
    ("fmt_neubias_ccby/watershed/xy_8bit_labels__nuclei.tif", "cyx", (1, 214, 226), "uint8", None),
    ("fmt_wipp_ometiff/data/Thresholding/inputCollection/img.ome.tif", "cyx", (1, 520, 696), "uint16", None),
    ("fmt_mixed/ome_tiff/test.ome.tif", "cyx", (3, 167, 439), "int8", None),
    ("fmt_mixed/svs/cmu-1-small-region.svs", "cyx", (3, 2967, 2220), "uint8", 0.499),
]


@pytest.mark.real_data
@pytest.mark.parametrize(("file", "axes", "shape", "dtype", "micrometres"), REAL)
def test_real_files(
    real_data: Path, file: str, axes: str, shape: tuple[int, ...], dtype: str, micrometres: float | None
) -> None:
    image = read_image(real_data / file)
    assert (image.axes, image.data.shape, image.data.dtype) == (axes, shape, dtype)
    assert image.pixel_size.x == (None if micrometres is None else pytest.approx(micrometres, rel=1e-4))
    assert np.ptp(image.data) > 0


@pytest.mark.real_data
def test_three_stains_in_an_rgb_page_are_no_colour_picture(real_data: Path) -> None:
    assert not read_image(real_data / "fmt_neubias_ccby/xyc_16bit__hela-cells.tif").rgb
    assert read_image(real_data / "fmt_neubias_ccby/xy_rgb__cells.tif").rgb


@pytest.mark.real_data
def test_every_real_tiff_of_these_folders_reads(real_data: Path) -> None:
    files = [
        p for folder in ("fmt_neubias_ccby", "fmt_wipp_ometiff") for p in sorted((real_data / folder).rglob("*.tif"))
    ]
    assert len(files) > 80
    for file in files:
        image = read_image(file)
        assert "axes_assumed" not in image.metadata, file
        assert image.data.size == tifffile.imread(file).size


@pytest.mark.parametrize(("head", "kind"), [(b"\xd0\xcf\x11\xe0", "OLE"), (b"\x00\x00\x00\x0cjP  ", "JPEG 2000")])
def test_formats_that_are_not_read_are_named(tmp_path: Path, head: bytes, kind: str) -> None:
    for name in ("a.oib", "a.nd2", "a"):
        (tmp_path / name).write_bytes(head + bytes(600))
        with pytest.raises(WrongFormat, match=kind):
            read_image(tmp_path / name)
        assert is_image(tmp_path / name) == (name == "a.nd2")
