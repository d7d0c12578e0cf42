"""CVAT for images: round trips, files as CVAT writes them, and what is wrong with one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.classes import CellBoxes, ImageClasses, Ontology
from cellcommons.errors import CellCommonsError, InvalidDocument, MismatchedShapes, UnknownLayout, UnreadableFile
from cellcommons.keypoints import Keypoints
from cellcommons.layouts.cvat import Cvat
from cellcommons.layouts.dsb2018 import Dsb2018
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.voc import Voc
from cellcommons.layouts.writing import write_layout
from cellcommons.overlapping import OverlappingCells
from cellcommons.testing.layout_suite import LayoutSuite
from cellcommons.testing.sameness import assert_same_record, assert_same_truth

SHAPE = (20, 30)
LAYOUT = Cvat()


class TestCvat(LayoutSuite):
    layout = LAYOUT
    mixed = False  # an image without a shape has the kind of its folder


def label(name: str, kind: str = "any", parent: str = "") -> str:
    below = f"<parent>{parent}</parent>" if parent else ""
    return f"<label><name>{name}</name><color>#fa3253</color><type>{kind}</type><attributes/>{below}</label>"


def folder_of(
    path: Path, *shapes: str, labels: str = label("WBC") + label("RBC"), image: str = "", more: str = ""
) -> Path:
    """One image ``a.png`` with ``shapes``, as CVAT exports it."""
    picture = path / "images" / "Train" / "a.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(imagecodecs.png_encode(np.arange(600, dtype=np.uint16).reshape(SHAPE)))
    facts = image or f'name="a.png" subset="Train" width="{SHAPE[1]}" height="{SHAPE[0]}"'
    (path / "annotations.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version><meta><task><id>4</id>'
        f"<size>1</size><labels>{labels}</labels></task><dumped>2026</dumped></meta>"
        f'<image id="0" {facts}>{"".join(shapes)}</image></annotations>'
    )
    return path


def read(path: Path) -> Any:
    return LAYOUT.read(LAYOUT.scan(path).entries[0])


def test_polygons_masks_and_ellipses_are_cells(tmp_path: Path) -> None:
    folder_of(
        tmp_path,
        '<polygon label="RBC" occluded="0" points="2.00,3.00;6.00,3.00;6.00,5.00;2.00,5.00" z_order="0">'
        '<attribute name="sick">true</attribute></polygon>',
        '<mask label="WBC" source="auto" rle="1, 2, 3" left="10" top="4" width="3" height="2" z_order="1"/>',
        '<ellipse label="RBC" cx="20" cy="10" rx="3" ry="2" rotation="90.0" z_order="0"/>',
        '<polygon label="RBC" points="1.1,1.1;1.2,1.1;1.2,1.2" z_order="0"/>',
        '<box label="RBC" occluded="0" xtl="25.0" ytl="15.0" xbr="27.0" ybr="18.0" z_order="0"/>',
        '<polyline label="RBC" points="1,1;2,2" z_order="0"/>',
    )
    scan = LAYOUT.scan(tmp_path)
    assert guess_layout(tmp_path).name == "cvat"
    assert [(e.name, e.split) for e in scan.entries] == [("a", "train")]
    assert [s.reason for s in scan.skipped] == ["1 x polyline: no outline of a cell"]
    record = read(tmp_path)
    truth = record.truth
    assert isinstance(truth, OverlappingCells)
    assert truth.ontology == Ontology(("WBC", "RBC"))
    assert [(c.id, c.box, c.area) for c in truth.cells] == [
        (1, (3, 2, 5, 6), 8),
        (2, (4, 11, 5, 13), 2),
        (3, (7, 18, 13, 22), 20),
    ]
    assert truth.classes == {1: ("RBC",), 2: ("WBC",), 3: ("RBC",)}
    assert truth.annotated is not None
    assert int((~truth.annotated).sum()) == 6
    noted = {key: record.entry.metadata[key] for key in ("empty_outlines", "box_not_taken", "polyline_not_taken")}
    assert noted == {"empty_outlines": 1, "box_not_taken": 1, "polyline_not_taken": 1}


def test_boxes_go_to_the_nearest_pixel_and_turned_ones_stand_upright(tmp_path: Path) -> None:
    folder_of(
        tmp_path,
        '<box label="RBC" xtl="1.4" ytl="2.6" xbr="4.6" ybr="5.5"/>',
        '<box label="WBC" xtl="10" ytl="10" xbr="14" ybr="12" rotation="90.0"/>',
        '<box label="WBC" xtl="-5" ytl="10" xbr="2" ybr="12"/>',
        '<box label="WBC" xtl="50" ytl="10" xbr="52" ybr="12"/>',
    )
    record = read(tmp_path)
    assert isinstance(record.truth, CellBoxes)
    assert [(b.box, b.name) for b in record.truth.boxes] == [
        ((3, 1, 6, 5), "RBC"),
        ((9, 11, 13, 13), "WBC"),
        ((10, 0, 12, 2), "WBC"),
    ]
    noted = {key: record.entry.metadata[key] for key in ("cut_boxes", "turned_boxes", "boxes_outside")}
    assert noted == {"cut_boxes": 1, "turned_boxes": 1, "boxes_outside": 1}


def test_skeletons_and_points_are_landmarks(tmp_path: Path) -> None:
    folder_of(
        tmp_path,
        '<skeleton label="m" z_order="0"><points label="tail" outside="0" occluded="1" points="3.5,4.50"/>'
        '<points label="nose" outside="1" occluded="0" points="9,9"/></skeleton>',
        '<points label="spot" points="1.5,2.5;7,8" z_order="0"/>',
        labels=label("m", "skeleton") + label("nose", "points", "m") + label("tail", "points", "m"),
    )
    truth = read(tmp_path).truth
    assert isinstance(truth, Keypoints)
    assert (truth.landmarks, truth.objects) == (("nose", "tail", "spot"), ("1", "2", "3"))
    assert truth.positions[0, 1].tolist() == [4, 3]
    assert truth.positions[1:, 2].tolist() == [[2, 1], [7.5, 6.5]]
    assert int(truth.placed.sum()) == 3
    assert truth.hidden is not None
    assert truth.hidden.tolist() == [[False, True, False], [False] * 3, [False] * 3]


def test_tags_are_classes_of_the_image(tmp_path: Path) -> None:
    folder_of(tmp_path, '<tag label="RBC" source="manual"/>')
    assert read(tmp_path).truth == ImageClasses(("RBC",), Ontology(("WBC", "RBC")))
    folder_of(tmp_path / "two", '<tag label="RBC"/>', '<tag label="WBC"/>')
    assert read(tmp_path / "two").truth == ImageClasses(("WBC", "RBC"), Ontology(("WBC", "RBC"), multi=True))


def test_images_without_a_shape_follow_the_labels(tmp_path: Path) -> None:
    folder_of(tmp_path, labels=label("RBC", "rectangle"))
    truth = read(tmp_path).truth
    assert isinstance(truth, CellBoxes)
    assert truth.boxes == ()
    folder_of(tmp_path / "more", labels=label("cell", "polygon"))
    truth = read(tmp_path / "more").truth
    assert isinstance(truth, OverlappingCells)
    assert (truth.cells, truth.ontology) == ((), None)


def test_a_video_is_left_out_with_the_reason(tmp_path: Path) -> None:
    folder_of(tmp_path)
    text = (tmp_path / "annotations.xml").read_text()
    start, end = text.index("<image"), text.index("</image>") + len("</image>")
    (tmp_path / "annotations.xml").write_text(text[:start] + '<track id="0" label="RBC"/>' + text[end:])
    scan = LAYOUT.scan(tmp_path)
    assert scan.entries == ()
    assert [s.reason for s in scan.skipped] == ["1 tracks of a video: export them as CVAT for images 1.1"]


def test_paths_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", image='name="../../out/b.png" width="30" height="20"')
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.png").write_bytes((tmp_path / "in" / "images" / "Train" / "a.png").read_bytes())
    (tmp_path / "in" / "b.png").symlink_to(tmp_path / "out" / "b.png")
    scan = LAYOUT.scan(tmp_path / "in")
    assert [s.reason for s in scan.skipped] == ["'../../out/b.png' is not in this folder"]
    assert [(e.name, len(e.paths)) for e in scan.entries] == [("a", 1)]


@pytest.mark.parametrize(
    ("shape", "error", "word"),
    [
        ('<polygon label="RBC" points="1,2;3"/>', InvalidDocument, "polygon 1"),
        ('<polygon label="RBC" points="1,2;3,x;4,5"/>', InvalidDocument, "polygon 1"),
        ('<polygon label="RBC" points="1,2;3,nan;4,5"/>', InvalidDocument, "within reach"),
        ('<polygon points="1,2;3,9;4,5"/>', InvalidDocument, "has a label"),
        ('<mask label="RBC" rle="1, 2" left="28" top="0" width="3" height="1"/>', InvalidDocument, "beyond its image"),
        ('<mask label="RBC" rle="1, 9" left="0" top="0" width="3" height="1"/>', InvalidDocument, "do not fill"),
        ('<mask label="RBC" rle="4, -2, 1" left="0" top="0" width="3" height="1"/>', InvalidDocument, "do not fill"),
        ('<mask label="RBC" rle="x" left="0" top="0" width="3" height="1"/>', InvalidDocument, "whole numbers"),
        ('<mask label="RBC" rle="1" left="0" top="0" width="1e9" height="1"/>', InvalidDocument, "width"),
        ('<box label="RBC" xtl="1" ytl="1" xbr="0" ybr="4"/>', InvalidDocument, "no box"),
        ('<box label="RBC" xtl="1" ytl="1" xbr="4"/>', InvalidDocument, "ybr"),
        ('<ellipse label="RBC" cx="1" cy="inf" rx="2" ry="2"/>', InvalidDocument, "cy"),
        ("<box", UnreadableFile, "damaged"),
        (f"{'<a>' * 99}{'</a>' * 99}", UnreadableFile, "nests deeper"),
    ],
)
def test_a_wrong_shape_is_refused_by_name(tmp_path: Path, shape: str, error: type[Exception], word: str) -> None:
    folder_of(tmp_path, shape)
    with pytest.raises(error, match=word) as caught:
        read(tmp_path)
    assert "annotations.xml" in str(caught.value)


def test_a_wrong_file_is_refused_by_name(tmp_path: Path) -> None:
    folder_of(tmp_path, image='name="a.png" width="3" height="4"')
    with pytest.raises(MismatchedShapes, match="3 x 4"):
        read(tmp_path)
    folder_of(tmp_path, labels=label("A") + label("A"))
    with pytest.raises(InvalidDocument, match="listed twice"):
        read(tmp_path)
    text = (tmp_path / "annotations.xml").read_text().replace("<annotations>", "<!DOCTYPE a><annotations>")
    (tmp_path / "annotations.xml").write_text(text)
    with pytest.raises(UnreadableFile, match="document type"):
        LAYOUT.scan(tmp_path)
    (tmp_path / "annotations.xml").write_text("<annotation/>")
    with pytest.raises(UnknownLayout):
        LAYOUT.scan(tmp_path)


@given(data=st.data())
@settings(max_examples=40)
def test_a_mutated_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = folder_of(
        tmp_path_factory.mktemp("cvat"),
        '<polygon label="RBC" points="2.0,3.0;6.0,3.0;6.0,5.0" z_order="0"/>',
        '<mask label="WBC" rle="1, 2, 3" left="10" top="4" width="3" height="2"/>',
        '<ellipse label="RBC" cx="20" cy="10" rx="3" ry="2" rotation="90.0"/>',
        '<points label="s" points="1.5,2.5"/><box label="RBC" xtl="1" ytl="1" xbr="3" ybr="4"/><tag label="RBC"/>',
    )
    text = (path / "annotations.xml").read_text()
    odd = st.sampled_from([*"0159-.,;e<>/= x", "", "1e300", "nan"])
    first = text.index("<image")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(first, len(text) - 1))
        text = text[:at] + data.draw(odd) + text[at + 1 :]
    (path / "annotations.xml").write_text(text)
    with suppress(CellCommonsError):
        for entry in LAYOUT.scan(path).entries:
            LAYOUT.read(entry)


@pytest.mark.real_data
def test_real_boxes_and_nuclei_go_out_and_come_back(real_data: Path, tmp_path: Path) -> None:
    boxes = {e.name: Voc().read(e) for e in Voc().scan(real_data / "cls_det_bccd_voc").entries[:40]}
    write_layout(LAYOUT, boxes.values(), tmp_path / "boxes")
    scan = LAYOUT.scan(tmp_path / "boxes")
    assert (len(scan.entries), scan.skipped) == (40, ())
    for entry in scan.entries:
        assert_same_record(LAYOUT.read(entry), boxes[entry.name], LAYOUT.carries)
    nuclei = {e.name: Dsb2018().read(e) for e in Dsb2018().scan(real_data / "seg_dsb2018_fixes").entries[:12]}
    write_layout(LAYOUT, nuclei.values(), tmp_path / "nuclei")
    for entry in LAYOUT.scan(tmp_path / "nuclei").entries:
        assert_same_truth(LAYOUT.read(entry).truth, nuclei[entry.name].truth, LAYOUT.carries)
