"""Masks of Pascal VOC: round trips, folders as the tools make them, and what is wrong with one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cellcommons.classes import CellClasses, Ontology
from cellcommons.errors import CellCommonsError, InvalidDocument, MismatchedShapes, UnreadableFile, WrongFormat
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.dsb2018 import Dsb2018
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.voc_masks import palette
from cellcommons.layouts.voc_segmentation import VocSegmentation
from cellcommons.layouts.writing import write_layout
from cellcommons.semantic import SemanticMap
from cellcommons.testing.layout_suite import LayoutSuite

SHAPE = (12, 16)
LAYOUT = VocSegmentation()


class TestVocSegmentation(LayoutSuite):
    layout = LAYOUT


def mask(path: Path, data: np.ndarray, *, colours: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(data.astype(np.uint8))
    if colours:
        picture.putpalette(palette().tobytes())
    picture.save(path, "PNG")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "VOC2012"
    for name in ("a", "b"):
        path = root / "JPEGImages" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(imagecodecs.png_encode(np.arange(192, dtype=np.uint16).reshape(SHAPE)))
    said = np.zeros(SHAPE)
    said[2:6, 2:6], said[6, 2:6], said[8:, 8:] = 15, 255, 1
    mask(root / "SegmentationClass" / "a.png", said)
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    (root / "ImageSets" / "Segmentation" / "val.txt").write_text("a\n")
    return root


def test_the_palette_is_the_published_one() -> None:
    wanted = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)]
    assert [tuple(row) for row in palette()[:5].tolist()] == wanted
    assert palette()[[20, 255]].tolist() == [[0, 64, 128], [224, 224, 192]]


def test_void_is_unknown_and_the_classes_are_the_challenge_s(folder: Path) -> None:
    assert guess_layout(folder).name == "voc_segmentation"
    scan = LAYOUT.scan(folder.parent)
    assert [(e.name, e.split) for e in scan.entries] == [("a", "validation"), ("b", "")]
    truth = LAYOUT.read(scan.entries[0]).truth
    assert isinstance(truth, SemanticMap)
    areas = {name: area for name, area in truth.areas().items() if area}
    assert areas == {"background": 192 - 16 - 4 - 32, "person": 16, "aeroplane": 32}
    assert int((~truth.known).sum()) == 4
    assert LAYOUT.read(scan.entries[1]).truth is None


def test_objects_are_cells_with_classes(folder: Path) -> None:
    objects = np.zeros(SHAPE)
    objects[2:6, 2:6], objects[6, 2:6], objects[8:, 8:12], objects[8:, 12:] = 1, 255, 2, 3
    mask(folder / "SegmentationObject" / "a.png", objects)
    truth = LAYOUT.read(LAYOUT.scan(folder).entries[0]).truth
    assert isinstance(truth, CellClasses)
    assert truth.classes == {1: ("person",), 2: ("aeroplane",), 3: ("aeroplane",)}
    assert "background" not in truth.ontology.names
    assert truth.labels.annotated is not None
    assert int((~truth.labels.annotated).sum()) == 4


def test_masks_in_colours_go_by_their_label_map(folder: Path) -> None:
    (folder / "labelmap.txt").write_text("# label:color_rgb:parts:actions\nbackground:0,0,0::\nT: cell:250,50,83::\n")
    colour = np.zeros((*SHAPE, 3), np.uint8)
    colour[2:6, 2:6] = (250, 50, 83)
    (folder / "SegmentationClass" / "a.png").write_bytes(imagecodecs.png_encode(colour))
    truth = LAYOUT.read(LAYOUT.scan(folder).entries[0]).truth
    assert isinstance(truth, SemanticMap)
    assert truth.areas() == {"background": 176, "T: cell": 16}
    colour[0, 0] = 9
    (folder / "SegmentationClass" / "a.png").write_bytes(imagecodecs.png_encode(colour))
    with pytest.raises(InvalidDocument, match="colour 9,9,9"):
        LAYOUT.read(LAYOUT.scan(folder).entries[0])


def test_labelme_names_its_classes_in_a_list(folder: Path) -> None:
    (folder / "class_names.txt").write_text("__ignore__\n_background_\nRBC\n")
    said = np.zeros(SHAPE)
    said[3, 3] = 1
    mask(folder / "SegmentationClass" / "a.png", said, colours=False)
    truth = LAYOUT.read(LAYOUT.scan(folder).entries[0]).truth
    assert isinstance(truth, SemanticMap)
    assert truth.areas() == {"background": 191, "RBC": 1}


def test_more_cells_than_a_palette_has_colours(tmp_path: Path) -> None:
    labels = np.zeros((40, 40), np.uint32)
    labels.flat[::4] = np.arange(1, 401)
    image = ImageData(np.zeros((1, 40, 40), np.uint8), "cyx", ("intensity",))
    truth = CellClasses(LabelMap(labels), {1: ("B",), 400: ("A",)}, Ontology(("B", "A")))
    write_layout(LAYOUT, [Record(Entry("a", (), "a"), image, truth, Path("a"))], tmp_path / "out")
    back = LAYOUT.read(LAYOUT.scan(tmp_path / "out").entries[0]).truth
    assert isinstance(back, CellClasses)
    assert np.array_equal(back.labels.data, labels)
    assert (back.classes, back.ontology) == (truth.classes, truth.ontology)


def test_other_readers_see_the_numbers(tmp_path: Path) -> None:
    data = np.array([[0, 1], [255, 1]], np.uint8)
    image = ImageData(np.zeros((1, 2, 2), np.uint8), "cyx", ("intensity",))
    truth = SemanticMap(data, Ontology(("mitosis", "background")))
    write_layout(LAYOUT, [Record(Entry("a", (), "a"), image, truth, Path("a"))], tmp_path / "out")
    with Image.open(tmp_path / "out" / "SegmentationClass" / "a.png") as picture:
        assert picture.mode == "P"
        assert np.asarray(picture).tolist() == [[1, 0], [255, 0]]
    assert "mitosis:128,0,0::" in (tmp_path / "out" / "labelmap.txt").read_text()


def test_a_wrong_mask_is_refused_by_name(folder: Path) -> None:
    path = folder / "SegmentationClass" / "a.png"
    whole = path.read_bytes()
    entry = LAYOUT.scan(folder).entries[0]
    for data, error in (
        (whole[:-20], UnreadableFile),
        (b"", WrongFormat),
        (whole[:41] + b"\x00" * 40 + whole[81:], UnreadableFile),
    ):
        path.write_bytes(data)
        with pytest.raises(error, match=r"a\.png"):
            LAYOUT.read(entry)
    mask(path, np.zeros((3, 4)))
    with pytest.raises(MismatchedShapes, match="4 x 3"):
        LAYOUT.read(entry)
    mask(path, np.full(SHAPE, 77))
    with pytest.raises(InvalidDocument, match="number 77"):
        LAYOUT.read(entry)
    mask(path, np.zeros(SHAPE))
    objects = np.zeros(SHAPE)
    objects[0, 0] = 1
    mask(folder / "SegmentationObject" / "a.png", objects)
    with pytest.raises(InvalidDocument, match="object 1 is of class 'background'"):
        LAYOUT.read(LAYOUT.scan(folder).entries[0])
    (folder / "labelmap.txt").write_text("background:0,0,300::\n")
    with pytest.raises(InvalidDocument, match=r"labelmap\.txt, line 1"):
        LAYOUT.scan(folder)


@given(data=st.data())
@settings(max_examples=40)
def test_a_mutated_mask_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    root = tmp_path_factory.mktemp("voc")
    (root / "JPEGImages").mkdir()
    (root / "JPEGImages" / "a.png").write_bytes(imagecodecs.png_encode(np.zeros(SHAPE, np.uint8)))
    path = mask(root / "SegmentationClass" / "a.png", np.zeros(SHAPE))
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(8, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    with suppress(CellCommonsError):
        LAYOUT.read(LAYOUT.scan(root).entries[0])


@pytest.mark.real_data
def test_real_nuclei_go_out_and_come_back(real_data: Path, tmp_path: Path) -> None:
    wanted = {e.name: Dsb2018().read(e) for e in Dsb2018().scan(real_data / "seg_dsb2018_fixes").entries[:12]}
    write_layout(LAYOUT, wanted.values(), tmp_path / "out")
    for entry in LAYOUT.scan(tmp_path / "out").entries:
        truth = LAYOUT.read(entry).truth
        assert isinstance(truth, CellClasses)
        assert np.array_equal(truth.labels.data, wanted[entry.name].labels)
