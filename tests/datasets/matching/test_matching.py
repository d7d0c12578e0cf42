"""Matching, against its definition written the slow way."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellcommons.errors import MismatchedShapes
from cellcommons.labels import Labels, relabel
from cellcommons.matching import iou_pairs, match_cells, overlap_table
from cellcommons.testing.strategies import label_map_lists

PAIRS = label_map_lists(min_size=2, max_size=2)
THRESHOLDS = st.sampled_from([0.05, 0.2, 1 / 3, 0.5, 0.51, 0.75, 1.0])


def slow_pairs(a: Labels, b: Labels) -> list[tuple[int, int, float]]:
    """Every overlapping pair by its definition."""
    found = []
    for id_a in sorted(set(a.ravel().tolist()) - {0}):
        for id_b in sorted(set(b.ravel().tolist()) - {0}):
            both = np.count_nonzero((a == id_a) & (b == id_b))
            if both:
                found.append((id_a, id_b, both / np.count_nonzero((a == id_a) | (b == id_b))))
    return found


def slow_best(pairs: list[tuple[int, int, float]], threshold: float) -> tuple[int, float]:
    """Most pairs, then highest sum of IoU, by trying every assignment."""
    iou = {(a, b): value for a, b, value in pairs if value >= threshold}
    left, right = sorted({a for a, _ in iou}), sorted({b for _, b in iou})
    if len(left) > len(right):
        iou, left, right = {(b, a): value for (a, b), value in iou.items()}, right, left
    best = (0, 0.0)
    for order in permutations(right, len(left)):
        chosen = [iou[pair] for pair in zip(left, order, strict=True) if pair in iou]
        best = max(best, (len(chosen), sum(chosen)))
    return best


@given(PAIRS)
def test_overlaps_follow_their_definition(maps: list[Labels]) -> None:
    a, b = maps
    assert iou_pairs(a, b) == slow_pairs(a, b)
    table = overlap_table(a, b)
    assert table.areas_a.tolist() == [np.count_nonzero(a == i) for i in table.ids_a.tolist()]
    assert table.areas_b.tolist() == [np.count_nonzero(b == i) for i in table.ids_b.tolist()]
    assert ((table.containment >= table.iou) & (table.containment <= 1)).all()


@given(PAIRS, THRESHOLDS)
def test_the_matching_is_the_best_there_is(maps: list[Labels], threshold: float) -> None:
    a, b = maps
    matching = match_cells(a, b, threshold=threshold)
    pairs = slow_pairs(a, b)
    count, total = slow_best(pairs, threshold)
    assert len(matching.pairs) == count
    assert sum(iou for *_, iou in matching.pairs) == pytest.approx(total)
    assert set(matching.pairs) <= {pair for pair in pairs if pair[2] >= threshold}
    assert sorted([a for a, *_ in matching.pairs] + list(matching.only_a)) == sorted(set(a.ravel().tolist()) - {0})
    assert sorted([b for _, b, _ in matching.pairs] + list(matching.only_b)) == sorted(set(b.ravel().tolist()) - {0})


@given(PAIRS, THRESHOLDS)
def test_swapping_the_maps_swaps_the_matching(maps: list[Labels], threshold: float) -> None:
    forth = match_cells(maps[0], maps[1], threshold=threshold)
    back = match_cells(maps[1], maps[0], threshold=threshold)
    assert len(forth.pairs) == len(back.pairs)
    assert sum(p[2] for p in forth.pairs) == pytest.approx(sum(p[2] for p in back.pairs))
    if threshold > 0.5:
        assert sorted((b, a, iou) for a, b, iou in forth.pairs) == sorted(back.pairs)
        assert (forth.only_a, forth.only_b) == (back.only_b, back.only_a)


@given(PAIRS, THRESHOLDS)
def test_ids_do_not_matter(maps: list[Labels], threshold: float) -> None:
    plain = match_cells(*maps, threshold=threshold)
    renamed = match_cells(*(relabel(m) for m in maps), threshold=threshold)
    assert [iou for *_, iou in plain.pairs] == [iou for *_, iou in renamed.pairs]
    assert (len(plain.only_a), len(plain.only_b)) == (len(renamed.only_a), len(renamed.only_b))


@given(label_map_lists(min_size=1, max_size=1))
def test_a_map_matches_itself_perfectly(maps: list[Labels]) -> None:
    matching = match_cells(maps[0], maps[0])
    assert matching.only_a == matching.only_b == ()
    assert all(a == b and iou == 1.0 for a, b, iou in matching.pairs)


def test_sparse_and_dense_ids_count_alike() -> None:
    rng = np.random.default_rng(0)
    dense = np.kron(rng.integers(0, 40, (30, 30)), np.ones((8, 8))).astype(np.uint32)
    other = np.roll(dense, (2, 1), (0, 1))
    sparse = dense * np.uint32(2**32 // 41)
    assert [iou for *_, iou in iou_pairs(dense, other)] == [iou for *_, iou in iou_pairs(sparse, other)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (3, 3)])
def test_no_cells(shape: tuple[int, int]) -> None:
    empty = np.zeros(shape, dtype=np.uint32)
    matching = match_cells(empty, empty)
    assert (matching.pairs, matching.only_a, matching.only_b) == ((), (), ())
    if empty.size:
        full = np.ones(shape, dtype=np.uint32)
        assert match_cells(empty, full).only_b == (1,)
        assert match_cells(full, empty).only_a == (1,)


def test_threshold_zero_matches_no_cells_that_do_not_touch() -> None:
    a = np.array([[1, 0, 0]], dtype=np.uint32)
    b = np.array([[0, 0, 1]], dtype=np.uint32)
    assert match_cells(a, b, threshold=0.0).pairs == ()


def test_shapes_must_agree() -> None:
    with pytest.raises(MismatchedShapes):
        match_cells(np.zeros((2, 3), np.uint32), np.zeros((3, 2), np.uint32))
