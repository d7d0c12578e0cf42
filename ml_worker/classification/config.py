"""Settings of a classification run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cellcommons.canonical import canonical_json
from cellcommons.documents import Document
from cellcommons.errors import InvalidDocument
from ml_worker.classification.crops import ClassCropConfig
from ml_worker.classification.network import ClassifierNetworkConfig
from ml_worker.classification.samples import ReadingConfig


@dataclass(frozen=True)
class ClassifierConfig(Document):
    """Settings of a run; those of the shared loop are explained in ``ml_worker.train_config.TrainConfig``.

    Attributes:
        network, reading, crops: settings of the parts. ``network.inputs`` and ``extras`` follow the data, and
            ``network.widths`` a checkpoint that the run starts from.
        class_weights: a class of n samples counts n ** -class_weights in the loss, on top of ``crops.balance``.
        frozen: where the run starts from a checkpoint: share of the budget in which its encoder is kept as it came.
    """

    KIND = "cellcommons.classifier-config/1"
    network: ClassifierNetworkConfig = field(default_factory=ClassifierNetworkConfig)
    reading: ReadingConfig = field(default_factory=ReadingConfig)
    crops: ClassCropConfig = field(default_factory=ClassCropConfig)
    class_weights: float = 0.0
    frozen: float = 0.2
    learning_rate: float = 2e-3
    weight_decay: float = 2e-2
    clip: float = 5.0
    warmup: int = 20
    average: float = 0.98
    max_steps: int = 0
    validations: int = 4
    patience: int = 0
    bf16: bool = True
    state_seconds: float = 15.0

    def __post_init__(self) -> None:
        if self.learning_rate <= 0 or self.max_steps < 0 or not 0 <= self.average < 1:
            raise InvalidDocument("learning_rate > 0, max_steps >= 0 and 0 <= average < 1 are wanted", where="config")
        if not (0 <= self.class_weights <= 1 and 0 <= self.frozen <= 1):
            raise InvalidDocument("class_weights and frozen lie in 0..1", where="config")

    @classmethod
    def from_order(cls, config: dict[str, Any]) -> ClassifierConfig:
        """From an order's ``config``. Raises InvalidDocument naming an unknown or bad field."""
        return cls.parse(canonical_json({"kind": cls.KIND, **config}), where="config")
