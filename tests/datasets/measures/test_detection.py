"""F1, precision, recall and AP by IoU threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.labels import Labels
from cellcommons.measures.detection import THRESHOLDS, DetectionScores, detection_scores, summed
from cellcommons.testing.strategies import label_map_lists

EMPTY = np.zeros((8, 8), dtype=np.uint32)


def boxes(*places: tuple[int, int, int, int]) -> Labels:
    labels = np.zeros((8, 8), dtype=np.uint32)
    for cell, (y0, x0, y1, x1) in enumerate(places, start=1):
        labels[y0:y1, x0:x1] = cell
    return labels


def test_a_case_worked_by_hand() -> None:
    truth = boxes((0, 0, 4, 4), (0, 4, 4, 8), (4, 0, 8, 4))
    # IoU 1, IoU 12/16 = 0.75, and one where there is none.
    found = boxes((0, 0, 4, 4), (0, 4, 3, 8), (4, 4, 8, 8))
    scores = detection_scores(truth, found)
    assert scores.tp == (2, 2, 2, 2, 2, 2, 1, 1, 1)
    assert scores.f1_50 == pytest.approx(2 / 3)
    assert scores.ap_50 == pytest.approx(2 / 4)
    assert scores.ap(0.8) == pytest.approx(1 / 5)
    assert scores.mean_ap == pytest.approx((6 * 2 / 4 + 3 * 1 / 5) / 9)
    assert (scores.fp(), scores.fn()) == (1, 1)


@given(label_map_lists(min_size=2, max_size=2))
def test_identities(maps: list[Labels]) -> None:
    scores, swapped = detection_scores(*maps), detection_scores(*reversed(maps))
    for t in THRESHOLDS:
        p, r, f1, ap = scores.precision(t), scores.recall(t), scores.f1(t), scores.ap(t)
        assert 0 <= ap <= f1 <= 1
        assert f1 == pytest.approx(2 * p * r / (p + r) if p + r else 0.0)
        assert ap == pytest.approx(f1 / (2 - f1))
        assert swapped.precision(t) == pytest.approx(r)
        assert scores.fp(t) >= 0
        assert scores.fn(t) >= 0
    assert list(scores.tp) == sorted(scores.tp, reverse=True)


@given(label_map_lists(min_size=1, max_size=1))
def test_a_perfect_prediction(maps: list[Labels]) -> None:
    assert set(detection_scores(maps[0], maps[0]).measures().values()) == {1.0}


def test_empty_truth_or_prediction() -> None:
    cell = boxes((1, 1, 3, 3))
    assert set(detection_scores(EMPTY, EMPTY).measures().values()) == {1.0}
    assert set(detection_scores(EMPTY, cell).measures().values()) == {0.0}
    assert set(detection_scores(cell, EMPTY).measures().values()) == {0.0}


def test_names() -> None:
    measures = detection_scores(EMPTY, EMPTY).measures()
    assert {"f1_50", "precision_50", "recall_50", "ap_50", "ap_90", "mean_ap"} <= set(measures)
    assert len(measures) == 1 + 4 * len(THRESHOLDS)


@given(label_map_lists(min_size=2, max_size=4))
def test_pooling_adds_counts(maps: list[Labels]) -> None:
    scores = [detection_scores(maps[0], m) for m in maps]
    pooled = summed(scores)
    assert pooled.tp == tuple(np.sum([s.tp for s in scores], axis=0))
    assert (pooled.truth, pooled.prediction) == (sum(s.truth for s in scores), sum(s.prediction for s in scores))
    assert summed(scores[:1]) == scores[0]


def test_pooling_nothing_and_pooling_unlike() -> None:
    assert summed([]).f1_50 == 1.0
    with pytest.raises(InvalidDocument):
        summed([detection_scores(EMPTY, EMPTY), detection_scores(EMPTY, EMPTY, thresholds=(0.5,))])


def test_a_threshold_not_scored() -> None:
    with pytest.raises(InvalidDocument, match=r"0\.7"):
        detection_scores(EMPTY, EMPTY, thresholds=(0.5,)).f1(0.7)
    with pytest.raises(InvalidDocument):
        DetectionScores((0.5, 0.6), (1,), 1, 1)


def test_shapes_must_agree() -> None:
    with pytest.raises(MismatchedShapes):
        detection_scores(EMPTY, EMPTY[:4])
