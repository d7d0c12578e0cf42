"""Settings that every training run shares, whatever its task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from cellcommons.canonical import canonical_json
from cellcommons.documents import Document
from cellcommons.errors import InvalidDocument


@dataclass(frozen=True)
class LoopConfig(Document):
    """What ``ml_worker.loop.TrainingLoop`` reads of a task's settings, which add their own.

    Attributes:
        learning_rate: peak, after ``warmup`` steps; falls as a cosine to 0 over the budget.
        weight_decay: of AdamW (Loshchilov & Hutter 2019). clip: largest gradient norm.
        average: decay of the running mean of the weights, which is what is validated and kept.
        max_steps: end after this many steps; 0: by the clock alone. Whichever of the two is further along sets the
            learning rate, so a run whose clock does not bind repeats exactly.
        validations: times the validation data are scored, the last at the end.
        patience: end after this many validations without a better score; 0: never.
        frozen: where the run starts from other weights: share of the budget in which they are kept as they came.
        bf16: mixed precision where the machine has it.
        state_seconds: a state is saved about this often.
    """

    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    clip: float = 5.0
    warmup: int = 20
    average: float = 0.98
    max_steps: int = 0
    validations: int = 4
    patience: int = 0
    frozen: float = 0.2
    bf16: bool = True
    state_seconds: float = 15.0

    def __post_init__(self) -> None:
        if self.learning_rate <= 0 or self.max_steps < 0 or not 0 <= self.average < 1 or not 0 <= self.frozen <= 1:
            raise InvalidDocument(
                "learning_rate > 0, max_steps >= 0, 0 <= average < 1 and frozen in 0..1 are wanted", where="config"
            )

    @classmethod
    def from_order(cls, config: dict[str, Any]) -> Self:
        """From an order's ``config``. Raises InvalidDocument naming an unknown or bad field."""
        return cls.parse(canonical_json({"kind": cls.KIND, **config}), where="config")
