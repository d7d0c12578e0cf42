"""Failure maps: people agree on places rather than outlines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.fusion.failures import fuse_failures, marker_skill, peer_weights
from cellcommons.synthetic.failure_annotator import MODELS, FailureModel, annotate_failures

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


def test_who_marks_like_the_others_weighs_more() -> None:
    good = [disc(30, 30, 10) | disc(50, 90, 8), disc(31, 30, 10) | disc(50, 91, 8)]
    wild = disc(12, 60, 11) | disc(65, 20, 11)
    weights = peer_weights([*good, wild])
    assert weights[0] == pytest.approx(weights[1], abs=0.05)
    assert weights[2] == pytest.approx(0.05)
    assert peer_weights([*good, wild][::-1]) == pytest.approx(weights[::-1])
    # Where two good outlines differ, one that is everywhere too wide no longer takes the side of the larger.
    two, wide = [disc(28, 30, 10), disc(32, 30, 10)], disc(30, 30, 18) | wild
    plain, weighed = fuse_failures([*two, wide]), fuse_failures([*two, wide], weights=peer_weights([*two, wide]))
    assert [r.settled for r in weighed.regions] == [r.settled for r in plain.regions]
    assert (plain.labels > 0).sum() == (two[0] | two[1]).sum()
    assert (weighed.labels > 0).sum() == (two[0] & two[1]).sum()


def test_two_people_weigh_alike_and_nothing_marked_is_agreement() -> None:
    assert peer_weights([disc(30, 30, 10), NOTHING]) == (1.0, 1.0)
    assert peer_weights([NOTHING] * 3) == (1.0, 1.0, 1.0)
    assert peer_weights([disc(20, 20, 5), disc(40, 60, 5), disc(60, 100, 5)]) == (0.05, 0.05, 0.05)
    with pytest.raises(InvalidDocument, match="at least one"):
        peer_weights([])


def test_a_crowd_with_a_poor_marker_gains_over_the_vote_of_pixels() -> None:
    """On the mean of many images; on a single one it may well be the other way round."""
    levels = (MODELS["expert"], MODELS["practised"], FailureModel(miss=0.4, spurious=6, margin_px=5, loose_px=4))
    rows, columns = np.indices((192, 192))
    gains = []
    for image in range(40):
        rng = np.random.default_rng([7, image])
        truth = np.zeros(rows.shape, dtype=bool)
        for y, x, radius in np.column_stack([rng.integers(30, 162, (4, 2)), rng.integers(8, 24, 4)]).tolist():
            truth |= (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        marks = [annotate_failures(truth, who, seed=10 * image + k).marked for k, who in enumerate(levels)]
        weighed = fuse_failures(marks, weights=peer_weights(marks)).labels > 0
        gains.append(dice_of(weighed, truth) - dice_of(np.mean(marks, axis=0) > 0.5, truth))
    assert np.mean(gains) > 0.01


def dice_of(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())
