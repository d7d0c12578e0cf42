"""Cells compared by overlap: what is planted is found, nothing else, and both ways alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import mirrored, plant, rows

from cellcommons.diff.cells import cell_changes, subject_changes
from cellcommons.diff.changes import BORN, DIED, MERGED, RECLASSED, RESHAPED, SPLIT, tally_cells
from cellcommons.errors import InvalidDocument
from cellcommons.indexes import CellRow
from cellcommons.labels import Labels
from cellcommons.matching import match_cells, overlap_table
from cellcommons.synthetic.cells import generate_cells
from cellcommons.testing.strategies import label_map_lists


def compared(a: Labels, b: Labels, **classes: dict[int, str]):
    before, after = rows(a, classes.get("before")), rows(b, classes.get("after"))
    return cell_changes("image", overlap_table(a, b), before, after)


def said(changes) -> set:
    return {(c.kind, c.before, c.after) for c in changes}


@pytest.mark.parametrize("seed", range(12))
def test_what_was_planted_is_found_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = generate_cells(seed, height=256, width=256, count=26).labels
    planted = plant(labels, rng)
    assert len({kind for kind, _, _ in planted.expected}) == 5
    assert said(compared(labels, planted.labels)) == planted.expected


@settings(max_examples=150, deadline=None)
@given(label_map_lists(min_size=2, max_size=2, max_cells=6))
def test_counts_add_up_and_both_ways_are_alike(maps: list[Labels]) -> None:
    a, b = maps
    there, back = compared(a, b), compared(b, a)
    key = repr
    assert sorted(map(mirrored, there), key=key) == sorted(back, key=key)
    cells_a, cells_b = len(rows(a)), len(rows(b))
    tally = tally_cells(cells_a, cells_b, 0, 0, there)
    gone = tally.died + tally.merged_from - tally.merged
    assert cells_a - gone + tally.born + tally.split_into - tally.split == cells_b
    assert tally.same + tally.died + tally.split + tally.merged_from + tally.reshaped == cells_a
    for side in ("before", "after"):
        told = [cell for change in there if change.kind != RECLASSED for cell in getattr(change, side)]
        assert len(told) == len(set(told)), "no cell is told of twice"


@settings(max_examples=60, deadline=None)
@given(label_map_lists(min_size=1, max_size=1), st.randoms(use_true_random=False))
def test_other_ids_are_no_change(maps: list[Labels], random) -> None:
    ids = [int(i) for i in np.unique(maps[0]) if i]
    fresh = random.sample(range(1, 5000), len(ids))
    renamed = np.zeros_like(maps[0])
    for old, new in zip(ids, fresh, strict=True):
        renamed[maps[0] == old] = new
    assert compared(maps[0], renamed) == []


@settings(max_examples=60, deadline=None)
@given(label_map_lists(min_size=2, max_size=2))
def test_above_one_half_cells_pair_as_matching_pairs_them(maps: list[Labels]) -> None:
    changes = compared(*maps)
    families = {cell for c in changes if c.kind in (SPLIT, MERGED) for cell in c.before}
    reshaped = {(c.before[0], c.after[0]): c.iou for c in changes if c.kind == RESHAPED}
    for one, other, iou in match_cells(*maps, threshold=0.5000001).pairs:
        if one not in families and iou < 1 and not any(other in c.after for c in changes if c.kind in (SPLIT, MERGED)):
            assert reshaped[one, other] == iou


def square(*boxes: tuple[int, int, int, int, int]) -> Labels:
    labels = np.zeros((20, 40), dtype=np.uint32)
    for cell, y0, x0, y1, x1 in boxes:
        labels[y0:y1, x0:x1] = cell
    return labels


def test_a_cell_that_grew_beyond_twice_its_size_is_still_that_cell() -> None:
    change = compared(square((3, 5, 5, 10, 10)), square((8, 2, 2, 14, 14)))
    assert said(change) == {(RESHAPED, (3,), (8,))}
    assert change[0].iou == 25 / 144
    assert change[0].box == (2, 2, 14, 14)


def test_a_neighbour_that_nibbles_is_no_split() -> None:
    before = square((1, 0, 0, 10, 20))
    assert said(compared(before, square((1, 0, 0, 10, 20), (2, 0, 0, 4, 4)))) == {
        (RESHAPED, (1,), (1,)),
        (BORN, (), (2,)),
    }
    assert said(compared(before, square((1, 0, 0, 10, 20), (2, 0, 0, 4, 5)))) == {(SPLIT, (1,), (1, 2))}


def test_a_cell_elsewhere_is_another_cell() -> None:
    assert said(compared(square((1, 0, 0, 6, 6)), square((1, 4, 4, 10, 10)))) == {(DIED, (1,), ()), (BORN, (), (1,))}


def test_a_cell_may_be_reshaped_and_reclassed() -> None:
    changes = compared(square((1, 0, 0, 6, 6)), square((4, 0, 0, 6, 7)), before={1: "live"}, after={4: "dead"})
    assert said(changes) == {(RESHAPED, (1,), (4,)), (RECLASSED, (1,), (4,))}
    assert {(c.classes_before, c.classes_after) for c in changes} == {(("live",), ("dead",))}


def test_labels_that_the_index_does_not_know_are_refused() -> None:
    labels = square((7, 0, 0, 6, 6))
    with pytest.raises(InvalidDocument, match="cell 7"):
        cell_changes("image", overlap_table(labels, labels), {}, rows(labels))


def test_subjects_are_compared_by_id_and_box() -> None:
    def subject(number: int, x: int, name: str) -> CellRow:
        return CellRow(number, (0, x, 10, x + 10), 100, classes=(name,))

    before = {1: subject(1, 0, "live"), 2: subject(2, 20, "live"), 3: subject(3, 40, "live"), 5: subject(5, 80, "live")}
    after = {1: subject(1, 0, "dead"), 9: subject(9, 20, "live"), 4: subject(4, 60, "live"), 5: subject(5, 82, "dead")}
    changes = subject_changes("image", before, after)
    assert said(changes) == {
        (RECLASSED, (1,), (1,)), (DIED, (3,), ()), (BORN, (), (4,)), (RESHAPED, (5,), (5,)), (RECLASSED, (5,), (5,)),
    }  # fmt: skip
    back = subject_changes("image", after, before)
    assert sorted(map(mirrored, changes), key=repr) == sorted(back, key=repr)
