"""From logits to probabilities, for classes that exclude each other, classes that do not, and ranks.

- single: softmax over the classes.
- multi: a sigmoid a class.
- ordinal: a cumulative link (McCullagh 1980, "Regression models for ordinal data"): one score for the image and one
  rising threshold a step between ranks; P(rank > k) = sigmoid(score - threshold k), so it never rises with k.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellcommons.classes import Ontology

Kind = Literal["single", "multi", "ordinal"]


def kind_of(ontology: Ontology) -> Kind:
    """Which of the three an ontology asks for."""
    if ontology.multi:
        return "multi"
    return "ordinal" if ontology.ordinal and len(ontology) > 1 else "single"


def outputs_of(ontology: Ontology) -> int:
    """Numbers that the last layer gives."""
    return 1 if kind_of(ontology) == "ordinal" else len(ontology)


class Thresholds(nn.Module):
    """Rising thresholds of a cumulative link: a first one and positive steps.

    Args:
        ranks: number of classes, at least 2.
    """

    def __init__(self, ranks: int) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.tensor([-(ranks - 2) / 2.0]))
        # softplus(0.54) = 1: one unit of score a rank at the start.
        self.steps = nn.Parameter(torch.full((ranks - 2,), 0.5413))

    def forward(self, score: Tensor) -> Tensor:
        """``(b, 1)`` to logits ``(b, ranks - 1)`` of being above each rank but the last; falling along the ranks."""
        rises = torch.cat([self.first, functional.softplus(self.steps)]).cumsum(0)
        return score - rises


def outcome_loss(logits: Tensor, targets: Tensor, kind: Kind, weights: Tensor) -> Tensor:
    """Mean loss of a batch, a scalar.

    Args:
        logits: ``(b, classes)``; ``(b, classes - 1)`` for ranks. targets: bool ``(b, classes)``.
        weights: ``(classes,)``: of a class in the loss; for multi, of its presence.
    """
    logits, wanted = logits.float(), targets.float()
    if kind == "multi":
        return functional.binary_cross_entropy_with_logits(logits, wanted, pos_weight=weights)
    per_sample = (wanted * weights).sum(1)
    if kind == "single":
        losses = -(functional.log_softmax(logits, 1) * wanted).sum(1)
    else:
        above = (wanted.flip(1).cumsum(1).flip(1) - wanted)[:, :-1]
        # A rank missed by several steps costs several thresholds.
        losses = functional.binary_cross_entropy_with_logits(logits, above, reduction="none").sum(1)
    return (losses * per_sample).sum() / per_sample.sum().clamp_min(1e-9)


def probabilities(logits: Tensor, kind: Kind, *, temperature: float = 1.0, offset: Sequence[float] = ()) -> Tensor:
    """``(b, classes)``: rows sum to 1, except for multi.

    Args:
        temperature: logits are divided by it (Guo et al. 2017). offset: added to single logits, one a class: the
            logarithm of how much rarer a class is outside than it was in balanced training.
    """
    logits = logits.float()
    if offset and kind == "single":
        logits = logits + torch.tensor(list(offset), device=logits.device)
    logits = logits / temperature
    if kind == "multi":
        return logits.sigmoid()
    if kind == "single":
        return logits.softmax(1)
    above = functional.pad(logits.sigmoid(), (1, 0), value=1.0)
    return above - functional.pad(above[:, 1:], (0, 1))


def expected_rank(chances: Tensor) -> Tensor:
    """Mean rank ``(b,)`` under ``probabilities`` of ranks, 0 for the first."""
    ranks = torch.arange(chances.shape[1], dtype=chances.dtype, device=chances.device)
    return chances @ ranks
