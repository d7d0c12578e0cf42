"""Simulated marks of failures, and a consensus that beats the people behind it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from cellcommons.errors import InvalidDocument
from cellcommons.fusion.failures import fuse_failures
from cellcommons.synthetic.failure_annotator import MODELS, FailureModel, annotate_failures


def failures(seed: int) -> np.ndarray:
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(160, 200)), 6)
    return field > np.quantile(field, 0.94)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


def test_a_perfect_hand_marks_the_truth_and_a_blind_one_nothing() -> None:
    truth = failures(0)
    perfect = FailureModel(miss=0, spurious=0, margin_px=0, loose_px=0)
    reading = annotate_failures(truth, perfect, seed=1)
    np.testing.assert_array_equal(reading.marked, truth)
    assert reading.seconds == 6.0 + 2.5 * reading.marks
    assert not annotate_failures(truth, FailureModel(miss=1, spurious=0), seed=1).marked.any()
    again = [annotate_failures(truth, MODELS["novice"], seed=3).marked for _ in range(2)]
    np.testing.assert_array_equal(*again)


def test_the_consensus_is_better_than_its_readers_and_than_a_majority_of_pixels() -> None:
    consensus, people, majority = [], [], []
    for seed in range(12):
        truth = failures(seed)
        marks = [annotate_failures(truth, MODELS["novice"], seed=100 * seed + p).marked for p in range(5)]
        consensus.append(dice(fuse_failures(marks).labels > 0, truth))
        people += [dice(mark, truth) for mark in marks]
        majority.append(dice(np.mean(marks, axis=0) > 0.5, truth))
    assert np.mean(consensus) > np.mean(people) + 0.05
    # Places are voted on as a whole, so a loose outline costs no failure.
    assert np.mean(consensus) > np.mean(majority) - 0.02


def test_bad_models_and_masks_are_refused() -> None:
    with pytest.raises(InvalidDocument, match="probability"):
        FailureModel(miss=1.5)
    with pytest.raises(InvalidDocument):
        FailureModel(loose_px=-1)
    with pytest.raises(InvalidDocument, match="bool"):
        annotate_failures(np.zeros((4, 4)), FailureModel(), seed=0)
