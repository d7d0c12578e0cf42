"""Two folders of equal names: which is which, who has no partner, there and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellcommons.errors import CannotCarry, MismatchedShapes, UnknownLayout
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.paired import Paired
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.writing import write_layout
from cellcommons.pairs import ImagePair
from cellcommons.synthetic.pairs import generate_pair
from cellcommons.testing.layout_suite import LayoutSuite


class TestPaired(LayoutSuite):
    layout = Paired()


def fill(folder: Path, names: str, value: int, shape: tuple[int, int] = (8, 9)) -> None:
    folder.mkdir(parents=True)
    for name in names:
        tifffile.imwrite(folder / f"{name}.tif", np.full(shape, value, np.uint8))


@pytest.mark.parametrize(
    ("source", "target"), [("noisy", "clean"), ("A", "B"), ("Confocal_gaussianpoisson", "Confocal"), ("low", "GT")]
)
def test_names_tell_source_from_target(tmp_path: Path, source: str, target: str) -> None:
    fill(tmp_path / source, "abx", 1)
    fill(tmp_path / target, "aby", 2)
    (tmp_path / "sources.csv").write_text("name,source\na,slide 1\n")
    scan = Paired().scan(tmp_path)
    assert [(entry.name, entry.source) for entry in scan.entries] == [("a", "slide 1"), ("b", "b")]
    assert [skipped.path.name for skipped in scan.skipped] == ["x.tif", "y.tif"]
    record = Paired().read(scan.entries[0])
    assert isinstance(record.truth, ImagePair)
    assert (int(record.image.data.max()), int(record.truth.target.data.max())) == (1, 2)
    assert guess_layout(tmp_path).name == "paired"


def test_folders_that_do_not_tell_are_refused(tmp_path: Path) -> None:
    fill(tmp_path / "one", "a", 1)
    fill(tmp_path / "two", "a", 2)
    with pytest.raises(UnknownLayout, match="source/ and target/"):
        Paired().scan(tmp_path)


def test_pairs_of_different_size_are_refused(tmp_path: Path) -> None:
    fill(tmp_path / "noisy", "a", 1)
    fill(tmp_path / "clean", "a", 2, (8, 10))
    with pytest.raises(MismatchedShapes, match=r"a: the target is \(8, 10\)"):
        Paired().read(Paired().scan(tmp_path).entries[0])


def test_written_pairs_read_back(tmp_path: Path) -> None:
    made = generate_pair(1, height=64, width=80, planes=3)
    entry = Entry("field 1", (), "slide")
    write_layout(Paired(), [Record(entry, made.source, made.pair, tmp_path)], tmp_path / "out")
    assert Paired().scan(tmp_path / "out").entries[0].source == "slide"
    record = Paired().read(Paired().scan(tmp_path / "out").entries[0])
    assert isinstance(record.truth, ImagePair)
    assert record.image.axes == "czyx"
    np.testing.assert_array_equal(record.image.data, made.source.data)
    np.testing.assert_array_equal(record.truth.target.data, made.pair.target.data)
    assert record.truth.channels == ("nuclei", "cell bodies")
    assert record.image.pixel_size == made.source.pixel_size
    for wrong in (
        Record(Entry("../a", (), ""), made.source, made.pair, tmp_path),
        Record(entry, made.source, None, tmp_path),
    ):
        with pytest.raises(CannotCarry, match=r"names|no labels"):
            write_layout(Paired(), [wrong], tmp_path / "other")


@pytest.mark.parametrize(
    "folders", [("trainA", "trainB", "testA", "testB"), ("train/HE", "train/IHC", "test/HE", "test/IHC")]
)
def test_published_splits_are_told_by_folders(tmp_path: Path, folders: tuple[str, ...]) -> None:
    for value, folder in enumerate(folders):
        fill(tmp_path / folder, "ab" if folder.startswith("train") else "bc", value)
    scan = Paired().scan(tmp_path)
    train, test = Path(folders[0]).parts[0], Path(folders[2]).parts[0]
    assert {e.name: e.split for e in scan.entries} == {
        "a": "train",
        f"{train} b": "train",
        f"{test} b": "test",
        "c": "test",
    }
    record = Paired().read(next(e for e in scan.entries if e.name == f"{test} b"))
    assert isinstance(record.truth, ImagePair)
    assert (int(record.image.data.max()), int(record.truth.target.data.max())) == (2, 3)


def test_a_name_that_comes_twice_is_said(tmp_path: Path) -> None:
    for side in ("noisy", "clean"):
        fill(tmp_path / side, "a", 1)
    (tmp_path / "noisy" / "a.png").write_bytes((tmp_path / "noisy" / "a.tif").read_bytes())
    assert [(s.path.name, s.reason) for s in Paired().scan(tmp_path).skipped] == [
        ("a.tif", "another file of this name has another extension")
    ]


@pytest.mark.real_data
def test_the_real_pairs(real_data: Path) -> None:
    folder = real_data / "aug_denoise_fmd_confocal"
    assert guess_layout(folder).name == "paired"
    scan = Paired().scan(folder)
    assert [entry.name for entry in scan.entries] == ["BPAE_B", "BPAE_G", "BPAE_R"]
    assert scan.entries[0].paths[0].parent.name == "Confocal_gaussianpoisson"
    assert Paired().read(scan.entries[0]).image.data.shape == (1, 512, 512)
