"""Measures of classification against counts done by hand, one pair at a time, and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.measures.calibration import calibration
from cellcommons.measures.classification import (
    average_precision,
    class_average_precisions,
    class_interval,
    confusion_scores,
    spearman,
)

NAMES = Ontology(("a", "b", "c"))
pairs = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=30)


def columns(listed: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(listed, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


@given(pairs)
def test_counts_by_hand(listed: list[tuple[int, int]]) -> None:
    scores = confusion_scores(*columns(listed), NAMES)
    f1s, recalls = [], []
    for place, name in enumerate(NAMES.names):
        hit = sum(t == p == place for t, p in listed)
        wrong = sum(p == place != t for t, p in listed)
        missed = sum(t == place != p for t, p in listed)
        assert scores.f1(name) == (2 * hit / (2 * hit + wrong + missed) if hit + wrong + missed else None)
        assert scores.precision(name) == (hit / (hit + wrong) if hit + wrong else None)
        if hit + missed:
            recalls.append(hit / (hit + missed))
            assert scores.recall(name) == recalls[-1]
        if hit + wrong + missed:
            f1s.append(2 * hit / (2 * hit + wrong + missed))
    assert scores.macro_f1 == (pytest.approx(np.mean(f1s)) if f1s else None)
    assert scores.balanced_accuracy == (pytest.approx(np.mean(recalls)) if recalls else None)
    assert scores.accuracy == (sum(t == p for t, p in listed) / len(listed) if listed else None)
    assert set(scores.measures()) >= {"macro_f1", "f1_a", "recall_c"}


def test_one_class_only_does_not_look_good() -> None:
    truth = np.array([0] * 90 + [1] * 10)
    scores = confusion_scores(truth, np.zeros(100, np.int64), NAMES)
    assert scores.accuracy == 0.9
    assert scores.balanced_accuracy == 0.5
    assert scores.macro_f1 == pytest.approx((2 * 90 / 190) / 2)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=1, max_size=20))
def test_average_precision_by_hand(listed: list[tuple[bool, int]]) -> None:
    truth = np.array([t for t, _ in listed])
    scores = np.array([s / 4 for _, s in listed])
    found = average_precision(truth, scores)
    if not truth.any():
        assert found is None
        return
    total, before = 0.0, 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        taken = scores >= threshold
        recall = (truth & taken).sum() / truth.sum()
        total += (recall - before) * (truth & taken).sum() / taken.sum()
        before = recall
    assert found == pytest.approx(total)


def test_average_precision_of_known_rankings() -> None:
    truth = np.array([True, True, False, False])
    assert average_precision(truth, np.array([0.9, 0.8, 0.2, 0.1])) == 1
    assert average_precision(truth, np.array([0.1, 0.2, 0.8, 0.9])) == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert average_precision(truth, np.zeros(4)) == 0.5
    table = class_average_precisions(np.eye(3, dtype=bool), np.eye(3), NAMES)
    assert table == {"a": 1.0, "b": 1.0, "c": 1.0}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=20))
def test_spearman_is_scipys(listed: list[tuple[int, int]]) -> None:
    truth, predicted = columns(listed)
    found = spearman(truth, predicted)
    if len(set(truth.tolist())) == 1 or len(set(predicted.tolist())) == 1:
        assert found is None
    else:
        assert found == pytest.approx(spearmanr(truth, predicted).statistic)


def test_the_interval_holds_the_value_and_is_over_sources() -> None:
    rng = np.random.default_rng(0)
    sources = []
    for _ in range(30):
        truth = rng.integers(0, 3, 20)
        sources.append((truth, np.where(rng.random(20) < 0.8, truth, rng.integers(0, 3, 20))))
    interval = class_interval(sources, NAMES, seed=1, resamples=300)
    assert 0.75 < interval.low < interval.value < interval.high < 0.95
    one = class_interval(sources[:1], NAMES, seed=1, resamples=20)
    assert one.low == one.value == one.high
    accuracy = class_interval(sources, NAMES, seed=1, resamples=50, measure=lambda scores: scores.accuracy)
    assert accuracy.value == np.mean(np.concatenate([truth == predicted for truth, predicted in sources]))


def test_bad_questions_are_refused() -> None:
    two, three = np.zeros(2, np.int64), np.zeros(3, np.int64)
    for truth, predicted in ((two, three), (two, two + 3), (two - 1, two), (two.astype(float), two)):
        with pytest.raises(InvalidDocument):
            confusion_scores(truth, predicted, NAMES)
    with pytest.raises(InvalidDocument, match="exclude"):
        confusion_scores(two, two, Ontology(("a", "b"), multi=True))
    with pytest.raises(InvalidDocument):
        average_precision(np.array([True]), np.array([np.nan]))
    with pytest.raises(InvalidDocument):
        spearman(two, three)
    with pytest.raises(InvalidDocument):
        class_interval([], NAMES, seed=0)


def test_calibration_of_forecasts_that_mean_what_they_say() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet((0.7, 0.7, 0.7), 20_000)
    truth = (probabilities.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1).astype(np.int64)
    honest = calibration(truth, probabilities)
    assert honest.error < 0.015
    assert sum(b.items for b in honest.bins) == 20_000
    assert all(b.low < b.confidence <= b.high for b in honest.bins)
    boasting = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    assert calibration(truth, boasting).error > 0.08
    assert calibration(truth, boasting).brier > honest.brier


def test_calibration_by_hand() -> None:
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0], [0.4, 0.6], [0.45, 0.55]])
    found = calibration(np.array([0, 1, 1, 1]), probabilities, bins=2)
    assert [(b.low, b.items, b.accuracy) for b in found.bins] == [(0.5, 4, 0.75)]
    assert found.error == pytest.approx(abs(0.75 - (1 + 1 + 0.6 + 0.55) / 4))
    assert found.brier == pytest.approx((0 + 2 + 2 * 0.16 + 2 * 0.45**2) / 4)
    for truth, rows in ((np.array([2]), [[1.0, 0.0]]), (np.array([0]), [[0.7, 0.7]]), (np.array([], np.int64), [])):
        with pytest.raises(InvalidDocument):
            calibration(truth, np.array(rows).reshape(-1, 2))
