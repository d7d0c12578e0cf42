"""In silico labeling: fields put together from names, 16 bits kept, gaps and strangers reported."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from cellcommons.errors import MismatchedShapes, UnknownLayout
from cellcommons.layouts.isl import Isl
from cellcommons.layouts.registry import guess_layout
from cellcommons.pairs import ImagePair

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
