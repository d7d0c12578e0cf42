"""The network that classifies: the segmenter's encoder under a pooled head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from ml_worker.classification.outcomes import Thresholds, kind_of, outputs_of
from ml_worker.device import device
from ml_worker.networks.encoder import Encoder
from ml_worker.networks.pooled_head import PooledHead
from ml_worker.networks.unet import NetworkConfig
from ml_worker.samples import PLANES


@dataclass(frozen=True)
class ClassifierNetworkConfig:
    """Shape of the network.

    Attributes:
        inputs: planes that enter; follows the data. extras: numbers beside the pixels; follows the data.
        widths: features per stage, see ``NetworkConfig``. hidden: features between pooling and the last layer.
        dropout: share of those left out in training.
    """

    inputs: int = PLANES
    extras: int = 0
    widths: tuple[int, ...] = (16, 32, 64, 96)
    hidden: int = 64
    dropout: float = 0.2

    def __post_init__(self) -> None:
        NetworkConfig(self.widths)
        if not 1 <= self.inputs <= 256 or not 0 <= self.extras <= 16 or not 1 <= self.hidden <= 4096:
            raise InvalidDocument("inputs lie in 1..256, extras in 0..16, hidden in 1..4096", where="config:network")
        if not 0 <= self.dropout < 1:
            raise InvalidDocument("dropout lies in 0..1, 1 left out", where="config:network:dropout")


class ClassifierNetwork(nn.Module):
    """Encoder, pooled head, and thresholds where classes are ranks."""

    def __init__(self, config: ClassifierNetworkConfig, ontology: Ontology) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.inputs, config.widths)
        self.head = PooledHead(
            config.widths[-1],
            outputs_of(ontology),
            extras=config.extras,
            hidden=config.hidden,
            dropout=config.dropout,
        )
        ordinal = kind_of(ontology) == "ordinal"
        self.thresholds: nn.Module = Thresholds(len(ontology)) if ordinal else nn.Identity()

    def forward(self, planes: Tensor, extras: Tensor) -> Tensor:
        """``(b, inputs, y, x)`` and ``(b, extras)`` to logits, see ``outcomes``."""
        result: Tensor = self.thresholds(self.head(self.encoder(planes)[-1], extras))
        return result


def build_classifier(config: ClassifierNetworkConfig, ontology: Ontology) -> ClassifierNetwork:
    """A network with random weights on ``device()``, channels last."""
    network = ClassifierNetwork(config, ontology).to(device())
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
