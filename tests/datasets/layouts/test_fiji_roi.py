"""ImageJ's regions of interest: both ways, as roifile reads and writes them, and what is refused."""

from __future__ import annotations

import shutil
import stat
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.errors import (
    CannotCarry,
    CellCommonsError,
    InvalidDocument,
    TooLarge,
    UnknownLayout,
    UnreadableFile,
    UnsafeArchive,
)
from cellcommons.images.data import ImageData
from cellcommons.keypoints import Keypoints
from cellcommons.labels import LabelMap
from cellcommons.layouts import roi_outlines
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.fiji_roi import FijiRoi, read_rois
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.roi_file import parse_roi, roi_bytes
from cellcommons.layouts.roi_outlines import pieces_of
from cellcommons.layouts.writing import write_layout
from cellcommons.overlapping import OverlappingCells
from cellcommons.polygons import fill_rings
from cellcommons.testing.layout_suite import LayoutSuite
from cellcommons.testing.strategies import label_maps


class TestFijiRoi(LayoutSuite):
    layout = FijiRoi()

    def arranged(self, wanted: dict[str, Record]) -> dict[str, Record]:
        """A folder without any outlines is a plain one: let one image be looked at, and empty."""
        first, record = next(iter(wanted.items()))
        if all(one.truth is None for one in wanted.values()):
            size = record.image.pixel_size
            wanted[first] = replace(record, truth=OverlappingCells((), record.image.shape_yx, size))
        return wanted


KIND = roifile.ROI_TYPE


def roi(kind: Any, top: int, left: int, bottom: int, right: int, **more: Any) -> Any:
    """As ImageJ keeps it, by the package roifile."""
    made = roifile.ImagejRoi(roitype=kind, top=top, left=left, bottom=bottom, right=right, version=228)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def outline(kind: Any, corners: list[tuple[float, float]], **more: Any) -> Any:
    """From x and y of corners; whole numbers are kept as such."""
    made = roifile.ImagejRoi.frompoints(np.array(corners))
    made.roitype = kind
    for name, value in more.items():
        setattr(made, name, value)
    return made


def pack(path: Path, rois: dict[str, bytes | Any]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, one in rois.items():
            archive.writestr(name, one if isinstance(one, bytes) else one.tobytes())
    return path


def image(folder: Path, name: str = "a.tif", shape: tuple[int, ...] = (20, 30), **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    tifffile.imwrite(folder / name, np.zeros(shape, np.uint8), **more)
    return folder


def cells(folder: Path) -> OverlappingCells:
    (entry,) = FijiRoi().scan(folder).entries
    truth = FijiRoi().read(entry).truth
    assert isinstance(truth, OverlappingCells)
    return truth


@settings(max_examples=60, deadline=None)
@given(label_maps(shape=(11, 12)))
def test_roifile_opens_what_is_written_and_sees_the_same_pixels(labels: np.ndarray) -> None:
    for cell in LabelMap(labels).cells():
        data = roi_bytes(pieces_of(cell.mask, cell.box[:2]), f"{cell.id:04d}")
        theirs = roifile.ImagejRoi.frombytes(data)
        assert theirs.name == f"{cell.id:04d}"
        found = theirs.coordinates(multi=True)
        rings = [ring[:, ::-1].astype(np.float64) for ring in (found if isinstance(found, list) else [found])]
        assert len(rings) == sum(map(len, pieces_of(cell.mask)))
        np.testing.assert_array_equal(fill_rings(rings, labels.shape), labels == cell.id)
        assert theirs.roitype == (KIND.TRACED if len(rings) == 1 else KIND.RECT)
        assert (theirs.top, theirs.left, theirs.bottom, theirs.right) == cell.box
        assert theirs.tobytes()


def test_a_written_set_opens_in_roifile(tmp_path: Path) -> None:
    labels = np.zeros((20, 30), np.uint32)
    labels[2:9, 3:12], labels[4:6, 5:7], labels[12:15, 3:5] = 7, 0, 12
    truth = OverlappingCells.of(LabelMap(labels))
    record = Record(Entry("a", (), "a"), image_data(labels), truth, Path())
    write_layout(FijiRoi(), [record], tmp_path / "out")
    found = roifile.roiread(tmp_path / "out" / "a_RoiSet.zip")
    assert [(one.name, one.roitype) for one in found] == [("0007", KIND.RECT), ("0012", KIND.TRACED)]
    assert guess_layout(tmp_path / "out").name == "fiji_roi"


def image_data(labels: np.ndarray) -> ImageData:
    return ImageData(labels[None].astype(np.uint8), "cyx", ("intensity",))


def test_every_kind_of_area(tmp_path: Path) -> None:
    folder = image(tmp_path / "a")
    holed = roi_bytes(pieces_of(np.pad(np.zeros((2, 2), bool), 1, constant_values=True), (14, 2)), "x")
    rois = {
        "rect.roi": roi(KIND.RECT, 1, 2, 4, 8),
        "oval.roi": roi(KIND.OVAL, 0, 10, 6, 16),
        "poly.roi": outline(KIND.POLYGON, [(18, 1), (22, 1), (22, 5), (18, 5)]),
        "free.roi": outline(KIND.FREEHAND, [(18.4, 8.4), (21.6, 8.4), (21.6, 10.6), (18.4, 10.6)]),
        "traced.roi": outline(KIND.TRACED, [(25, 15), (29, 15), (29, 19), (25, 19)]),
        "shape.roi": holed,
        "rounded.roi": roi(KIND.RECT, 8, 2, 12, 8, rounded_rect_arc_size=4),
        "line.roi": outline(KIND.POLYLINE, [(1, 1), (9, 9)]),
        "spot.roi": outline(KIND.POINT, [(3, 3)]),
        "outside.roi": roi(KIND.OVAL, -40, -40, -30, -30),
        "edge.roi": roi(KIND.RECT, -3, -3, 1, 1),
    }
    pack(folder / "a_RoiSet.zip", rois)
    truth = cells(folder)
    by_box = {cell.box: cell for cell in truth.cells}
    assert [cell.id for cell in truth.cells] == [1, 2, 3, 4, 5, 6, 7, 9]
    assert by_box[1, 2, 4, 8].area == 18
    oval = by_box[0, 10, 6, 16].mask
    assert oval.tolist() == oval[::-1].tolist() == oval[:, ::-1].tolist() == oval.T.tolist()
    assert [int(row.sum()) for row in oval] == [2, 4, 6, 6, 4, 2] or [int(r.sum()) for r in oval] == [4, 6, 6, 6, 6, 4]
    assert by_box[1, 18, 5, 22].area == 16
    assert by_box[8, 18, 11, 22].area == 12  # centres inside
    assert by_box[15, 25, 19, 29].area == 16
    assert by_box[14, 2, 18, 6].area == 12
    assert by_box[8, 2, 12, 8].area == 20  # a corner pixel less each
    assert by_box[0, 0, 1, 1].area == 1
    record = FijiRoi().read(FijiRoi().scan(folder).entries[0])
    assert (record.entry.metadata["left_out"], record.entry.metadata["empty_outlines"]) == (2, 1)
    assert [one.name for one in read_rois(folder / "a_RoiSet.zip")][:2] == ["rect", "oval"]


def test_points_alone_are_landmarks(tmp_path: Path) -> None:
    folder = image(tmp_path / "a")
    (folder / "a.roi").write_bytes(outline(KIND.POINT, [(3, 4), (10, 2)]).tobytes())
    truth = FijiRoi().read(FijiRoi().scan(folder).entries[0]).truth
    assert isinstance(truth, Keypoints)
    assert truth.positions[:, 0].tolist() == [[4, 3], [2, 10]]
    (folder / "a.roi").write_bytes(outline(KIND.POINT, [(3.5, 4.5), (10.75, 2.5)]).tobytes())
    again = FijiRoi().read(FijiRoi().scan(folder).entries[0]).truth
    assert isinstance(again, Keypoints)
    assert again.positions[:, 0].tolist() == [[4, 3], [2, 10.25]]


def test_planes_of_a_stack_are_images_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    data = np.arange(2 * 3 * 2, dtype=np.uint16).reshape(2, 3, 2)[..., None, None] * np.ones((20, 30), np.uint16)
    tifffile.imwrite(folder / "s.tif", data, imagej=True, metadata={"axes": "TZCYX"})
    box = (1, 1, 4, 4)
    rois = {
        "1.roi": roi(KIND.RECT, *box, z_position=2, t_position=1),
        "2.roi": roi(KIND.RECT, *box, position=12),  # of the flat stack: the last
        "3.roi": roi(KIND.RECT, *box),
        "4.roi": roi(KIND.OVAL, *box, z_position=2, t_position=1),
    }
    pack(folder / "RoiSet.zip", rois)
    scan = FijiRoi().scan(folder)
    assert [(entry.name, entry.part, entry.source) for entry in scan.entries] == [
        ("s t1 z2", "t1-z2", "s"), ("s t2 z3", "t2-z3", "s")
    ]  # fmt: skip
    first, last = (FijiRoi().read(entry) for entry in scan.entries)
    assert first.image.axes == "cyx"
    assert first.image.data[:, 0, 0].tolist() == [2, 3]
    assert last.image.data[:, 0, 0].tolist() == [10, 11]
    assert isinstance(first.truth, OverlappingCells)
    assert [cell.id for cell in first.truth.cells] == [1, 4]
    assert first.entry.metadata["without_plane"] == 1
    pack(folder / "RoiSet.zip", {"3.roi": rois["3.roi"]})
    assert "name no plane of the 6 of s.tif" in FijiRoi().scan(folder).skipped[0].reason


@pytest.mark.parametrize("name", ["a_RoiSet.zip", "a-rois.zip", "a.zip", "RoiSet.zip", "a.tif_RoiSet.zip", "ROIs.zip"])
def test_how_people_call_them(tmp_path: Path, name: str) -> None:
    folder = image(tmp_path / "a")
    pack(folder / name, {"0001-0004.roi": roi(KIND.RECT, 1, 2, 4, 8)})
    assert len(cells(folder).cells) == 1


def test_what_belongs_to_no_image_is_named(tmp_path: Path) -> None:
    folder = image(image(tmp_path / "a"), "b.tif")
    square = {"1.roi": roi(KIND.RECT, 1, 2, 4, 8)}
    for name in ("RoiSet.zip", "c_RoiSet.zip", "b.zip", "b_RoiSet.zip"):
        pack(folder / name, square)
    pack(folder / "other.zip", {"x.txt": b"x"})
    scan = FijiRoi().scan(folder)
    assert [entry.name for entry in scan.entries] == ["a"]
    assert sorted((item.path.name, item.reason.split(",")[0].split(" of b")[0]) for item in scan.skipped) == [
        ("RoiSet.zip", "no image"),
        ("b.zip", "one of 2 files"),
        ("b_RoiSet.zip", "one of 2 files"),
        ("c_RoiSet.zip", "no image"),
        ("other.zip", "neither an image nor regions of interest"),
    ]
    with pytest.raises(UnknownLayout):
        FijiRoi().scan(image(tmp_path / "none"))


def test_unsafe_and_damaged_sets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = image(tmp_path / "a")
    (entry,) = FijiRoi().scan(pack(folder / "a_RoiSet.zip", {"1.roi": roi(KIND.RECT, 0, 0, 9, 9)}).parent).entries
    pack(folder / "a_RoiSet.zip", {"../1.roi": roi(KIND.RECT, 0, 0, 9, 9)})
    with pytest.raises(UnsafeArchive, match="leave its folder"):
        FijiRoi().read(entry)
    with zipfile.ZipFile(folder / "a_RoiSet.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.roi", b"Iout" + bytes(80 << 20))
    with pytest.raises(UnsafeArchive, match="times its size"):
        FijiRoi().read(entry)
    link = zipfile.ZipInfo("1.roi")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(folder / "a_RoiSet.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(UnsafeArchive, match="symbolic link"):
        FijiRoi().read(entry)
    pack(folder / "a_RoiSet.zip", {"1.roi": b"Iout"})
    with pytest.raises(UnreadableFile, match=r"a_RoiSet\.zip, 1\.roi"):
        FijiRoi().read(entry)
    (folder / "a_RoiSet.zip").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(UnreadableFile, match="truncated"):
        FijiRoi().read(entry)
    monkeypatch.setattr(roi_outlines, "MAX_MASKS", 1000)
    pack(folder / "a_RoiSet.zip", {f"{n}.roi": roi(KIND.OVAL, 0, 0, 20, 30) for n in range(9)})
    with pytest.raises(TooLarge, match="as masks"):
        FijiRoi().read(entry)
    assert list(tmp_path.iterdir()) == [folder]
    shutil.rmtree(folder)


def test_regions_that_are_none_are_refused() -> None:
    whole = roi_bytes(pieces_of(np.ones((3, 4), bool)), "1")
    for cut in (0, 3, 63, 70):
        with pytest.raises(UnreadableFile):
            parse_roi(whole[:cut], where="1.roi")
    with pytest.raises(InvalidDocument, match="kind 99"):
        parse_roi(whole[:6] + bytes([99]) + whole[7:], where="1.roi")
    holed = bytearray(roi_bytes(pieces_of(np.pad(np.zeros((1, 1), bool), 1, constant_values=True)), "1"))
    holed[64:68] = np.array([9], ">f4").tobytes()
    with pytest.raises(InvalidDocument, match="path of a composite"):
        parse_roi(bytes(holed), where="1.roi")
    holed[68:72] = np.array([np.nan], ">f4").tobytes()
    with pytest.raises(InvalidDocument, match="no number"):
        parse_roi(bytes(holed), where="1.roi")
    with pytest.raises(CannotCarry, match="60,000 pixels"):
        roi_bytes([[np.array([[0, 0], [0, 70_000], [2, 70_000], [2, 0]], dtype=np.float64)]], "1")


def test_a_curve_of_a_composite_is_followed() -> None:
    """Four quarters of a circle, as ImageJ keeps an oval that was joined with others."""
    r, k = 8.0, 8.0 * 0.5522847
    path = [0, 10 + r, 10]
    for a, b, c in (
        ((10 + r, 10 + k), (10 + k, 10 + r), (10, 10 + r)),
        ((10 - k, 10 + r), (10 - r, 10 + k), (10 - r, 10)),
        ((10 - r, 10 - k), (10 - k, 10 - r), (10, 10 - r)),
        ((10 + k, 10 - r), (10 + r, 10 - k), (10 + r, 10)),
    ):
        path += [3, *a, *b, *c]
    made = roi(KIND.RECT, 2, 2, 18, 18, multi_coordinates=np.array([*path, 4], ">f4"))
    made.shape_roi_size = len(path) + 1
    (piece,) = parse_roi(made.tobytes(), where="x").pieces
    disc = np.hypot(*(np.indices((20, 20)) + 0.5 - 10)) <= r
    assert (fill_rings(piece, (20, 20)) ^ disc).sum() <= 4


_SAMPLES = [
    roi_bytes(pieces_of(np.ones((3, 4), bool)), "1"),
    roi_bytes(pieces_of(np.pad(np.zeros((2, 1), bool), 1, constant_values=True), (3, 3)), "12"),
    outline(KIND.FREEHAND, [(18.4, 8.4), (21.6, 8.4), (21.6, 10.6)]).tobytes(),
    outline(KIND.POINT, [(3.5, 4.5), (10.75, 2.5)]).tobytes(),
    roi(KIND.OVAL, 1, 1, 8, 9, z_position=2).tobytes(),
]


@settings(max_examples=150, deadline=None)
@given(
    sample=st.sampled_from(_SAMPLES),
    changes=st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=4)), max_size=5),
    cut=st.integers(0, 300),
)
def test_any_bytes_are_a_region_or_refused(sample: bytes, changes: list[tuple[int, bytes]], cut: int) -> None:
    data = bytearray(sample[: cut or None])
    for at, piece in changes:
        data[at : at + len(piece)] = piece
    said = ["1.roi"]
    try:
        found = parse_roi(bytes(data), where="1.roi")
        found.plane((2, 3, 4))
        if found.is_area:
            found.cell(roi_outlines.Drawing((30, 30)), 1, where="1.roi")
    except CellCommonsError as error:
        said.append(str(error))
    assert all("1.roi" in text for text in said)
