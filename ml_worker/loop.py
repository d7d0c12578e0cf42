"""The training loop that every task shares: clock, learning rate, mean of the weights, states, progress.

A task gives a network and says what its loss on one step is, how its validation is scored, and what a checkpoint holds.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from cellcommons.errors import CellCommonsError, InvalidDocument
from ml_worker.checkpoint import pack, unpack
from ml_worker.device import device
from ml_worker.threads import StepThreads

MAX_BAD_STEPS = 20


class TrainingDiverged(CellCommonsError):
    """The loss was not a number for many steps on end."""

    code = "training-diverged"
    title = "Training diverged"


class LoopSettings(Protocol):
    """What the loop reads of a task's settings; see ``loop_config.LoopConfig`` for their meaning."""

    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def clip(self) -> float: ...
    @property
    def warmup(self) -> int: ...
    @property
    def average(self) -> float: ...
    @property
    def max_steps(self) -> int: ...
    @property
    def validations(self) -> int: ...
    @property
    def patience(self) -> int: ...
    @property
    def state_seconds(self) -> float: ...


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: done so far. steps: expected in all (an estimate while the clock decides). fraction: 0..1.
        loss: running mean. validation: last score (the task's own; more is better), or None.
        seconds: of training, over all resumptions.
    """

    step: int
    steps: int
    fraction: float
    loss: float
    validation: float | None
    seconds: float
    message: str = ""


@dataclass(frozen=True)
class TrainResult:
    """What training came to.

    Attributes:
        status: ``finished``, or ``cancelled`` when ``should_stop`` said so (a state was saved then).
        checkpoint: safetensors bytes of the averaged weights.
        curve: one entry per about 2 % of the budget: step, seconds, loss, and validation where scored.
    """

    status: Literal["finished", "cancelled"]
    checkpoint: bytes = field(repr=False)
    curve: tuple[dict[str, Any], ...]
    steps: int
    seconds: float


class TrainingLoop(ABC):
    """State of one run: weights, their mean, optimiser, clock and curve.

    Args:
        network, mean: two networks of one shape on ``device()``; ``mean`` keeps the running mean of the weights.
        state_kind: family of the saved states. seed: of the run. budget: seconds of the optimisation.
    """

    def __init__(
        self, network: nn.Module, mean: nn.Module, settings: LoopSettings, *, state_kind: str, seed: int, budget: float
    ) -> None:
        if budget <= 0:
            raise InvalidDocument("the budget must be above 0 seconds", where="budget_seconds")
        self.settings, self.state_kind, self.seed, self.budget = settings, state_kind, seed, budget
        self.optimised, self.averaged = network, mean.eval()
        self.averaged.load_state_dict(self.optimised.state_dict())
        self.optimiser = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        # The order of sums depends on the number of threads: a run that must repeat exactly keeps to one number.
        on_cpu = device().type == "cpu"
        self.threads = StepThreads(torch.get_num_threads(), adaptive=on_cpu and not settings.max_steps)
        self.step = 0
        self.loss = math.nan
        self.bad_steps = 0
        self.curve: list[dict[str, Any]] = []
        self.scores: list[float] = []
        self._before = 0.0
        self._start = time.monotonic()

    @abstractmethod
    def step_loss(self, step: int) -> Tensor:
        """The loss of one step, a scalar that gradients flow from; drawn by the seed and ``step`` alone."""

    @abstractmethod
    def can_validate(self) -> bool:
        """Whether there is anything to validate on."""

    @abstractmethod
    def score(self) -> float:
        """Score the averaged network on the validation data; more is better."""

    @abstractmethod
    def checkpoint(self) -> bytes:
        """The averaged weights as safetensors."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """JSON of what a state must share with the run that it resumes."""

    @property
    def seconds(self) -> float:
        """Training time over all resumptions."""
        return self._before + time.monotonic() - self._start

    @property
    def fraction(self) -> float:
        """Share of the budget used: of steps or of seconds, whichever is more."""
        by_step = self.step / self.settings.max_steps if self.settings.max_steps else 0.0
        return min(1.0, max(by_step, self.seconds / self.budget))

    def run(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        save_state: Callable[[bytes], None] | None = None,
    ) -> TrainResult:
        """Train until the budget is used.

        Args:
            on_progress: called after every step. should_stop: asked before every step.
            save_state: called about every ``settings.state_seconds`` and when stopped.

        Raises:
            TrainingDiverged: the loss stays NaN.
        """
        on_progress, should_stop, save_state = on_progress or _ignore, should_stop or _never, save_state or _ignore
        saved = time.monotonic()
        self.optimised.train()
        while (fraction := self.fraction) < 1.0 and not self._out_of_patience():
            if should_stop():
                save_state(self.state())
                return self._result("cancelled")
            with self.threads.step():
                self._optimise(fraction)
            fraction = self.fraction
            if fraction < 1 and self._validation_due(fraction):
                self._validate()
            self._record(fraction)
            on_progress(self._progress(fraction))
            if time.monotonic() - saved >= self.settings.state_seconds:
                save_state(self.state())
                saved = time.monotonic()
        if self.can_validate() and not self._just_validated():
            self._validate()
        self._record(1.0)
        # Whatever the caller does next may be cut too; it then need not train again.
        save_state(self.state())
        on_progress(self._progress(1.0))
        return self._result("finished")

    def _optimise(self, fraction: float) -> None:
        settings = self.settings
        rate = settings.learning_rate * min(1.0, (self.step + 1) / max(1, settings.warmup))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * (0.5 + 0.5 * math.cos(math.pi * fraction))
        loss = self.step_loss(self.step)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(nn.utils.clip_grad_norm_(self.optimised.parameters(), settings.clip))
        value = float(loss.detach())
        self.step += 1
        if not math.isfinite(value) or not math.isfinite(norm):
            self.bad_steps += 1
            if self.bad_steps >= MAX_BAD_STEPS:
                raise TrainingDiverged(
                    f"the loss was not a number for {self.bad_steps} steps on end",
                    where=f"step {self.step}",
                    remedy="Lower config.learning_rate, or look for damaged images in the release.",
                )
            return
        self.bad_steps = 0
        self.optimiser.step()
        self._average()
        self.loss = value if math.isnan(self.loss) else 0.95 * self.loss + 0.05 * value

    @torch.no_grad()
    def _average(self) -> None:
        # The mean follows fast at first, so that the random start is soon forgotten.
        decay = min(self.settings.average, (self.step - 1) / (self.step + 10))
        for kept, current in zip(
            self.averaged.state_dict().values(), self.optimised.state_dict().values(), strict=True
        ):
            if kept.dtype.is_floating_point:
                kept.lerp_(current, 1 - decay)
            else:
                kept.copy_(current)

    def _validation_due(self, fraction: float) -> bool:
        # The first third is skipped: scores are noise while the learning rate is at its peak.
        count = self.settings.validations
        marks = [1 / 3 + (i + 1) / count * 2 / 3 for i in range(count - 1)]
        return self.can_validate() and sum(fraction >= mark for mark in marks) > len(self.scores)

    def _validate(self) -> None:
        self.scores.append(self.score())
        self.curve.append(self._point() | {"validation": round(self.scores[-1], 4)})

    def _out_of_patience(self) -> bool:
        patience = self.settings.patience
        return 0 < patience < len(self.scores) and max(self.scores[-patience:]) <= max(self.scores[:-patience])

    def _just_validated(self) -> bool:
        return bool(self.curve) and self.curve[-1]["step"] == self.step and "validation" in self.curve[-1]

    def _record(self, fraction: float) -> None:
        if not self.curve or fraction - self.curve[-1]["fraction"] >= 0.02:
            self.curve.append(self._point())

    def _point(self) -> dict[str, Any]:
        loss = None if math.isnan(self.loss) else round(self.loss, 5)
        return {
            "step": self.step,
            "seconds": round(self.seconds, 2),
            "fraction": round(self.fraction, 4),
            "loss": loss,
        }

    def _progress(self, fraction: float) -> Progress:
        steps = self.step if fraction >= 1 else math.ceil(self.step / max(fraction, 1e-9))
        loss = 0.0 if math.isnan(self.loss) else self.loss
        return Progress(self.step, steps, fraction, loss, self.scores[-1] if self.scores else None, self.seconds)

    def _result(self, status: Literal["finished", "cancelled"]) -> TrainResult:
        return TrainResult(status, self.checkpoint(), tuple(self.curve), self.step, self.seconds)

    def state(self) -> bytes:
        """Everything that the next step depends on; crops depend on seed and step alone, so no generator is kept."""
        tensors: dict[str, Tensor] = {}
        for prefix, module in (("network", self.optimised), ("mean", self.averaged)):
            tensors |= {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}
        for index, slots in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in slots.items()}
        return pack(
            self.state_kind,
            tensors,
            {
                "identity": self.identity(),
                "step": self.step,
                "seconds": self.seconds,
                "loss": None if math.isnan(self.loss) else self.loss,
                "curve": self.curve,
                "scores": self.scores,
            },
        )

    def restore(self, data: bytes) -> None:
        """Go on from a state. Raises UnreadableFile, WrongFormat, InvalidDocument."""
        tensors, document = unpack(self.state_kind, data, where="training state")
        if document["identity"] != self.identity():
            raise InvalidDocument(
                "the saved state belongs to a run with other settings, seed or images",
                where="training state",
                remedy="Start a new run.",
            )
        for prefix, module in (("network.", self.optimised), ("mean.", self.averaged)):
            module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        slots: dict[int, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            if key.startswith("optimiser."):
                _, index, name = key.split(".")
                slots.setdefault(int(index), {})[name] = tensor
        self.optimiser.load_state_dict({"state": slots, "param_groups": self.optimiser.state_dict()["param_groups"]})
        self.step, self._before = document["step"], document["seconds"]
        self.loss = math.nan if document["loss"] is None else document["loss"]
        self.curve, self.scores = document["curve"], document["scores"]
        self._start = time.monotonic()


def _ignore(_: object) -> None:
    return None


def _never() -> bool:
    return False
