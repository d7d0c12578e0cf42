"""Measures of classification: confusion, F1, balanced accuracy, average precision, and rank correlation for ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.measures.bootstrap import Interval, bootstrap_interval

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ConfusionScores:
    """Counts of decisions, from which all measures of decisions follow.

    Attributes:
        counts: items, int64, shape (truth, prediction).
    """

    counts: Integers = field(repr=False)
    ontology: Ontology

    def precision(self, name: str) -> float | None:
        """Share of the items predicted as ``name`` that are; None where none is predicted so."""
        place = self.ontology.index(name)
        return _ratio(int(self.counts[place, place]), int(self.counts[:, place].sum()))

    def recall(self, name: str) -> float | None:
        """Share of the items that are ``name`` that are predicted so; None where there are none."""
        place = self.ontology.index(name)
        return _ratio(int(self.counts[place, place]), int(self.counts[place].sum()))

    def f1(self, name: str) -> float | None:
        """2 TP / (2 TP + FP + FN); None where neither truth nor prediction holds the class."""
        place = self.ontology.index(name)
        total = int(self.counts[place].sum()) + int(self.counts[:, place].sum())
        return _ratio(2 * int(self.counts[place, place]), total)

    @property
    def macro_f1(self) -> float | None:
        """Mean F1 over the classes that are there, in truth or prediction; None where there is none."""
        return _mean([self.f1(name) for name in self.ontology.names])

    @property
    def balanced_accuracy(self) -> float | None:
        """Mean recall over the classes in the truth; None where there is none."""
        return _mean([self.recall(name) for name in self.ontology.names])

    @property
    def accuracy(self) -> float | None:
        """Share of right decisions; None without items."""
        return _ratio(int(np.trace(self.counts)), int(self.counts.sum()))

    def measures(self) -> dict[str, float | None]:
        """Name -> value, classes included."""
        found = {"macro_f1": self.macro_f1, "balanced_accuracy": self.balanced_accuracy, "accuracy": self.accuracy}
        for name in self.ontology.names:
            found |= {f"f1_{name}": self.f1(name), f"precision_{name}": self.precision(name)}
            found[f"recall_{name}"] = self.recall(name)
        return found


def confusion_scores(truth: Integers, predicted: Integers, ontology: Ontology) -> ConfusionScores:
    """Count decisions; both are places in the ontology, int64, shape (items,).

    Raises:
        InvalidDocument: lengths differ, a place lies outside the ontology, or the ontology is multi.
    """
    if ontology.multi:
        raise InvalidDocument("a confusion matrix is of classes that exclude each other", remedy="Score each class.")
    count = len(ontology)
    truth, predicted = _places(truth, count, "truth"), _places(predicted, count, "prediction")
    if truth.shape != predicted.shape:
        raise InvalidDocument(f"{truth.size} truths and {predicted.size} predictions cannot be compared")
    counts = np.bincount(truth * count + predicted, minlength=count * count).reshape(count, count)
    return ConfusionScores(counts.astype(np.int64), ontology)


def average_precision(truth: NDArray[np.bool_], scores: Floats) -> float | None:
    """Area under the precision-recall curve of one class, as the sum of precision over the steps of recall.

    Items of equal score come as one step, so their order does not matter.

    Args:
        truth: whether each item is of the class, shape (items,). scores: how likely it is held to be.

    Returns:
        None where no item is of the class.
    """
    if truth.shape != scores.shape or truth.ndim != 1 or not np.isfinite(scores).all():
        raise InvalidDocument(f"average precision needs a finite score an item, got {truth.shape} and {scores.shape}")
    positives = int(truth.sum())
    if not positives:
        return None
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), scores.size - 1)
    precision = hits[last] / (last + 1)
    recall = np.concatenate([[0.0], hits[last] / positives])
    return float((np.diff(recall) * precision).sum())


def class_average_precisions(truth: NDArray[np.bool_], scores: Floats, ontology: Ontology) -> dict[str, float | None]:
    """Average precision of each class; both of shape (items, classes), also where classes exclude each other."""
    if truth.shape != scores.shape or truth.ndim != 2 or truth.shape[1] != len(ontology):
        raise InvalidDocument(f"scores of {len(ontology)} classes are asked for, got {truth.shape} and {scores.shape}")
    return {name: average_precision(truth[:, k], scores[:, k]) for k, name in enumerate(ontology.names)}


def spearman(truth: Floats | Integers, predicted: Floats | Integers) -> float | None:
    """Rank correlation of two rankings, ties sharing their mean rank; None where one of them is all one value.

    Predictions of ranks may be fractional, as the mean rank of a posterior is.
    """
    if truth.shape != predicted.shape or truth.ndim != 1 or not np.isfinite(np.stack([truth, predicted])).all():
        raise InvalidDocument(f"a rank correlation needs finite pairs, got {truth.shape} and {predicted.shape}")
    if truth.size < 2 or (truth == truth[0]).all() or (predicted == predicted[0]).all():
        return None
    return float(np.corrcoef(rankdata(truth), rankdata(predicted))[0, 1])


def class_interval(
    sources: Sequence[tuple[Integers, Integers]],
    ontology: Ontology,
    *,
    seed: int,
    measure: Callable[[ConfusionScores], float | None] = lambda scores: scores.macro_f1,
    resamples: int = 1000,
) -> Interval:
    """A measure of all decisions with its 95 % interval over sources, whose items are not independent of each other.

    Args:
        sources: (truth, predicted) of each source.
        measure: of the pooled decisions; a draw in which it is undefined counts 0.

    Raises:
        InvalidDocument: no sources, or as ``confusion_scores``.
    """
    scores = [confusion_scores(truth, predicted, ontology) for truth, predicted in sources]

    def pooled(drawn: Sequence[ConfusionScores]) -> float:
        return measure(ConfusionScores(np.sum([one.counts for one in drawn], axis=0), ontology)) or 0.0

    return bootstrap_interval(scores, pooled, seed=seed, resamples=resamples)


def _places(values: Integers, count: int, what: str) -> Integers:
    places = np.asarray(values)
    if places.ndim != 1 or (places.size and places.dtype.kind not in "iu"):
        raise InvalidDocument(f"the {what} is one place an item, got {places.dtype} of shape {places.shape}")
    if places.size and not (int(places.min()) >= 0 and int(places.max()) < count):
        raise InvalidDocument(f"the {what} names a class outside 0..{count - 1}")
    return places.astype(np.int64)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: list[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None
