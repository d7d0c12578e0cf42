"""The network that turns one image into another: the segmenter's encoder and decoder under a head of its own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cellcommons.errors import InvalidDocument
from ml_worker.device import device
from ml_worker.networks.decoder import Decoder
from ml_worker.networks.encoder import Encoder
from ml_worker.networks.image_head import ImageHead
from ml_worker.networks.unet import NetworkConfig

MAX_CHANNELS = 256


@dataclass(frozen=True)
class RegressionNetworkConfig:
    """Shape of the network.

    Attributes:
        inputs, outputs: channels in (z planes are channels here) and out; fixed for a checkpoint.
        widths: features per stage, see ``NetworkConfig``.
        full: features at full resolution, a multiple of 16; 0: none, see ``ImageHead``. layers: 3 x 3 layers there.
        residual: the output is added to the input, channel by channel, so that only noise has to be learnt; wants as
            many outputs as inputs.
    """

    inputs: int = 1
    outputs: int = 1
    widths: tuple[int, ...] = (32, 64, 96)
    full: int = 16
    layers: int = 1
    residual: bool = False

    def __post_init__(self) -> None:
        NetworkConfig(self.widths)
        if not (1 <= self.inputs <= MAX_CHANNELS and 1 <= self.outputs <= MAX_CHANNELS):
            raise InvalidDocument(f"inputs and outputs lie in 1..{MAX_CHANNELS}", where="config:network")
        if self.full % 16 or not 0 <= self.full <= 256 or not 1 <= self.layers <= 8:
            raise InvalidDocument("full is a multiple of 16 up to 256, layers 1 to 8", where="config:network")
        if self.residual and self.inputs != self.outputs:
            raise InvalidDocument(
                f"a residual network has as many outputs as inputs, not {self.outputs} for {self.inputs}",
                where="config:network:residual",
            )

    @property
    def stride(self) -> int:
        """Pixels per step of the coarsest stage."""
        return NetworkConfig(self.widths).stride

    @property
    def reach(self) -> int:
        """Receptive field radius in pixels, rounded up to whole strides."""
        return -(-(NetworkConfig(self.widths).reach + self.layers) // self.stride) * self.stride


class RegressionNetwork(nn.Module):
    """Encoder, decoder and image head."""

    def __init__(self, config: RegressionNetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.inputs, config.widths)
        self.decoder = Decoder(config.widths)
        self.head = ImageHead(config.inputs, config.widths[0], config.outputs, full=config.full, layers=config.layers)
        if config.residual:
            # Start as the identity: the noisy image itself is the first guess.
            with torch.no_grad():
                self.head.outputs.weight.mul_(0.1)
                if self.head.outputs.bias is not None:
                    self.head.outputs.bias.zero_()

    def forward(self, planes: Tensor) -> Tensor:
        """``(b, inputs, y, x)``, y and x multiples of ``config.stride``, to ``(b, outputs, y, x)``."""
        output: Tensor = self.head(planes, self.decoder(self.encoder(planes)))
        return planes + output if self.config.residual else output


def build_regression_network(config: RegressionNetworkConfig) -> RegressionNetwork:
    """A network with random weights on ``device()``, channels last."""
    network = RegressionNetwork(config).to(device())
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
