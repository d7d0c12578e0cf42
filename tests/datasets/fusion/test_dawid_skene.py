"""Dawid-Skene EM: against a plain peer, rising objective, and what the priors do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument
from cellcommons.fusion.dawid_skene import Votes, confusion_prior, fit_crowd, fit_votes


@st.composite
def vote_tables(draw: st.DrawFn) -> Votes:
    items, readers, classes = draw(st.integers(1, 6)), draw(st.integers(1, 4)), draw(st.integers(2, 4))
    cells = [(i, r) for i in range(items) for r in range(readers)]
    chosen = draw(st.lists(st.sampled_from(cells), min_size=1, unique=True))
    choices = draw(st.lists(st.integers(0, classes - 1), min_size=len(chosen), max_size=len(chosen)))
    weights = draw(st.none() | st.lists(st.integers(1, 5), min_size=items, max_size=items))
    item, reader = np.array(chosen, dtype=np.int64).T
    scale = None if weights is None else np.array(weights, dtype=np.float64)
    return Votes(item, reader, np.array(choices, dtype=np.int64), items, readers, classes, scale)


def plain_em(votes: Votes, prior: np.ndarray, rounds: int) -> list[list[float]]:
    """Dawid & Skene as printed, one number at a time."""
    said = list(zip(votes.item.tolist(), votes.reader.tolist(), votes.choice.tolist(), strict=True))
    weights = [1.0] * votes.items if votes.weights is None else votes.weights.tolist()
    belief = []
    for i in range(votes.items):
        own = [c for j, _, c in said if j == i]
        belief.append([own.count(k) / len(own) if own else 1 / votes.classes for k in range(votes.classes)])
    for _ in range(rounds):
        matrix = [prior.tolist() for _ in range(votes.readers)]
        for i, r, c in said:
            for k in range(votes.classes):
                matrix[r][k][c] += weights[i] * belief[i][k]
        matrix = [[[v / sum(row) for v in row] for row in reader] for reader in matrix]
        frequency = [1 + sum(w * b[k] for w, b in zip(weights, belief, strict=True)) for k in range(votes.classes)]
        frequency = [v / sum(frequency) for v in frequency]
        for i in range(votes.items):
            product = [
                frequency[k] * math.prod(matrix[r][k][c] for j, r, c in said if j == i) for k in range(votes.classes)
            ]
            belief[i] = [v / sum(product) for v in product]
    return belief


@given(vote_tables(), st.integers(1, 6))
@settings(max_examples=60)
def test_it_is_what_the_paper_prints(votes: Votes, rounds: int) -> None:
    prior = confusion_prior(votes.classes, strength=2.0)
    fit = fit_votes(votes, prior, iterations=rounds, tolerance=-1e9)
    assert len(fit.objective) == rounds
    np.testing.assert_allclose(fit.posterior, plain_em(votes, prior, rounds), atol=1e-9)


@given(vote_tables(), st.booleans())
@settings(max_examples=60)
def test_the_objective_never_falls_and_rows_are_probabilities(votes: Votes, ordinal: bool) -> None:
    for fit in (
        fit_votes(votes, confusion_prior(votes.classes, strength=1.5, ordinal=ordinal), iterations=40),
        fit_crowd(votes, ordinal=ordinal, iterations=40),
    ):
        assert np.all(np.diff(fit.objective) >= -1e-8)
        np.testing.assert_allclose(fit.posterior.sum(axis=1), 1)
        np.testing.assert_allclose(fit.confusion.sum(axis=2), 1)
        assert fit.frequency.sum() == pytest.approx(1)


@given(vote_tables())
@settings(max_examples=30)
def test_a_weight_is_so_many_alike_items(votes: Votes) -> None:
    if votes.weights is None:
        return
    times = votes.weights.astype(np.int64)
    copies = np.repeat(np.arange(votes.items), times)
    place = {item: np.flatnonzero(copies == item) for item in range(votes.items)}
    rows = [
        (int(copy), int(r), int(c))
        for i, r, c in zip(votes.item, votes.reader, votes.choice, strict=True)
        for copy in place[int(i)]
    ]
    item, reader, choice = np.array(rows, dtype=np.int64).T
    longer = Votes(item, reader, choice, int(times.sum()), votes.readers, votes.classes)
    prior = confusion_prior(votes.classes, strength=3.0)
    short = fit_votes(votes, prior, iterations=15, tolerance=-1e9)
    long = fit_votes(longer, prior, iterations=15, tolerance=-1e9)
    np.testing.assert_allclose(long.posterior, short.posterior[copies], atol=1e-9)


def test_order_of_votes_and_names_of_readers_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    item, reader = np.divmod(np.arange(60), 3)
    choice = rng.integers(0, 3, 60)
    fit = fit_crowd(Votes(item, reader, choice, 20, 3, 3))
    shuffled, renamed = rng.permutation(60), np.array([2, 0, 1])
    other = fit_crowd(Votes(item[shuffled], renamed[reader[shuffled]], choice[shuffled], 20, 3, 3))
    np.testing.assert_allclose(fit.posterior, other.posterior, atol=1e-9)
    np.testing.assert_allclose(fit.confusion, other.confusion[renamed], atol=1e-9)


def test_a_reader_who_always_contradicts_is_understood() -> None:
    truth = np.tile([0, 1], 50)
    choices = np.stack([truth, truth, truth, 1 - truth], axis=1)
    item, reader = np.divmod(np.arange(400), 4)
    fit = fit_crowd(Votes(item, reader, choices.ravel(), 100, 4, 2))
    assert (fit.posterior.argmax(axis=1) == truth).all()
    assert fit.confusion[3, 0, 1] > 0.9
    assert fit.confusion[0, 0, 0] > 0.9


def test_ranks_are_first_taken_for_their_neighbours() -> None:
    prior = confusion_prior(5, strength=10.0, ordinal=True)
    np.testing.assert_allclose(prior.sum(axis=1), 10)
    assert prior[0, 1] > prior[0, 2] > prior[0, 4] > 0
    plain = confusion_prior(5, strength=10.0)
    assert plain[0, 1] == plain[0, 4]


@pytest.mark.parametrize(
    ("item", "reader", "choice"),
    [([0, 0], [0, 0], [0, 1]), ([0, 2], [0, 0], [0, 1]), ([0, 1], [0, 1], [0, 2]), ([0, 1], [0, -1], [0, 0])],
)
def test_votes_that_cannot_be(item: list[int], reader: list[int], choice: list[int]) -> None:
    with pytest.raises(InvalidDocument):
        Votes(np.array(item), np.array(reader), np.array(choice), 2, 2, 2)
