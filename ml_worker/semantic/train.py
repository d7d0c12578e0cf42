"""The trainer of semantic maps: images with some or all of their pixels classed in, weights out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.measures.semantic import pooled, semantic_scores
from ml_worker.device import autocast, device
from ml_worker.loop import Progress, TrainingLoop, TrainResult
from ml_worker.semantic.checkpoint import STATE, SemanticCheckpointConfig, save_semantic
from ml_worker.semantic.config import SemanticConfig
from ml_worker.semantic.crops import SemanticSampler
from ml_worker.semantic.losses import semantic_loss
from ml_worker.semantic.network import build_semantic_network
from ml_worker.semantic.predict import SemanticPredictConfig, class_chances, read_chances
from ml_worker.semantic.samples import SemanticSample, class_pixels
from ml_worker.transfer import Started, read_start


@dataclass(frozen=True)
class SemanticData:
    """Samples by split, read with the same ``channels``, and their classes; ``validation`` may be empty."""

    ontology: Ontology
    train: Sequence[SemanticSample]
    validation: Sequence[SemanticSample] = ()


def train_semantic(
    data: SemanticData,
    config: SemanticConfig,
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
    """Train a network; arguments as in ``ml_worker.train.train``. Images without a known pixel are passed over.

    Raises:
        InvalidDocument: nothing known to train on, one class only, ``start`` without an encoder, or ``resume`` of
            another run.
        MismatchedShapes: images with different channels, or a ``start`` that fits nowhere.
        UnreadableFile: ``start`` is damaged.
        TrainingDiverged: the loss stays NaN.
    """
    trainer = _Trainer(data, config, seed, budget_seconds, start, about or {})
    if resume is not None:
        trainer.restore(resume)
    return trainer.run(on_progress, should_stop, save_state)


class _Trainer(TrainingLoop):
    """Semantic segmentation in the shared loop; scored by the mean Dice of pooled pixels."""

    def __init__(
        self,
        data: SemanticData,
        config: SemanticConfig,
        seed: int,
        budget: float,
        start: bytes | None,
        about: dict[str, Any],
    ) -> None:
        self.ontology, self.about = data.ontology, about
        self.train, counts = _checked(data)
        self.validation = _spread([sample for sample in data.validation if sample.truth.known.any()], config)
        shape = replace(config.network, inputs=len(self.train[0].planes))
        weights = read_start(start) if start is not None else None
        if weights is not None:
            shape = replace(shape, widths=weights.widths)
        self.config = config = replace(config, network=shape)
        torch.manual_seed(seed)
        self.network, self.mean = (build_semantic_network(shape, len(self.ontology)) for _ in range(2))
        self.started: Started | None = None
        if weights is not None:
            self.started = weights.load_into(self.network, fresh=("head.outputs.",))
        self.sampler = SemanticSampler(self.train, config.crops, pooled=config.channels != "own", seed=seed)
        self.class_weights = torch.from_numpy(_class_weights(counts, config.class_weights)).to(device())
        super().__init__(self.network, self.mean, config, state_kind=STATE, seed=seed, budget=budget)

    def step_loss(self, step: int) -> Tensor:
        if self.started is not None:
            self.started.hold(self.network, frozen=self.fraction < self.config.frozen)
        batch = self.sampler.batch(step)
        with autocast(bf16=self.config.bf16):
            logits = self.network(batch.planes.to(device()).contiguous(memory_format=torch.channels_last))
        return semantic_loss(logits, batch.classes.to(device()), self.class_weights, dice=self.config.dice)

    def can_validate(self) -> bool:
        return bool(self.validation)

    def score(self) -> float:
        settings, scores = SemanticPredictConfig(bf16=self.config.bf16, flips=False), []
        for sample in self.validation:
            chances = class_chances(self.mean, sample.planes, settings)
            scores.append(semantic_scores(sample.truth, read_chances(chances, self.ontology).classes))
        return pooled(scores).mean_dice or 0.0

    def checkpoint(self) -> bytes:
        about = {**self.about, "seed": self.seed, "steps": self.step, "images": len(self.train)}
        if self.started is not None:
            about["start"] = self.started.document()
        channels = self.config.channels or "pooled"
        return save_semantic(
            self.mean.state_dict(), SemanticCheckpointConfig(self.ontology, self.config.network, channels, about)
        )

    def identity(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "config": self.config.to_bytes().decode(),
            "ontology": self.ontology.document(),
            "start": self.started.digest if self.started is not None else "",
            "train": [[sample.name, *sample.truth.data.shape, int(sample.truth.known.sum())] for sample in self.train],
        }


def _checked(data: SemanticData) -> tuple[list[SemanticSample], NDArray[np.int64]]:
    """The samples that say anything and the known pixels of each class, or a refusal."""
    if data.ontology.multi:
        raise InvalidDocument("classes of pixels exclude each other, so their ontology is not multi", where="ontology")
    known = [sample for sample in data.train if sample.truth.known.any()]
    if not known:
        raise InvalidDocument(
            "no pixel of the train split has a class" if data.train else "there is no image in the train split",
            where="train",
            remedy="Publish a release whose train split holds painted images.",
        )
    counts = class_pixels(known)
    if np.count_nonzero(counts) < 2:
        name = data.ontology.names[int(counts.argmax())]
        raise InvalidDocument(
            f"the train split shows one class only ({name})",
            where="train",
            remedy="Paint another class too, background among them.",
        )
    inputs = sorted({len(sample.planes) for sample in (*data.train, *data.validation)})
    if len(inputs) > 1:
        raise MismatchedShapes(
            f"images with {inputs} channels cannot train one network",
            where="train",
            remedy="Set channels to 'pooled'.",
        )
    return known, counts


def _spread(samples: Sequence[SemanticSample], config: SemanticConfig) -> list[SemanticSample]:
    """At most ``validation_images`` of them, evenly taken."""
    count = min(config.validation_images, len(samples))
    return [samples[i] for i in np.linspace(0, len(samples) - 1, count).round().astype(int)] if count else []


def _class_weights(counts: NDArray[np.int64], power: float) -> NDArray[np.float32]:
    """Weight of each class, mean 1 over those that are there; float32."""
    weights = np.maximum(counts, 1).astype(np.float64) ** -power
    return np.asarray(weights / weights[counts > 0].mean(), dtype=np.float32)
