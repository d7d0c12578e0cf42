"""The decoder: from the coarsest features back to stride 2, joining the encoder's on the way."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from ml_worker.networks.blocks import ResidualBlock


class Decoder(nn.Module):
    """Upsample, project, add the skip, one residual block per level (Ronneberger et al. 2015, with sums for joins).

    Args:
        widths: features per encoder stage, finest first.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        pairs = list(zip(widths[1:], widths[:-1], strict=True))[::-1]
        self.projections = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for coarse, fine in pairs)
        self.blocks = nn.ModuleList(ResidualBlock(fine, fine) for _, fine in pairs)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Encoder levels, finest first, to ``(b, widths[0], y / 2, x / 2)``."""
        features = levels[-1]
        for projection, block, skip in zip(self.projections, self.blocks, levels[-2::-1], strict=True):
            # Nearest, not bilinear: no neighbour enters, so a tile's halo stays small and exact.
            features = block(functional.interpolate(projection(features), scale_factor=2.0, mode="nearest") + skip)
        return features
