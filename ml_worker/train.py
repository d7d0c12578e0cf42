"""The trainer: labelled samples in, weights out, within a budget of seconds or steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cellcommons.errors import InvalidDocument
from cellcommons.measures.detection import detection_scores, summed
from ml_worker.checkpoint import STATE, CheckpointConfig, save_checkpoint
from ml_worker.crops import CropSampler
from ml_worker.device import autocast, device
from ml_worker.loop import Progress, TrainingDiverged, TrainingLoop, TrainResult
from ml_worker.losses import segmentation_loss
from ml_worker.networks.unet import build_network
from ml_worker.predict import decode_output
from ml_worker.samples import Sample
from ml_worker.tiling import network_output
from ml_worker.train_config import TrainConfig
from ml_worker.transfer import Started, read_start

__all__ = ["Progress", "TrainResult", "TrainingData", "TrainingDiverged", "train"]


@dataclass(frozen=True)
class TrainingData:
    """Samples by split; ``validation`` may be empty."""

    train: Sequence[Sample]
    validation: Sequence[Sample] = ()


def train(
    data: TrainingData,
    config: TrainConfig,
    *,
    seed: int,
    budget_seconds: float,
    start: bytes | None = None,
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
        start: a safetensors file to start from, see ``transfer``: what fits is kept as it is for ``config.frozen`` of
            the budget, then trained with the rest. The widths follow the file.
        resume: a state that ``save_state`` was given; the run goes on as if it had never stopped.
        on_progress: called after every step. should_stop: asked before every step.
        save_state: called about every ``config.state_seconds`` and when stopped.
        about: lineage to keep in the checkpoint.

    Raises:
        InvalidDocument: nothing to train on, ``start`` without an encoder, or ``resume`` of another run.
        MismatchedShapes, UnreadableFile: ``start`` does not fit or is damaged.
        TrainingDiverged: the loss stays NaN.
    """
    if not data.train or not any(sample.labels.any() for sample in data.train):
        raise InvalidDocument(
            "there is no labelled cell to train on" if data.train else "there is no image in the train split",
            remedy="Publish a release whose train split holds images with cells.",
        )
    trainer = _Trainer(data, config, seed, budget_seconds, start, about or {})
    if resume is not None:
        trainer.restore(resume)
    return trainer.run(on_progress, should_stop, save_state)


class _Trainer(TrainingLoop):
    """Instance segmentation in the shared loop; scored by F1 at IoU 0.5."""

    def __init__(
        self,
        data: TrainingData,
        config: TrainConfig,
        seed: int,
        budget: float,
        start: bytes | None,
        about: dict[str, Any],
    ) -> None:
        self.data, self.about = data, about
        weights = read_start(start) if start is not None else None
        if weights is not None:
            config = replace(config, network=replace(config.network, widths=weights.widths))
        self.config = config
        torch.manual_seed(seed)
        self.network, self.mean = build_network(config.network), build_network(config.network)
        # The heads mean the same in every segmenter, so they are taken too.
        self.started: Started | None = weights.load_into(self.network) if weights is not None else None
        self.sampler = CropSampler(data.train, config.crops, seed=seed)
        super().__init__(self.network, self.mean, config, state_kind=STATE, seed=seed, budget=budget)

    def step_loss(self, step: int) -> Tensor:
        if self.started is not None:
            self.started.hold(self.network, frozen=self.fraction < self.config.frozen)
        batch = self.sampler.batch(step).to(device())
        with autocast(bf16=self.config.bf16):
            output = self.network(batch.planes.contiguous(memory_format=torch.channels_last))
        return segmentation_loss(output, batch)

    def can_validate(self) -> bool:
        return bool(self.data.validation)

    def score(self) -> float:
        chosen = _spread(self.data.validation, self.config.validation_images)
        scores = []
        for sample in chosen:
            output = network_output(self.mean, sample.planes, bf16=self.config.bf16)
            scores.append(detection_scores(sample.labels, decode_output(output, self.config.decode)))
        return summed(scores).f1_50

    def checkpoint(self) -> bytes:
        about = {**self.about, "seed": self.seed, "steps": self.step, "images": len(self.data.train)}
        if self.started is not None:
            about["start"] = self.started.document()
        return save_checkpoint(self.mean.state_dict(), CheckpointConfig(self.config.network, self.config.decode, about))

    def identity(self) -> dict[str, Any]:
        names = [[sample.name, *sample.labels.shape] for sample in self.data.train]
        start = self.started.digest if self.started is not None else ""
        return {"seed": self.seed, "config": self.config.to_bytes().decode(), "start": start, "train": names}


def _spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """At most ``count`` samples, evenly over the strata's order."""
    ordered = sorted(samples, key=lambda sample: (sample.stratum, sample.name))
    picks = np.unique(np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int))
    return [ordered[i] for i in picks]
