"""Label Studio: round trips, exports as it writes them, and what is wrong with one."""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.classes import CellBoxes, ImageClasses, Ontology
from cellcommons.errors import CellCommonsError, InvalidDocument, MismatchedShapes, UnreadableFile
from cellcommons.keypoints import Keypoints
from cellcommons.layouts.dsb2018 import Dsb2018
from cellcommons.layouts.label_studio import LabelStudio
from cellcommons.layouts.label_studio_brush import decode_brush, encode_brush
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.voc import Voc
from cellcommons.layouts.writing import write_layout
from cellcommons.overlapping import OverlappingCells
from cellcommons.readings import Readings
from cellcommons.testing.layout_suite import LayoutSuite
from cellcommons.testing.sameness import assert_same_record, assert_same_truth

SHAPE = (20, 40)
LAYOUT = LabelStudio()
# A mask of 3 x 5 pixels, set at row 1 columns 1 to 3 and row 2 column 4, as label-studio-converter packs it.
PACKED = [0, 0, 0, 60, 57, 27, 254, 23, 0, 183, 255, 132, 192, 35, 255, 0]


class TestLabelStudio(LayoutSuite):
    layout = LAYOUT


def region(kind: str, *labels: str, **value: Any) -> dict[str, Any]:
    said = {**value, kind: list(labels)} if labels else value
    size = {"original_width": SHAPE[1], "original_height": SHAPE[0], "image_rotation": 0}
    return {"id": "x1", "type": kind, "from_name": "label", "to_name": "image", "value": said, **size}


def folder_of(path: Path, *regions: dict[str, Any], tasks: Any = None) -> Path:
    """One image ``a.png``, uploaded, with ``regions`` of one person."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "a.png").write_bytes(imagecodecs.png_encode(np.arange(800, dtype=np.uint16).reshape(SHAPE)))
    task = {
        "id": 31,
        "annotations": [{"id": 1, "completed_by": 2, "was_cancelled": False, "result": list(regions)}],
        "file_upload": "0a1b2c3d-a.png",
        "data": {"image": "/data/upload/4/0a1b2c3d-a.png"},
        "meta": {},
        "predictions": [{"result": []}],
    }
    said = [task] if tasks is None else tasks
    (path / "project-4.json").write_text(said if isinstance(said, str) else json.dumps(said))
    return path


def read(path: Path) -> Any:
    (entry,) = LAYOUT.scan(path).entries
    return LAYOUT.read(entry)


def test_a_brush_is_packed_as_the_converter_packs_it() -> None:
    mask = np.zeros((3, 5), dtype=bool)
    mask[1, 1:4], mask[2, 4] = True, True
    assert np.array_equal(decode_brush(PACKED, (3, 5), where=""), mask)
    assert encode_brush(mask) == PACKED[: len(encode_brush(mask))]
    # One value after another, as a packet of single values holds them.
    bits = f"{4:032b}{7:05b}{2:04b}{3:04b}{7:04b}{15:04b}" + "0" + "00" + "011" + "00000000" * 3 + "11111111"
    bits += "0" * (-len(bits) % 8)
    packed = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
    assert decode_brush(packed, (1, 1), where="").tolist() == [[True]]


@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 1), (3, 7), (130, 140)]))
@settings(max_examples=30)
def test_any_brush_comes_back(seed: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < rng.random() ** 3
    assert np.array_equal(decode_brush(encode_brush(mask), shape, where=""), mask)


def test_outlines_of_every_kind_are_cells(tmp_path: Path) -> None:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[15:17, 30:33] = True
    apart = {"id": "y", "type": "labels", "value": {"labels": ["WBC"]}, "from_name": "l", "to_name": "image"}
    folder_of(
        tmp_path,
        region("polygonlabels", "RBC", points=[[5, 15], [15, 15], [15, 25], [5, 25]], closed=True),
        region("brushlabels", "WBC", "RBC", format="rle", rle=encode_brush(mask)),
        region("ellipselabels", "RBC", x=50, y=50, radiusX=5, radiusY=15, rotation=0),
        {**region("brush", format="rle", rle=encode_brush(~mask)), "id": "y"},
        apart,
        region("polygon", points=[[50, 0], [52.5, 0], [52.5, 5], [50, 5]]),
        region("rectanglelabels", "RBC", x=1, y=1, width=5, height=5, rotation=0),
        region("polygonlabels", "RBC", points=[[1, 1], [1.1, 1], [1.1, 1.1]]),
        {"type": "relation", "from_id": "x1", "to_id": "y"},
    )
    assert guess_layout(tmp_path).name == "label_studio"
    record = read(tmp_path)
    truth = record.truth
    assert isinstance(truth, OverlappingCells)
    assert [(c.id, c.box, c.area) for c in truth.cells] == [
        (1, (3, 2, 5, 6), 8),
        (2, (15, 30, 17, 33), 6),
        (3, (7, 18, 13, 22), 20),
        (4, (0, 0, 20, 40), 794),
        (5, (0, 20, 1, 21), 1),
    ]
    assert truth.ontology == Ontology(("RBC", "WBC"))
    assert truth.classes == {1: ("RBC",), 2: ("WBC",), 3: ("RBC",), 4: ("WBC",)}
    noted = {k: record.entry.metadata[k] for k in ("empty_outlines", "labels_beyond_the_first", "rectangle_not_taken")}
    assert noted == {"empty_outlines": 1, "labels_beyond_the_first": 1, "rectangle_not_taken": 1}


def test_boxes_go_to_the_nearest_pixel_and_turned_ones_stand_upright(tmp_path: Path) -> None:
    folder_of(
        tmp_path,
        region("rectanglelabels", "RBC", x=2.6, y=5.1, width=10, height=10, rotation=0),
        region("rectanglelabels", "RBC", x=50, y=50, width=10, height=10, rotation=90),
    )
    record = read(tmp_path)
    assert isinstance(record.truth, CellBoxes)
    assert [b.box for b in record.truth.boxes] == [(1, 1, 3, 5), (10, 18, 14, 20)]
    assert record.entry.metadata["turned_boxes"] == 1


def test_keypoints_hang_together_by_their_parent(tmp_path: Path) -> None:
    points = [
        region("keypointlabels", "nose", x=1.25, y=2.5, width=0.5),
        {**region("keypointlabels", "nose", x=50, y=50, width=0.5), "parentID": "m2"},
        {**region("keypointlabels", "tail", x=75, y=50, width=0.5), "parentID": "m2"},
    ]
    truth = read(folder_of(tmp_path, *points)).truth
    assert isinstance(truth, Keypoints)
    assert (truth.landmarks, truth.objects) == (("nose", "tail"), ("1", "2"))
    assert truth.positions[0, 0].tolist() == [0, 0]
    assert truth.positions[1].tolist() == [[9.5, 19.5], [9.5, 29.5]]


def test_choices_are_classes_of_the_image(tmp_path: Path) -> None:
    choice = {"type": "choices", "value": {"choices": ["round"]}, "from_name": "c", "to_name": "image"}
    assert read(folder_of(tmp_path, choice)).truth == ImageClasses(("round",), Ontology(("round",)))


def test_several_people_are_readings_and_ground_truth_their_consensus(tmp_path: Path) -> None:
    box = region("rectanglelabels", "RBC", x=0, y=0, width=10, height=10)
    rows = [
        {"completed_by": {"id": 2, "email": "b@lab.org"}, "result": [box]},
        {"completed_by": 7, "result": []},
        {"completed_by": 7, "result": [box, box]},
        {"completed_by": 9, "was_cancelled": True, "result": [box]},
        {"completed_by": 3, "ground_truth": True, "result": [box]},
    ]
    tasks = [
        {"data": {"image": "s3://bucket/folder/a.png"}, "annotations": rows},
        {"data": {"image": "http://x/b.png?sig=1"}, "annotations": rows[:1]},
        {"data": {"n": 3, "other": "/data/local-files/?d=in/c%20d.png"}, "annotations": [rows[3]]},
        {"data": {"image": "gone.png"}, "annotations": []},
        {"data": {"image": "/etc/../a.png"}, "annotations": []},
    ]
    folder_of(tmp_path, tasks=tasks)
    for name in ("b.png", "c d.png", "e.png"):
        (tmp_path / name).write_bytes((tmp_path / "a.png").read_bytes())
    scan = LAYOUT.scan(tmp_path)
    a, b, c = (LAYOUT.read(entry).truth for entry in scan.entries)
    assert isinstance(a, Readings)
    assert {who: len(one.boxes) for who, one in a.by.items()} == {"7": 0, "7 (2)": 2, "b@lab.org": 1}
    assert a.consensus is not None
    assert isinstance(b, Readings)
    assert list(b.by) == ["b@lab.org"]
    assert c is None
    assert sorted((s.path.name, s.reason) for s in scan.skipped) == [
        ("e.png", "no task names it"),
        ("project-4.json", "task 4 names no image of this folder"),
        ("project-4.json", "task 5 names an image that another names"),
    ]


POLYGON = {"points": [[1, 2], [3, 4], [5, 9]]}


@pytest.mark.parametrize(
    ("said", "error", "word"),
    [
        ('[{"data": {}, "annotations": [', UnreadableFile, "JSON"),
        ([{"data": 3, "annotations": []}], InvalidDocument, "has data"),
        ([{"data": {}, "annotations": [3]}], InvalidDocument, "list of objects"),
        ([{"data": {}, "annotations": [{"result": {}}]}], InvalidDocument, "list of regions"),
        ({"type": "polygonlabels"}, InvalidDocument, "has a value"),
        ({"type": "polygonlabels", "value": {"points": [[1, 2, 3]]}}, InvalidDocument, "pairs"),
        ({"type": "polygonlabels", "value": {"points": [[1, 2], [1, None], [3, 4]]}}, InvalidDocument, "within reach"),
        ({"type": "polygonlabels", "value": POLYGON, "image_rotation": 90}, InvalidDocument, "turned"),
        (
            {"type": "polygonlabels", "value": POLYGON, "original_width": 3, "original_height": 4},
            MismatchedShapes,
            "3 x 4",
        ),
        ({"type": "brushlabels", "value": {"rle": "x"}}, InvalidDocument, "list of bytes"),
        ({"type": "brushlabels", "value": {"rle": [0, 0, 300, 0, 0, 0, 0]}}, InvalidDocument, "list of bytes"),
        ({"type": "brushlabels", "value": {"rle": [255] * 9}}, InvalidDocument, "4,294,967,295 values"),
        (
            {"type": "brushlabels", "value": {"rle": encode_brush(np.ones(SHAPE, bool))[:-2]}},
            InvalidDocument,
            "early|beyond",
        ),
        ({"type": "rectanglelabels", "value": {"x": 1, "y": 1, "width": 5}}, InvalidDocument, "height"),
        ({"type": "rectanglelabels", "value": {"x": 1, "y": 1, "width": -5, "height": 1}}, InvalidDocument, "no box"),
        ({"type": "rectanglelabels", "value": {"x": 1, "y": 1, "width": 5, "height": 5}}, InvalidDocument, "a label"),
        ({"type": "keypointlabels", "value": {"x": True, "y": 1}}, InvalidDocument, "a label"),
    ],
)
def test_a_wrong_export_is_refused_by_name(tmp_path: Path, said: Any, error: type[Exception], word: str) -> None:
    if isinstance(said, dict):
        folder_of(tmp_path, said)
    else:
        folder_of(tmp_path, tasks=said)
    with pytest.raises(error, match=word) as caught:
        read(tmp_path)
    assert "project-4.json" in str(caught.value)


@given(data=st.data())
@settings(max_examples=40)
def test_a_mutated_export_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    odd = [None, -1, 0, 1e308, "", "x", [], {}, [[]], [None], True, 10**30, "brushlabels", "labels", "choices", ["A"]]
    whole = np.zeros(SHAPE, dtype=bool)
    folder = folder_of(
        tmp_path_factory.mktemp("ls"),
        region("polygonlabels", "RBC", points=[[5, 15], [15, 15], [15, 25]]),
        region("brushlabels", "WBC", rle=encode_brush(whole)),
        region("ellipselabels", "RBC", x=50, y=50, radiusX=5, radiusY=15, rotation=0),
        region("rectanglelabels", "RBC", x=1, y=1, width=5, height=5, rotation=0),
        region("keypointlabels", "tail", x=75, y=50, width=0.5),
        {"type": "choices", "value": {"choices": ["round"]}},
    )
    said = json.loads((folder / "project-4.json").read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        here: Any = said
        while isinstance(here, dict | list) and here:
            key = data.draw(st.sampled_from(sorted(here) if isinstance(here, dict) else list(range(len(here)))))
            if not isinstance(here[key], dict | list) or data.draw(st.integers(0, 3)) == 0:
                here[key] = deepcopy(data.draw(st.sampled_from(odd)))
                break
            here = here[key]
    folder_of(folder, tasks=said)
    with suppress(CellCommonsError):
        for entry in LAYOUT.scan(folder).entries:
            LAYOUT.read(entry)


@pytest.mark.real_data
def test_real_boxes_and_nuclei_go_out_and_come_back(real_data: Path, tmp_path: Path) -> None:
    boxes = {e.name: Voc().read(e) for e in Voc().scan(real_data / "cls_det_bccd_voc").entries[:40]}
    write_layout(LAYOUT, boxes.values(), tmp_path / "boxes")
    scan = LAYOUT.scan(tmp_path / "boxes")
    assert (len(scan.entries), scan.skipped) == (40, ())
    for entry in scan.entries:
        assert_same_record(LAYOUT.read(entry), boxes[entry.name], LAYOUT.carries)
    nuclei = {e.name: Dsb2018().read(e) for e in Dsb2018().scan(real_data / "seg_dsb2018_fixes").entries[:8]}
    write_layout(LAYOUT, nuclei.values(), tmp_path / "nuclei")
    for entry in LAYOUT.scan(tmp_path / "nuclei").entries:
        assert_same_truth(LAYOUT.read(entry).truth, nuclei[entry.name].truth, LAYOUT.carries)
