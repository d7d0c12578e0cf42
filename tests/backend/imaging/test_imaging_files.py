"""One image file of any format and size becomes images, by way of memory or past it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from backend.imaging.conversion import Converted, Naming, Refused
from backend.imaging.files import convert_file, part_names
from backend.imaging.models import Image, Import
from backend.imaging.services.datasets import create_dataset
from backend.imaging.services.folders import import_folder
from backend.imaging.services.images import add_images
from backend.people.labs import first_lab
from cellcommons.errors import CellCommonsError, TooLarge
from cellcommons.images.data import ImageData
from cellcommons.images.lazy import LazyImage, declared
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.images.ome_zarr import read_image_tree
from cellcommons.store import FolderStore

PIXELS = np.random.default_rng(3).integers(0, 4000, (2, 700, 900)).astype(np.uint16)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "scan.ome.tif"
    tifffile.imwrite(path, PIXELS, ome=True, photometric="minisblack", metadata={"axes": "CYX"}, tile=(256, 256))
    return path


def test_what_does_not_fit_is_streamed_to_the_same_tree(store: FolderStore, path: Path) -> None:
    naming = Naming("scan", path, path.name, source="slide 1", source_known=True)
    (whole,) = convert_file(store, naming)
    (streamed,) = convert_file(store, naming, limits=replace(DEFAULT_LIMITS, max_decoded_bytes=1 << 20))
    assert isinstance(whole, Converted)
    assert isinstance(streamed, Converted)
    np.testing.assert_array_equal(read_image_tree(store, streamed.tree).data, PIXELS)
    assert streamed == replace(whole, preview=streamed.preview)
    assert store.get(streamed.preview).startswith(b"\x89PNG")


def test_a_plane_above_the_limit_is_refused_even_so(store: FolderStore, path: Path) -> None:
    naming = Naming("scan", path, path.name)
    with pytest.raises(TooLarge):
        convert_file(store, naming, limits=replace(DEFAULT_LIMITS, max_pixels=1000))
    assert list(store.digests()) == []


def test_one_damaged_image_of_a_file_leaves_the_others(
    store: FolderStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = path.with_name("two.ome.tif")
    with tifffile.TiffWriter(two, ome=True) as file:
        for plane, name in ((PIXELS[0], "left"), (PIXELS[1, :50], "right")):
            file.write(plane, photometric="minisblack", metadata={"axes": "YX", "Name": name}, compression="zlib")
    data = bytearray(two.read_bytes())
    with tifffile.TiffFile(two) as file:
        page = file.series[1].pages[0]
        assert page is not None
        offset, size = page.dataoffsets[0], page.databytecounts[0]
    data[offset : offset + size] = bytes(size)
    two.write_bytes(data)
    left, right = convert_file(store, Naming("two", two, two.name))
    assert isinstance(left, Converted)
    assert (left.name, left.part, left.source, left.source_known) == ("two left", "left", "two", False)
    assert isinstance(right, Refused)
    assert right.name == "two right"
    assert right.reason


def test_an_unreadable_file_is_refused_whole(store: FolderStore, tmp_path: Path) -> None:
    path = tmp_path / "note.tif"
    path.write_bytes(b"hello")
    with pytest.raises(CellCommonsError):
        convert_file(store, Naming("note", path, path.name))


@pytest.mark.django_db
def test_names_that_postgres_cannot_hold_are_written_so_that_it_can(tmp_path: Path, settings: object) -> None:
    folder = tmp_path / "in" / ("deep" * 30) / ("deeper" * 30)
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 255, (3, 9, 9)).astype(np.uint8)
    tifffile.imwrite(folder / "one.tif", pixels[0])
    tifffile.imwrite(folder / "two.tif", pixels[1])
    odd = os.fsdecode(b"caf\xe9.tif")
    tifffile.imwrite(tmp_path / "in" / "plain.tif", pixels[2])
    (tmp_path / "in" / "plain.tif").rename(tmp_path / "in" / odd)
    (tmp_path / "in" / os.fsdecode(b"r\xe9sum\xe9.txt")).write_text("x")
    record = Import.objects.create(dataset=create_dataset(lab=first_lab(), slug="odd", title="Odd"), layout="plain")
    record = import_folder(record=record, path=tmp_path / "in")
    assert (record.found, record.imported, record.skipped) == (4, 3, 1)
    names = set(Image.objects.values_list("name", flat=True))
    assert all(len(name) <= 200 for name in names)
    assert len(names) == 3
    assert record.files.get(outcome="left_out").name == "r\ufffdsum\ufffd.txt"
    # Run again, all of them are known by these names.
    again = Import.objects.create(dataset=record.dataset, layout="plain")
    assert import_folder(record=again, path=tmp_path / "in").imported == 0


@pytest.mark.django_db
def test_one_image_that_no_row_can_hold_is_refused_and_the_others_come_in(store: FolderStore, path: Path) -> None:
    dataset = create_dataset(lab=first_lab(), slug="odd", title="Odd")
    (good,) = convert_file(store, Naming("good", path, path.name))
    assert isinstance(good, Converted)
    bad = replace(good, name="bad", part="2", metadata={"description": "a\0b"})
    first, second = add_images(dataset=dataset, converted=[good, bad])
    assert isinstance(first, Image)
    assert isinstance(second, CellCommonsError)
    assert "text that is none" in second.what


def test_parts_have_names_of_their_own() -> None:
    def image(name: str) -> LazyImage:
        facts = ImageData(declared((1, 2, 2), "uint8"), "cyx", ("a",))
        return LazyImage(name, facts, lambda region: facts.data, (1, 2, 2))

    names = part_names(tuple(image(name) for name in ("A", "", "B", "A", "")))
    assert names == ["A 1", "image 2", "B", "A 4", "image 5"]
    assert len(set(names)) == 5
