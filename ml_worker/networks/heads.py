"""Heads: one named output each, at full resolution."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from ml_worker.networks.blocks import convolution

# Name -> planes. Foreground: logit. Distance: to the cell's edge, 1 at its deepest pixel. Flow: (y, x) to its centre.
HEADS = {"foreground": 1, "distance": 1, "flow": 2}


class Heads(nn.Module):
    """All heads on one shared layer; sub-pixel convolution (Shi et al. 2016) doubles the resolution.

    Args:
        width: features that enter, at stride 2.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.shared = convolution(width, 2 * width)
        self.outputs = nn.Conv2d(2 * width, 4 * sum(HEADS.values()), 1)

    def forward(self, features: Tensor) -> Tensor:
        """``(b, width, y / 2, x / 2)`` to ``(b, 4, y, x)``: foreground logit, distance, flow y, flow x."""
        return functional.pixel_shuffle(self.outputs(self.shared(features)), 2)
