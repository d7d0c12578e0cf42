"""Bradley-Terry: known strengths come back, intervals cover, what has no answer is said."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cellcommons.errors import InvalidDocument
from cellcommons.fusion.preferences import Comparison, fuse_preferences
from cellcommons.synthetic.preference_annotator import MODELS, PreferenceModel, annotate_preferences


def test_two_items_have_the_closed_form() -> None:
    answers = [Comparison("a", "b")] * 30 + [Comparison("b", "a")] * 10
    fitted = fuse_preferences(answers, prior=0)
    assert fitted.strength("a") - fitted.strength("b") == pytest.approx(np.log(3))
    assert fitted.probability("a", "b") == pytest.approx(0.75)
    assert fitted.agreement == pytest.approx(0.75)
    assert [item.item for item in fitted.items] == ["a", "b"]
    # The difference's variance is 1 / (n p q); each of the two carries a half of it as distance from their mean.
    margin = 1.959964 * np.sqrt(1 / (40 * 0.75 * 0.25)) / 2
    assert fitted.items[0].high - fitted.items[0].strength == pytest.approx(margin, rel=1e-4)


def test_ties_are_half_a_win_and_weights_count() -> None:
    tied = fuse_preferences([Comparison("a", "b", tie=True)], prior=0)
    assert tied.strength("a") == pytest.approx(0, abs=1e-9)
    assert tied.agreement == 1.0
    once = fuse_preferences([Comparison("a", "b", weight=3.0), Comparison("b", "a")], prior=0)
    assert once.probability("a", "b") == pytest.approx(0.75)


def test_order_of_answers_and_names_of_items_change_nothing() -> None:
    answers = [Comparison("x", "y"), Comparison("y", "z"), Comparison("z", "x"), Comparison("x", "z")]
    first, second = fuse_preferences(answers), fuse_preferences(answers[::-1])
    assert [item.item for item in first.items] == [item.item for item in second.items]
    assert first.strength("x") == pytest.approx(second.strength("x"))


def test_an_unbeaten_item_is_finite_with_a_prior_and_refused_without() -> None:
    answers = [Comparison("a", "b")] * 5 + [Comparison("b", "c"), Comparison("c", "b")]
    fitted = fuse_preferences(answers)
    assert np.isfinite(fitted.strength("a"))
    assert fitted.items[0].item == "a"
    with pytest.raises(InvalidDocument, match="no bound"):
        fuse_preferences(answers, prior=0)


def test_simulated_people_give_the_true_order_and_intervals_cover() -> None:
    names = [f"model {index}" for index in range(6)]
    model = PreferenceModel(noise=1.0, lapse=0.0)
    trials = list(combinations(names, 2)) * 8
    covered = []
    for seed in range(40):
        true = dict(zip(names, np.random.default_rng(seed).normal(0, 0.8, 6), strict=True))
        fitted = fuse_preferences(annotate_preferences(true, trials, model, seed=seed).answers, prior=0.05)
        mean = np.mean(list(true.values()))
        covered += [item.low <= true[item.item] - mean <= item.high for item in fitted.items]
    assert 0.90 < np.mean(covered) < 0.99


def test_pooled_people_rank_better_than_one() -> None:
    names = [f"model {index}" for index in range(8)]
    true = {name: index / 2 for index, name in enumerate(names)}
    trials = list(combinations(names, 2))

    def errors(people: int, seed: int) -> float:
        answers = [
            a
            for p in range(people)
            for a in annotate_preferences(true, trials, MODELS["novice"], seed=seed + p).answers
        ]
        fitted = fuse_preferences(answers)
        return float(np.mean([fitted.strength(a) > fitted.strength(b) for a, b in trials]))

    assert np.mean([errors(9, seed * 100) for seed in range(5)]) < np.mean([errors(1, seed * 100) for seed in range(5)])


def test_bad_answers_are_refused() -> None:
    for answers in ([], [Comparison("a", "a")], [Comparison("a", "b", weight=0)]):
        with pytest.raises(InvalidDocument):
            fuse_preferences(answers)
    with pytest.raises(InvalidDocument, match="prior"):
        fuse_preferences([Comparison("a", "b")], prior=-1)
    with pytest.raises(InvalidDocument, match="no answer compares"):
        fuse_preferences([Comparison("a", "b")]).strength("c")
    with pytest.raises(InvalidDocument, match="known quality"):
        annotate_preferences({"a": 1.0}, [("a", "b")], MODELS["expert"], seed=0)
    with pytest.raises(InvalidDocument):
        PreferenceModel(noise=0)
