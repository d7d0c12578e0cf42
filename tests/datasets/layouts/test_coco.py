"""COCO: round trips, files as others write them, pycocotools beside it, and what is wrong with a file."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as peer
from pycocotools.coco import COCO

from cellcommons.classes import CellBoxes, Ontology
from cellcommons.errors import CellCommonsError, InvalidDocument, MismatchedShapes, UnreadableFile
from cellcommons.images.data import ImageData
from cellcommons.keypoints import Keypoints
from cellcommons.labels import LabelMap
from cellcommons.layouts.coco import Coco
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.run_lengths import cell_from_counts, counts_of_cell, decode_text, encode_text
from cellcommons.layouts.writing import write_layout
from cellcommons.overlapping import OverlappingCells, cell_of
from cellcommons.testing.layout_suite import LayoutSuite

SHAPE = (20, 30)
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class TestCoco(LayoutSuite):
    layout = Coco()


def picture(path: Path, shape: tuple[int, int] = SHAPE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(imagecodecs.png_encode(np.arange(shape[0] * shape[1], dtype=np.uint16).reshape(shape)))
    return path


def document(*annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    rows = [{"id": n, "image_id": 7, "category_id": 3, **one} for n, one in enumerate(annotations, start=1)]
    said = {
        "images": [{"id": 7, "file_name": "a.png", "height": SHAPE[0], "width": SHAPE[1]}],
        "annotations": rows,
        "categories": [{"id": 9, "name": "WBC", "supercategory": "blood"}, {"id": 3, "name": "RBC"}],
    }
    return said | more


def folder_of(path: Path, said: Any, name: str = "annotations/instances_val2017.json") -> Path:
    picture(path / "val2017" / "a.png")
    (path / name).parent.mkdir(parents=True, exist_ok=True)
    (path / name).write_text(said if isinstance(said, str) else json.dumps(said))
    return path


def truth_in(path: Path) -> Any:
    scan = Coco().scan(path)
    assert len(scan.entries) == 1, scan.skipped
    return Coco().read(scan.entries[0]).truth


@given(
    mask=st.integers(0, 2**32 - 1).map(
        lambda seed: np.random.default_rng(seed).random((9, 7)) < np.random.default_rng(seed).random()
    )
)
@settings(max_examples=60)
def test_run_lengths_are_those_of_the_peer(mask: np.ndarray) -> None:
    theirs = peer.encode(np.asfortranarray(mask.astype(np.uint8)))
    text = theirs["counts"].decode()
    counts = decode_text(text)
    cell = cell_of(1, mask)
    read = cell_from_counts(1, counts, mask.shape, where="")
    if cell is None:
        assert read is None
        return
    assert read is not None
    assert (read.box, read.area, read.mask.tobytes()) == (cell.box, cell.area, cell.mask.tobytes())
    assert encode_text(counts_of_cell(cell, mask.shape)) == text
    assert int(peer.area(theirs)) == cell.area


@given(st.lists(st.integers(0, 2**40), max_size=12))
@settings(max_examples=60)
def test_the_text_of_any_run_lengths_comes_back(counts: list[int]) -> None:
    assert decode_text(encode_text(np.array(counts, dtype=np.int64))).tolist() == counts


def test_polygons_run_lengths_and_crowds_as_others_write_them(tmp_path: Path) -> None:
    whole = SHAPE[0] * SHAPE[1]
    said = document(
        {"segmentation": [[2.0, 3.0, 6.0, 3.0, 6.0, 5.0, 2.0, 5.0]], "bbox": [2, 3, 4, 2], "iscrowd": 0},
        {"segmentation": [[10, 0, 12, 0, 12, 2, 10, 2], [20, 0, 21, 0, 21, 2, 20, 2]], "category_id": 9},
        {"segmentation": {"size": list(SHAPE), "counts": [0, 3, whole - 3]}, "iscrowd": 0},
        {"segmentation": {"size": list(SHAPE), "counts": [whole - 40, 40]}, "iscrowd": 1},
        {"segmentation": [[5.1, 5.1, 5.2, 5.1, 5.2, 5.2]]},
        {"segmentation": [], "bbox": [25, 10, 2.4, 2.4]},
    )
    folder_of(tmp_path, said)
    scan = Coco().scan(tmp_path)
    (entry,) = scan.entries
    assert (entry.name, entry.split, scan.skipped) == ("a", "validation", ())
    record = Coco().read(entry)
    truth = record.truth
    assert isinstance(truth, OverlappingCells)
    assert truth.ontology == Ontology(("WBC", "RBC"))
    assert [(c.id, c.box, c.area) for c in truth.cells] == [
        (1, (3, 2, 5, 6), 8),
        (2, (0, 10, 2, 21), 6),
        (3, (0, 0, 3, 1), 3),
    ]
    assert truth.classes == {1: ("RBC",), 2: ("WBC",), 3: ("RBC",)}
    assert truth.annotated is not None
    wanted = np.ones(SHAPE, dtype=bool)
    wanted[:, 28:] = False
    wanted[10:12, 25:27] = False
    assert np.array_equal(truth.annotated, wanted)
    assert "supercategories" not in entry.metadata
    assert (record.entry.metadata["empty_outlines"], record.entry.metadata["boxes_without_outline"]) == (1, 1)


def test_livecell_has_one_category_and_annotations_by_id(tmp_path: Path) -> None:
    said = document({"segmentation": [[2, 3, 6, 3, 6, 5, 2, 5]]}, categories=[{"id": 1, "name": "cell"}])
    said["annotations"][0]["category_id"] = 1
    said["annotations"] = {"17": said["annotations"][0]}
    folder_of(tmp_path, said, "LIVECell/livecell_coco_val.json")
    truth = truth_in(tmp_path)
    assert isinstance(truth, OverlappingCells)
    assert (truth.ontology, [c.box for c in truth.cells]) == (None, [(3, 2, 5, 6)])


def test_boxes_alone_are_boxes_and_float_corners_go_to_the_nearest_pixel(tmp_path: Path) -> None:
    folder_of(tmp_path, document({"bbox": [1.4, 2.6, 3.2, 0.1]}, {"bbox": [-3, -2, 9, 9]}, {"bbox": [99, 1, 2, 2]}))
    record = Coco().read(Coco().scan(tmp_path).entries[0])
    assert isinstance(record.truth, CellBoxes)
    assert [b.box for b in record.truth.boxes] == [(2, 1, 3, 5), (0, 0, 7, 6)]
    assert (record.entry.metadata["cut_boxes"], record.entry.metadata["boxes_outside"]) == (1, 1)


def test_keypoints_are_those_of_their_category(tmp_path: Path) -> None:
    said = document(
        {"keypoints": [4, 5, 2, 0, 0, 0], "bbox": [0, 0, 9, 9]},
        {"keypoints": [1.5, 2.5, 1, 3, 3, 2]},
        {"keypoints": [0, 0, 0, 0, 0, 0]},
        categories=[{"id": 3, "name": "mouse", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]}],
    )
    folder_of(tmp_path, said)
    truth = truth_in(tmp_path)
    assert isinstance(truth, Keypoints)
    assert (truth.landmarks, truth.objects) == (("nose", "tail"), ("1", "2"))
    assert np.array_equal(truth.positions, [[[5, 4], [np.nan] * 2], [[2.5, 1.5], [3, 3]]], equal_nan=True)
    assert truth.hidden is not None
    assert truth.hidden.tolist() == [[False, False], [True, False]]


def test_files_of_one_image_and_what_is_not_there_are_told(tmp_path: Path) -> None:
    said = document({"segmentation": [[2, 3, 6, 3, 6, 5, 2, 5]]})
    said["images"] += [{"id": 8, "file_name": "../../etc/passwd"}, {"id": 9, "file_name": "/etc/gone.png"}]
    folder_of(tmp_path, said)
    folder_of(tmp_path, document({"bbox": [1, 1, 2, 2]}), "annotations/boxes_val2017.json")
    (tmp_path / "annotations" / "captions.json").write_text('{"images": 3, "annotations": []}')
    picture(tmp_path / "val2017" / "more.png")
    scan = Coco().scan(tmp_path)
    assert [e.name for e in scan.entries] == ["a"]
    assert sorted((s.path.name, s.reason) for s in scan.skipped) == [
        ("boxes_val2017.json", "1 of its images are taken from another file"),
        ("captions.json", "a COCO file lists its images"),
        ("instances_val2017.json", "'../../etc/passwd' is not in this folder"),
        ("instances_val2017.json", "'/etc/gone.png' is not in this folder"),
        ("more.png", "no JSON file names it"),
    ]


def test_images_of_one_name_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    for part in ("train", "val"):
        picture(tmp_path / part / "a.png")
        said = document({"segmentation": [[2, 3, 6, 3, 6, 5, 2, 5 if part == "val" else 4]]})
        (tmp_path / f"instances_{part}.json").write_text(json.dumps(said))
    scan = Coco().scan(tmp_path)
    assert [(e.name, e.split) for e in scan.entries] == [("train/a", "train"), ("val/a", "validation")]
    assert [Coco().read(e).truth.cells[0].area for e in scan.entries] == [6, 8]


def test_the_peer_reads_every_mask_as_we_do(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    cells = []
    for number in range(1, 30):
        mask = np.zeros(SHAPE, dtype=bool)
        y, x = rng.integers(0, 15, 2)
        mask[y : y + 5, x : x + 9] = rng.random((5, 9)) < (0.6 if number % 2 else 1)
        cell = cell_of(number, mask)
        assert cell is not None
        cells.append(cell)
    region = np.zeros(SHAPE, dtype=bool)
    region[:, :25] = True
    image = ImageData(np.zeros((1, *SHAPE), np.uint8), "cyx", ("intensity",))
    classes = {n: ("B" if n % 3 else "A",) for n in range(1, 30)}
    truth = OverlappingCells(tuple(cells), SHAPE, classes=classes, ontology=Ontology(("B", "A", "C")), annotated=region)
    write_layout(Coco(), [Record(Entry("a", (), "a"), image, truth, Path("a"))], tmp_path / "out")
    theirs = COCO(str(tmp_path / "out" / "annotations" / "instances.json"))
    assert [c["name"] for c in theirs.loadCats(theirs.getCatIds())] == ["B", "A", "C"]
    found = theirs.loadAnns(theirs.getAnnIds(iscrowd=0))
    assert len(found) == 29
    for annotation, cell in zip(found, cells, strict=True):
        whole = np.zeros(SHAPE, dtype=np.uint8)
        y0, x0, y1, x1 = cell.box
        whole[y0:y1, x0:x1] = cell.mask
        assert np.array_equal(theirs.annToMask(annotation), whole)
        assert int(peer.area(theirs.annToRLE(annotation))) == annotation["area"] == cell.area
        assert peer.toBbox(theirs.annToRLE(annotation)).tolist() == annotation["bbox"]
    crowds = theirs.loadAnns(theirs.getAnnIds(iscrowd=1))
    assert {c["category_id"] for c in crowds} == {1, 2, 3}
    assert all(np.array_equal(theirs.annToMask(c), ~region) for c in crowds)
    # And what the peer writes: run lengths of every mask.
    said = document(*({"segmentation": _peer_runs(theirs, one), "category_id": 3} for one in found))
    folder_of(tmp_path / "theirs", said)
    for one, two in zip(truth_in(tmp_path / "theirs").cells, cells, strict=True):
        assert (one.box, one.mask.tobytes()) == (two.box, two.mask.tobytes())


def _peer_runs(theirs: COCO, annotation: dict[str, Any]) -> dict[str, Any]:
    runs = peer.encode(np.asfortranarray(theirs.annToMask(annotation)))
    return {"size": runs["size"], "counts": runs["counts"].decode()}


WHOLE = SHAPE[0] * SHAPE[1]


@pytest.mark.parametrize(
    ("said", "error", "word"),
    [
        ('{"images": [], "annotations": [', UnreadableFile, "JSON"),
        ('{"images": [], "annotations": [NaN]}', UnreadableFile, "NaN"),
        ('{"images": [], "annotations": ' + "[" * 200_000, UnreadableFile, "JSON"),
        ('{"images": [], "annotations": [' + "9" * 9000 + "]}", UnreadableFile, "JSON"),
        (document({"segmentation": [[1, 2, 3]]}), InvalidDocument, "x and y in turn"),
        (document({"segmentation": [[1, 2, 3, "x", 5, 6]]}), InvalidDocument, "x and y in turn|no number"),
        (document({"segmentation": [[1, 2, 3, 1e300, 5, 6]]}), InvalidDocument, "within reach"),
        (document({"segmentation": {"size": [3, 3], "counts": [9]}}), InvalidDocument, "rows and columns"),
        (document({"segmentation": {"size": list(SHAPE), "counts": [9]}}), InvalidDocument, "do not fill"),
        (
            document({"segmentation": {"size": list(SHAPE), "counts": [-5, WHOLE + 5]}}),
            InvalidDocument,
            "do not fill",
        ),
        (document({"segmentation": {"size": list(SHAPE), "counts": [1.5, 3]}}), InvalidDocument, "whole numbers"),
        (document({"segmentation": {"size": list(SHAPE), "counts": "oo"}}), InvalidDocument, "damaged"),
        (document({"segmentation": {"size": list(SHAPE), "counts": "o" * 99 + "0"}}), InvalidDocument, "60 bits"),
        (document({"segmentation": {"size": list(SHAPE), "counts": "é"}}), InvalidDocument, "damaged"),
        (document({"segmentation": "x"}), InvalidDocument, "polygons or run lengths"),
        (document({"bbox": [1, 1, -4, 2]}), InvalidDocument, "no box"),
        (document({"bbox": [1, 1, 4]}), InvalidDocument, "width and height"),
        (document({"bbox": [1, 1, 1, 1], "category_id": 77}), InvalidDocument, "77 is not listed"),
        (document({"bbox": [1, 1, 1, 1], "category_id": [1]}), InvalidDocument, "is not listed"),
        (
            document({"category_id": [1]}, categories=[{"id": 3, "name": "m", "keypoints": ["nose"]}]),
            InvalidDocument,
            "is not listed",
        ),
        (document({"bbox": [1, 1, 1, 1]}, categories=[{"id": 3, "name": " "}]), InvalidDocument, "cannot name"),
        (document(images=[{"id": 7, "file_name": "a.png", "height": 3, "width": 4}]), MismatchedShapes, "4 x 3"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, said: Any, error: type[Exception], word: str) -> None:
    folder_of(tmp_path, said)
    with pytest.raises(error, match=word) as caught:
        truth_in(tmp_path)
    assert "instances_val2017.json" in str(caught.value)


@given(data=st.data())
@settings(max_examples=40)
def test_a_mutated_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    junk = st.sampled_from(
        [None, -1, 0, 1e308, "", "x", [], {}, [[]], [None], True, 10**30, {"size": [20, 30]}, [[1, 2]]]
    )
    said = document(
        {"segmentation": [[2, 3, 6, 3, 6, 5, 2, 5]], "bbox": [2, 3, 4, 2], "iscrowd": 0},
        {"segmentation": {"size": list(SHAPE), "counts": [0, 3, WHOLE - 3]}, "iscrowd": 1},
        {"keypoints": [1, 2, 2, 3, 4, 1], "category_id": 4},
        categories=[{"id": 3, "name": "A"}, {"id": 4, "name": "m", "keypoints": ["a", "b"]}],
    )
    for _ in range(data.draw(st.integers(1, 3))):
        here: Any = said
        while isinstance(here, dict | list) and here:
            key = data.draw(st.sampled_from(sorted(here) if isinstance(here, dict) else list(range(len(here)))))
            if not isinstance(here[key], dict | list) or data.draw(st.integers(0, 3)) == 0:
                here[key] = deepcopy(data.draw(junk))
                break
            here = here[key]
    path = folder_of(tmp_path_factory.mktemp("coco"), said)
    try:
        for entry in Coco().scan(path).entries:
            Coco().read(entry)
    except CellCommonsError:
        pass


def test_cells_with_holes_keep_their_outer_outline_in_the_peer_too(tmp_path: Path) -> None:
    labels = np.zeros(SHAPE, np.uint32)
    labels[2:9, 2:9], labels[4:6, 4:6], labels[12, 12], labels[13, 13] = 5, 0, 8, 8
    image = ImageData(np.zeros((1, *SHAPE), np.uint8), "cyx", ("intensity",))
    record = Record(Entry("a", (), "a"), image, LabelMap(labels), Path("a"))
    write_layout(Coco(), [record], tmp_path / "out")
    said = json.loads((tmp_path / "out" / "annotations" / "instances.json").read_text())
    assert [type(a["segmentation"]) for a in said["annotations"]] == [dict, list]
    assert [a["instance_id"] for a in said["annotations"]] == [5, 8]
    assert len(said["annotations"][1]["segmentation"]) == 2
    truth = truth_in(tmp_path / "out")
    assert truth.ontology is None
    assert np.array_equal(truth.label_map()[0].data, labels)
