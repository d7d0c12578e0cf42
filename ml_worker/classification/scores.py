"""What a classifier is validated by: one number, more is better."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellcommons.classes import Ontology
from cellcommons.measures.classification import class_average_precisions, confusion_scores, spearman
from ml_worker.classification.outcomes import kind_of


def validation_score(chances: NDArray[np.float64], targets: NDArray[np.bool_], ontology: Ontology) -> float:
    """Macro F1 of the likeliest class; mean average precision for multi; Spearman of expected and true rank.

    A measure that is undefined on these samples counts 0.

    Args:
        chances: ``(samples, classes)``. targets: bool, the same shape.
    """
    kind = kind_of(ontology)
    if kind == "single":
        return confusion_scores(targets.argmax(1), chances.argmax(1), ontology).macro_f1 or 0.0
    if kind == "ordinal":
        return spearman(targets.argmax(1), chances @ np.arange(len(ontology))) or 0.0
    found = class_average_precisions(targets, chances, ontology).values()
    there = [value for value in found if value is not None]
    return float(np.mean(there)) if there else 0.0
