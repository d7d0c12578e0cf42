"""Overlapping cells, landmarks, readings, volumes, and what was never looked at."""

from __future__ import annotations

import numpy as np
import pytest

from cellcommons.axes import PixelSize
from cellcommons.classes import CellClasses, Ontology
from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.keypoints import Keypoints
from cellcommons.labels import Cell, LabelMap
from cellcommons.overlapping import OverlappingCells, cell_of
from cellcommons.readings import Readings
from cellcommons.semantic import SemanticMap

CLASSES = Ontology(("T", "B"))


def disc(number: int, box: tuple[int, int, int, int]) -> Cell:
    y0, x0, y1, x1 = box
    return Cell(number, box, np.ones((y1 - y0, x1 - x0), dtype=bool), (y1 - y0) * (x1 - x0))


def test_the_smaller_cell_stays_visible_in_a_label_map() -> None:
    cells = OverlappingCells((disc(9, (0, 0, 4, 4)), disc(2, (1, 1, 3, 3))), (5, 5), PixelSize(0.5, 0.5))
    assert [cell.id for cell in cells.cells] == [2, 9]
    assert cells.overlap
    labels, covered = cells.label_map()
    assert covered == 4
    assert np.bincount(labels.data.ravel())[[2, 9]].tolist() == [4, 12]
    assert labels.pixel_size == PixelSize(0.5, 0.5)


def test_cells_of_a_label_map_keep_ids_classes_and_region() -> None:
    data = np.zeros((4, 4), dtype=np.uint32)
    data[0, :2], data[3, 3] = 7, 70_000
    seen = np.zeros((4, 4), dtype=bool)
    seen[:, 1:] = True
    cells = OverlappingCells.of(CellClasses(LabelMap(data, annotated=seen), {7: ("T",)}, CLASSES))
    assert [(cell.id, cell.box, cell.area) for cell in cells.cells] == [(7, (0, 0, 1, 2), 2), (70_000, (3, 3, 4, 4), 1)]
    assert cells.classes == {7: ("T",)}
    assert not cells.overlap
    back, _ = cells.label_map()
    assert np.array_equal(back.data, data)
    assert back.annotated is not None
    assert np.array_equal(back.annotated, seen)


@pytest.mark.parametrize(
    ("cells", "classes", "match"),
    [
        ((disc(1, (0, 0, 2, 2)), disc(1, (3, 3, 4, 4))), {}, "two cells"),
        ((disc(0, (0, 0, 2, 2)),), {}, "ids lie"),
        ((disc(1, (0, 0, 2, 9)),), {}, "do not lie in"),
        ((Cell(1, (0, 0, 2, 2), np.zeros((2, 2), dtype=bool), 0),), {}, "no pixel"),
        ((disc(1, (0, 0, 2, 2)),), {3: ("T",)}, "not there"),
        ((disc(1, (0, 0, 2, 2)),), {1: ("X",)}, "not in the ontology"),
    ],
)
def test_cells_that_cannot_be_are_refused(cells, classes, match) -> None:
    with pytest.raises(InvalidDocument, match=match):
        OverlappingCells(cells, (5, 5), classes=classes, ontology=CLASSES)


def test_masks_become_cells_cut_to_their_box() -> None:
    mask = np.zeros((5, 6), dtype=bool)
    mask[2:4, 3] = True
    assert cell_of(1, np.zeros((2, 2), dtype=bool)) is None
    first = cell_of(1, mask, corner=(10, 20))
    assert first is not None
    assert (first.id, first.box, first.area) == (1, (12, 23, 14, 24), 2)


def test_unknown_is_not_background() -> None:
    data = np.zeros((3, 4), dtype=np.uint32)
    assert LabelMap(data, annotated=np.ones((3, 4), dtype=bool)).annotated is None
    with pytest.raises(MismatchedShapes):
        LabelMap(data, annotated=np.zeros((4, 3), dtype=bool))
    with pytest.raises(InvalidDocument, match="mask of bool"):
        LabelMap(data, annotated=np.zeros((3, 4), dtype=np.uint8))


def test_a_volume_is_a_label_map_of_three_axes() -> None:
    volume = LabelMap(np.ones((2, 3, 4), dtype=np.uint32), PixelSize(1, 1, 3), "zyx")
    assert volume.ids.tolist() == [1]
    assert volume.pixel_size.z == 3
    assert LabelMap(np.ones((3, 4), dtype=np.uint32), PixelSize(1, 1, 3)).pixel_size.z is None
    with pytest.raises(InvalidDocument, match="plane"):
        list(volume.cells())
    with pytest.raises(InvalidDocument, match="plane"):
        OverlappingCells.of(volume)
    with pytest.raises(InvalidDocument, match="axes yx or zyx"):
        LabelMap(np.ones((2, 3, 4), dtype=np.uint32))


def test_landmarks_say_what_was_placed_and_what_is_covered() -> None:
    at = np.array([[[1.5, 2.0], [np.nan, np.nan]]])
    points = Keypoints(at, ("nose", "tail"), ("1",), (10, 10), np.array([[True, True]]))
    assert points.placed.tolist() == [[True, False]]
    assert points.hidden is not None
    assert points.hidden.tolist() == [[True, False]]
    for bad, match in (
        ({"landmarks": ("nose", "nose")}, "twice"),
        ({"positions": np.array([[[1.0, np.nan], [0.0, 0.0]]])}, "no column"),
        ({"positions": np.array([[[1.0, np.inf], [0.0, 0.0]]])}, "infinite"),
        ({"objects": ("1", "2")}, "positions of shape"),
    ):
        with pytest.raises(InvalidDocument, match=match):
            Keypoints(**({"positions": at, "landmarks": ("nose", "tail"), "objects": ("1",), "shape": (10, 10)} | bad))


def test_readings_are_of_one_kind_and_every_reader_has_a_name() -> None:
    one, two = LabelMap(np.ones((2, 2), dtype=np.uint32)), SemanticMap(np.zeros((2, 2), dtype=np.uint8), CLASSES)
    assert list(Readings({"b": one, "a": one}, one).by) == ["a", "b"]
    for by, fused, match in (({}, None, "at least one"), ({"": one}, None, "name"), ({"a": one}, two, "of one type")):
        with pytest.raises(InvalidDocument, match=match):
            Readings(by, fused)
