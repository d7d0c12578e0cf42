"""The DSB2018 layout: real images, generated folders, a round trip, and what is wrong with a folder."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from cellcommons.errors import InvalidDocument, MismatchedShapes, UnknownLayout, UnreadableFile, WrongFormat
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.dsb2018 import Dsb2018

LAYOUT = Dsb2018()


def png(path: Path, data: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(imagecodecs.png_encode(data))
    return path


def nucleus(y0: int, y1: int, x0: int, x1: int, shape: tuple[int, int] = (40, 50)) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[y0:y1, x0:x1] = 255
    return mask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    for name in ("b", "a"):
        base = root / "stage1_train" / name
        png(base / "images" / f"{name}.png", np.random.default_rng(0).integers(0, 255, (40, 50), np.uint8))
        png(base / "masks" / "1.png", nucleus(2, 10, 2, 10))
        png(base / "masks" / "2.png", nucleus(20, 30, 20, 40))
    return root


def test_a_folder_is_scanned_and_read(folder: Path) -> None:
    for path in (folder, folder / "stage1_train"):
        scan = LAYOUT.scan(path)
        assert [(e.name, e.source, e.stratum) for e in scan.entries] == [("a", "a", ""), ("b", "b", "")]
        assert scan.entries[0].metadata == {"source_known": False, "masks": 2}
        assert scan.skipped == ()
        record = LAYOUT.read(scan.entries[0])
        assert record.labels is not None
        assert record.labels.dtype == np.uint32
        assert [int((record.labels == i).sum()) for i in (0, 1, 2)] == [2000 - 64 - 200, 64, 200]
        assert record.original == scan.entries[0].paths[0]
        assert LAYOUT.guess(path)[0] > 0.9


def test_tables_name_sources_and_strata(folder: Path) -> None:
    (folder / "strata.csv").write_text("id,stratum,n_masks\na,bright,2\n")
    (folder / "sources.csv").write_text("id,source\nb,slide 4\n")
    a, b = LAYOUT.scan(folder).entries
    assert (a.stratum, a.source, a.metadata["source_known"]) == ("bright", "a", False)
    assert (b.stratum, b.source, b.metadata["source_known"]) == ("", "slide 4", True)


@pytest.mark.parametrize(
    ("table", "word"),
    [("id;stratum\na;b\n", "needs a column"), ("id,stratum\na,x\na,y\n", "twice"), ("id,stratum\n\xff\xfe", "UTF-8")],
)
def test_damaged_tables_are_refused(folder: Path, table: str, word: str) -> None:
    (folder / "strata.csv").write_bytes(table.encode("latin-1"))
    with pytest.raises(InvalidDocument, match=word):
        LAYOUT.scan(folder)


def test_the_smaller_of_two_overlapping_nuclei_lies_on_top(folder: Path) -> None:
    masks = folder / "stage1_train" / "a" / "masks"
    png(masks / "0_small.png", nucleus(22, 26, 22, 26))
    record = LAYOUT.read(LAYOUT.scan(folder).entries[0])
    assert record.labels is not None
    small = record.labels[23, 23]
    assert int((record.labels == small).sum()) == 16
    assert record.labels[21, 21] not in (0, small)
    assert record.entry.metadata["overlap_pixels"] == 16
    png(masks / "9_same.png", nucleus(22, 26, 22, 26))
    assert LAYOUT.read(LAYOUT.scan(folder).entries[0]).entry.metadata["hidden_masks"] == 1


def test_an_empty_mask_is_noted(folder: Path) -> None:
    png(folder / "stage1_train/a/masks/3.png", nucleus(0, 0, 0, 0))
    record = LAYOUT.read(LAYOUT.scan(folder).entries[0])
    assert record.entry.metadata["empty_masks"] == ["3.png"]
    assert record.labels is not None
    assert len(np.unique(record.labels)) == 3


def test_a_mask_of_another_size_is_refused_by_name(folder: Path) -> None:
    bad = png(folder / "stage1_train/a/masks/3.png", nucleus(1, 5, 1, 5, (40, 51)))
    with pytest.raises(MismatchedShapes, match="mask is 51 x 40, its image 50 x 40") as caught:
        LAYOUT.read(LAYOUT.scan(folder).entries[0])
    assert caught.value.where == str(bad)


def test_a_damaged_mask_is_refused_by_name(folder: Path) -> None:
    bad = folder / "stage1_train/a/masks/1.png"
    whole = bad.read_bytes()
    for data, error in ((whole[:-8], UnreadableFile), (b"", UnreadableFile), (b"GIF89a", WrongFormat)):
        bad.write_bytes(data)
        with pytest.raises(error, match=r"1\.png"):
            LAYOUT.read(LAYOUT.scan(folder).entries[0])


def test_masks_in_colour_are_read_without_their_alpha(folder: Path) -> None:
    colour = np.zeros((40, 50, 4), np.uint8)
    colour[..., 3] = 255
    colour[3:6, 3:6, 1] = 9
    png(folder / "stage1_train/a/masks/1.png", colour)
    record = LAYOUT.read(LAYOUT.scan(folder).entries[0])
    assert record.labels is not None
    assert int((record.labels == 1).sum()) == 9


def test_images_without_masks_have_no_labels_and_odd_folders_are_skipped(folder: Path) -> None:
    png(folder / "stage1_train/c/images/c.png", np.zeros((9, 9), np.uint8))
    png(folder / "stage1_train/d/images/1.png", np.zeros((9, 9), np.uint8))
    png(folder / "stage1_train/d/images/2.png", np.zeros((9, 9), np.uint8))
    scan = LAYOUT.scan(folder)
    assert [s.path.name for s in scan.skipped] == ["d"]
    assert LAYOUT.read(scan.entries[2]).labels is None


def test_another_folder_is_refused(tmp_path: Path) -> None:
    assert LAYOUT.guess(tmp_path)[0] == 0
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UnknownLayout, match="stage1_train"):
            LAYOUT.scan(path)


@pytest.mark.parametrize("rgb", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_what_is_written_reads_the_same(tmp_path: Path, dtype: str, rgb: bool) -> None:
    rng = np.random.default_rng(0)
    count = 3 if rgb else 1
    image = ImageData(
        rng.integers(0, 255, (count, 40, 50)).astype(dtype),
        "cyx",
        ("red", "green", "blue") if rgb else ("intensity",),
        rgb=rgb,
    )
    labels = np.zeros((40, 50), np.uint32)
    labels[2:9, 2:9], labels[5:20, 5:30] = 4, 9
    entries = [
        Entry("one", (), "slide 1", "bright", {"source_known": True}),
        Entry("two", (), "two", "", {"source_known": False}),
    ]
    records = [Record(entries[0], image, LabelMap(labels), Path()), Record(entries[1], image, None, Path())]
    LAYOUT.write(records, tmp_path / "out")
    scan = LAYOUT.scan(tmp_path / "out")
    assert [(e.name, e.source, e.stratum) for e in scan.entries] == [("one", "slide 1", "bright"), ("two", "two", "")]
    assert [e.metadata["source_known"] for e in scan.entries] == [True, False]
    one, two = (LAYOUT.read(e) for e in scan.entries)
    assert np.array_equal(one.image.data, image.data)
    assert (one.image.rgb, one.image.data.dtype) == (rgb, np.dtype(dtype))
    assert one.labels is not None
    assert np.array_equal(one.labels, np.where(labels == 4, 1, np.where(labels == 9, 2, 0)))
    assert two.labels is None


@pytest.mark.parametrize("name", ["../out", "a/b", "", "..", "a\\b"])
def test_names_that_are_no_folder_names_are_not_written(tmp_path: Path, name: str) -> None:
    image = ImageData(np.zeros((1, 4, 4), np.uint8), "cyx", ("a",))
    with pytest.raises(InvalidDocument, match="folder name"):
        LAYOUT.write([Record(Entry(name, (), "s"), image, None, Path())], tmp_path / "out")


@pytest.mark.real_data
def test_the_real_images_and_every_nucleus(real_data: Path) -> None:
    scan = LAYOUT.scan(real_data / "seg_dsb2018_fixes")
    assert len(scan.entries) == 242
    assert scan.skipped == ()
    assert all(e.stratum for e in scan.entries)
    assert not any(e.metadata["source_known"] for e in scan.entries)
    nuclei = 0
    for entry in scan.entries:
        record = LAYOUT.read(entry)
        assert record.labels is not None
        assert record.labels.shape == record.image.shape_yx
        assert not {"empty_masks", "hidden_masks"} & set(record.entry.metadata)
        nuclei += len(np.unique(record.labels)) - 1
    assert nuclei == 10_527
