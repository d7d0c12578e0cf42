"""Slides in: the real SVS, read as TIFF and by OpenSlide alike; other scanners only with OpenSlide."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile

from cellcommons.axes import PixelSize
from cellcommons.errors import MissingExtra, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.limits import DEFAULT_LIMITS, Limits
from cellcommons.images.readers import list_images, open_image, read_image
from cellcommons.images.slides import open_with_openslide, slide_kind

APERIO = "Aperio Image Library v11\n400x300 (64x64) JPEG|AppMag = 40|MPP = 0.25"


@pytest.fixture
def small_svs(tmp_path: Path) -> Path:
    """A pyramid of two levels, a thumbnail and a label, as Aperio's scanners lay them out."""
    pixels = np.random.default_rng(0).integers(0, 255, (300, 400, 3)).astype("uint8")
    with tifffile.TiffWriter(tmp_path / "a.svs") as tiff:
        options = {"photometric": "rgb", "metadata": None}
        tiff.write(pixels, tile=(64, 64), description=APERIO, **options)
        tiff.write(pixels[::4, ::4], description=APERIO, **options)
        tiff.write(pixels[::2, ::2], tile=(64, 64), description=APERIO, **options)
        tiff.write(pixels[:50, :60], description="Aperio Image Library v11\nlabel 60x50", subfiletype=1, **options)
    return tmp_path / "a.svs"


def test_svs(small_svs: Path) -> None:
    assert slide_kind(small_svs) == "SVS"
    with open_image(small_svs) as file:
        assert file.format == "SVS"
        (image,) = file.images
        assert (image.name, image.axes, image.shape, image.chunk) == ("", "cyx", (3, 300, 400), (3, 64, 64))
        assert image.facts.pixel_size == PixelSize(0.25, 0.25)
        assert image.facts.rgb
        assert image.facts.metadata["objective_magnification"] == 40.0
        assert image.facts.metadata["pyramid_levels"] == 2
        part = image.region((slice(0, 3), slice(60, 70), slice(120, 140)))
        assert np.array_equal(np.moveaxis(part, 0, -1), tifffile.imread(small_svs, key=0)[60:70, 120:140])


def test_slides_larger_than_a_plane_are_read_by_region(small_svs: Path) -> None:
    limits = Limits(max_pixels=100 * 100)
    with open_image(small_svs, limits=limits) as file:
        assert file.images[0].region((slice(0, 3), slice(0, 10), slice(0, 10))).any()
        with pytest.raises(TooLarge, match="400 x 300"):
            file.images[0].load(limits)
    with pytest.raises(TooLarge, match="tile"):
        open_image(small_svs, limits=Limits(max_pixels=60 * 60))


def test_truncated_svs(small_svs: Path) -> None:
    """A refusal; or the whole slide, where only the label's pixels are cut."""
    whole, pixels = small_svs.read_bytes(), read_image(small_svs).data
    read = 0
    for end in range(8, len(whole) - 8, len(whole) // 60):
        small_svs.write_bytes(whole[:end])
        try:
            assert np.array_equal(read_image(small_svs).data, pixels)
            read += 1
        except (UnreadableFile, WrongFormat):
            continue
    assert read < 3


def test_other_scanners_need_openslide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A TIFF that says a Leica scanner wrote it, and holds no slide."""
    path = tmp_path / "a.scn"
    pixels = np.zeros((64, 64, 3), "uint8")
    tifffile.imwrite(path, pixels, photometric="rgb", bigtiff=True, description="<scn></scn>", metadata=None)
    assert slide_kind(path) == "SCN"
    with pytest.raises(UnreadableFile, match="SCN"):
        open_image(path)
    monkeypatch.setitem(sys.modules, "openslide", None)
    with pytest.raises(MissingExtra, match="SCN") as caught:
        open_image(path)
    assert 'pip install "cellcommons[slides]"' in caught.value.remedy


@pytest.mark.parametrize("name", ["a.mrxs", "a.vsi", "a.vms"])
def test_slides_with_a_folder_beside_them_do_not_pass_for_their_thumbnail(tmp_path: Path, name: str) -> None:
    tifffile.imwrite(tmp_path / name, np.zeros((64, 64, 3), "uint8"))
    with pytest.raises(WrongFormat, match="beside") as caught:
        open_image(tmp_path / name)
    assert "Rename" not in caught.value.remedy
    with pytest.raises((UnreadableFile, WrongFormat)):
        open_image(tmp_path / name, companions=True)


@pytest.mark.real_data
def test_the_real_slide(real_data: Path) -> None:
    path = real_data / "fmt_mixed" / "svs" / "cmu-1-small-region.svs"
    ((_, facts),) = list_images(path)
    assert (facts.axes, facts.data.shape, facts.data.dtype) == ("cyx", (3, 2967, 2220), "uint8")
    assert facts.pixel_size == PixelSize(0.499, 0.499)
    assert facts.metadata["objective_magnification"] == 20.0
    image = read_image(path)
    with openslide.OpenSlide(path) as peer:
        pixels = np.asarray(peer.read_region((0, 0), 0, peer.dimensions))
    assert np.array_equal(np.moveaxis(image.data, 0, -1), pixels[..., :3])
    with open_with_openslide(path, path.name, DEFAULT_LIMITS, "SVS") as file:
        (other,) = file.images
        assert (other.shape, other.chunk) == ((3, 2967, 2220), (3, 240, 240))
        assert other.facts.pixel_size == facts.pixel_size
        region = (slice(0, 3), slice(200, 2600), slice(17, 2200))
        assert np.array_equal(other.region(region), image.data[region])


@pytest.mark.real_data
def test_openslide_on_truncated_slides(real_data: Path, tmp_path: Path) -> None:
    whole = (real_data / "fmt_mixed" / "svs" / "cmu-1-small-region.svs").read_bytes()
    path = tmp_path / "a.svs"
    for share in (0.1, 0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UnreadableFile), open_with_openslide(path, "a.svs", DEFAULT_LIMITS, "SVS") as file:
            file.images[0].load()
