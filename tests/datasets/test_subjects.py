import numpy as np

from cellcommons.classes import CellBox, CellBoxes, CellClasses, ImageClasses, Ontology
from cellcommons.labels import LabelMap
from cellcommons.subjects import WHOLE, subjects_of

KINDS = Ontology(("round", "spindle"))


def test_a_whole_image_is_one_subject():
    found = subjects_of(ImageClasses(("spindle",), KINDS))
    assert (found.classes, found.boxes, found.cells) == ({WHOLE: ["spindle"]}, None, None)


def test_boxes_count_in_raster_order_whatever_the_file_says():
    boxes = (CellBox((9, 0, 12, 4), "spindle"), CellBox((0, 5, 4, 9), "round"), CellBox((0, 0, 4, 4), "round"))
    found = subjects_of(CellBoxes(boxes, (20, 20), KINDS))
    assert found.boxes == {"1": [0, 0, 4, 4], "2": [0, 5, 4, 9], "3": [9, 0, 12, 4]}
    assert found.classes == {"1": ["round"], "2": ["round"], "3": ["spindle"]}


def test_cells_count_from_one_and_those_without_a_class_keep_their_number():
    data = np.zeros((6, 6), np.uint32)
    data[0, 0], data[2, 2], data[4, 4] = 40, 7, 12
    found = subjects_of(CellClasses(LabelMap(data), {40: ("round",), 7: ("spindle",)}, KINDS))
    assert found.classes == {"1": ["spindle"], "3": ["round"]}
    assert [int(found.cells[i, i]) for i in (0, 2, 4)] == [3, 1, 2]
