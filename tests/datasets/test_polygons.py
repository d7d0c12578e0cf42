"""Masks as polygons and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument, TooLarge
from cellcommons.polygons import MAX_POINTS, fill_rings, filled_box, mask_rings, signed_area


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12))
def test_any_mask_comes_back_from_its_rings(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < rng.random()
    rings = mask_rings(mask)
    assert np.array_equal(fill_rings(rings, mask.shape), mask)
    assert sum(signed_area(ring) for ring in rings) == mask.sum()
    if mask.any():
        box, (y, x) = filled_box(rings, mask.shape)
        whole = np.zeros_like(mask)
        whole[y : y + box.shape[0], x : x + box.shape[1]] = box
        assert np.array_equal(whole, mask)


def test_rings_go_round_pieces_first_and_keep_turns_only() -> None:
    mask = np.zeros((6, 7), dtype=bool)
    mask[1:5, 1:6] = True
    mask[2:4, 3] = False
    outer, hole = mask_rings(mask)
    assert outer.tolist() == [[1, 1], [1, 6], [5, 6], [5, 1]]
    assert len(hole) == 4
    assert signed_area(outer) == 20
    assert signed_area(hole) == -2


def test_pieces_that_touch_at_a_corner_are_rings_of_their_own() -> None:
    assert [len(ring) for ring in mask_rings(np.eye(3, dtype=bool))] == [4, 4, 4]


def test_a_drawn_polygon_takes_the_pixels_whose_centres_it_holds() -> None:
    triangle = np.array([[0.0, 0.0], [0.0, 4.0], [4.0, 0.0]])
    assert fill_rings([triangle], (4, 4)).sum(axis=1).tolist() == [3, 2, 1, 0]
    beyond = np.array([[-5.0, -5.0], [-5.0, 50.0], [50.0, 50.0], [50.0, -5.0]])
    assert fill_rings([beyond], (4, 4)).all()
    outside = np.array([[10.0, 10.0], [10.0, 12.0], [12.0, 12.0]])
    assert not fill_rings([outside], (4, 4)).any()
    assert filled_box([outside], (4, 4))[0].size == 0


def test_what_is_no_polygon_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="3 corners"):
        fill_rings([np.zeros((2, 2))], (4, 4), where="cell 7")
    for make in (fill_rings, filled_box):
        with pytest.raises(InvalidDocument, match="finite"):
            make([np.array([[0.0, 0.0], [np.nan, 1.0], [1.0, 1.0]])], (4, 4))
    with pytest.raises(TooLarge, match="corners"):
        fill_rings([np.broadcast_to(np.zeros(2), (MAX_POINTS + 1, 2))], (4, 4))
