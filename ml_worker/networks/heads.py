"""Heads: one named output each, at full resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml_worker.networks.blocks import convolution

# Name -> planes. Foreground: logit. Distance: to the cell's edge, 1 at its deepest pixel. Flow: (y, x) to its centre.
HEADS = {"foreground": 1, "distance": 1, "flow": 2}


# Flow leaves the last layer in units of this many pixels, about a cell's radius, so that it starts at the right order
# of magnitude; in single pixels the optimiser spends its first hundred steps on growing it.
FLOW_UNIT = 8.0


class Heads(nn.Module):
    """All heads on one shared layer; sub-pixel convolution (Shi et al. 2016) doubles the resolution.

    Args:
        width: features that enter, at stride 2.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.shared = convolution(width, 2 * width)
        self.outputs = nn.Conv2d(2 * width, 4 * sum(HEADS.values()), 1)
        # The four pixels that one feature becomes start alike (Aitken et al. 2017); started apart, they leave a comb of
        # single rows along every edge until long training has taken it away.
        with torch.no_grad():
            for start in (self.outputs.weight, self.outputs.bias):
                if start is not None:
                    start.copy_(start[::4].repeat_interleave(4, dim=0))

    def forward(self, features: Tensor) -> Tensor:
        """``(b, width, y / 2, x / 2)`` to ``(b, 4, y, x)``: foreground logit, distance, flow y, flow x."""
        output = functional.pixel_shuffle(self.outputs(self.shared(features)), 2)
        return torch.cat([output[:, :2], output[:, 2:] * FLOW_UNIT], dim=1)
