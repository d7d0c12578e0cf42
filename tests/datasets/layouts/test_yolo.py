"""YOLO: round trips, folders as others make them, and what is wrong with one."""

from __future__ import annotations

import contextlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.classes import CellBoxes, Ontology
from cellcommons.errors import CannotCarry, CellCommonsError, InvalidDocument, UnknownLayout, UnreadableFile
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.voc import Voc
from cellcommons.layouts.writing import write_layout
from cellcommons.layouts.yolo import Yolo, YoloSegments
from cellcommons.overlapping import OverlappingCells
from cellcommons.testing.layout_suite import LayoutSuite
from cellcommons.testing.sameness import assert_same_record

SHAPE = (20, 40)
YAML = "path: /somewhere/else\ntrain: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['WBC', 'RBC']\n"


class TestYolo(LayoutSuite):
    layout = Yolo()


class TestYoloSegments(LayoutSuite):
    layout = YoloSegments()


def put(root: Path, image: str, note: str | None = None, text: str | bytes = "") -> None:
    path = root / image
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(imagecodecs.png_encode(np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint16).reshape(SHAPE)))
    if note is not None:
        file = root / note
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_a_folder_as_roboflow_makes_it(tmp_path: Path) -> None:
    put(tmp_path, "train/images/a.png", "train/labels/a.txt", "1 0.5 0.5 0.1 0.2\n0 0.95 0.5 0.2 0.1 0.87\n")
    put(tmp_path, "valid/images/a.png", "valid/labels/a.txt", "")
    put(tmp_path, "valid/images/b.png", "valid/labels/c.txt", "1 0.5 0.5 0.1 0.2\n")
    (tmp_path / "data.yaml").write_text(YAML)
    assert guess_layout(tmp_path).name == "yolo"
    scan = Yolo().scan(tmp_path)
    assert [(e.name, e.split) for e in scan.entries] == [
        ("b", "validation"),
        ("train/images/a", "train"),
        ("valid/images/a", "validation"),
    ]
    assert [(s.path.name, s.reason) for s in scan.skipped] == [("c.txt", "no image of that name")]
    b, one, empty = (Yolo().read(e) for e in scan.entries)
    assert b.truth is None
    assert isinstance(one.truth, CellBoxes)
    assert one.truth.ontology == Ontology(("WBC", "RBC"))
    assert [(box.box, box.name) for box in one.truth.boxes] == [((8, 18, 12, 22), "RBC"), ((9, 34, 11, 40), "WBC")]
    assert one.entry.metadata["cut_boxes"] == 1
    assert isinstance(empty.truth, CellBoxes)
    assert empty.truth.boxes == ()


def test_lists_of_classes_and_labels_beside_the_image(tmp_path: Path) -> None:
    put(tmp_path, "obj_train_data/a.png", "obj_train_data/a.txt", "1 0.5 0.5 0.1 0.2\n")
    (tmp_path / "obj.names").write_text("WBC\nRBC\n")
    (entry,) = Yolo().scan(tmp_path).entries
    truth = Yolo().read(entry).truth
    assert isinstance(truth, CellBoxes)
    assert [box.name for box in truth.boxes] == ["RBC"]


def test_without_names_classes_are_their_numbers(tmp_path: Path) -> None:
    put(tmp_path, "images/a.png", "labels/a.txt", "10 0.5 0.5 0.1 0.2\n9 0.5 0.5 0.1 0.2\n")
    truth = Yolo().read(Yolo().scan(tmp_path).entries[0]).truth
    assert isinstance(truth, CellBoxes)
    assert truth.ontology.names == ("9", "10")


def test_polygons_are_outlines_and_boxes_are_not(tmp_path: Path) -> None:
    text = "0 0.05 0.1 0.15 0.1 0.15 0.3 0.05 0.3\n0 0.5 0.5 0.1 0.2\n0 0.01 0.01 0.011 0.01 0.011 0.011\n"
    put(tmp_path, "images/a.png", "labels/a.txt", text)
    (tmp_path / "data.yaml").write_text("train: images\nval: images\nnames:\n  0: cell\n")
    assert guess_layout(tmp_path).name == "yolo_segments"
    (entry,) = YoloSegments().scan(tmp_path).entries
    assert entry.split == ""
    record = YoloSegments().read(entry)
    assert isinstance(record.truth, OverlappingCells)
    assert (record.truth.ontology, [(c.box, c.area) for c in record.truth.cells]) == (None, [((2, 2, 6, 6), 16)])
    assert record.truth.annotated is not None
    assert int((~record.truth.annotated).sum()) == 16
    assert (record.entry.metadata["boxes_without_outline"], record.entry.metadata["empty_outlines"]) == (1, 1)
    boxes = Yolo().read(Yolo().scan(tmp_path).entries[0])
    assert isinstance(boxes.truth, CellBoxes)
    assert [b.box for b in boxes.truth.boxes][:2] == [(2, 2, 6, 6), (8, 18, 12, 22)]
    assert boxes.entry.metadata["boxes_of_outlines"] == 2


def test_keypoints_are_boxes_and_no_outlines(tmp_path: Path) -> None:
    put(tmp_path, "images/a.png", "labels/a.txt", "0 0.5 0.5 0.1 0.2 0.5 0.5 2 0.4 0.4 1\n")
    (tmp_path / "data.yaml").write_text("train: images\nval: images\nkpt_shape: [2, 3]\nnames: [m]\n")
    record = Yolo().read(Yolo().scan(tmp_path).entries[0])
    assert isinstance(record.truth, CellBoxes)
    assert [b.box for b in record.truth.boxes] == [(8, 18, 12, 22)]
    with pytest.raises(UnknownLayout, match="keypoints"):
        YoloSegments().scan(tmp_path)


def test_holes_are_refused_or_filled(tmp_path: Path) -> None:
    labels = np.zeros(SHAPE, np.uint32)
    labels[2:9, 2:9], labels[4:6, 4:6], labels[12, 12] = 1, 0, 1
    image = ImageData(np.zeros((1, *SHAPE), np.uint8), "cyx", ("intensity",))
    record = Record(Entry("a", (), "a"), image, LabelMap(labels), Path("a"))
    with pytest.raises(CannotCarry, match="holes, pieces"):
        write_layout(YoloSegments(), [record], tmp_path / "no")
    write_layout(YoloSegments(), [record], tmp_path / "out", drop=["holes", "pieces"])
    truth = YoloSegments().read(YoloSegments().scan(tmp_path / "out").entries[0]).truth
    assert isinstance(truth, OverlappingCells)
    assert [(c.box, c.area) for c in truth.cells] == [((2, 2, 9, 9), 49)]


@pytest.mark.parametrize(
    ("text", "error", "word"),
    [
        (b"0 0.5 0.5 0.1\n", InvalidDocument, "line 1"),
        (b"0 0.5 0.5 0.1 0.1\n0 0.5 0.5 nan 0.1\n", InvalidDocument, "line 2: its numbers"),
        (b"0 20 10 4 4\n", InvalidDocument, "no fractions"),
        (b"0 0.5 0.5 -0.1 0.1\n", InvalidDocument, "no box"),
        (b"x 0.5 0.5 0.1 0.1\n", InvalidDocument, "numbers"),
        (b"7 0.5 0.5 0.1 0.1\n", InvalidDocument, "class 7 has no name"),
        (b"1e300 0.5 0.5 0.1 0.1\n", InvalidDocument, "not a class"),
        (b"\xff\xfe\x00", UnreadableFile, "UTF-8"),
    ],
)
def test_a_wrong_label_file_is_refused_by_line(tmp_path: Path, text: bytes, error: type[Exception], word: str) -> None:
    put(tmp_path, "images/a.png", "labels/a.txt", text)
    (tmp_path / "data.yaml").write_text("train: images\nnames: [m]\n")
    with pytest.raises(error, match=word):
        Yolo().read(Yolo().scan(tmp_path).entries[0])


@pytest.mark.parametrize(
    "text",
    [
        "names: [a\ntrain: x\n",
        "names: 3\ntrain: x\n",
        "names: {a: b}\ntrain: x\n",
        "names: !!python/object/apply:os.system ['true']\ntrain: x\n",
        "names: [a, a, ' ']\ntrain: x\n",
        "names: &a [*a]\ntrain: x\n",
    ],
)
def test_a_wrong_description_is_refused(tmp_path: Path, text: str) -> None:
    put(tmp_path, "images/a.png", "labels/a.txt", "0 0.5 0.5 0.1 0.1\n")
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(CellCommonsError):
        Yolo().scan(tmp_path)


def test_what_lies_outside_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "other", "x.png", "x.txt", "0 0.5 0.5 0.1 0.1\n")
    root = tmp_path / "set"
    put(root, "images/a.png")
    (root / "labels").mkdir()
    (root / "labels" / "a.txt").symlink_to(tmp_path / "other" / "x.txt")
    (root / "images" / "x.png").symlink_to(tmp_path / "other" / "x.png")
    (root / "data.yaml").write_text(f"train: {tmp_path}/other\nval: ../other\nnames: [m]\n")
    assert [(e.name, len(e.paths)) for e in Yolo().scan(root).entries] == [("a", 1)]


@given(text=st.text(alphabet="0123456789.e- \n", max_size=60))
@settings(max_examples=60)
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.mktemp("yolo")
    put(root, "images/a.png", "labels/a.txt", text)
    for layout in (Yolo(), YoloSegments()):
        with contextlib.suppress(CellCommonsError):
            layout.read(layout.scan(root).entries[0])


@pytest.mark.real_data
def test_real_boxes_go_out_and_come_back(real_data: Path, tmp_path: Path) -> None:
    wanted = {e.name: Voc().read(e) for e in Voc().scan(real_data / "cls_det_bccd_voc").entries[:40]}
    write_layout(Yolo(), wanted.values(), tmp_path / "out")
    assert guess_layout(tmp_path / "out").name == "yolo"
    scan = Yolo().scan(tmp_path / "out")
    assert (len(scan.entries), scan.skipped) == (40, ())
    for entry in scan.entries:
        assert_same_record(Yolo().read(entry), wanted[entry.name], Yolo.carries)
