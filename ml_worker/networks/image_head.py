"""The head that gives an image: output channels at full resolution, with the input's own pixels in reach."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml_worker.networks.blocks import convolution


class ImageHead(nn.Module):
    """Output channels at full resolution.

    The encoder starts at half resolution. For fine structures the head joins its features with a full-resolution look
    at the input; for what is smooth at two pixels (fluorescence out of focus blur) that costs half of all time for
    nothing, and sub-pixel convolution alone (Shi et al. 2016) is enough.

    Args:
        inputs: planes of the network's input. width: features that enter, at stride 2. outputs: channels that leave.
        full: features of the full-resolution layers, a multiple of 16; 0: none.
        layers: 3 x 3 layers at full resolution after the join.
    """

    def __init__(self, inputs: int, width: int, outputs: int, *, full: int = 16, layers: int = 1) -> None:
        super().__init__()
        self.full = full
        if full:
            self.lift: nn.Module = nn.Conv2d(width, 4 * full, 1)
            self.look = convolution(inputs, full)
            self.join = nn.Sequential(*(convolution(2 * full if i == 0 else full, full) for i in range(layers)))
            self.outputs = nn.Conv2d(full, outputs, 1)
        else:
            self.lift = convolution(width, 2 * width)
            self.outputs = nn.Conv2d(2 * width, 4 * outputs, 1)
            # The four pixels that one feature becomes start alike, see ``heads.Heads``.
            with torch.no_grad():
                for start in (self.outputs.weight, self.outputs.bias):
                    if start is not None:
                        start.copy_(start[::4].repeat_interleave(4, dim=0))

    def forward(self, planes: Tensor, features: Tensor) -> Tensor:
        """``(b, inputs, y, x)`` and ``(b, width, y / 2, x / 2)`` to ``(b, outputs, y, x)``."""
        lifted: Tensor = self.lift(features)
        if not self.full:
            return functional.pixel_shuffle(self.outputs(lifted), 2)
        joined = torch.cat([self.look(planes), functional.pixel_shuffle(lifted, 2)], dim=1)
        result: Tensor = self.outputs(self.join(joined))
        return result
