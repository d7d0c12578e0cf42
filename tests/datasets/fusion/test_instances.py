"""Fusing readings: majority, structure, true ties, and independence of order and ids."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.fusion.instances import Fusion, apply_settlement, fuse_instances, reader_skill
from cellcommons.labels import Labels, relabel
from cellcommons.testing.strategies import label_map_lists

Place = tuple[int, int, int, int]


def boxes(*places: Place) -> Labels:
    labels = np.zeros((40, 40), dtype=np.uint32)
    for cell, (y0, x0, y1, x1) in enumerate(places, start=1):
        labels[y0:y1, x0:x1] = cell
    return labels


NONE = boxes()
ONE = boxes((5, 5, 15, 25))
TWO = boxes((5, 5, 15, 15), (5, 15, 15, 25))
UNEQUAL = boxes((5, 5, 15, 20), (5, 20, 15, 25))
FAR = (30, 30, 38, 38)


def summary(fusion: Fusion) -> list[tuple[str, list[tuple[tuple[int, ...], int]]]]:
    return [(d.kind, [(o.readings, int(o.labels.max())) for o in d.options]) for d in fusion.disagreements]


def test_one_reading_is_its_own_consensus() -> None:
    fusion = fuse_instances([TWO])
    np.testing.assert_array_equal(fusion.labels, TWO)
    assert [cell.agreement for cell in fusion.cells] == [1.0, 1.0]
    assert fusion.agreement == 1.0
    assert not fusion.disagreements


@given(label_map_lists(min_size=1, max_size=1), st.integers(1, 4))
def test_equal_readings_give_that_reading(maps: list[Labels], count: int) -> None:
    fusion = fuse_instances(maps * count)
    pairs = set(zip(maps[0].ravel().tolist(), fusion.labels.ravel().tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert not fusion.disagreements
    assert not fusion.dissents
    assert all(cell.agreement == 1.0 for cell in fusion.cells)


def test_majority_keeps_and_drops_cells() -> None:
    fusion = fuse_instances([boxes((5, 5, 15, 15), FAR), boxes((5, 5, 15, 15)), boxes((5, 5, 15, 15))])
    np.testing.assert_array_equal(fusion.labels, boxes((5, 5, 15, 15)))
    assert [(d.reading, d.cell) for d in fusion.dissents] == [(0, 2)]
    assert not fusion.disagreements
    missed = fuse_instances([boxes(FAR), boxes(FAR), NONE])
    assert missed.cells[0].agreement == pytest.approx(2 / 3)
    assert missed.cells[0].support == {0: 1, 1: 1}


def test_the_majority_structure_wins_and_the_dissenter_is_on_record() -> None:
    split = fuse_instances([TWO, ONE, TWO])
    np.testing.assert_array_equal(split.labels, TWO)
    assert [(d.reading, d.cell) for d in split.dissents] == [(1, 1)]
    merged = fuse_instances([ONE, ONE, TWO])
    np.testing.assert_array_equal(merged.labels, ONE)
    assert [(d.reading, d.cell) for d in merged.dissents] == [(2, 1), (2, 2)]
    small_part = fuse_instances([UNEQUAL, ONE, UNEQUAL])
    np.testing.assert_array_equal(small_part.labels, UNEQUAL)
    assert not split.disagreements + merged.disagreements + small_part.disagreements


def test_the_extent_is_the_pixel_majority() -> None:
    fusion = fuse_instances([boxes((5, 5, 15, 15)), boxes((6, 6, 16, 16)), boxes((7, 5, 17, 15))])
    np.testing.assert_array_equal(fusion.labels != 0, sum((m != 0).astype(int) for m in _three()) >= 2)


def _three() -> list[Labels]:
    return [boxes((5, 5, 15, 15)), boxes((6, 6, 16, 16)), boxes((7, 5, 17, 15))]


def test_two_outlines_meet_half_way() -> None:
    inner, outer = boxes((12, 12, 28, 28)), boxes((10, 10, 30, 30))
    area = fuse_instances([inner, outer]).cells[0].area
    assert 17**2 < area < 19**2 + 8


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([ONE, NONE], [("existence", [((1,), 0), ((0,), 1)])]),
        ([ONE, ONE, NONE, NONE], [("existence", [((2, 3), 0), ((0, 1), 1)])]),
        ([ONE, TWO], [("split", [((1,), 2), ((0,), 1)])]),
        ([ONE, UNEQUAL], [("split", [((0,), 1), ((1,), 2)])]),
        ([ONE, TWO, TWO, ONE], [("split", [((1, 2), 2), ((0, 3), 1)])]),
        ([ONE, TWO, NONE], [("split", [((2,), 0), ((1,), 2), ((0,), 1)])]),
    ],
)
def test_true_ties_are_disputed(
    readings: list[Labels], expected: list[tuple[str, list[tuple[tuple[int, ...], int]]]]
) -> None:
    settled_elsewhere = [np.where(boxes(FAR) > 0, 9, r).astype(np.uint32) for r in readings]
    fusion = fuse_instances(settled_elsewhere)
    found = [(kind, sorted(options)) for kind, options in summary(fusion)]
    assert found == [(kind, sorted(options)) for kind, options in expected]
    # The rest is settled, and the disputed cells are not in it.
    np.testing.assert_array_equal(fusion.labels, boxes(FAR))


def test_one_two_or_none_with_unequal_halves() -> None:
    fusion = fuse_instances([ONE, UNEQUAL, boxes((5, 5, 15, 20))])
    assert [kind for kind, _ in summary(fusion)] == ["split"]
    assert fusion.labels.max() == 0


def test_one_dissenter_among_five_disputes_nothing() -> None:
    # Two say that the dissenter's second cell is part of the first, two that there is nothing.
    short = boxes((5, 5, 15, 20))
    fusion = fuse_instances([ONE, ONE, short, short, UNEQUAL])
    assert not fusion.disagreements
    assert len(fusion.cells) == 1
    assert len(fusion.cells[0].support) == 5
    assert [(d.reading, d.cell) for d in fusion.dissents] == [(4, 2)]


def test_cells_in_one_place_with_unlike_outlines() -> None:
    fusion = fuse_instances([boxes((5, 5, 15, 15)), boxes((9, 9, 19, 19)), boxes((3, 11, 13, 21))])
    assert [kind for kind, _ in summary(fusion)] == ["extent"]
    assert len(fusion.disagreements[0].options) == 3


def test_neighbouring_disputes_are_one_region() -> None:
    near = fuse_instances([boxes((5, 5, 12, 12), (5, 14, 12, 20)), NONE])
    assert [d.box for d in near.disagreements] == [(3, 3, 14, 22)]
    assert near.disagreements[0].kind == "existence"
    far = fuse_instances([boxes((5, 5, 12, 12), FAR), NONE])
    assert len(far.disagreements) == 2


def test_weights_break_ties() -> None:
    heavy = fuse_instances([ONE, NONE], weights=[3, 1])
    np.testing.assert_array_equal(heavy.labels, ONE)
    assert heavy.cells[0].agreement == pytest.approx(0.75)
    assert fuse_instances([ONE, NONE], weights=[1, 3]).labels.max() == 0
    assert fuse_instances([ONE, NONE], weights=[0.51, 0.49]).disagreements
    pair = fuse_instances([boxes((5, 5, 15, 15)), boxes((5, 5, 15, 17))], weights=[2, 1])
    np.testing.assert_array_equal(pair.labels, boxes((5, 5, 15, 15)))


def test_quorum_and_band() -> None:
    readings = [ONE, NONE, NONE]
    assert fuse_instances(readings, quorum=0.25).cells
    assert fuse_instances(readings, ambiguous=(0.3, 0.6)).disagreements
    assert not fuse_instances([ONE, NONE], quorum=0.5, ambiguous=(0.5, 0.5)).cells
    for low, high in ((0.6, 0.7), (0.4, 1.0), (-0.1, 0.6)):
        with pytest.raises(InvalidDocument):
            fuse_instances(readings, ambiguous=(low, high))


@settings(max_examples=150)
@given(label_map_lists(min_size=2, max_size=4))
def test_order_of_readers_and_ids_change_nothing(maps: list[Labels]) -> None:
    fusion = fuse_instances(maps)
    for order in list(permutations(range(len(maps))))[1:]:
        other = fuse_instances([relabel(maps[i]) for i in order])
        np.testing.assert_array_equal(other.labels, fusion.labels)
        assert [c.agreement for c in other.cells] == pytest.approx([c.agreement for c in fusion.cells])
        assert [(d.box, d.kind) for d in other.disagreements] == [(d.box, d.kind) for d in fusion.disagreements]
        for mine, theirs in zip(fusion.disagreements, other.disagreements, strict=True):
            assert {frozenset(o.readings) for o in mine.options} == {
                frozenset(order[i] for i in o.readings) for o in theirs.options
            }


@settings(max_examples=150)
@given(label_map_lists(min_size=1, max_size=5))
def test_a_fusion_is_consistent(maps: list[Labels]) -> None:
    fusion = fuse_instances(maps)
    assert fusion.labels.dtype == np.uint32
    assert [c.id for c in fusion.cells] == sorted(set(fusion.labels.ravel().tolist()) - {0})
    assert [c.id for c in fusion.cells] == list(range(1, len(fusion.cells) + 1))
    for cell in fusion.cells:
        rows, cols = np.nonzero(fusion.labels == cell.id)
        assert cell.box == (rows.min(), cols.min(), rows.max() + 1, cols.max() + 1)
        assert cell.area == rows.size
        assert 0 < cell.agreement <= 1
        assert all((maps[reading] == own).any() for reading, own in cell.support.items())
        # No pixel of a consensus was drawn by nobody.
        drawn = np.any([maps[reading] == own for reading, own in cell.support.items()], axis=0)
        assert drawn[rows, cols].all()
    for region in fusion.disagreements:
        y0, x0, y1, x1 = region.box
        assert sorted(r for o in region.options for r in o.readings) == list(range(len(maps)))
        assert all(o.labels.shape == (y1 - y0, x1 - x0) and o.labels.dtype == np.uint32 for o in region.options)
        assert len(region.options) > 1
    voices = [(r, c) for cell in fusion.cells for r, c in cell.support.items()]
    assert len(voices) == len(set(voices))
    assert not {(d.reading, d.cell) for d in fusion.dissents} & set(voices)
    assert 0 <= fusion.agreement <= 1


@settings(max_examples=100)
@given(label_map_lists(min_size=2, max_size=4), st.data())
def test_settling_adds_the_choice_and_leaves_the_rest(maps: list[Labels], data: st.DataObject) -> None:
    fusion = fuse_instances(maps)
    labels = fusion.labels
    for region in fusion.disagreements:
        choice = data.draw(st.sampled_from(region.options)).labels
        settled = apply_settlement(labels, region.box, choice)
        np.testing.assert_array_equal(settled[labels > 0], labels[labels > 0])
        added = settled.max(initial=0) - labels.max(initial=0)
        assert added <= choice.max(initial=0)
        labels = settled


def test_settling_writes_into_the_free_pixels_of_the_box() -> None:
    fusion = fuse_instances([ONE, TWO])
    region = fusion.disagreements[0]
    two = next(o.labels for o in region.options if o.readings == (1,))
    np.testing.assert_array_equal(apply_settlement(fusion.labels, region.box, two), TWO)
    np.testing.assert_array_equal(apply_settlement(fusion.labels, region.box, np.zeros_like(two)), NONE)
    redrawn = ONE[3:17, 3:27]
    np.testing.assert_array_equal(apply_settlement(ONE, (3, 3, 17, 27), redrawn), ONE)
    with pytest.raises(MismatchedShapes):
        apply_settlement(NONE, region.box, two[1:])
    for box in ((-1, 0, 5, 5), (0, 0, 41, 5), (5, 5, 5, 9)):
        with pytest.raises(InvalidDocument):
            apply_settlement(NONE, box, two)


def test_empty_readings() -> None:
    fusion = fuse_instances([NONE, NONE, NONE])
    assert (fusion.labels.max(), fusion.cells, fusion.disagreements, fusion.agreement) == (0, [], [], 1.0)
    frameless = np.zeros((0, 4), dtype=np.uint32)
    assert fuse_instances([frameless, frameless]).labels.shape == (0, 4)


def test_bad_questions() -> None:
    with pytest.raises(InvalidDocument, match="at least one"):
        fuse_instances([])
    with pytest.raises(MismatchedShapes):
        fuse_instances([NONE, NONE[:5]])
    with pytest.raises(InvalidDocument, match="uint32"):
        fuse_instances([NONE.astype(np.int32)])  # type: ignore[list-item]
    for weights in ([1.0], [1.0, 0.0], [1.0, -1.0], [1.0, float("nan")]):
        with pytest.raises(InvalidDocument, match="weight"):
            fuse_instances([NONE, NONE], weights=weights)


def test_reader_skill() -> None:
    assert reader_skill([TWO, boxes((5, 5, 15, 15)), NONE], TWO) == pytest.approx((1.0, 2 / 3, 0.0))
