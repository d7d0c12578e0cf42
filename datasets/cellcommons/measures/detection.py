"""Detection measures of instance segmentation: precision, recall, F1 and average precision by IoU threshold.

"Average precision" is TP / (TP + FP + FN), as defined by the 2018 Data Science Bowl (Caicedo et al., Nature Methods
2019) and used by StarDist (Schmidt et al., MICCAI 2018). It is not the area under a precision-recall curve of COCO.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cellcommons.errors import InvalidDocument
from cellcommons.labels import Labels
from cellcommons.matching import matched_indices, overlap_table

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)


@dataclass(frozen=True)
class DetectionScores:
    """Counts at each IoU threshold and the ratios made of them.

    With neither truth nor prediction every ratio is 1.0 (nothing to find, nothing invented). With only one of the two
    every ratio is 0.0, also those whose denominator is 0.

    Attributes:
        thresholds: IoU thresholds; a pair counts where IoU >= threshold.
        tp: matched pairs at each threshold.
        truth, prediction: number of cells in the truth and in the prediction.
    """

    thresholds: tuple[float, ...]
    tp: tuple[int, ...]
    truth: int
    prediction: int

    def __post_init__(self) -> None:
        if len(self.tp) != len(self.thresholds):
            raise InvalidDocument(f"{len(self.tp)} counts for {len(self.thresholds)} thresholds")

    def _tp(self, threshold: float) -> int:
        for known, count in zip(self.thresholds, self.tp, strict=True):
            if abs(known - threshold) < 1e-9:
                return count
        raise InvalidDocument(f"no scores at IoU {threshold}", remedy=f"Scored thresholds are {self.thresholds}.")

    def _ratio(self, part: float, whole: float) -> float:
        if self.truth == 0 and self.prediction == 0:
            return 1.0
        return part / whole if whole else 0.0

    def fp(self, threshold: float = 0.5) -> int:
        """Predicted cells without a truth cell."""
        return self.prediction - self._tp(threshold)

    def fn(self, threshold: float = 0.5) -> int:
        """Truth cells without a predicted cell."""
        return self.truth - self._tp(threshold)

    def precision(self, threshold: float = 0.5) -> float:
        """TP / (TP + FP)."""
        return self._ratio(self._tp(threshold), self.prediction)

    def recall(self, threshold: float = 0.5) -> float:
        """TP / (TP + FN)."""
        return self._ratio(self._tp(threshold), self.truth)

    def f1(self, threshold: float = 0.5) -> float:
        """2 TP / (2 TP + FP + FN)."""
        return self._ratio(2 * self._tp(threshold), self.truth + self.prediction)

    def ap(self, threshold: float = 0.5) -> float:
        """TP / (TP + FP + FN)."""
        tp = self._tp(threshold)
        return self._ratio(tp, self.truth + self.prediction - tp)

    @property
    def f1_50(self) -> float:
        """F1 at IoU 0.5."""
        return self.f1(0.5)

    @property
    def ap_50(self) -> float:
        """TP / (TP + FP + FN) at IoU 0.5."""
        return self.ap(0.5)

    @property
    def mean_ap(self) -> float:
        """Mean of ``ap`` over the thresholds."""
        return float(np.mean([self.ap(t) for t in self.thresholds]))

    def measures(self) -> dict[str, float]:
        """Name -> value, e.g. ``f1_50``, ``precision_50``, ``recall_50``, ``ap_50`` per threshold, and ``mean_ap``."""
        named: dict[str, float] = {"mean_ap": self.mean_ap}
        for threshold in self.thresholds:
            percent = round(threshold * 100)
            named[f"f1_{percent}"] = self.f1(threshold)
            named[f"precision_{percent}"] = self.precision(threshold)
            named[f"recall_{percent}"] = self.recall(threshold)
            named[f"ap_{percent}"] = self.ap(threshold)
        return named


def detection_scores(
    truth: Labels, prediction: Labels, *, thresholds: tuple[float, ...] = THRESHOLDS
) -> DetectionScores:
    """Score one predicted label map against the truth (both uint32, yx, of one shape).

    Raises:
        MismatchedShapes: the shapes differ.
    """
    table = overlap_table(truth, prediction)
    tp = tuple(int(matched_indices(table, threshold=t)[0].size) for t in thresholds)
    return DetectionScores(tuple(thresholds), tp, int(table.ids_a.size), int(table.ids_b.size))


def summed(scores: Iterable[DetectionScores]) -> DetectionScores:
    """Pool the counts of several images, so that every cell weighs the same; no images pool to empty counts at
    ``THRESHOLDS``.

    Raises:
        InvalidDocument: the scores were taken at different thresholds.
    """
    listed = list(scores)
    if not listed:
        return DetectionScores(THRESHOLDS, (0,) * len(THRESHOLDS), 0, 0)
    thresholds = listed[0].thresholds
    if any(s.thresholds != thresholds for s in listed):
        raise InvalidDocument("scores taken at different IoU thresholds cannot be pooled")
    tp = tuple(sum(counts) for counts in zip(*(s.tp for s in listed), strict=True))
    return DetectionScores(thresholds, tp, sum(s.truth for s in listed), sum(s.prediction for s in listed))
