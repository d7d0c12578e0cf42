"""What a classifier is validated by: one number, more is better; and how far its answers lean to rare classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cellcommons.classes import Ontology
from cellcommons.measures.classification import class_average_precisions, confusion_scores, spearman
from ml_worker.classification.outcomes import kind_of

LEANS = (0.0, 0.25, 0.5, 0.75, 1.0)


def named_places(chances: NDArray[np.floating], offset: Sequence[float] = (), lean: float = 0.0) -> NDArray[np.int64]:
    """The class that is named for each sample: the likeliest, after ``lean`` of the class shares is taken back.

    The likeliest class makes the fewest errors, and where one class has most samples it leaves rare ones unnamed;
    macro F1 counts all classes alike.

    Args:
        chances: ``(samples, classes)``, rows sum to 1. offset: of ``outcomes.probabilities``. lean: 0..1.
    """
    if not offset or not lean:
        return np.asarray(chances.argmax(1), dtype=np.int64)
    leaning = np.log(np.maximum(chances, 1e-12)) - lean * np.asarray(offset)
    return np.asarray(leaning.argmax(1), dtype=np.int64)


def best_lean(
    chances: NDArray[np.float64], targets: NDArray[np.bool_], ontology: Ontology, offset: Sequence[float]
) -> float:
    """The lean with the highest macro F1 on validation samples; the least of equal ones."""
    if not offset:
        return 0.0
    truth = targets.argmax(1)
    found = [confusion_scores(truth, named_places(chances, offset, lean), ontology).macro_f1 or 0.0 for lean in LEANS]
    return LEANS[int(np.argmax(found))]


def validation_score(
    chances: NDArray[np.float64],
    targets: NDArray[np.bool_],
    ontology: Ontology,
    offset: Sequence[float] = (),
    lean: float = 0.0,
) -> float:
    """Macro F1 of the class that is named; mean average precision for multi; Spearman of expected and true rank.

    A measure that is undefined on these samples counts 0.

    Args:
        chances: ``(samples, classes)``. targets: bool, the same shape. offset, lean: see ``named_places``.
    """
    kind = kind_of(ontology)
    if kind == "single":
        return confusion_scores(targets.argmax(1), named_places(chances, offset, lean), ontology).macro_f1 or 0.0
    if kind == "ordinal":
        return spearman(targets.argmax(1), chances @ np.arange(len(ontology))) or 0.0
    found = class_average_precisions(targets, chances, ontology).values()
    there = [value for value in found if value is not None]
    return float(np.mean(there)) if there else 0.0
