"""Rare classes are named where validation says that this serves all classes better."""

from __future__ import annotations

import numpy as np

from cellcommons.classes import Ontology
from ml_worker.classification.scores import best_lean, named_places, validation_score

PAIR = Ontology(("common", "rare"))
# 85 and 15 of a hundred, drawn alike in training.
OFFSET = (float(np.log(0.85 / 0.5)), float(np.log(0.15 / 0.5)))


def weak_classifier() -> tuple[np.ndarray, np.ndarray]:
    """Evidence that is right but faint: the class shares outweigh it."""
    truth = np.array([0] * 85 + [1] * 15)
    evidence = np.where(truth == 1, 0.6, -0.6)
    odds = np.exp(evidence + OFFSET[1] - OFFSET[0])
    chances = np.column_stack([1 / (1 + odds), odds / (1 + odds)])
    return chances, np.eye(2, dtype=bool)[truth]


def test_faint_evidence_for_a_rare_class_is_heard() -> None:
    chances, targets = weak_classifier()
    assert (named_places(chances) == 0).all()
    lean = best_lean(chances, targets, PAIR, OFFSET)
    assert lean > 0
    assert validation_score(chances, targets, PAIR, OFFSET, lean) == 1.0 > validation_score(chances, targets, PAIR)


def test_clear_evidence_leaves_the_likeliest_class() -> None:
    _, targets = weak_classifier()
    clear = np.where(targets, 0.99, 0.01)
    assert best_lean(clear, targets, PAIR, OFFSET) == 0.0
    assert best_lean(clear, targets, PAIR, ()) == 0.0
