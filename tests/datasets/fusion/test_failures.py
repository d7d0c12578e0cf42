"""Failure maps: people agree on places rather than outlines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.fusion.failures import fuse_failures, marker_skill

ROWS, COLUMNS = np.indices((80, 120))


def disc(y: float, x: float, radius: float) -> np.ndarray:
    return (ROWS - y) ** 2 + (COLUMNS - x) ** 2 < radius**2


NOTHING = np.zeros((80, 120), dtype=bool)


def test_loose_marks_of_one_failure_are_one_region() -> None:
    marks = [disc(30, 30, 10), disc(33, 28, 12), disc(28, 33, 9), NOTHING, disc(60, 100, 6)]
    fused = fuse_failures(marks)
    assert int(fused.labels.max()) == 1
    first, second = fused.regions
    assert (first.settled, first.readings, first.support) == (True, (0, 1, 2), pytest.approx(0.6))
    assert (second.settled, second.readings) == (False, (4,))
    # Two of the three who saw it: larger than what all three marked, smaller than what any did.
    assert (marks[0] & marks[1] & marks[2]).sum() < first.area < (marks[0] | marks[1] | marks[2]).sum()
    assert fused.share[30, 30] == pytest.approx(0.6)
    skill = marker_skill(marks, fused)
    assert min(skill[:3]) > 0.7
    assert skill[3] == skill[4] == 0


def test_half_of_the_weight_is_a_dispute_and_weights_settle_it() -> None:
    marks = [disc(30, 30, 10), NOTHING]
    fused = fuse_failures(marks)
    assert not fused.labels.any()
    assert (fused.disputed > 0).sum() == disc(30, 30, 10).sum()
    assert fused.regions[0].settled is None
    assert fuse_failures(marks, weights=[2, 1]).regions[0].settled is True
    assert fuse_failures(marks, weights=[1, 2]).regions[0].settled is False


def test_a_core_in_pieces_of_different_people_is_still_a_region() -> None:
    marks = []
    for pair in range(3):
        piece = disc(40, 40 + 5 * pair, 2.3)
        marks += [piece, piece.copy()]
    fused = fuse_failures(marks)
    assert len(fused.regions) == 1
    assert fused.regions[0].area > 0
    assert fused.regions[0].support == pytest.approx(1 / 3)


def test_two_failures_joined_by_one_careless_mark_stay_two() -> None:
    two = disc(40, 30, 10) | disc(40, 80, 10)
    careless = np.zeros_like(two)
    careless[30:50, 20:92] = True
    fused = fuse_failures([two, two, careless])
    assert [region.settled for region in fused.regions] == [True, True]
    assert int(fused.labels.max()) == 2


def test_nobody_marked_anything() -> None:
    fused = fuse_failures([NOTHING, NOTHING])
    assert not fused.labels.any()
    assert fused.regions == ()
    assert fused.agreement == 1.0


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_regions_lie_apart_and_order_does_not_matter(seed: int, people: int) -> None:
    random = np.random.default_rng(seed)
    marks = [disc(*random.uniform((0, 0, 3), (80, 120, 20))) | disc(*random.uniform((0, 0, 3), (80, 120, 20)))
             for _ in range(people)]  # fmt: skip
    fused = fuse_failures(marks)
    union = np.any(marks, axis=0)
    assert not ((fused.labels > 0) & (fused.disputed > 0)).any()
    assert not (((fused.labels > 0) | (fused.disputed > 0)) & ~union).any()
    order = random.permutation(people)
    again = fuse_failures([marks[i] for i in order])
    np.testing.assert_array_equal(fused.labels, again.labels)
    assert [r.box for r in fused.regions] == [r.box for r in again.regions]


def test_bad_marks_are_refused() -> None:
    with pytest.raises(MismatchedShapes):
        fuse_failures([NOTHING, NOTHING[1:]])
    for marks, weights in (([], None), ([NOTHING.astype(int)], None), ([NOTHING], [0.0]), ([NOTHING], [1.0, 2.0])):
        with pytest.raises(InvalidDocument):
            fuse_failures(marks, weights=weights)
