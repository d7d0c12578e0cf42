"""Logistic regression on a few numbers an item: the plain method beside classifiers of images and of pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_softmax, softmax

Floats = NDArray[np.float64]
# Features are standardised, so one strength serves all.
RIDGE = 1e-4


@dataclass(frozen=True)
class Logistic:
    """A fitted regression.

    Attributes:
        mean, spread: of the features it was fitted to. weights: ``(features + 1, classes)``, the last row the offset.
        multi: a sigmoid a class rather than a softmax over them.
    """

    mean: Floats = field(repr=False)
    spread: Floats = field(repr=False)
    weights: Floats = field(repr=False)
    multi: bool = False

    def chances(self, features: Floats) -> Floats:
        """Probabilities ``(items, classes)`` of features ``(items, features)``."""
        logits = _design((features - self.mean) / self.spread) @ self.weights
        return np.asarray(expit(logits) if self.multi else softmax(logits, axis=1), dtype=np.float64)


def fit_logistic(features: Floats, targets: NDArray[np.bool_], *, multi: bool = False) -> Logistic:
    """Fit by L-BFGS, classes weighted alike however many items they have.

    Args:
        features: ``(items, features)``, at least one item. targets: bool ``(items, classes)``; one class an item unless
            ``multi``.
    """
    mean, spread = features.mean(0), features.std(0)
    spread = np.where(spread > 1e-12, spread, 1.0)
    design, wanted = _design((features - mean) / spread), targets.astype(np.float64)
    counts = np.maximum(targets.sum(0), 1)
    if multi:
        # Presence and absence of each class count alike.
        absent = np.maximum(len(targets) - targets.sum(0), 1)
        weight = np.where(targets, 0.5 / counts, 0.5 / absent)
    else:
        weight = (wanted / counts).sum(1, keepdims=True) / max(1, int((targets.sum(0) > 0).sum()))
    shape = (design.shape[1], targets.shape[1])

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(shape)
        logits = design @ weights
        if multi:
            value = -(weight * (wanted * log_expit(logits) + (1 - wanted) * log_expit(-logits))).sum()
            slope = weight * (expit(logits) - wanted)
        else:
            value = -(weight * wanted * log_softmax(logits, axis=1)).sum()
            slope = weight * (softmax(logits, axis=1) - wanted)
        gradient = design.T @ slope + RIDGE * weights
        return float(value + 0.5 * RIDGE * (weights**2).sum()), gradient.ravel()

    found = minimize(loss, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return Logistic(mean, spread, np.asarray(found.x, dtype=np.float64).reshape(shape), multi)


def _design(features: Floats) -> Floats:
    return np.column_stack([features, np.ones(len(features))])
