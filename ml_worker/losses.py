"""What training minimises."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from ml_worker.crops import Batch


def segmentation_loss(output: Tensor, batch: Batch) -> Tensor:
    """Sum of the heads' losses over known pixels; a scalar.

    Foreground: binary cross-entropy plus soft Dice. Distance: absolute error. Flow: absolute error relative to the
    cell's radius, so that small cells count like large ones; both on foreground only.

    Args:
        output: ``(b, 4, y, x)`` of the network.
    """
    output = output.float()
    known = batch.known
    inside = batch.targets[:, 0] * known
    logit = output[:, 0]
    cross = functional.binary_cross_entropy_with_logits(logit, batch.targets[:, 0], reduction="none")
    cross = (cross * known).sum() / known.sum().clamp_min(1)
    probability = logit.sigmoid() * known
    dice = 1 - (2 * (probability * inside).sum() + 1) / (probability.sum() + inside.sum() + 1)
    area = inside.sum().clamp_min(1)
    distance = ((output[:, 1] - batch.targets[:, 1]).abs() * inside).sum() / area
    way = (output[:, 2:4] - batch.targets[:, 2:4]).abs().sum(1) / batch.targets[:, 4]
    flow = (way * inside).sum() / area
    return cross + 0.5 * dice + distance + flow
