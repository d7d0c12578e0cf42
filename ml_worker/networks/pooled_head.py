"""The head that says one thing about a whole image: features pooled over the image, then two small layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PooledHead(nn.Module):
    """Mean and maximum over the image, a hidden layer, and ``last``: the layer that a transfer replaces.

    The mean says how much of something there is, the maximum whether it is there at all, however small.

    Args:
        width: features that enter. outputs: numbers that leave.
        extras: numbers per image that join the pooled features.
        hidden: features between. dropout: share of them left out in training.
    """

    def __init__(self, width: int, outputs: int, *, extras: int = 0, hidden: int = 64, dropout: float = 0.2) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(2 * width)
        self.hidden = nn.Sequential(nn.Linear(2 * width + extras, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout))
        self.last = nn.Linear(hidden, outputs)

    def forward(self, features: Tensor, extras: Tensor) -> Tensor:
        """``(b, width, y, x)`` and ``(b, extras)`` to ``(b, outputs)``."""
        pooled = self.norm(torch.cat([features.mean((2, 3)), features.amax((2, 3))], dim=1).float())
        result: Tensor = self.last(self.hidden(torch.cat([pooled, extras], dim=1)))
        return result
