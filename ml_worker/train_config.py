"""Settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cellcommons.canonical import canonical_json
from cellcommons.documents import Document
from cellcommons.errors import InvalidDocument
from ml_worker.crops import CropConfig
from ml_worker.decoding.flows import DecodeConfig
from ml_worker.networks.unet import NetworkConfig


@dataclass(frozen=True)
class TrainConfig(Document):
    """Settings of a run; the ``config`` of a TrainingOrder holds those that differ.

    Attributes:
        network, crops, decode: settings of the parts.
        learning_rate: peak, after ``warmup`` steps; falls as a cosine to 0 over the budget.
        weight_decay: of AdamW (Loshchilov & Hutter 2019). clip: largest gradient norm.
        average: decay of the running mean of the weights, which is what is validated and kept.
        max_steps: end after this many steps; 0: by the clock alone. Whichever of the two is further along sets the
            learning rate, so a run whose clock does not bind repeats exactly.
        validations: times the validation images are scored, the last at the end.
        patience: end after this many validations without a better score; 0: never.
        validation_images: score at most this many of them.
        bf16: mixed precision where the machine has it.
        state_seconds: a state is saved about this often.
        frozen: where the run starts from other weights: share of the budget in which they are kept as they came.
    """

    KIND = "cellcommons.train-config/1"
    network: NetworkConfig = field(default_factory=NetworkConfig)
    crops: CropConfig = field(default_factory=CropConfig)
    decode: DecodeConfig = field(default_factory=DecodeConfig)
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    clip: float = 5.0
    warmup: int = 20
    average: float = 0.98
    max_steps: int = 0
    validations: int = 4
    patience: int = 0
    validation_images: int = 12
    bf16: bool = True
    state_seconds: float = 15.0
    frozen: float = 0.2

    @classmethod
    def from_order(cls, config: dict[str, Any]) -> TrainConfig:
        """From an order's ``config``. Raises InvalidDocument naming an unknown or bad field."""
        parsed = cls.parse(canonical_json({"kind": cls.KIND, **config}), where="config")
        if parsed.learning_rate <= 0 or parsed.max_steps < 0 or not 0 <= parsed.average < 1:
            raise InvalidDocument("learning_rate > 0, max_steps >= 0 and 0 <= average < 1 are wanted", where="config")
        if not 0 <= parsed.frozen <= 1:
            raise InvalidDocument("frozen lies in 0..1", where="config:frozen")
        return parsed
