"""Probabilities that mean what they say: temperature scaling, and the return to real class shares.

Guo et al. 2017, "On calibration of modern neural networks"; Saerens et al. 2002, "Adjusting the outputs of a classifier
to new a priori probabilities".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ml_worker.classification.outcomes import Kind, probabilities

LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(logits: Tensor, targets: Tensor, kind: Kind, offset: Sequence[float] = ()) -> float:
    """The temperature with the least negative log likelihood; searched on a grid of 2 % steps in 0.05..20.

    Targets are drawn in by one part in n + 2 (Platt 1999, "Probabilistic outputs for support vector machines"): where
    every validation sample is right, the likelihood alone would make the next mistake infinitely sure.

    Args:
        logits: of validation samples. targets: bool ``(samples, classes)``. offset: see ``outcomes.probabilities``.
    """
    wanted = targets.to(torch.float64)
    doubt = 1 / (len(targets) + 2)
    soft = wanted * (1 - doubt) + doubt * (0.5 if kind == "multi" else 1 / targets.shape[1])
    grid = np.exp(np.linspace(np.log(LOWEST), np.log(HIGHEST), 300)).tolist()
    losses = [_soft_loss(probabilities(logits, kind, temperature=t, offset=offset), soft, kind) for t in grid]
    return float(grid[int(np.argmin(losses))])


def _soft_loss(chances: Tensor, wanted: Tensor, kind: Kind) -> float:
    # bfloat16 networks and sigmoids reach 0 and 1 exactly.
    chances = chances.double().clamp(1e-7, 1 - 1e-7)
    if kind == "multi":
        return float(functional.binary_cross_entropy(chances, wanted))
    return float(-(chances.log() * wanted).sum(1).mean())


def share_offset(targets: NDArray[np.bool_], weights: NDArray[np.float64]) -> tuple[float, ...]:
    """Logarithm of each class's real share over the share it had in training.

    Args:
        targets: bool ``(samples, classes)``, one class each. weights: how much each sample counted in training.
    """
    real = targets.sum(0) / max(1, len(targets))
    drawn = (targets * weights[:, None]).sum(0) / weights.sum()
    # A class that training never saw keeps its logit as it is.
    seen = real > 0
    ratio = np.where(seen, real, 1.0) / np.where(seen, drawn, 1.0)
    return tuple(float(value) for value in np.log(ratio))
