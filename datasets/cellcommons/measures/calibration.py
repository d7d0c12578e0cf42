"""Calibration: whether what is said with probability p is right p of the time.

Source: Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", ICML 2017 (expected calibration error
and reliability diagrams over equal-width bins of confidence).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument


@dataclass(frozen=True)
class ReliabilityBin:
    """Decisions with a confidence in ``(low, high]``: how many, their mean confidence, and the share that is right."""

    low: float
    high: float
    items: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """Calibration of decisions.

    Attributes:
        error: expected calibration error: mean over items of their bin's |accuracy - confidence|, 0..1.
        worst: the largest such gap of a bin ("maximum calibration error").
        brier: mean over items of the squared distance of the probabilities from the truth, 0..2 (Brier 1950).
        bins: those that hold items, from low to high.
    """

    error: float
    worst: float
    brier: float
    bins: tuple[ReliabilityBin, ...]


def calibration(truth: NDArray[np.int64], probabilities: NDArray[np.float64], *, bins: int = 10) -> Calibration:
    """Calibration of the likeliest class.

    Args:
        truth: place of each item's class, shape (items,).
        probabilities: shape (items, classes); rows sum to 1.

    Raises:
        InvalidDocument: no items, shapes that do not fit, or rows that are no probabilities.
    """
    shape = probabilities.shape
    if probabilities.ndim != 2 or truth.shape != shape[:1] or not truth.size or bins < 1:
        raise InvalidDocument(f"calibration needs a row of probabilities an item, got {truth.shape} and {shape}")
    rows_fit = (probabilities >= 0).all() and np.allclose(probabilities.sum(axis=1), 1, atol=1e-4)
    if not rows_fit or truth.dtype.kind not in "iu" or truth.min() < 0 or truth.max() >= shape[1]:
        raise InvalidDocument("rows are probabilities that sum to 1, truths places among them")
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    found = []
    for number in np.unique(place).tolist():
        inside = place == number
        low, high = number / bins, (number + 1) / bins
        mean_confidence, share = float(confidence[inside].mean()), float(right[inside].mean())
        found.append(ReliabilityBin(low, high, int(inside.sum()), mean_confidence, share))
    gaps = [abs(b.accuracy - b.confidence) for b in found]
    error = sum(b.items * gap for b, gap in zip(found, gaps, strict=True)) / truth.size
    target = np.eye(shape[1])[truth]
    brier = float(((probabilities - target) ** 2).sum(axis=1).mean())
    return Calibration(float(error), max(gaps), brier, tuple(found))
