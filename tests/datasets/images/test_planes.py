"""A folder of planes as one image; missing and unlike planes named."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from cellcommons.errors import InvalidDocument, MismatchedShapes, NotFound, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.limits import Limits
from cellcommons.images.readers import is_image, list_images, open_image, read_image

ARRAY = np.random.default_rng(0).integers(0, 60_000, (2, 3, 4, 20, 18)).astype("uint16")
PATTERN = "img_t{t}_z{z}_c{c}.tif"


def planes(folder: Path, channels: tuple[str, ...] = ("0", "1", "2")) -> Path:
    """ARRAY (tczyx) as one TIFF a plane; z counts from 8, so that 10 sorts after 9."""
    for t, z, c in np.ndindex(2, 4, 3):
        tifffile.imwrite(folder / f"img_t{t:03}_z{z + 8}_c{channels[c]}.tif", ARRAY[t, c, z])
    (folder / "notes.txt").write_text("besides")
    return folder / PATTERN


def test_planes_of_time_depth_and_channels(tmp_path: Path) -> None:
    image = read_image(planes(tmp_path))
    assert (image.axes, image.channels) == ("tczyx", ("channel 1", "channel 2", "channel 3"))
    assert np.array_equal(image.data, ARRAY)
    assert is_image(tmp_path / PATTERN)
    assert len(open_image(tmp_path / PATTERN).parts) == 24


def test_regular_expressions_and_names(tmp_path: Path) -> None:
    planes(tmp_path, ("DAPI", "GFP", "RFP"))
    assert read_image(tmp_path / PATTERN).channels == ("DAPI", "GFP", "RFP")
    image = read_image(tmp_path / r"img_t(?P<t>\d+)_z(?P<z>\d+)_c(?P<c>DAPI|RFP)\.tif")
    assert image.channels == ("DAPI", "RFP")
    assert np.array_equal(image.data, ARRAY[:, [0, 2]])


def test_positions_are_images(tmp_path: Path) -> None:
    for p, z in np.ndindex(2, 4):
        tifffile.imwrite(tmp_path / f"pos{p}-z{z}.tif", ARRAY[p, 0, z])
    found = list_images(tmp_path / "pos{p}-z{z}.tif")
    assert [(n, f.data.shape) for n, f in found] == [("0", (1, 4, 20, 18)), ("1", (1, 4, 20, 18))]
    assert np.array_equal(read_image(tmp_path / "pos{p}-z{z}.tif", series="1").data, ARRAY[1, :1])


def test_colour_planes_and_stacks_within_files(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (3, 20, 18, 3)).astype("uint8")
    for t in range(3):
        (tmp_path / f"{t}.png").write_bytes(imagecodecs.png_encode(colour[t]))
        tifffile.imwrite(tmp_path / f"stack{t}.tif", ARRAY[0, :, t], imagej=True, metadata={"axes": "ZYX"})
    image = read_image(tmp_path / "{t}.png")
    assert (image.axes, image.rgb) == ("tcyx", True)
    assert np.array_equal(image.data, np.moveaxis(colour, -1, 1))
    image = read_image(tmp_path / "stack{t}.tif")
    assert (image.axes, image.data.shape) == ("tczyx", (3, 1, 3, 20, 18))
    with pytest.raises(WrongFormat, match="besides"):
        open_image(tmp_path / "stack{z}.tif")
    with pytest.raises(WrongFormat, match="besides"):
        open_image(tmp_path / "{c}.png")


def test_only_the_planes_of_a_region_are_opened(tmp_path: Path) -> None:
    planes(tmp_path)
    (tmp_path / "img_t001_z10_c2.tif").write_bytes(b"II*\x00damaged")
    with open_image(tmp_path / PATTERN) as file:
        (image,) = file.images
        part = image.region((slice(0, 2), slice(1, 2), slice(1, 3), slice(4, 9), slice(0, 3)))
        assert np.array_equal(part, ARRAY[:, 1:2, 1:3, 4:9, :3])
        with pytest.raises(UnreadableFile, match="img_t001_z10_c2"):
            image.load()


def test_missing_planes_are_named(tmp_path: Path) -> None:
    planes(tmp_path)
    (tmp_path / "img_t001_z9_c2.tif").unlink()
    with pytest.raises(UnreadableFile, match="1 of 24 planes are missing: t 1, z 9, c 2"):
        open_image(tmp_path / PATTERN)
    for file in tmp_path.glob("*_z9_*"):
        file.unlink()
    with pytest.raises(UnreadableFile, match=r"6 of 24 .* z 9"):
        open_image(tmp_path / PATTERN)


def test_an_even_choice_of_frames_is_whole(tmp_path: Path) -> None:
    for t in (0, 10, 20):
        tifffile.imwrite(tmp_path / f"t{t}.tif", ARRAY[0, 0, 0])
    assert read_image(tmp_path / "t{t}.tif").size("t") == 3
    tifffile.imwrite(tmp_path / "t40.tif", ARRAY[0, 0, 0])
    with pytest.raises(UnreadableFile, match="t 30"):
        open_image(tmp_path / "t{t}.tif")


def test_scattered_names_are_refused_quickly(tmp_path: Path) -> None:
    for n in range(300):
        (tmp_path / f"t{n}_z{n}.tif").write_bytes(b"x")
    with pytest.raises(UnreadableFile, match="89700 of 90000"):
        open_image(tmp_path / "t{t}_z{z}.tif")


def test_planes_unlike_the_first(tmp_path: Path) -> None:
    planes(tmp_path)
    for other in (ARRAY[0, 0, 0, 1:], ARRAY[0, 0, 0].astype("uint8")):
        tifffile.imwrite(tmp_path / "img_t000_z9_c1.tif", other)
        with pytest.raises(MismatchedShapes, match="img_t000_z9_c1"):
            read_image(tmp_path / PATTERN)


@pytest.mark.parametrize(
    "pattern", ["img_{z}_{z}.tif", r"img_(?P<z>\d+", r"(?P<q>\d+)\.tif", r"(?P<z>[a-z_0-9]+)\.tif"]
)
def test_senseless_patterns(tmp_path: Path, pattern: str) -> None:
    planes(tmp_path)
    with pytest.raises(InvalidDocument):
        open_image(tmp_path / pattern)


def test_two_names_for_one_plane(tmp_path: Path) -> None:
    for name in ("z1.tif", "z01.tif"):
        tifffile.imwrite(tmp_path / name, ARRAY[0, 0, 0])
    with pytest.raises(InvalidDocument, match="same plane"):
        open_image(tmp_path / "z{z}.tif")


def test_nothing_there_and_too_much(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file's name"):
        open_image(tmp_path / "z{z}.tif")
    with pytest.raises(NotFound, match="folder"):
        open_image(tmp_path / "absent" / "z{z}.tif")
    with pytest.raises(TooLarge, match="24 planes"):
        open_image(planes(tmp_path), limits=Limits(max_planes=23))


@pytest.mark.real_data
def test_a_real_series_of_electron_micrographs(real_data: Path) -> None:
    folder = real_data / "fmt_neubias_ccby" / "xyz_8bit__em_volume_tiff_series"
    image = read_image(folder / "c_elegans_em_z{z}.tif")
    files = sorted(folder.glob("*.tif"))
    assert (image.axes, image.size("z")) == ("czyx", len(files))
    assert len(files) == 21
    assert np.array_equal(image.data[0], np.stack([tifffile.imread(file) for file in files]))
