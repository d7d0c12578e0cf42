"""What training of semantic maps minimises; unknown pixels count for nothing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def semantic_loss(logits: Tensor, classes: Tensor, weights: Tensor, *, dice: float) -> Tensor:
    """Cross entropy and soft Dice (Milletari et al. 2016, "V-Net") over known pixels; a scalar.

    Args:
        logits: ``(b, classes, y, x)``. classes: int64 ``(b, y, x)``, -1 where unknown.
        weights: ``(classes,)``, of each class in the cross entropy.
        dice: how much the Dice part counts: one minus the mean over the classes that the batch shows.
    """
    logits = logits.float()
    known = classes >= 0
    if not bool(known.any()):
        return logits.sum() * 0.0
    cross = functional.cross_entropy(logits, classes, weight=weights, ignore_index=-1)
    if not dice:
        return cross
    wanted = functional.one_hot(classes.clamp_min(0), logits.shape[1]).permute(0, 3, 1, 2) * known[:, None]
    chances = logits.softmax(1) * known[:, None]
    both = (chances * wanted).sum((0, 2, 3))
    sizes = chances.sum((0, 2, 3)) + wanted.sum((0, 2, 3))
    shown = wanted.sum((0, 2, 3)) > 0
    overlap = (2 * both + 1) / (sizes + 1)
    return cross + dice * (1 - torch.where(shown, overlap, torch.zeros_like(overlap)).sum() / shown.sum())
