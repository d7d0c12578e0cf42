"""Pascal VOC: real blood smears, generated folders, crops, and what is wrong with a folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from cellcommons.classes import CellBoxes, ImageClasses
from cellcommons.errors import InvalidDocument, MismatchedShapes, UnknownLayout, UnreadableFile
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.voc import Voc, VocCrops
from cellcommons.layouts.writing import write_layout
from cellcommons.testing.layout_suite import LayoutSuite
from cellcommons.testing.sameness import assert_same_record

SHAPE = (30, 40)


class TestVoc(LayoutSuite):
    layout = Voc()


def annotation(*boxes: tuple[str, int, int, int, int], shape: tuple[int, int] = SHAPE) -> str:
    objects = "".join(
        f"<object><name>{n}</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for n, a, b, c, d in boxes
    )
    return (
        f"<annotation><filename>../../etc/passwd</filename><size><width>{shape[1]}</width><height>{shape[0]}</height>"
        f"<depth>1</depth></size>{objects}</annotation>"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "set" / "VOC2007"
    for sub in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / sub).mkdir(parents=True)
    data = np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint16).reshape(SHAPE)
    for name in ("a", "b", "c"):
        (root / "JPEGImages" / f"{name}.png").write_bytes(imagecodecs.png_encode(data))
    (root / "Annotations" / "a.xml").write_text(annotation(("WBC", 1, 1, 10, 5), ("RBC", 31, 21, 40, 30)))
    (root / "Annotations" / "b.xml").write_text(annotation(("RBC", 3, 4, 3, 4)))
    (root / "Annotations" / "x.xml").write_text(annotation(("RBC", 3, 4, 9, 9)))
    (root / "ImageSets" / "Main" / "train.txt").write_text("a\n\n")
    return root


def test_boxes_are_counted_from_zero_and_half_open(folder: Path) -> None:
    scan = Voc().scan(folder.parent)
    assert [(e.name, e.source, e.split) for e in scan.entries] == [("a", "a", "train"), ("b", "b", ""), ("c", "c", "")]
    assert [(s.path.name, s.reason) for s in scan.skipped] == [("x.xml", "no picture of that name in JPEGImages/")]
    truth = Voc().read(scan.entries[0]).truth
    assert isinstance(truth, CellBoxes)
    assert truth.ontology.names == ("RBC", "WBC")
    assert [(b.box, b.name) for b in truth.boxes] == [((0, 0, 5, 10), "WBC"), ((20, 30, 30, 40), "RBC")]
    assert Voc().read(scan.entries[2]).truth is None


def test_a_crop_is_a_square_about_its_box(folder: Path) -> None:
    scan = VocCrops(margin=0.1).scan(folder)
    assert [e.name for e in scan.entries] == ["a-001", "a-002"]
    assert [e.source for e in scan.entries] == ["a", "a"]
    assert sorted(s.path.name for s in scan.skipped) == ["b.xml", "c.png", "x.xml"]
    for entry, name, crop in zip(scan.entries, ("WBC", "RBC"), ([0, 0, 12, 12], [18, 28, 30, 40]), strict=True):
        record = VocCrops().read(entry)
        assert isinstance(record.truth, ImageClasses)
        assert record.truth.classes == (name,)
        assert entry.metadata["crop"] == crop
        y0, x0, y1, x1 = crop
        whole = Voc().read(Voc().scan(folder).entries[0]).image.data
        assert np.array_equal(record.image.data, whole[:, y0:y1, x0:x1])
        told = {key: value for key, value in entry.metadata.items() if key != "ontology"}
        assert name not in f"{entry.name} {told}"


def test_a_box_larger_than_the_frame_leaves_it_nowhere(folder: Path) -> None:
    (folder / "Annotations" / "a.xml").write_text(annotation(("RBC", 0, 0, 99, 30)))
    (entry,) = (e for e in VocCrops().scan(folder).entries if e.name.startswith("a"))
    assert VocCrops().read(entry).image.shape_yx == SHAPE
    record = Voc().read(Voc().scan(folder).entries[0])
    assert record.entry.metadata["cut_boxes"] == 1
    assert isinstance(record.truth, CellBoxes)
    assert record.truth.boxes[0].box == (0, 0, 30, 40)


def test_classes_outside_a_stated_ontology_are_refused_by_name(folder: Path) -> None:
    (folder / "ontology.json").write_text('{"names": ["WBC", "Platelets"]}')
    for layout in (Voc(), VocCrops()):
        with pytest.raises(InvalidDocument, match=r"class 'RBC' is not in the ontology. Use one of: WBC, Platelets"):
            layout.scan(folder)
    (folder / "ontology.json").write_text('{"names": ["WBC", "RBC"]}')
    truth = Voc().read(Voc().scan(folder).entries[0]).truth
    assert isinstance(truth, CellBoxes)
    assert truth.ontology.names == ("WBC", "RBC")
    for text in ("{", "[]", '{"names": "WBC"}', '{"names": ["a"], "multi": 1}', '{"names": ["a"], "x": 1}'):
        (folder / "ontology.json").write_text(text)
        with pytest.raises(InvalidDocument, match=r"ontology\.json"):
            Voc().scan(folder)


def test_tables_name_sources(folder: Path) -> None:
    (folder / "sources.csv").write_text("name,source\na,donor 1\n")
    for layout in (Voc(), VocCrops()):
        entry = layout.scan(folder).entries[0]
        assert (entry.source, entry.metadata["source_known"]) == ("donor 1", True)


@pytest.mark.parametrize(
    ("text", "error", "word"),
    [
        (annotation(("RBC", 1, 1, 5, 5), shape=(30, 41)), MismatchedShapes, "41 x 30"),
        (annotation(("RBC", 41, 1, 50, 5)), MismatchedShapes, "box 1"),
        (annotation(("RBC", 9, 1, 5, 5)), MismatchedShapes, "box 1"),
        ("<annotation><object/></annotation>", UnreadableFile, "size/height"),
        (annotation(("RBC", 1, 1, 5, 5)).replace("<ymax>5", "<ymax>inf"), UnreadableFile, "ymax"),
        ("<!DOCTYPE a><annotation/>", UnreadableFile, "document type"),
        ("<annotation>", UnreadableFile, "damaged"),
        (annotation(("", 1, 1, 5, 5)), InvalidDocument, "''"),
    ],
)
def test_a_wrong_annotation_is_refused_by_name(folder: Path, text: str, error: type[Exception], word: str) -> None:
    (folder / "Annotations" / "a.xml").write_text(text)
    for layout in (Voc(), VocCrops()):
        with pytest.raises(error, match=word):
            layout.read(layout.scan(folder).entries[0])


def test_another_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        assert Voc().guess(path)[0] == 0
        with pytest.raises(UnknownLayout, match="JPEGImages"):
            VocCrops().scan(path)


@pytest.mark.real_data
def test_the_real_smears_and_every_box(real_data: Path) -> None:
    root = real_data / "cls_det_bccd_voc"
    assert guess_layout(root).name == "voc"
    scan = Voc().scan(root)
    assert (len(scan.entries), scan.skipped) == (292, ())
    assert Counter(e.split for e in scan.entries) == {"train": 205, "validation": 87}
    counts: Counter[str] = Counter()
    for entry in scan.entries:
        record = Voc().read(entry)
        assert isinstance(record.truth, CellBoxes)
        assert record.entry.metadata["cut_boxes"] == 0
        counts.update(record.truth.counts())
    assert counts == {"RBC": 3350, "WBC": 301, "Platelets": 292}


@pytest.mark.real_data
def test_the_real_crops(real_data: Path) -> None:
    scan = VocCrops().scan(real_data / "cls_det_bccd_voc")
    # Two boxes are one pixel each.
    assert (len(scan.entries), len(scan.skipped)) == (3941, 2)
    assert len({e.source for e in scan.entries}) == 292
    for entry in scan.entries[:120]:
        record = VocCrops().read(entry)
        height, width = record.image.shape_yx
        assert height == width
        assert record.image.rgb


@pytest.mark.real_data
def test_the_real_smears_go_out_and_come_back(real_data: Path, tmp_path: Path) -> None:
    wanted = {e.name: Voc().read(e) for e in Voc().scan(real_data / "cls_det_bccd_voc").entries[:40]}
    write_layout(Voc(), wanted.values(), tmp_path / "out")
    scan = Voc().scan(tmp_path / "out")
    assert (len(scan.entries), scan.skipped) == (40, ())
    for entry in scan.entries:
        assert_same_record(Voc().read(entry), wanted[entry.name], Voc.carries)
