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

    Args:
        logits: of validation samples. targets: bool ``(samples, classes)``. offset: see ``outcomes.probabilities``.
    """
    grid = np.exp(np.linspace(np.log(LOWEST), np.log(HIGHEST), 300)).tolist()
    losses = [negative_log_likelihood(probabilities(logits, kind, temperature=t, offset=offset), targets) for t in grid]
    return float(grid[int(np.argmin(losses))])


def negative_log_likelihood(chances: Tensor, targets: Tensor) -> float:
    """Mean over the samples of -log of what was true; for multi, over samples and classes."""
    wanted = targets.to(chances)
    # bfloat16 networks and sigmoids reach 0 and 1 exactly.
    chances = chances.double().clamp(1e-7, 1 - 1e-7)
    if bool((targets.sum(1) == 1).all()) and bool(torch.allclose(chances.sum(1), torch.ones(()).double(), atol=1e-3)):
        return float(-(chances.log() * wanted).sum(1).mean())
    return float(functional.binary_cross_entropy(chances, wanted.double()))


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
