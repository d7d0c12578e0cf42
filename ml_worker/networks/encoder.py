"""The encoder: from pooled channel planes to features at strides 2, 4, 8, 16."""

from __future__ import annotations

from torch import Tensor, nn

from ml_worker.networks.blocks import ResidualBlock, convolution


class Encoder(nn.Module):
    """A stride-2 stem and one residual stage per width; each stage after the first halves the resolution.

    Args:
        planes: input planes, see ``ml_worker.samples.channel_planes``.
        widths: features per stage.
    """

    def __init__(self, planes: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        # Half resolution from the first layer on: on a CPU the full-resolution layers would cost most of the time.
        self.stem = convolution(planes, widths[0], kernel=5, stride=2)
        self.stages = nn.ModuleList(
            ResidualBlock(widths[max(i - 1, 0)], width, stride=1 if i == 0 else 2) for i, width in enumerate(widths)
        )

    def forward(self, planes: Tensor) -> list[Tensor]:
        """``(b, planes, y, x)`` to one tensor per stage, finest first: ``(b, widths[i], y / 2^(i+1), x / 2^(i+1))``."""
        features = self.stem(planes)
        levels = []
        for stage in self.stages:
            features = stage(features)
            levels.append(features)
        return levels
