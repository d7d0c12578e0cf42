"""Settings of an image regression run, and those that suit label-free prediction and denoising."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cellcommons.errors import InvalidDocument
from ml_worker.loop_config import LoopConfig
from ml_worker.regression.adapt import ADAPT_STEPS, MAX_ADAPT_STEPS
from ml_worker.regression.adversarial import AdversarialConfig
from ml_worker.regression.blind_spot import BlindSpotConfig
from ml_worker.regression.crops import PairCropConfig
from ml_worker.regression.losses import LossConfig
from ml_worker.regression.network import RegressionNetworkConfig

LABEL_FREE: dict[str, Any] = {
    "loss": {"l1": 0.0, "mse": 1.0},
    "network": {"widths": [32, 64, 96], "full": 0},
    "crops": {"size": 128, "batch": 8, "turn": 0.5, "scale": 1.2, "gain": 1.15},
}
"""One kind of light from another: what is predicted is smooth at two pixels, so no layers at full resolution."""
DENOISING: dict[str, Any] = {
    "loss": {"l1": 0.0, "mse": 1.0},
    "learning_rate": 4e-3,
    "network": {"widths": [32, 64], "full": 16, "layers": 2, "residual": True},
    "crops": {"size": 64, "batch": 8, "gain": 1.3, "same_gain": True},
    "adapt_steps": ADAPT_STEPS,
}
"""The same light with less noise: what is taken away is learnt, and crops are never interpolated."""
BLIND: dict[str, Any] = {
    "learning_rate": 4e-3,
    "network": {"widths": [32, 64], "full": 16, "layers": 2},
    "crops": {"size": 64, "batch": 8},
}
"""Denoising without clean images."""


@dataclass(frozen=True)
class RegistrationConfig:
    """The check of pairs before training, see ``cellcommons.registration``.

    Attributes:
        check: whether a pair that is off is left out.
        tolerance: pixels of shift that pass; None: 1.5 where both show the same light, 4 where they do not, as there
            the estimate itself is that uncertain.
    """

    check: bool = True
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if self.tolerance is not None and not 0 < self.tolerance <= 100:
            raise InvalidDocument("a tolerance lies above 0 and up to 100 pixels", where="config:registration")


@dataclass(frozen=True)
class RegressionConfig(LoopConfig):
    """Settings of a run; those of the loop are explained in ``LoopConfig``. Validation: mean Pearson r.

    Attributes:
        network, crops, loss: settings of the parts. ``network.inputs`` and ``outputs`` follow the data.
        blind_spot: given: self-supervised denoising from the sources alone; None: supervised by targets.
        adversarial: given: a critic beside ``loss``, see ``regression.adversarial``.
        same_units: source and target are the same light (denoising): one scaling serves both. None: an order's release
            decides (``release_pairs.same_light``); False elsewhere.
        registration: the check of pairs.
        adapt_steps: predictions go on learning for so many steps from each noisy image (``regression.adapt``), unless
            their order says otherwise; for pairs of the same light only.
    """

    KIND = "cellcommons.regression-config/1"
    network: RegressionNetworkConfig = field(default_factory=RegressionNetworkConfig)
    crops: PairCropConfig = field(default_factory=PairCropConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    blind_spot: BlindSpotConfig | None = None
    adversarial: AdversarialConfig | None = None
    same_units: bool | None = None
    registration: RegistrationConfig = field(default_factory=RegistrationConfig)
    adapt_steps: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.blind_spot is not None and self.network.residual:
            raise InvalidDocument(
                "a residual network hands the hidden pixel's own noise to the output",
                where="config:network:residual",
                remedy="Turn residual off for self-supervised denoising.",
            )
        if self.blind_spot is not None and self.adversarial is not None:
            raise InvalidDocument(
                "a critic needs real targets, and self-supervised denoising has none",
                where="config:adversarial",
                remedy="Leave out adversarial or blind_spot.",
            )
        if not 0 <= self.adapt_steps <= MAX_ADAPT_STEPS:
            raise InvalidDocument(f"adapt_steps lie in 0..{MAX_ADAPT_STEPS}", where="config:adapt_steps")


def suited(config: Mapping[str, Any], *, denoising: bool, smallest: int = 1 << 20) -> RegressionConfig:
    """An order's ``config`` over the settings that suit its pairs.

    Args:
        denoising: source and target are the same light. smallest: pixels of the shortest side of a training pair; crops
            are no larger, unless the order says how large they are.

    Raises:
        InvalidDocument: naming an unknown or bad field.
    """
    preset = BLIND if config.get("blind_spot") is not None else DENOISING if denoising else LABEL_FREE
    merged: dict[str, Any] = {**preset, "same_units": denoising, **config}
    for part in ("network", "crops"):
        given = config.get(part, {})
        merged[part] = {**preset[part], **given} if isinstance(given, dict) else given
    if isinstance(merged["crops"], dict) and "size" not in config.get("crops", {}):
        merged["crops"]["size"] = max(32, min(merged["crops"]["size"], smallest // 16 * 16))
    return RegressionConfig.from_order(merged)
