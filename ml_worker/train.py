"""The trainer: labelled samples in, weights out, within a budget of seconds or steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from cellcommons.errors import CellCommonsError, InvalidDocument
from cellcommons.measures.detection import detection_scores, summed
from ml_worker.checkpoint import STATE, CheckpointConfig, pack, save_checkpoint, unpack
from ml_worker.crops import CropSampler
from ml_worker.device import autocast, device
from ml_worker.losses import segmentation_loss
from ml_worker.networks.unet import build_network
from ml_worker.predict import decode_output
from ml_worker.samples import Sample
from ml_worker.threads import StepThreads
from ml_worker.tiling import network_output
from ml_worker.train_config import TrainConfig

MAX_BAD_STEPS = 20


class TrainingDiverged(CellCommonsError):
    """The loss was not a number for many steps on end."""

    code = "training-diverged"
    title = "Training diverged"


@dataclass(frozen=True)
class TrainingData:
    """Samples by split; ``validation`` may be empty."""

    train: Sequence[Sample]
    validation: Sequence[Sample] = ()


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: done so far. steps: expected in all (an estimate while the clock decides). fraction: 0..1.
        loss: running mean. validation: last F1 at IoU 0.5, or None. seconds: of training, over all resumptions.
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


def train(
    data: TrainingData,
    config: TrainConfig,
    *,
    seed: int,
    budget_seconds: float,
    resume: bytes | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    save_state: Callable[[bytes], None] | None = None,
    about: dict[str, Any] | None = None,
) -> TrainResult:
    """Train a network.

    Args:
        seed: of weights, crops and augmentation.
        budget_seconds: wall clock of the optimisation, validation included; a resumed run has what it left over.
        resume: a state that ``save_state`` was given; the run goes on as if it had never stopped.
        on_progress: called after every step. should_stop: asked before every step.
        save_state: called about every ``config.state_seconds`` and when stopped.
        about: lineage to keep in the checkpoint.

    Raises:
        InvalidDocument: nothing to train on, or ``resume`` belongs to another run.
        TrainingDiverged: the loss stays NaN.
    """
    if not data.train or not any(sample.labels.any() for sample in data.train):
        raise InvalidDocument(
            "there is no labelled cell to train on" if data.train else "there is no image in the train split",
            remedy="Publish a release whose train split holds images with cells.",
        )
    if budget_seconds <= 0:
        raise InvalidDocument("the budget must be above 0 seconds", where="budget_seconds")
    trainer = _Trainer(data, config, seed, budget_seconds, about or {})
    if resume is not None:
        trainer.restore(resume)
    return trainer.run(on_progress or _ignore, should_stop or _never, save_state or _ignore)


def _ignore(_: object) -> None:
    return None


def _never() -> bool:
    return False


class _Trainer:
    """State of one run: weights, their mean, optimiser, clock and curve."""

    def __init__(
        self, data: TrainingData, config: TrainConfig, seed: int, budget: float, about: dict[str, Any]
    ) -> None:
        self.data, self.config, self.seed, self.budget, self.about = data, config, seed, budget, about
        torch.manual_seed(seed)
        self.network = build_network(config.network)
        self.mean = build_network(config.network).eval()
        self.mean.load_state_dict(self.network.state_dict())
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.sampler = CropSampler(data.train, config.crops, seed=seed)
        # The order of sums depends on the number of threads: a run that must repeat exactly keeps to one number.
        on_cpu = device().type == "cpu"
        self.threads = StepThreads(torch.get_num_threads(), adaptive=on_cpu and not config.max_steps)
        self.step = 0
        self.loss = math.nan
        self.bad_steps = 0
        self.curve: list[dict[str, Any]] = []
        self.scores: list[float] = []
        self._before = 0.0
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Training time over all resumptions."""
        return self._before + time.monotonic() - self._start

    @property
    def fraction(self) -> float:
        """Share of the budget used: of steps or of seconds, whichever is more."""
        by_step = self.step / self.config.max_steps if self.config.max_steps else 0.0
        return min(1.0, max(by_step, self.seconds / self.budget))

    def run(
        self,
        on_progress: Callable[[Progress], None],
        should_stop: Callable[[], bool],
        save_state: Callable[[bytes], None],
    ) -> TrainResult:
        saved = time.monotonic()
        self.network.train()
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
            if time.monotonic() - saved >= self.config.state_seconds:
                save_state(self.state())
                saved = time.monotonic()
        if self.data.validation and not self._just_validated():
            self._validate()
        self._record(1.0)
        # Whatever the caller does next may be cut too; it then need not train again.
        save_state(self.state())
        on_progress(self._progress(1.0))
        return self._result("finished")

    def _optimise(self, fraction: float) -> None:
        config = self.config
        rate = config.learning_rate * min(1.0, (self.step + 1) / max(1, config.warmup))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * (0.5 + 0.5 * math.cos(math.pi * fraction))
        batch = self.sampler.batch(self.step).to(device())
        with autocast(bf16=config.bf16):
            output = self.network(batch.planes.contiguous(memory_format=torch.channels_last))
        loss = segmentation_loss(output, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(nn.utils.clip_grad_norm_(self.network.parameters(), config.clip))
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
        decay = min(self.config.average, (self.step - 1) / (self.step + 10))
        for kept, current in zip(self.mean.state_dict().values(), self.network.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(current, 1 - decay)
            else:
                kept.copy_(current)

    def _validation_due(self, fraction: float) -> bool:
        # The first third is skipped: scores are noise while the learning rate is at its peak.
        count = self.config.validations
        marks = [1 / 3 + (i + 1) / count * 2 / 3 for i in range(count - 1)]
        return bool(self.data.validation) and sum(fraction >= mark for mark in marks) > len(self.scores)

    def _validate(self) -> None:
        chosen = _spread(self.data.validation, self.config.validation_images)
        scores = []
        for sample in chosen:
            output = network_output(self.mean, sample.planes, bf16=self.config.bf16)
            scores.append(detection_scores(sample.labels, decode_output(output, self.config.decode)))
        self.scores.append(summed(scores).f1_50)
        self.curve.append(self._point() | {"validation": round(self.scores[-1], 4)})

    def _out_of_patience(self) -> bool:
        patience = self.config.patience
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
        about = {**self.about, "seed": self.seed, "steps": self.step, "images": len(self.data.train)}
        checkpoint = save_checkpoint(
            self.mean.state_dict(), CheckpointConfig(self.config.network, self.config.decode, about)
        )
        return TrainResult(status, checkpoint, tuple(self.curve), self.step, self.seconds)

    def _identity(self) -> dict[str, Any]:
        """What a state must share with the run it resumes."""
        names = [[sample.name, *sample.labels.shape] for sample in self.data.train]
        return {"seed": self.seed, "config": self.config.to_bytes().decode(), "train": names}

    def state(self) -> bytes:
        """Everything that the next step depends on; crops depend on seed and step alone, so no generator is kept."""
        tensors: dict[str, Tensor] = {}
        for prefix, module in (("network", self.network), ("mean", self.mean)):
            tensors |= {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}
        for index, slots in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in slots.items()}
        return pack(
            STATE,
            tensors,
            {
                "identity": self._identity(),
                "step": self.step,
                "seconds": self.seconds,
                "loss": None if math.isnan(self.loss) else self.loss,
                "curve": self.curve,
                "scores": self.scores,
            },
        )

    def restore(self, data: bytes) -> None:
        """Go on from a state. Raises UnreadableFile, WrongFormat, InvalidDocument."""
        tensors, document = unpack(STATE, data, where="training state")
        if document["identity"] != self._identity():
            raise InvalidDocument(
                "the saved state belongs to a run with other settings, seed or images",
                where="training state",
                remedy="Start a new run.",
            )
        for prefix, module in (("network.", self.network), ("mean.", self.mean)):
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


def _spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """At most ``count`` samples, evenly over the strata's order."""
    ordered = sorted(samples, key=lambda sample: (sample.stratum, sample.name))
    picks = np.unique(np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int))
    return [ordered[i] for i in picks]
