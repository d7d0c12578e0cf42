"""Checkpoints of image regression: weights, shape of the network, scalings, names of the channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from cellcommons.canonical import canonical_json
from cellcommons.documents import Document
from cellcommons.errors import CellCommonsError, InvalidDocument
from ml_worker.checkpoint import pack, unpack
from ml_worker.regression.blind_spot import BlindSpotConfig
from ml_worker.regression.error_model import ErrorModel
from ml_worker.regression.network import RegressionNetwork, RegressionNetworkConfig, build_regression_network
from ml_worker.regression.scaling import Scaling

FAMILY = "cellcommons.regression-unet/1"
STATE = "cellcommons.regression-unet-training-state/1"


@dataclass(frozen=True)
class RegressionCheckpointConfig(Document):
    """What is needed beside the weights.

    Attributes:
        network: shape; ``inputs`` fixes the number of channels (or z planes) an image must have.
        source, target: units of what goes in and comes out.
        channels: name of each output. rgb: they are red, green and blue of one colour picture. dtype: of the target's
            pixels, as predictions are kept.
        blind_spot: how pixels were hidden, where training was self-supervised.
        error_model: how far off predictions may be; None: nothing is known but the spread of readings.
        adapt_steps: predictions learn for so many steps from the noisy image, see ``regression.adapt``; 0: not at all.
        about: where it comes from, for people and lineage.
    """

    KIND = FAMILY
    source: Scaling
    target: Scaling
    network: RegressionNetworkConfig = field(default_factory=RegressionNetworkConfig)
    channels: tuple[str, ...] = ()
    rgb: bool = False
    dtype: str = "float32"
    blind_spot: BlindSpotConfig | None = None
    error_model: ErrorModel | None = None
    adapt_steps: int = 0
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def same_light(self) -> bool:
        """Trained on clean and noisy pairs of one light, so that predictions may adapt to their images."""
        return self.blind_spot is None and self.source == self.target


@dataclass(frozen=True)
class RegressionCheckpoint:
    """A network ready to predict (evaluation mode, on ``device()``), and its configuration."""

    network: RegressionNetwork
    config: RegressionCheckpointConfig


def save_regression_checkpoint(tensors: Mapping[str, Tensor], config: RegressionCheckpointConfig) -> bytes:
    """A checkpoint as safetensors bytes."""
    return pack(FAMILY, tensors, asdict(config))


def load_regression_checkpoint(data: bytes, *, where: str = "") -> RegressionCheckpoint:
    """A network from bytes.

    Raises:
        UnreadableFile, WrongFormat: see ``ml_worker.checkpoint.unpack``.
        InvalidDocument: weights and configuration do not fit each other.
    """
    tensors, document = unpack(FAMILY, data, where=where)
    config = RegressionCheckpointConfig.parse(canonical_json({"kind": FAMILY, **document}), where=where)
    if len(config.source.gain) != config.network.inputs or len(config.target.gain) != config.network.outputs:
        raise InvalidDocument("the scalings do not fit the network's channels", where=where)
    try:
        network = build_regression_network(config.network)
        network.load_state_dict(tensors)
    except (RuntimeError, CellCommonsError) as error:
        raise InvalidDocument("the weights do not fit the network that the file describes", where=where) from error
    return RegressionCheckpoint(network.eval(), config)
