"""QuPath's GeoJSON: both ways, and as QuPath writes it."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellcommons.classes import Ontology
from cellcommons.errors import CellCommonsError, InvalidDocument, TooLarge, UnknownLayout, UnreadableFile
from cellcommons.keypoints import Keypoints
from cellcommons.labels import LabelMap
from cellcommons.layouts import qupath_geojson, roi_outlines
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.qupath import QuPath
from cellcommons.layouts.qupath_geojson import read_geojson
from cellcommons.layouts.records import read_layout
from cellcommons.layouts.registry import get_layout, guess_layout
from cellcommons.layouts.writing import write_layout
from cellcommons.overlapping import OverlappingCells
from cellcommons.testing.layout_suite import LayoutSuite


class TestQuPath(LayoutSuite):
    layout = QuPath()

    def arranged(self, wanted: dict[str, Record]) -> dict[str, Record]:
        """A folder without any outlines is a plain one: let one image be looked at, and empty."""
        first, record = next(iter(wanted.items()))
        if all(one.truth is None for one in wanted.values()):
            size = record.image.pixel_size
            wanted[first] = replace(record, truth=OverlappingCells((), record.image.shape_yx, size))
        return wanted


def square(x0: float, y0: float, x1: float, y1: float) -> list[list[float]]:
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]


def feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "id": "b0b1ef1a", "geometry": geometry, "properties": properties}


def polygon(*rings: list[list[float]], **more: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings), **more}


NUCLEUS = {**feature(polygon(square(4, 4, 9, 9)), objectType="cell"), "nucleusGeometry": polygon(square(5, 5, 7, 7))}
# As versions 0.2 to 0.6 write: classes with colours or names, measurements as objects or lists, planes, locks.
WRITTEN = [
    feature(
        polygon(square(0, 0, 3, 2), plane={"c": -1, "z": 0, "t": 0}),
        objectType="detection",
        classification={"name": "Tumor", "color": [200, 0, 0]},
        isLocked=False,
        measurements={"Nucleus: Area": 12.5, "Circularity": "NaN"},
    ),
    feature(
        polygon(square(10, 0, 15, 5), square(11, 1, 13, 3)),
        objectType="detection",
        classification={"names": ["Tumor", "Positive"], "color": [250, 62, 62]},
        measurements=[{"name": "Area", "value": 21.0}],
    ),
    feature(
        {"type": "MultiPolygon", "coordinates": [[square(0, 10, 2, 12)], [square(4, 10, 6, 12)]]},
        objectType="detection",
        classification={"name": "Stroma", "colorRGB": -6895466},
    ),
    NUCLEUS,
    feature(polygon(square(1, 1, 20, 14)), objectType="annotation", classification={"name": "Region*"}, isLocked=True),
    feature(polygon(square(1, 13, 20, 14)), objectType="annotation", classification={"name": "Ignore*"}),
    feature(polygon(square(2, 2, 18, 12)), objectType="annotation", name="tissue"),
    feature({"type": "LineString", "coordinates": [[0, 0], [5, 5]]}, objectType="annotation"),
    feature(polygon(square(0, 0, 4, 4), plane={"c": -1, "z": 3, "t": 0}), objectType="detection"),
    feature(polygon(square(40, 40, 50, 50)), objectType="detection"),
    feature({"type": "Point", "coordinates": [3.5, 4.5]}, objectType="annotation"),
]


def written(folder: Path, document: Any, name: str = "a.geojson") -> Path:
    folder.mkdir(exist_ok=True)
    tifffile.imwrite(folder / "a.ome.tif", np.zeros((16, 24), np.uint8))
    text = json.dumps(document).encode()
    (folder / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return folder


def read(folder: Path, layout: QuPath | None = None) -> Record:
    layout = layout or QuPath()
    (entry,) = layout.scan(folder).entries
    return layout.read(entry)


@pytest.mark.parametrize("name", ["a.geojson", "a.ome.tif.geojson", "a.json", "a.ome.geojson.gz"])
def test_what_qupath_writes(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path / "f", {"type": "FeatureCollection", "features": WRITTEN}, name)
    assert guess_layout(folder).name == "qupath"
    record = read(folder)
    truth = record.truth
    assert isinstance(truth, OverlappingCells)
    assert [(cell.id, cell.box, cell.area) for cell in truth.cells] == [
        (1, (0, 0, 2, 3), 6),
        (2, (0, 10, 5, 15), 21),
        (3, (10, 0, 12, 6), 8),
        (4, (4, 4, 9, 9), 25),
    ]
    assert not truth.cells[1].mask[1:3, 1:3].any()
    assert truth.classes == {1: ("Tumor",), 2: ("Tumor: Positive",), 3: ("Stroma",)}
    assert truth.ontology == Ontology(("Stroma", "Tumor", "Tumor: Positive"))
    looked = np.zeros((16, 24), dtype=bool)
    looked[1:13, 1:20] = True
    assert truth.annotated is not None
    np.testing.assert_array_equal(truth.annotated, looked)
    # Left out: the tissue, the line and the point; an outline outside the image; one in another plane.
    assert {key: record.entry.metadata[key] for key in ("left_out", "other_planes", "empty_outlines")} == {
        "left_out": 3, "other_planes": 1, "empty_outlines": 1
    }  # fmt: skip
    nuclei = read(folder, QuPath("nucleus")).truth
    assert isinstance(nuclei, OverlappingCells)
    assert nuclei.cells[3].box == (5, 5, 7, 7)
    with pytest.raises(ValueError, match="cell or nucleus"):
        QuPath("cytoplasm")


def test_a_bare_list_of_annotations_of_an_old_version(tmp_path: Path) -> None:
    old = {"type": "Feature", "id": "PathAnnotationObject", "geometry": polygon(square(2, 1, 5, 3)), "properties": {}}
    cell = {**old, "id": "PathCellObject", "nucleusGeometry": polygon(square(3, 1, 4, 2))}
    first = read(written(tmp_path / "a", [old])).truth
    assert isinstance(first, OverlappingCells)
    assert [cell.box for cell in first.cells] == [(1, 2, 3, 5)]
    second = read(written(tmp_path / "b", [old, cell, feature(polygon(square(0, 0, 1, 1)), classification="Tumor")]))
    assert isinstance(second.truth, OverlappingCells)
    assert [cell.box for cell in second.truth.cells] == [(1, 2, 3, 5)]
    assert second.entry.metadata["left_out"] == 2  # annotations, where there are cells
    one = read(written(tmp_path / "c", old)).truth
    assert isinstance(one, OverlappingCells)
    assert len(one.cells) == 1
    assert one.ontology is None


def test_points_are_landmarks(tmp_path: Path) -> None:
    counted = {"type": "MultiPoint", "coordinates": [[1.5, 2.5], [3.5, 4.5], [6, 7.25]]}
    points = [
        feature(counted, objectType="annotation", classification={"name": "Neuron"}, name="Counts"),
        feature({"type": "Point", "coordinates": [0.5, 0.5]}, objectType="annotation", name="mouse"),
        feature({"type": "Point", "coordinates": [8.5, 1.5]}, name="mouse", classification={"name": "nose"}),
    ]
    truth = read(written(tmp_path / "a", points)).truth
    assert isinstance(truth, Keypoints)
    assert (truth.landmarks, truth.objects) == (("Neuron", "nose", "point"), ("1", "2", "3", "mouse"))
    assert truth.positions[:3, 0].tolist() == [[2, 1], [4, 3], [6.75, 5.5]]
    assert truth.positions[3, 1:].tolist() == [[1, 8], [0, 0]]
    assert truth.placed.sum() == 5


@pytest.mark.parametrize(
    ("document", "error", "message"),
    [
        ({"type": "Topology"}, InvalidDocument, "neither a FeatureCollection nor a list"),
        ([{"type": "Feature", "geometry": polygon([[0, 0], ["x", 1], [2, 2]])}], InvalidDocument, "object 1: .*pairs"),
        ([feature({"type": "Circle", "coordinates": [1, 2]})], InvalidDocument, "'Circle', which GeoJSON does not"),
        ([feature({"type": "Polygon", "coordinates": 7})], InvalidDocument, "are not lists"),
        ([feature(polygon([[0, 0], [1e300, 1], [2, 2]]))], InvalidDocument, "within reach of an image"),
        ([feature(polygon([[0, 0], [10**400, 1], [2, 2]]))], InvalidDocument, "pairs of numbers"),
        ([feature(polygon(square(0, 0, 3, 3), plane={"z": "a", "t": 0}))], InvalidDocument, "no number of a plane"),
        ([feature(polygon(square(0, 0, 3, 3)), classification={"name": "x" * 99})], InvalidDocument, "cannot name"),
        ([7], InvalidDocument, "object 1: it is no GeoJSON feature"),
    ],
)
def test_what_is_no_geojson_of_an_image_is_refused(
    tmp_path: Path, document: Any, error: type[Exception], message: str
) -> None:
    folder = written(tmp_path / "a", document)
    (folder / "a.geojson").write_text(json.dumps(document))
    with pytest.raises(error, match=message):
        QuPath().read(entry_of(folder))


def entry_of(folder: Path) -> Entry:
    return Entry("a", (folder / "a.ome.tif", folder / "a.geojson"), "", metadata={"folder": str(folder)})


def test_damaged_files_bombs_and_depths_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(tmp_path / "a", WRITTEN)
    whole = (folder / "a.geojson").read_text()
    for text in (whole[:900], "[" * 100_000, '[{"type":"Feature","geometry":NaN}]', ""):
        (folder / "a.geojson").write_text(text)
        with pytest.raises(UnreadableFile, match=r"a\.geojson"):
            read_geojson(folder / "a.geojson")
    monkeypatch.setattr(qupath_geojson, "MAX_BYTES", 100_000)
    (folder / "a.geojson.gz").write_bytes(gzip.compress(b"[" + b" " * 1_000_000))
    with pytest.raises(TooLarge, match="100,000 bytes"):
        read_geojson(folder / "a.geojson.gz")
    (folder / "a.geojson.gz").write_bytes(gzip.compress(whole.encode())[:99])
    with pytest.raises(UnreadableFile):
        read_geojson(folder / "a.geojson.gz")
    monkeypatch.setattr(roi_outlines, "MAX_MASKS", 1000)
    (folder / "a.geojson").write_text(json.dumps([feature(polygon(square(0, 0, 24, 16)))] * 9))
    with pytest.raises(TooLarge, match="as masks"):
        QuPath().read(entry_of(folder))


def test_what_lies_beside_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path / "a", WRITTEN)
    (folder / "b.geojson").write_text(json.dumps(WRITTEN))
    (folder / "a.json").write_text(json.dumps(WRITTEN))
    (folder / "notes.json").write_text('{"a": 1}')
    scan = QuPath().scan(folder)
    assert scan.entries == ()
    assert {item.path.name: item.reason.split(",")[0] for item in scan.skipped} == {
        "a.geojson": "one of 2 files of a.ome.tif",
        "a.json": "one of 2 files of a.ome.tif",
        "b.geojson": "no image",
        "notes.json": "neither an image nor GeoJSON",
    }
    (folder / "b.geojson").unlink()
    (folder / "a.json").unlink()
    outside = tmp_path / "outside.geojson"
    (folder / "a.geojson").rename(outside)
    (folder / "a.geojson").symlink_to(outside)
    assert QuPath().guess(folder)[0] == 0  # a link that leads out
    with pytest.raises(UnknownLayout):
        QuPath().scan(folder)
    assert get_layout("qupath").task == "instance_segmentation"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    text = bytearray(json.dumps(WRITTEN).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text) - 1))
        piece = data.draw(st.sampled_from([b"", b"null", b"[]", b"-1e9", b"{}", b'"', b"9" * 30, b"true", b"0"]))
        text[at : at + data.draw(st.integers(0, 12))] = piece
    folder = written(tmp_path / "fuzz", [])
    (folder / "a.geojson").write_bytes(bytes(text))
    said: list[str] = []
    try:
        QuPath().read(entry_of(folder))
    except CellCommonsError as error:
        said.append(str(error))
    assert all("a.geojson" in text for text in said)


@pytest.mark.real_data
def test_real_nuclei_as_objects_and_as_regions_and_back(real_data: Path, tmp_path: Path) -> None:
    """DSB2018 through QuPath and Fiji: every nucleus to the pixel, in all three kinds of image."""
    found = read_layout(real_data / "seg_dsb2018_fixes", "dsb2018")
    strata: dict[str, list[Entry]] = {}
    for entry in found.entries:
        strata.setdefault(entry.stratum, []).append(entry)
    chosen = [entry for kind in sorted(strata) for entry in strata[kind][:3]]
    assert len(strata) >= 3
    wanted = {entry.name: found.layout.read(entry) for entry in chosen}
    count = 0
    for name in ("qupath", "fiji_roi"):
        write_layout(get_layout(name), wanted.values(), tmp_path / name, drop=["source"])
        again = read_layout(tmp_path / name)
        assert again.layout.name == name
        assert len(again) == len(wanted)
        for record in again:
            truth, before = record.truth, wanted[record.entry.name].truth
            assert isinstance(truth, OverlappingCells)
            assert isinstance(before, LabelMap)
            np.testing.assert_array_equal(truth.label_map()[0].data, before.data)
            assert not truth.overlap
            count += len(truth.cells)
            assert record.entry.stratum == wanted[record.entry.name].entry.stratum
    assert count > 200
