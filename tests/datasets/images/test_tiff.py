"""TIFF in its many kinds: what is read, what is stated about it, what is refused."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.limits import Limits
from cellcommons.images.readers import read_image

DTYPES = ["uint8", "uint16", "uint32", "int16", "float32", "float64"]


def pixels(shape: tuple[int, ...], dtype: str = "uint16", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 120, shape).astype(dtype)


def save(path: Path, data: np.ndarray, **options: Any) -> Path:
    tifffile.imwrite(path, data, **options)
    return path


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_one_plane_of_any_type(tmp_path: Path, dtype: str, compression: str | None) -> None:
    data = pixels((40, 31), dtype)
    image = read_image(save(tmp_path / "a.tif", data, compression=compression))
    assert (image.axes, image.channels, image.rgb) == ("cyx", ("intensity",), False)
    assert image.data.dtype == data.dtype
    assert np.array_equal(image.plane(), data)
    assert image.pixel_size == PixelSize()


@pytest.mark.parametrize("channels", [2, 3, 4, 5, 6])
def test_unnamed_leading_planes_are_channels_and_the_image_says_so(tmp_path: Path, channels: int) -> None:
    data = pixels((channels, 40, 31))
    image = read_image(save(tmp_path / "a.tif", data, photometric="minisblack"))
    assert image.axes == "cyx"
    assert np.array_equal(image.data, data)
    assert str(channels) in image.metadata["axes_assumed"]
    assert image.channels[-1] == f"channel {channels}"


@pytest.mark.parametrize("shape", [(7, 40, 31), (2, 3, 40, 31)])
def test_other_unnamed_dimensions_are_refused_with_a_remedy(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = save(tmp_path / "a.tif", pixels(shape), photometric="minisblack")
    with pytest.raises(WrongFormat, match=r"does not say what its dimensions are.*OME-TIFF") as caught:
        read_image(path)
    assert "x".join(map(str, shape)) in caught.value.what


@pytest.mark.parametrize(
    ("axes", "shape", "expected"),
    [
        ("ZYX", (9, 20, 31), "czyx"),
        ("TYX", (9, 20, 31), "tcyx"),
        ("ZCYX", (5, 2, 20, 31), "czyx"),
        ("TZCYX", (2, 5, 3, 20, 31), "tczyx"),
    ],
)
@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_named_axes_are_put_in_order(
    tmp_path: Path, axes: str, shape: tuple[int, ...], expected: str, kind: str
) -> None:
    data = pixels(shape)
    image = read_image(save(tmp_path / "a.tif", data, **{kind: True}, metadata={"axes": axes}))
    assert image.axes == expected
    order = [axes.index(a) for a in expected.upper() if a in axes]
    wanted = np.transpose(data, order).reshape(image.data.shape)
    assert np.array_equal(image.data, wanted)
    assert "axes_assumed" not in image.metadata


def test_ome_names_channels_and_sizes(tmp_path: Path) -> None:
    metadata = {
        "axes": "CYX",
        "Channel": {"Name": ["DAPI", "GFP"]},
        "PhysicalSizeX": 325.0,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.65,
        "PhysicalSizeYUnit": "µm",
    }
    image = read_image(save(tmp_path / "a.ome.tif", pixels((2, 20, 31)), metadata=metadata))
    assert image.channels == ("DAPI", "GFP")
    assert image.pixel_size == PixelSize(y=0.65, x=0.325)
    assert image.metadata["format"] == "OME-TIFF"


def test_imagej_names_channels_and_sizes(tmp_path: Path) -> None:
    path = save(
        tmp_path / "a.tif",
        pixels((4, 2, 20, 31)),
        imagej=True,
        resolution=(2.0, 4.0),
        metadata={"axes": "ZCYX", "unit": "um", "spacing": 1.5},
    )
    assert read_image(path).pixel_size == PixelSize(y=0.25, x=0.5, z=1.5)
    save(path, pixels((2, 20, 31)), imagej=True, metadata={"axes": "CYX", "Labels": ["nuclei", "actin"]})
    assert read_image(path).channels == ("nuclei", "actin")


def test_a_print_resolution_is_no_pixel_size(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", pixels((20, 31)), resolution=(72, 72), resolutionunit="INCH")
    image = read_image(path)
    assert not image.pixel_size.known
    assert "72" in image.metadata["resolution_tag"]
    path = save(tmp_path / "b.ome.tif", pixels((20, 31)), metadata={"PhysicalSizeX": 25400 / 72, "PhysicalSizeY": 1.0})
    image = read_image(path)
    assert not image.pixel_size.known
    assert "print resolution" in image.metadata["pixel_size_ignored"]


def test_colour_is_told_by_the_photometric_tag(tmp_path: Path) -> None:
    data = pixels((20, 31, 3), "uint8")
    image = read_image(save(tmp_path / "a.tif", data, photometric="rgb"))
    assert (image.rgb, image.channels) == (True, ("red", "green", "blue"))
    assert np.array_equal(image.data, np.moveaxis(data, -1, 0))
    image = read_image(save(tmp_path / "b.tif", np.moveaxis(data, -1, 0), photometric="rgb", planarconfig="separate"))
    assert np.array_equal(image.data, np.moveaxis(data, -1, 0))
    gray = np.repeat(data[..., :1], 3, axis=-1)
    image = read_image(save(tmp_path / "c.tif", gray, photometric="rgb"))
    assert (image.rgb, image.channels, image.data.shape) == (False, ("intensity",), (1, 20, 31))


def test_opaque_alpha_is_dropped_and_other_alpha_is_noted(tmp_path: Path) -> None:
    data = pixels((20, 31, 4), "uint8")
    data[..., 3] = 255
    image = read_image(save(tmp_path / "a.tif", data, photometric="rgb", extrasamples=["unassalpha"]))
    assert image.data.shape[0] == 3
    assert "alpha" not in image.metadata
    data[0, 0, 3] = 7
    image = read_image(save(tmp_path / "b.tif", data, photometric="rgb", extrasamples=["unassalpha"]))
    assert "not opaque" in image.metadata["alpha"]


def test_a_palette_is_expanded_unless_it_is_a_ramp(tmp_path: Path) -> None:
    data = pixels((20, 31), "uint8")
    ramp = np.zeros((3, 256), dtype=np.uint16)
    ramp[1] = np.arange(256) * 257
    image = read_image(save(tmp_path / "a.tif", data, photometric="palette", colormap=ramp))
    assert np.array_equal(image.plane(), data)
    table = np.random.default_rng(1).integers(0, 65535, (3, 256)).astype(np.uint16)
    image = read_image(save(tmp_path / "b.tif", data, photometric="palette", colormap=table))
    assert image.rgb
    assert np.array_equal(image.data, (table >> 8).astype(np.uint8)[:, data])


def test_unusual_types_are_widened_or_refused(tmp_path: Path) -> None:
    assert read_image(save(tmp_path / "a.tif", pixels((9, 9)) > 60)).data.dtype == np.uint8
    assert read_image(save(tmp_path / "b.tif", pixels((9, 9), "float16"))).data.dtype == np.float32
    assert read_image(save(tmp_path / "c.tif", pixels((9, 9), "uint64"))).data.dtype == np.uint32
    with pytest.raises(WrongFormat, match="32 bits"):
        read_image(save(tmp_path / "d.tif", pixels((9, 9), "uint64") << np.uint64(40)))
    with pytest.raises(WrongFormat, match="complex"):
        read_image(save(tmp_path / "e.tif", pixels((9, 9)).astype("complex64")))


def test_big_endian_and_bigtiff_and_tiles(tmp_path: Path) -> None:
    data = pixels((300, 200))
    for options in (
        {"byteorder": ">"},
        {"bigtiff": True},
        {"tile": (64, 64), "compression": "zlib", "predictor": True},
    ):
        image = read_image(save(tmp_path / "a.tif", data, **options))
        assert image.data.dtype.isnative
        assert np.array_equal(image.plane(), data)


def test_nan_is_counted_and_nothing_but_nan_is_refused(tmp_path: Path) -> None:
    data = pixels((9, 9), "float32")
    data[0, :2] = np.nan, np.inf
    assert read_image(save(tmp_path / "a.tif", data)).metadata["nonfinite_pixels"] == 2
    with pytest.raises(UnreadableFile, match="NaN"):
        read_image(save(tmp_path / "a.tif", np.full((9, 9), np.nan, np.float32)))


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_a_truncated_file_is_unreadable_wherever_it_ends(tmp_path: Path, compression: str | None) -> None:
    whole = save(
        tmp_path / "w.tif", pixels((3, 64, 64)), compression=compression, metadata={"axes": "CYX"}
    ).read_bytes()
    for end in range(1, len(whole) - 1, max(1, len(whole) // 97)):
        (tmp_path / "a.tif").write_bytes(whole[:end])
        with pytest.raises((UnreadableFile, WrongFormat), match=r"a\.tif: "):
            read_image(tmp_path / "a.tif")


def test_damaged_bytes_never_escape_as_another_error(tmp_path: Path) -> None:
    whole = save(
        tmp_path / "w.tif", pixels((2, 48, 48)), compression="zlib", ome=True, metadata={"axes": "CYX"}
    ).read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(150):
        data = bytearray(whole)
        for at in rng.integers(4, len(data), 6):
            data[at] = rng.integers(256)
        (tmp_path / "a.tif").write_bytes(data)
        try:
            image = read_image(tmp_path / "a.tif")
        except CellCommonsError:
            continue
        assert image.data.nbytes <= 1 << 30


def bomb(width: int, height: int, strip: int = 16) -> bytes:
    """A tiny TIFF that declares ``width`` x ``height`` 8-bit pixels."""
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 8), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 4, height), (279, 4, strip)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", t, k, 1, v) for t, k, v in tags)
    return struct.pack("<2sHI", b"II", 42, 8 + strip) + bytes(strip) + directory + bytes(4)


def test_a_bomb_is_refused_by_its_declared_size(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(bomb(60_000, 60_000))
    with pytest.raises(TooLarge, match=r"60,000 x 60,000.*limit is 268,435,456") as caught:
        read_image(tmp_path / "a.tif")
    assert caught.value.remedy
    (tmp_path / "a.tif").write_bytes(bomb(100, 100))
    with pytest.raises(UnreadableFile):
        read_image(tmp_path / "a.tif")


def test_every_limit_holds(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", pixels((4, 50, 60)), metadata={"axes": "CYX"})
    for limits, word in (
        (Limits(max_file_bytes=1000), "bytes"),
        (Limits(max_pixels=2999), "pixels a plane"),
        (Limits(max_channels=3), "channels"),
        (Limits(max_planes=3), "planes"),
        (Limits(max_decoded_bytes=23_999), "bytes of pixels"),
    ):
        with pytest.raises(TooLarge, match=word):
            read_image(path, limits=limits)
    assert read_image(path, limits=Limits(10**6, 3000, 4, 4, 24_000)).data.shape == (4, 50, 60)


def test_ome_xml_that_declares_more_than_there_is(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", pixels((2, 20, 31)), ome=True, metadata={"axes": "CYX"})
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'SizeT="1"', b'SizeT="9"'))
    with pytest.raises(UnreadableFile, match="not in this file"):
        read_image(path)
    path.write_bytes(whole.replace(b'SizeX="31"', b'SizeX="99"'))
    with pytest.raises(UnreadableFile, match="99 x 20"):
        read_image(path)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        xml = (tiff.ome_metadata or "").replace('SizeT="1"', 'SizeT="999999999"')
    save(path, pixels((2, 20, 31)), description=xml.encode(), metadata=None)
    with pytest.raises(TooLarge, match="planes"):
        read_image(path)


def test_neighbouring_files_are_never_opened(tmp_path: Path) -> None:
    secret = save(tmp_path / "secret.ome.tif", pixels((20, 31)) + 1, metadata={"axes": "YX"})
    with tifffile.TiffFile(secret) as tiff:
        xml = tiff.ome_metadata or ""
    plane = '<TiffData IFD="0" PlaneCount="1"><UUID FileName="secret.ome.tif">urn:uuid:0</UUID></TiffData>'
    xml = xml.replace('<TiffData IFD="0" PlaneCount="1"/>', plane)
    assert "secret.ome.tif" in xml
    path = save(
        tmp_path / "a.ome.tif", np.zeros((20, 31), np.uint16), description=xml.encode(), metadata=None, ome=False
    )
    try:
        image = read_image(path)
    except CellCommonsError:
        return
    assert not image.data.any()


def test_a_directory_that_points_to_itself_ends(tmp_path: Path) -> None:
    data = bytearray(bomb(4, 4))
    data[-4:] = data[4:8]
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(CellCommonsError):
        read_image(tmp_path / "a.tif")


def test_pages_of_different_shapes_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(pixels((20, 31)), metadata=None)
        writer.write(pixels((10, 12)), metadata=None)
    with pytest.raises(WrongFormat, match="2 images of different shapes"):
        read_image(tmp_path / "a.tif")
