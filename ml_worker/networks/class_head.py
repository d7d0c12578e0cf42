"""The head that gives every pixel a class: one logit a class at full resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml_worker.networks.blocks import convolution


class ClassHead(nn.Module):
    """Sub-pixel convolution (Shi et al. 2016) under one shared layer; ``outputs`` is what a transfer replaces.

    Args:
        width: features that enter, at stride 2. classes: logits that leave.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.shared = convolution(width, 2 * width)
        self.outputs = nn.Conv2d(2 * width, 4 * classes, 1)
        # The four pixels that one feature becomes start alike, see ``heads.Heads``.
        with torch.no_grad():
            for start in (self.outputs.weight, self.outputs.bias):
                if start is not None:
                    start.copy_(start[::4].repeat_interleave(4, dim=0))

    def forward(self, features: Tensor) -> Tensor:
        """``(b, width, y / 2, x / 2)`` to ``(b, classes, y, x)``."""
        return functional.pixel_shuffle(self.outputs(self.shared(features)), 2)
