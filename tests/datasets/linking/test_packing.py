"""The optimisation behind the linkers, against trying every choice."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from cellcommons.linking import packing
from cellcommons.linking.packing import best_packing

SIDE = 5


@st.composite
def hypotheses(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """A few pairs and triples over SIDE ways out and SIDE ways in, and their weights."""
    out, into = st.integers(0, SIDE - 1), st.integers(SIDE, 2 * SIDE - 1)
    pair = st.tuples(out, into, st.just(-1))
    triple = st.tuples(out, into, into).filter(lambda slots: slots[1] != slots[2])
    slots = draw(st.lists(pair | triple, min_size=1, max_size=11))
    weight = st.floats(-3, 10, allow_nan=False, width=32)
    weights = draw(st.lists(weight, min_size=len(slots), max_size=len(slots)))
    return np.array(slots, dtype=np.int64), np.array(weights, dtype=np.float64)


def allowed(slots: np.ndarray) -> bool:
    used = slots[slots >= 0]
    return np.unique(used).size == used.size


def by_trying(slots: np.ndarray, weights: np.ndarray) -> float:
    best = 0.0
    for size in range(1, len(slots) + 1):
        for choice in combinations(range(len(slots)), size):
            if allowed(slots[list(choice)]):
                best = max(best, float(weights[list(choice)].sum()))
    return best


@given(hypotheses())
def test_no_choice_weighs_more(case: tuple[np.ndarray, np.ndarray]) -> None:
    slots, weights = case
    chosen = best_packing(slots, weights, 2 * SIDE)
    assert allowed(slots[chosen])
    assert (weights[chosen] > 0).all()
    assert float(weights[chosen].sum()) == pytest.approx(by_trying(slots, weights), abs=1e-5)


def test_an_odd_cycle_of_divisions_is_solved_in_whole_numbers() -> None:
    # Three divisions, each two of which want one cell: the linear program would take half of each.
    slots = np.array([[0, 3, 4], [1, 4, 5], [2, 5, 3]], dtype=np.int64)
    chosen = best_packing(slots, np.array([5.0, 5.0, 5.0]), 6)
    assert chosen.sum() == 1


@pytest.mark.parametrize("dense", [0, 160])
def test_assignment_equals_scipys_on_a_full_matrix(dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "DENSE", dense)
    rng = np.random.default_rng(3)
    n = 40
    gain = rng.uniform(-2, 10, (n, n))
    row, col = (side.ravel() for side in np.indices((n, n)))
    slots = np.column_stack([row, n + col, np.full(n * n, -1)])
    chosen = best_packing(slots, gain[row, col], 2 * n)
    best = linear_sum_assignment(np.maximum(gain, 0), maximize=True)
    assert allowed(slots[chosen])
    assert gain[row, col][chosen].sum() == pytest.approx(np.maximum(gain, 0)[best].sum(), abs=1e-6)


def test_nothing_to_choose() -> None:
    assert best_packing(np.zeros((0, 3), dtype=np.int64), np.zeros(0), 4).size == 0
    assert not best_packing(np.array([[0, 1, -1]], dtype=np.int64), np.array([0.0]), 2).any()


def test_a_hopeless_tangle_is_rounded_and_ends() -> None:
    """Everything may be anything at nearly the same weight: an integer program would not end in a day."""
    rng = np.random.default_rng(3)
    side = 60
    pairs = np.column_stack([rng.integers(0, side, 900), rng.integers(side, 2 * side, 900), np.full(900, -1)])
    first, second = rng.integers(side, 2 * side, (2, 1500))
    triples = np.column_stack([rng.integers(0, side, 1500), first, second])[first != second]
    slots = np.concatenate([pairs, triples]).astype(np.int64)
    weights = np.concatenate([rng.uniform(4.9, 5, len(pairs)), rng.uniform(7.3, 7.5, len(triples))])
    chosen = best_packing(slots, weights, 2 * side, whole=300)
    assert allowed(slots[chosen])
    assert (chosen == best_packing(slots, weights, 2 * side, whole=300)).all()
    # Every way in is worth about 5 alone and 3.7 in a division: near all of them can be used.
    assert weights[chosen].sum() > 0.85 * 5 * side
