"""Settings of an image regression run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cellcommons.canonical import canonical_json
from cellcommons.documents import Document
from cellcommons.errors import InvalidDocument
from ml_worker.regression.blind_spot import BlindSpotConfig
from ml_worker.regression.crops import PairCropConfig
from ml_worker.regression.losses import LossConfig
from ml_worker.regression.network import RegressionNetworkConfig


@dataclass(frozen=True)
class RegressionConfig(Document):
    """Settings of a run; those of the shared loop are explained in ``ml_worker.train_config.TrainConfig``.

    Attributes:
        network, crops, loss: settings of the parts. ``network.inputs`` and ``outputs`` follow the data.
        blind_spot: given: self-supervised denoising from the sources alone; None: supervised by targets.
        same_units: source and target are the same light (denoising): one scaling serves both.
        validations: times the validation pairs are scored: mean Pearson r over channels and pairs.
    """

    KIND = "cellcommons.regression-config/1"
    network: RegressionNetworkConfig = field(default_factory=RegressionNetworkConfig)
    crops: PairCropConfig = field(default_factory=PairCropConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    blind_spot: BlindSpotConfig | None = None
    same_units: bool = False
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    clip: float = 5.0
    warmup: int = 20
    average: float = 0.98
    max_steps: int = 0
    validations: int = 4
    patience: int = 0
    bf16: bool = True
    state_seconds: float = 15.0

    @classmethod
    def from_order(cls, config: dict[str, Any]) -> RegressionConfig:
        """From an order's ``config``. Raises InvalidDocument naming an unknown or bad field."""
        parsed = cls.parse(canonical_json({"kind": cls.KIND, **config}), where="config")
        if parsed.learning_rate <= 0 or parsed.max_steps < 0 or not 0 <= parsed.average < 1:
            raise InvalidDocument("learning_rate > 0, max_steps >= 0 and 0 <= average < 1 are wanted", where="config")
        if parsed.blind_spot is not None and parsed.network.residual:
            raise InvalidDocument(
                "a residual network hands the hidden pixel's own noise to the output",
                where="config:network:residual",
                remedy="Turn residual off for self-supervised denoising.",
            )
        return parsed
