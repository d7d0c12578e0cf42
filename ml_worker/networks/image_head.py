"""The head that gives an image: output channels at full resolution, with the input's own pixels in reach."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml_worker.networks.blocks import convolution


class ImageHead(nn.Module):
    """Joins features at stride 2 with a full-resolution look at the input, and ends in one plane per output channel.

    The encoder starts at half resolution; an image of fine structures needs the pixels that it never saw.

    Args:
        inputs: planes of the network's input. width: features that enter, at stride 2. outputs: channels that leave.
        full: features of the full-resolution layers; multiples of 16.
        layers: 3 x 3 layers at full resolution after the join; more sharpen fine detail and cost most of the time.
    """

    def __init__(self, inputs: int, width: int, outputs: int, *, full: int = 16, layers: int = 1) -> None:
        super().__init__()
        self.lift = nn.Conv2d(width, 4 * full, 1)
        self.look = convolution(inputs, full)
        self.join = nn.Sequential(*(convolution(2 * full if i == 0 else full, full) for i in range(layers)))
        self.outputs = nn.Conv2d(full, outputs, 1)

    def forward(self, planes: Tensor, features: Tensor) -> Tensor:
        """``(b, inputs, y, x)`` and ``(b, width, y / 2, x / 2)`` to ``(b, outputs, y, x)``."""
        lifted = functional.pixel_shuffle(self.lift(features), 2)
        result: Tensor = self.outputs(self.join(torch.cat([self.look(planes), lifted], dim=1)))
        return result
