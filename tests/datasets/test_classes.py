"""Ontologies and the labels that stay within them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellcommons.classes import CellBox, CellBoxes, CellClasses, ImageClasses, Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.labels import LabelMap

BLOOD = Ontology(("RBC", "WBC", "Platelets"))
PLACES = Ontology(("nucleus", "cytosol", "membrane"), multi=True)


@pytest.mark.parametrize("names", [(), ("a", "a"), ("",), (" a",), ("x" * 81,)])
def test_names_that_cannot_be_classes(names: tuple[str, ...]) -> None:
    with pytest.raises(InvalidDocument):
        Ontology(names)


def test_ranks_exclude_each_other() -> None:
    with pytest.raises(InvalidDocument, match="ordinal or multi"):
        Ontology(("0", "1"), ordinal=True, multi=True)


def test_a_class_outside_is_refused_by_name() -> None:
    with pytest.raises(InvalidDocument, match=r"image 7: class 'wbc' is not in the ontology. Use one of: RBC, WBC"):
        BLOOD.checked(("wbc",), where="image 7")
    with pytest.raises(InvalidDocument, match="'Neutrophil'"):
        ImageClasses(("Neutrophil",), BLOOD)


def test_one_class_or_several() -> None:
    assert ImageClasses(("WBC",), BLOOD).indices == (1,)
    for classes in ((), ("RBC", "WBC")):
        with pytest.raises(InvalidDocument, match="one class"):
            ImageClasses(classes, BLOOD)
    assert ImageClasses(("membrane", "nucleus"), PLACES).classes == ("nucleus", "membrane")
    assert ImageClasses((), PLACES).indices == ()
    with pytest.raises(InvalidDocument, match="twice"):
        ImageClasses(("nucleus", "nucleus"), PLACES)


@given(st.sets(st.sampled_from(PLACES.names)))
def test_a_vector_tells_the_classes(names: set[str]) -> None:
    vector = PLACES.vector(names)
    assert {name for name, there in zip(PLACES.names, vector.tolist(), strict=True) if there} == names


def test_boxes_lie_in_their_image() -> None:
    boxes = CellBoxes((CellBox((0, 0, 4, 5), "RBC"), CellBox((1, 1, 2, 2), "RBC")), (4, 5), BLOOD)
    assert boxes.counts() == {"RBC": 2, "WBC": 0, "Platelets": 0}
    for bad in ((0, 0, 5, 5), (0, 0, 0, 5), (-1, 0, 2, 2), (0, 3, 2, 3), (0, 0, 4, 6)):
        with pytest.raises(InvalidDocument, match="box 1"):
            CellBoxes((CellBox(bad, "RBC"),), (4, 5), BLOOD)
    with pytest.raises(InvalidDocument, match="box 1: class 'cell'"):
        CellBoxes((CellBox((0, 0, 1, 1), "cell"),), (4, 5), BLOOD)
    with pytest.raises(InvalidDocument, match="not multi"):
        CellBoxes((), (4, 5), PLACES)


def test_cells_have_classes_only_where_they_are() -> None:
    labels = LabelMap(np.array([[0, 2], [7, 9]], np.uint32))
    cells = CellClasses(labels, {7: ("WBC",), 2: ("RBC",)}, BLOOD)
    assert list(cells.classes) == [2, 7]
    assert cells.unclassified == (9,)
    with pytest.raises(InvalidDocument, match="cell 3"):
        CellClasses(labels, {3: ("RBC",)}, BLOOD)
    with pytest.raises(InvalidDocument, match="cell 0"):
        CellClasses(labels, {0: ("RBC",)}, BLOOD)
    with pytest.raises(InvalidDocument, match="cell 9: class 'x'"):
        CellClasses(labels, {9: ("x",)}, BLOOD)
