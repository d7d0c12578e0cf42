"""Settings of a linker's training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cellcommons.canonical import canonical_json
from cellcommons.documents import Document
from cellcommons.errors import InvalidDocument


@dataclass(frozen=True)
class LinkerConfig(Document):
    """Settings of a run; those of the shared loop are explained in ``ml_worker.train_config.TrainConfig``.

    Attributes:
        width: of the two hidden layers of each perceptron. batch: hypotheses of each kind a step.
        max_gap: most frames from a cell to its next sighting; 1 allows no gap.
        blind: share of a batch's rows from which light, and again from which masks are taken away, so that the linker
            serves movies that come without.
        lost: share of the cells taken out of single frames in a second reading of each training movie, so that
            links over gaps are seen although the masks are complete. 0: no second reading.
    """

    KIND = "cellcommons.linker-config/1"
    width: int = 32
    batch: int = 1024
    max_gap: int = 2
    blind: float = 0.1
    lost: float = 0.04
    learning_rate: float = 5e-3
    weight_decay: float = 1e-3
    clip: float = 5.0
    warmup: int = 20
    average: float = 0.98
    max_steps: int = 800
    validations: int = 2
    patience: int = 0
    state_seconds: float = 15.0

    def __post_init__(self) -> None:
        if self.learning_rate <= 0 or self.max_steps < 0 or not 0 <= self.average < 1:
            raise InvalidDocument("learning_rate > 0, max_steps >= 0 and 0 <= average < 1 are wanted", where="config")
        if not (4 <= self.width <= 256 and 16 <= self.batch <= 1 << 16 and 1 <= self.max_gap <= 10):
            raise InvalidDocument("width 4..256, batch 16..65536 and max_gap 1..10 are wanted", where="config")
        if not (0 <= self.blind < 0.5 and 0 <= self.lost < 0.5):
            raise InvalidDocument("blind and lost lie in 0..0.5", where="config")

    @classmethod
    def from_order(cls, config: dict[str, Any]) -> LinkerConfig:
        """From an order's ``config``. Raises InvalidDocument naming an unknown or bad field."""
        return cls.parse(canonical_json({"kind": cls.KIND, **config}), where="config")
