"""The compact residual U-Net that segments cells."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cellcommons.errors import InvalidDocument
from ml_worker.device import device
from ml_worker.networks.decoder import Decoder
from ml_worker.networks.encoder import Encoder
from ml_worker.networks.heads import Heads
from ml_worker.samples import PLANES


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network.

    Attributes:
        widths: features per stage, finest (stride 2) first; multiples of 16. Narrower or odd layers gain no speed, as
            CPU kernels work in blocks of 16, and made torch 2.13's backward pass crash on AVX-512 machines.
    """

    widths: tuple[int, ...] = (16, 32, 64, 96)

    def __post_init__(self) -> None:
        if not 2 <= len(self.widths) <= 7 or any(width % 16 or not 16 <= width <= 1024 for width in self.widths):
            raise InvalidDocument("widths must be 2 to 7 multiples of 16 up to 1024", where="config:widths")

    @property
    def stride(self) -> int:
        """Pixels per step of the coarsest stage; tile origins and sizes are multiples of it."""
        return int(2 ** len(self.widths))

    @property
    def reach(self) -> int:
        """Receptive field radius in pixels, rounded up to whole strides: beyond it no input pixel changes an output."""
        stages = len(self.widths)
        radius = 2  # stem, 5 x 5 at full resolution
        for i in range(stages):
            step = 2 ** (i + 1)
            # Encoder block: two 3 x 3, the first of which reads the finer grid where it strides.
            radius += step + (step if i == 0 else step // 2)
            if i < stages - 1:
                radius += 2 * step  # decoder block
        radius += 2  # the heads' 3 x 3 at stride 2
        radius += self.stride  # nearest upsampling and striding each round to their grid
        return -(-radius // self.stride) * self.stride


class SegmentationNetwork(nn.Module):
    """Encoder, decoder and heads for instance segmentation."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        self.encoder = Encoder(PLANES, self.config.widths)
        self.decoder = Decoder(self.config.widths)
        self.heads = Heads(self.config.widths[0])

    def forward(self, planes: Tensor) -> Tensor:
        """``(b, 3, y, x)``, y and x multiples of ``config.stride``, to ``(b, 4, y, x)``, see ``heads.HEADS``."""
        result: Tensor = self.heads(self.decoder(self.encoder(planes)))
        return result

    @property
    def parameter_count(self) -> int:
        """Trainable numbers."""
        return sum(parameter.numel() for parameter in self.parameters())


def build_network(config: NetworkConfig) -> SegmentationNetwork:
    """A network with random weights on ``device()``, channels last: the layout in which CPUs convolve fastest."""
    network = SegmentationNetwork(config).to(device())
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
