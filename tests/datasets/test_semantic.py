"""Semantic maps: classes per pixel, and unknown apart from background."""

from __future__ import annotations

import numpy as np
import pytest

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.semantic import SemanticMap

TISSUE = Ontology(("background", "stroma", "tumour"))


def test_unknown_is_in_no_class() -> None:
    found = SemanticMap(np.array([[0, 1, 255], [2, 2, 0]], np.uint8), TISSUE)
    assert found.areas() == {"background": 2, "stroma": 1, "tumour": 2}
    assert found.known.tolist() == [[True, True, False], [True, True, True]]
    assert found.mask("background").sum() == 2
    with pytest.raises(InvalidDocument, match="'necrosis'"):
        found.mask("necrosis")


def test_values_outside_the_ontology_are_refused() -> None:
    with pytest.raises(InvalidDocument, match="pixel value 3 is neither"):
        SemanticMap(np.full((2, 2), 3, np.uint8), TISSUE)
    assert SemanticMap(np.full((2, 2), 3, np.uint8), TISSUE, unknown=3).known.sum() == 0
    with pytest.raises(InvalidDocument, match="pixel value 255 is neither"):
        SemanticMap(np.full((2, 2), 255, np.uint8), TISSUE, unknown=3)


@pytest.mark.parametrize("data", [np.zeros((2, 2), np.int32), np.zeros((1, 2, 2), np.uint8)])
def test_other_arrays_are_refused(data: np.ndarray) -> None:
    with pytest.raises(InvalidDocument, match="uint8"):
        SemanticMap(data, TISSUE)


def test_unknown_may_not_be_a_class() -> None:
    for unknown in (0, 2, 256):
        with pytest.raises(InvalidDocument, match="unknown"):
            SemanticMap(np.zeros((2, 2), np.uint8), TISSUE, unknown=unknown)
    with pytest.raises(InvalidDocument, match="multi"):
        SemanticMap(np.zeros((2, 2), np.uint8), Ontology(("a", "b"), multi=True))
