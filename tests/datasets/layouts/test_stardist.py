"""Images with label images: StarDist's folders, folders of other names, and files side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellcommons.errors import (
    CellCommonsError,
    InvalidDocument,
    MismatchedShapes,
    UnknownLayout,
    UnreadableFile,
    WrongFormat,
)
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record, Scan
from cellcommons.layouts.stardist import StarDist
from cellcommons.layouts.stardist_masks import label_map
from cellcommons.layouts.writing import write_layout
from cellcommons.testing.layout_suite import LayoutSuite


class TestStarDist(LayoutSuite):
    layout = StarDist()


def volume(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, array, photometric="minisblack")


def records(path: Path) -> tuple[Scan, dict[str, Record]]:
    scan = StarDist().scan(path)
    return scan, {entry.name: StarDist().read(entry) for entry in scan.entries}


def test_train_and_test_folders_as_stardist_publishes_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("a", "b"):
            volume(tmp_path / split / "images" / f"{name}.tif", rng.integers(0, 99, (8, 6), np.uint16))
            volume(tmp_path / split / "masks" / f"{name}.tif", np.eye(8, 6, dtype=np.uint16) * 3)
    volume(tmp_path / "test" / "images" / "c.tif", np.ones((8, 6), np.uint8))
    volume(tmp_path / "test" / "masks" / "d.tif", np.ones((8, 6), np.uint8))
    assert StarDist().guess(tmp_path)[0] == 0.9
    scan, found = records(tmp_path)
    assert {e.name: e.split for e in scan.entries} == {
        "c": "test",
        "test/images/a": "test",
        "test/images/b": "test",
        "train/images/a": "train",
        "train/images/b": "train",
    }
    assert [s.path.name for s in scan.skipped] == ["d.tif"]
    assert found["c"].truth is None
    assert found["test/images/a"].labels is not None
    assert found["test/images/a"].labels.max() == 3


def test_three_dimensions_need_no_names_of_axes(tmp_path: Path) -> None:
    for planes in (4, 9):
        image, mask = np.ones((planes, 6, 5), np.uint16), np.zeros((planes, 6, 5), np.uint16)
        image[0, 0, 0] = 7
        mask[1, 2:, 2:] = 4
        volume(tmp_path / "images" / f"v{planes}.tif", image)
        volume(tmp_path / "masks" / f"v{planes}.tif", mask)
    _, found = records(tmp_path)
    for planes in (4, 9):
        truth = found[f"v{planes}"].truth
        assert isinstance(truth, LabelMap)
        assert (truth.axes, found[f"v{planes}"].image.axes) == ("zyx", "czyx")
        assert truth.data.shape == (planes, 6, 5)
        assert truth.ids.tolist() == [4]
        assert "z" in found[f"v{planes}"].image.metadata["axes_assumed"]


def test_channels_stay_channels_where_the_labels_are_flat(tmp_path: Path) -> None:
    volume(tmp_path / "img" / "a.tif", np.arange(120, dtype=np.uint16).reshape(4, 6, 5))
    volume(tmp_path / "gt" / "a.tif", np.ones((6, 5), np.uint8))
    image = records(tmp_path)[1]["a"].image
    assert (image.axes, image.size("c")) == ("cyx", 4)


def test_minus_one_means_that_nobody_looked(tmp_path: Path) -> None:
    mask = np.zeros((6, 5), np.int16)
    mask[2:4], mask[4:] = 9, -1
    volume(tmp_path / "images" / "a.tif", np.ones((6, 5), np.uint8))
    volume(tmp_path / "masks" / "a.tif", mask)
    truth = records(tmp_path)[1]["a"].truth
    assert isinstance(truth, LabelMap)
    assert truth.annotated is not None
    np.testing.assert_array_equal(truth.annotated, mask >= 0)
    assert truth.ids.tolist() == [9]


@pytest.mark.parametrize(
    ("image", "mask"),
    [("img2d", "mask2d"), ("a", "a_label"), ("a_img", "a_seg"), ("x1_raw", "x1_gt"), ("t-1", "t-1_masks"),
     ("xyc_16bit__nuclei_tub", "xy_8bit_labels__nuclei")],
)  # fmt: skip
def test_names_tell_labels_side_by_side(image: str, mask: str, tmp_path: Path) -> None:
    volume(tmp_path / f"{image}.tif", np.full((6, 5), 3, np.uint8))
    volume(tmp_path / f"{mask}.tif", np.ones((6, 5), np.uint8))
    scan, found = records(tmp_path)
    assert [e.name for e in scan.entries] == [image]
    assert found[image].labels is not None
    assert StarDist().guess(tmp_path)[0] > 0.3


def test_labels_of_two_images_or_two_labels_of_one_are_not_guessed(tmp_path: Path) -> None:
    for name in ("xy_8bit__nuclei_one", "xy_8bit__nuclei_two", "xy_8bit_labels__nuclei", "b", "b_mask", "b_seg", "c"):
        volume(tmp_path / f"{name}.tif", np.ones((6, 5), np.uint8))
    volume(tmp_path / "c_mask.tif", np.ones((6, 5), np.uint8))
    volume(tmp_path / "xy_8bit_binary__nuclei.tif", np.ones((6, 5), np.uint8))
    scan, found = records(tmp_path)
    assert [name for name, record in found.items() if record.truth is not None] == ["c"]
    assert len(scan.skipped) == 4
    assert all(skipped.reason for skipped in scan.skipped)


@pytest.mark.parametrize(
    ("mask", "kind"),
    [
        (np.ones((5, 6), np.uint8), MismatchedShapes),
        (np.full((6, 5), 1.5, np.float32), WrongFormat),
        (np.full((6, 5), np.nan, np.float32), CellCommonsError),
        (np.ones((2, 6, 5), np.uint8), CellCommonsError),
        (np.ones((9, 6, 5), np.uint8), MismatchedShapes),
    ],
)
def test_labels_that_cannot_be_are_refused(mask: np.ndarray, kind: type[Exception], tmp_path: Path) -> None:
    volume(tmp_path / "images" / "a.tif", np.ones((6, 5), np.uint8))
    volume(tmp_path / "masks" / "a.tif", mask)
    with pytest.raises(kind, match="a"):
        records(tmp_path)


def test_whole_numbers_as_floats_are_labels(tmp_path: Path) -> None:
    volume(tmp_path / "images" / "a.tif", np.ones((6, 5), np.uint8))
    volume(tmp_path / "masks" / "a.tif", np.full((6, 5), 7, np.float32))
    assert records(tmp_path)[1]["a"].labels.max() == 7  # type: ignore[union-attr]


def test_truncated_and_empty_labels_are_refused(tmp_path: Path) -> None:
    volume(tmp_path / "images" / "a.tif", np.ones((60, 50), np.uint8))
    volume(tmp_path / "masks" / "a.tif", np.arange(9 * 3000, dtype=np.uint16).reshape(9, 60, 50))
    whole = (tmp_path / "masks" / "a.tif").read_bytes()
    for length in (0, 20, len(whole) // 2):
        (tmp_path / "masks" / "a.tif").write_bytes(whole[:length])
        with pytest.raises((UnreadableFile, WrongFormat)):
            records(tmp_path)
    with pytest.raises(UnknownLayout):
        StarDist().scan(tmp_path / "images")


def test_tifffile_reads_what_is_written_as_stardist_would(tmp_path: Path) -> None:
    ids = np.zeros((3, 6, 5), np.uint32)
    ids[1, 2:, 2:] = 70_000
    region = np.ones(ids.shape, bool)
    region[0] = False
    image = ImageData(np.arange(90, dtype=np.uint16).reshape(1, 3, 6, 5), "czyx", ("DAPI",))
    truth = LabelMap(ids, axes="zyx", annotated=region)
    write_layout(StarDist(), [Record(Entry("a", (), "a", split="train"), image, truth, tmp_path)], tmp_path / "out")
    masks = tifffile.imread(tmp_path / "out" / "train" / "masks" / "a.tif")
    assert masks.dtype == np.int32
    np.testing.assert_array_equal(masks, np.where(region, ids.astype(np.int32), -1))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "train" / "images" / "a.tif"), image.data[0])


@pytest.mark.real_data
def test_the_samples_of_stardist(real_data: Path) -> None:
    scan, found = records(real_data / "seg_stardist_samples")
    assert not scan.skipped
    assert sorted(found) == ["histo", "img2d", "img3d"]
    assert found["histo"].truth is None
    assert found["histo"].image.rgb
    flat, deep = found["img2d"].truth, found["img3d"].truth
    assert isinstance(flat, LabelMap)
    assert isinstance(deep, LabelMap)
    assert (flat.axes, flat.data.shape) == ("yx", (512, 512))
    assert (deep.axes, deep.data.shape) == ("zyx", (31, 61, 57))
    for name, truth in (("mask2d", flat), ("mask3d", deep)):
        stored = tifffile.imread(real_data / "seg_stardist_samples" / f"{name}.tif")
        np.testing.assert_array_equal(truth.data, stored)


@pytest.mark.real_data
def test_the_neubias_examples(real_data: Path) -> None:
    scan, found = records(real_data / "fmt_neubias_ccby" / "watershed")
    assert len(found["xyc_16bit__nuclei_tubulin"].truth.ids) == 11  # type: ignore[union-attr]
    assert sorted(s.path.name for s in scan.skipped) == ["xy_8bit_binary__nuclei.tif", "xy_8bit_binary__tubulin.tif"]
    whole = StarDist().scan(real_data / "fmt_neubias_ccby")
    labelled = {e.paths[0].name: e for e in whole.entries if len(e.paths) == 2}
    assert sorted(labelled) == ["xyc_16bit__nuclei_tubulin.tif", "xyc_16bit__nup_nuclei.tif"]
    assert StarDist().read(labelled["xyc_16bit__nup_nuclei.tif"]).labels.max() == 2  # type: ignore[union-attr]
    reasons = {s.path.name: s.reason for s in whole.skipped}
    assert "several images" in reasons["xy_16bit_labels__nuclei.tif"]
    assert "without an image" in reasons["xy_8bit__mitocheck_incenp_t1_nuclei_labels.tiff"]


def test_only_minus_one_says_that_nobody_looked() -> None:
    seen = label_map(np.array([[-1, 0], [1, 2]], dtype=np.int32), "yx", where="a.tif")
    assert seen.annotated is not None
    assert seen.annotated.tolist() == [[False, True], [True, True]]
    with pytest.raises(InvalidDocument, match="a label is -5"):
        label_map(np.array([[-5, 0], [1, 2]], dtype=np.int32), "yx", where="a.tif")
    declared = label_map(np.array([[-5, 0], [1, 2]], dtype=np.int32), "yx", where="a.h5", ignored=-5)
    assert declared.annotated is not None
