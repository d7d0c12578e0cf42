"""The trainer of classifiers: images or crops with their classes in, calibrated weights out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from ml_worker.classification.calibration import fit_temperature, share_offset
from ml_worker.classification.checkpoint import STATE, ClassifierCheckpointConfig, save_classifier
from ml_worker.classification.config import ClassifierConfig
from ml_worker.classification.crops import ClassSampler
from ml_worker.classification.network import build_classifier
from ml_worker.classification.outcomes import kind_of, outcome_loss, probabilities
from ml_worker.classification.predict import ClassPredictConfig, image_logits
from ml_worker.classification.samples import ClassSample, class_targets, fit_brightness, read
from ml_worker.classification.scores import best_lean, validation_score
from ml_worker.device import autocast, device
from ml_worker.loop import Progress, TrainingLoop, TrainResult
from ml_worker.samples import PLANES
from ml_worker.transfer import Started, read_start


@dataclass(frozen=True)
class ClassData:
    """Samples by split, and the classes that they may show; ``validation`` may be empty."""

    ontology: Ontology
    train: Sequence[ClassSample]
    validation: Sequence[ClassSample] = ()


def train_classifier(
    data: ClassData,
    config: ClassifierConfig,
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
    """Train a classifier; further arguments as in ``ml_worker.train.train``.

    Args:
        start: a safetensors file to start from, see ``ml_worker.transfer``: what fits is kept as it is for
            ``config.frozen`` of the budget, then trained with the rest. The last layer starts anew.

    Raises:
        InvalidDocument: nothing to train on, a class outside the ontology, only one class in a split, a source in both
            splits, ``start`` without an encoder, or ``resume`` of another run.
        MismatchedShapes: images with different channels, or an encoder in ``start`` that fits nowhere.
        UnreadableFile: ``start`` is damaged.
        TrainingDiverged: the loss stays NaN.
    """
    trainer = _Trainer(data, config, seed, budget_seconds, start, about or {})
    if resume is not None:
        trainer.restore(resume)
    return trainer.run(on_progress, should_stop, save_state)


class _Trainer(TrainingLoop):
    """Classification in the shared loop; scored as ``scores.validation_score`` says."""

    def __init__(
        self,
        data: ClassData,
        config: ClassifierConfig,
        seed: int,
        budget: float,
        start: bytes | None,
        about: dict[str, Any],
    ) -> None:
        self.data, self.about = data, about
        self.kind = kind_of(data.ontology)
        self.targets, self.validation_targets = _checked(data)
        self.scaling = fit_brightness([sample.image for sample in data.train], config.reading)
        weights = read_start(start) if start is not None else None
        inputs = PLANES if self.scaling is None else len(self.scaling.gain)
        shape = replace(config.network, inputs=inputs, extras=config.reading.extras(inputs))
        if weights is not None:
            shape = replace(shape, widths=weights.widths)
        self.config = config = replace(config, network=shape)
        torch.manual_seed(seed)
        self.network = build_classifier(shape, data.ontology)
        self.mean = build_classifier(shape, data.ontology)
        self.started: Started | None = None
        if weights is not None:
            self.started = weights.load_into(self.network, fresh=("head.last.", "thresholds."))
        self.readings, self.validation = (
            [read(sample.image, config.reading, self.scaling, where=sample.name) for sample in samples]
            for samples in (data.train, data.validation)
        )
        self.sampler = ClassSampler(self.readings, self.targets, config.crops, reading=config.reading, seed=seed)
        self.class_weights = _class_weights(self.targets, config.class_weights, multi=self.kind == "multi")
        super().__init__(self.network, self.mean, config, state_kind=STATE, seed=seed, budget=budget)

    def step_loss(self, step: int) -> Tensor:
        if self.started is not None:
            self.started.hold(self.network, frozen=self.fraction < self.config.frozen)
        # Dropout draws from torch's own generator: seeded by the step, so that a resumed run agrees.
        torch.manual_seed(self.seed * 1_000_003 + step)
        batch = self.sampler.batch(step)
        with autocast(bf16=self.config.bf16):
            planes = batch.planes.to(device()).contiguous(memory_format=torch.channels_last)
            logits = self.network(planes, batch.extras.to(device()))
        weights = torch.from_numpy(self.class_weights).to(device())
        return outcome_loss(logits, batch.targets.to(device()), self.kind, weights)

    def can_validate(self) -> bool:
        return bool(self.validation)

    def score(self) -> float:
        offset = self._offset()
        chances = probabilities(self._validation_logits(), self.kind, offset=offset).double().numpy()
        lean = best_lean(chances, self.validation_targets, self.data.ontology, offset)
        return validation_score(chances, self.validation_targets, self.data.ontology, offset, lean)

    def _validation_logits(self) -> Tensor:
        return image_logits(self.mean, self.validation, self.config.reading, ClassPredictConfig())

    def _offset(self) -> tuple[float, ...]:
        if self.kind != "single":
            return ()
        return share_offset(self.targets, self.sampler.weights * (self.targets @ self.class_weights))

    def checkpoint(self) -> bytes:
        offset, temperature, lean = self._offset(), 1.0, 0.0
        if self.validation:
            logits, targets = self._validation_logits(), torch.from_numpy(self.validation_targets)
            temperature = fit_temperature(logits, targets, self.kind, offset)
            chances = probabilities(logits, self.kind, temperature=temperature, offset=offset).double().numpy()
            lean = best_lean(chances, self.validation_targets, self.data.ontology, offset)
        about = {**self.about, "seed": self.seed, "steps": self.step, "samples": len(self.targets)}
        if self.started is not None:
            about["start"] = self.started.document()
        config = ClassifierCheckpointConfig(
            self.data.ontology,
            self.config.network,
            self.config.reading,
            self.scaling,
            temperature,
            offset,
            bool(self.validation),
            lean,
            about,
        )
        return save_classifier(self.mean.state_dict(), config)

    def identity(self) -> dict[str, Any]:
        names = [[sample.name, *sample.image.shape, *sample.classes] for sample in self.data.train]
        return {
            "seed": self.seed,
            "config": self.config.to_bytes().decode(),
            "ontology": self.data.ontology.document(),
            "start": self.started.digest if self.started is not None else "",
            "train": names,
        }


def _checked(data: ClassData) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Targets of both splits, or a refusal."""
    if not data.train:
        raise InvalidDocument(
            "there is no image in the train split", remedy="Publish a release whose train split holds images."
        )
    if len(data.ontology) < 2 and not data.ontology.multi:
        raise InvalidDocument("one class alone cannot be told from anything", where="ontology")
    train, validation = class_targets(data.train, data.ontology), class_targets(data.validation, data.ontology)
    for name, targets in (("train", train), ("validation", validation)):
        # Nothing varies: every sample shows the same, so there is nothing to learn or to score.
        if len(targets) and bool((targets == targets[0]).all()):
            shown = ", ".join(np.array(data.ontology.names)[targets[0]]) or "no class"
            raise InvalidDocument(
                f"the {name} split shows one class only ({shown})",
                where=name,
                remedy="Add samples of another class, or split by other sources.",
            )
    shared = {s.source for s in data.train if s.source} & {s.source for s in data.validation if s.source}
    if shared:
        raise InvalidDocument(
            f"source {min(shared)!r} lies in both splits", where="validation", remedy="Split by source."
        )
    return train, validation


def _class_weights(targets: np.ndarray[Any, Any], power: float, *, multi: bool) -> np.ndarray[Any, Any]:
    """Weight of each class, float32; absent classes count like one sample."""
    counts = np.maximum(targets.sum(0), 1).astype(np.float64)
    if multi:
        return np.asarray((np.maximum(len(targets) - counts, 1) / counts) ** power, dtype=np.float32)
    weights = counts**-power
    return np.asarray(weights / weights.mean(), dtype=np.float32)
