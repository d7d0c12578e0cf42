"""Pixel IoU, Dice, matched IoU and boundary distance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from cellcommons.errors import MismatchedShapes
from cellcommons.labels import Labels
from cellcommons.measures.overlap import boundary_distance, dice, overlap_scores, pixel_iou
from cellcommons.testing.strategies import label_map_lists


@given(label_map_lists(min_size=2, max_size=2))
def test_identities(maps: list[Labels]) -> None:
    a, b = maps
    iou, overlap = pixel_iou(a, b), dice(a, b)
    assert overlap == pytest.approx(2 * iou / (1 + iou))
    assert iou == pixel_iou(b, a)
    perfect = overlap_scores(a, a)
    assert (perfect.pixel_iou, perfect.dice, perfect.matched_iou) == (1.0, 1.0, 1.0)
    assert perfect.boundary_distance == (0.0 if a.any() else None)


def test_distance_between_concentric_squares() -> None:
    outer, inner = np.zeros((30, 30), bool), np.zeros((30, 30), bool)
    outer[5:25, 5:25] = True
    inner[7:23, 7:23] = True
    # Two pixels everywhere but near the outer corners, where it is at most 2 sqrt 2.
    distance = boundary_distance(outer, inner)
    assert 2.0 < distance < 2.1
    assert distance == boundary_distance(inner, outer)


def test_distance_is_taken_between_matched_cells() -> None:
    a, b = np.zeros((40, 40), np.uint32), np.zeros((40, 40), np.uint32)
    a[5:25, 5:25] = 7
    b[6:26, 5:25] = 3
    b[35:38, 35:38] = 9
    scores = overlap_scores(a, b)
    assert scores.matched_iou == pytest.approx(380 / 420)
    assert scores.boundary_distance == pytest.approx(boundary_distance(a == 7, b == 3))
    assert 0.2 < scores.boundary_distance < 1.0


def test_nothing_matched() -> None:
    empty, cell = np.zeros((6, 6), np.uint32), np.ones((6, 6), np.uint32)
    assert overlap_scores(empty, cell).measures() == {
        "pixel_iou": 0.0,
        "dice": 0.0,
        "matched_iou": 0.0,
        "boundary_distance": None,
    }
    with pytest.raises(MismatchedShapes):
        boundary_distance(empty > 0, cell > 0)
    with pytest.raises(MismatchedShapes):
        dice(empty, cell[:3])
