"""Measures of classifiers as reports keep them: of one class, of several, and of ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.classes import Ontology
from cellcommons.measures.calibration import calibration
from cellcommons.measures.classification import class_average_precisions, confusion_scores, spearman

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class ClassOutcome:
    """Truth and decisions of some subjects.

    Attributes:
        truth, said: bool ``(subjects, classes)``. chances: probabilities, the same shape.
        ranks: mean rank ``(subjects,)``, 0 for the first class; None unless classes are ranks.
    """

    truth: Flags = field(repr=False)
    said: Flags = field(repr=False)
    chances: Floats = field(repr=False)
    ranks: Floats | None = field(repr=False, default=None)

    def __len__(self) -> int:
        return len(self.truth)


def joined(outcomes: Sequence[ClassOutcome]) -> ClassOutcome:
    """The subjects of several images together; at least one."""
    ranks = [one.ranks for one in outcomes if one.ranks is not None]
    return ClassOutcome(
        np.concatenate([one.truth for one in outcomes]),
        np.concatenate([one.said for one in outcomes]),
        np.concatenate([one.chances for one in outcomes]),
        np.concatenate(ranks) if ranks else None,
    )


def headline_of(ontology: Ontology) -> str:
    """Spearman's rank correlation where classes are ranks, else macro F1."""
    return "spearman" if ontology.ordinal else "macro_f1"


def headline_value(outcome: ClassOutcome, ontology: Ontology) -> float | None:
    """The headline; None where it is undefined, as a rank correlation within one rank is."""
    return rank_correlation(outcome) if ontology.ordinal else macro_f1(outcome)


def rank_correlation(outcome: ClassOutcome) -> float | None:
    """Spearman of true and mean predicted rank; None where either does not vary."""
    if outcome.ranks is None:
        return None
    return spearman(outcome.truth.argmax(1), outcome.ranks)


def macro_f1(outcome: ClassOutcome) -> float | None:
    """Mean F1 over the classes that are there, in truth or decisions; also where classes do not exclude each other."""
    there = [value for value in _ratios(outcome)[0] if value is not None]
    return float(np.mean(there)) if there else None


def class_measures(outcome: ClassOutcome, ontology: Ontology) -> dict[str, Any]:
    """All measures, name -> number, or class -> number; undefined ones are None.

    ``accuracy`` is the share of subjects whose classes are all right. ``confusion`` (truth -> decision -> subjects) is
    left out where classes do not exclude each other.
    """
    names = ontology.names
    found: dict[str, Any] = {"subjects": len(outcome)}
    if not len(outcome):
        return found
    f1, precision, recall = (dict(zip(names, values, strict=True)) for values in _ratios(outcome))
    average = class_average_precisions(outcome.truth, outcome.chances, ontology)
    known = [value for value in average.values() if value is not None]
    recalls = [value for value in recall.values() if value is not None]
    found |= {
        "macro_f1": macro_f1(outcome),
        "accuracy": float((outcome.truth == outcome.said).all(1).mean()),
        "balanced_accuracy": float(np.mean(recalls)) if recalls else None,
        "mean_average_precision": float(np.mean(known)) if known else None,
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "average_precision": average,
        "count": dict(zip(names, outcome.truth.sum(0).tolist(), strict=True)),
    }
    if ontology.multi:
        yes = outcome.chances.ravel()
        truth = outcome.truth.ravel().astype(np.int64)
        fit = calibration(truth, np.column_stack([1 - yes, yes]))
    else:
        truth, said = outcome.truth.argmax(1), outcome.said.argmax(1)
        counts = confusion_scores(truth, said, ontology).counts.tolist()
        found["confusion"] = {name: dict(zip(names, row, strict=True)) for name, row in zip(names, counts, strict=True)}
        fit = calibration(truth, outcome.chances / outcome.chances.sum(1, keepdims=True))
    found |= {"calibration_error": fit.error, "brier": fit.brier}
    if outcome.ranks is not None:
        misses = np.abs(outcome.ranks - outcome.truth.argmax(1))
        found |= {"spearman": rank_correlation(outcome), "mean_rank_error": float(misses.mean())}
    return found


def _ratios(outcome: ClassOutcome) -> tuple[list[float | None], list[float | None], list[float | None]]:
    """F1, precision and recall of each class; None where they are undefined."""
    right = (outcome.truth & outcome.said).sum(0).tolist()
    true, said = outcome.truth.sum(0).tolist(), outcome.said.sum(0).tolist()
    triples = list(zip(right, true, said, strict=True))
    return (
        [2 * r / (t + s) if t + s else None for r, t, s in triples],
        [r / s if s else None for r, _, s in triples],
        [r / t if t else None for r, t, _ in triples],
    )
