"""The network that gives every pixel a class: the segmenter's encoder and decoder under a class head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cellcommons.errors import InvalidDocument
from ml_worker.device import device
from ml_worker.networks.class_head import ClassHead
from ml_worker.networks.decoder import Decoder
from ml_worker.networks.encoder import Encoder
from ml_worker.networks.unet import NetworkConfig
from ml_worker.samples import PLANES


@dataclass(frozen=True)
class SemanticNetworkConfig:
    """Shape of the network.

    Attributes:
        inputs: planes that enter; follows the data. widths: features per stage, see ``NetworkConfig``.
    """

    inputs: int = PLANES
    widths: tuple[int, ...] = (16, 32, 64, 96)

    def __post_init__(self) -> None:
        NetworkConfig(self.widths)
        if not 1 <= self.inputs <= 256:
            raise InvalidDocument("inputs lie in 1..256", where="config:network")

    @property
    def stride(self) -> int:
        """See ``NetworkConfig.stride``."""
        return NetworkConfig(self.widths).stride

    @property
    def reach(self) -> int:
        """See ``NetworkConfig.reach``; the class head reads as far as the segmenter's heads."""
        return NetworkConfig(self.widths).reach


class SemanticNetwork(nn.Module):
    """Encoder, decoder and class head."""

    def __init__(self, config: SemanticNetworkConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.inputs, config.widths)
        self.decoder = Decoder(config.widths)
        self.head = ClassHead(config.widths[0], classes)

    def forward(self, planes: Tensor) -> Tensor:
        """``(b, inputs, y, x)``, y and x multiples of ``config.stride``, to logits ``(b, classes, y, x)``."""
        result: Tensor = self.head(self.decoder(self.encoder(planes)))
        return result


def build_semantic_network(config: SemanticNetworkConfig, classes: int) -> SemanticNetwork:
    """A network with random weights on ``device()``, channels last."""
    network = SemanticNetwork(config, classes).to(device())
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
