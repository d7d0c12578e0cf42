"""What a classifier is validated by: one number, more is better."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ml_worker.classification.outcomes import Kind

Array = NDArray[Any]


def validation_score(chances: Array, targets: NDArray[np.bool_], kind: Kind) -> float:
    """Macro F1 of the likeliest class; mean average precision for multi; Spearman of expected and true rank.

    Args:
        chances: ``(samples, classes)``. targets: bool, the same shape.
    """
    if kind == "single":
        return macro_f1(targets.argmax(1), chances.argmax(1))
    if kind == "ordinal":
        return spearman(chances @ np.arange(chances.shape[1]), targets.argmax(1))
    found = [average_precision(chances[:, k], targets[:, k]) for k in range(targets.shape[1]) if targets[:, k].any()]
    return float(np.mean(found)) if found else 0.0


def macro_f1(truth: Array, said: Array) -> float:
    """Mean over the classes that occur in ``truth`` or ``said`` of F1 = 2 TP / (2 TP + FP + FN)."""
    scores = []
    for index in np.union1d(truth, said):
        both = int(((truth == index) & (said == index)).sum())
        scores.append(2 * both / int((truth == index).sum() + (said == index).sum()))
    return float(np.mean(scores)) if scores else 0.0


def average_precision(scores: Array, present: NDArray[np.bool_]) -> float:
    """Mean of the precision at each present sample, samples in falling order of score; ties share their last place."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], present[order].cumsum()
    last = np.searchsorted(-ranked, -ranked, side="right") - 1
    precision = hits[last] / (last + 1)
    return float(precision[present[order]].mean()) if present.any() else 0.0


def spearman(first: Array, second: Array) -> float:
    """Pearson correlation of the ranks, ties sharing their mean rank; 0 where either is constant."""
    a, b = rankdata(first), rankdata(second)
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
