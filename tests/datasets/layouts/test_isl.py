"""In silico labeling: fields put together from names, 16 bits kept, gaps and strangers reported."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from cellcommons.errors import CannotCarry, MismatchedShapes, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.isl import Isl
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.writing import write_layout
from cellcommons.pairs import ImagePair
from cellcommons.testing.layout_suite import LayoutSuite


class TestIsl(LayoutSuite):
    layout = Isl()


STEM = "lab-X,condition-C,acquisition_date,year-2015,month-10,day-5,minute-0,well-{well},"


def write(folder: Path, name: str, value: int, shape: tuple[int, int] = (12, 16)) -> Path:
    file = folder / f"{name}.png"
    file.write_bytes(imagecodecs.png_encode(np.full(shape, value, np.uint16)))
    return file


def field(folder: Path, well: str = "A1", planes: tuple[int, ...] = (0, 1, 2, 10), markers: str = "DM") -> None:
    stem = STEM.format(well=well)
    for z in planes:
        write(folder, f"{stem}z_depth-{z},channel-PHASE,is_mask-false", 1000 + z)
    for marker in markers:
        write(folder, f"{stem}depth_computation-MAXPROJECT,channel-{marker},is_mask-false", ord(marker))


def test_planes_stand_in_order_of_depth_and_markers_are_channels(tmp_path: Path) -> None:
    field(tmp_path, planes=tuple(range(12)))
    (entry,) = Isl().scan(tmp_path).entries
    assert (entry.name, entry.source) == ("X C 2015-10-05 well A1", "X C 2015-10-05")
    record = Isl().read(entry)
    assert record.image.axes == "czyx"
    assert record.image.data.dtype == np.uint16
    assert record.image.data[0, :, 0, 0].tolist() == list(range(1000, 1012))
    assert isinstance(record.truth, ImagePair)
    assert record.truth.channels == ("D", "M")
    assert record.truth.target.data[:, 0, 0].tolist() == [ord("D"), ord("M")]
    assert record.labels is None
    assert guess_layout(tmp_path).name == "isl"


def test_gaps_masks_and_lonely_files_are_left_out_with_the_reason(tmp_path: Path) -> None:
    field(tmp_path, "A1", planes=(0, 1))
    field(tmp_path, "A2", planes=(0, 2))
    field(tmp_path, "A3", markers="")
    field(tmp_path, "A4", planes=())
    write(tmp_path, STEM.format(well="A1") + "channel-D,is_mask-true", 1)
    write(tmp_path, "picture", 1)
    scan = Isl().scan(tmp_path)
    assert [entry.name for entry in scan.entries] == ["X C 2015-10-05 well A1"]
    assert {skipped.reason for skipped in scan.skipped} == {
        "z planes [1] of 0..2 are missing",
        "transmitted light without fluorescence",
        "fluorescence without transmitted light",
        "a mask",
        "its name states no channel",
    }


def test_a_widefield_pair_goes_from_nuclei_to_the_marker(tmp_path: Path) -> None:
    write(tmp_path, "dapi_widefield", 5)
    write(tmp_path, "tuj1_widefield", 9)
    (entry,) = Isl().scan(tmp_path).entries
    record = Isl().read(entry)
    assert (record.image.axes, record.image.channels) == ("cyx", ("DAPI",))
    assert isinstance(record.truth, ImagePair)
    assert record.truth.channels == ("TUJ1",)
    assert int(record.truth.target.data.max()) == 9


def test_another_size_is_refused(tmp_path: Path) -> None:
    field(tmp_path, planes=(0,), markers="")
    write(tmp_path, STEM.format(well="A1") + "channel-D,is_mask-false", 1, (12, 17))
    (entry,) = Isl().scan(tmp_path).entries
    with pytest.raises(MismatchedShapes, match=r"well A1: the target is \(12, 17\)"):
        Isl().read(entry)
    field(tmp_path, "B1", planes=(0,))
    write(tmp_path, STEM.format(well="B1") + "z_depth-1,channel-PHASE,is_mask-false", 1, (13, 16))
    with pytest.raises(MismatchedShapes, match="all planes of a field alike"):
        Isl().read(Isl().scan(tmp_path).entries[1])


def test_nothing_of_the_kind(tmp_path: Path) -> None:
    write(tmp_path, "dapi_widefield", 5)
    with pytest.raises(UnknownLayout, match="without its DAPI partner"):
        Isl().scan(tmp_path)


def pair(name: str, markers: tuple[str, ...], axes: str = "czyx", planes: int = 2) -> Record:
    shape = {"c": 1, "z": planes, "y": 4, "x": 5}
    data = np.arange(20 * planes, dtype=np.uint16).reshape([shape[axis] for axis in axes])
    image = ImageData(data, axes, ("PHASE, 20%/x",))
    target = ImageData(np.arange(20 * len(markers), dtype=np.uint8).reshape(-1, 4, 5), "cyx", markers)
    return Record(Entry(name, (), "day 1"), image, ImagePair.of(image, target), Path())


def test_names_with_commas_and_the_order_of_markers_come_back(tmp_path: Path) -> None:
    write_layout(Isl(), [pair("a, b%2C", ("TUJ1", "DAPI", "a/b"))], tmp_path / "out")
    (entry,) = Isl().scan(tmp_path / "out").entries
    record = Isl().read(entry)
    assert (entry.name, entry.source, record.image.channels) == ("a, b%2C", "day 1", ("PHASE, 20%/x",))
    assert isinstance(record.truth, ImagePair)
    assert record.truth.channels == ("TUJ1", "DAPI", "a/b")
    assert record.truth.target.data[:, 0, 0].tolist() == [0, 20, 40]
    assert len(record.originals) == 2


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (pair("a", ("D", "D")), "two markers are called 'D'"),
        (pair("a", ("D" * 250, "x")), "no file name"),
        (pair("a", ("D",), planes=1), "thin_axes"),
    ],
)
def test_what_file_names_cannot_say_is_refused(tmp_path: Path, record: Record, said: str) -> None:
    with pytest.raises(CannotCarry, match=said):
        write_layout(Isl(), [record], tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.real_data
def test_the_real_field(real_data: Path) -> None:
    scan = Isl().scan(real_data / "aug_isl_labelfree")
    assert [len(entry.paths) for entry in scan.entries] == [16, 2]
    assert not scan.skipped
    record = Isl().read(scan.entries[0])
    assert record.image.data.shape == (1, 13, 704, 1024)
    assert isinstance(record.truth, ImagePair)
    assert record.truth.channels == ("DAPI_CONFOCAL", "MAP2_CONFOCAL", "NFH_CONFOCAL")
    assert record.truth.target.data.dtype == np.uint16
    assert (scan.entries[0].metadata["source_known"], scan.entries[1].metadata["source_known"]) == (True, False)
