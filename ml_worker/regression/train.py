"""The trainer of image regression: label-free prediction, and denoising with or without clean images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.measures.images import pearson_r
from ml_worker.device import autocast, device
from ml_worker.loop import Progress, TrainingLoop, TrainResult
from ml_worker.regression.blind_spot import grid_mask, hide, random_phase
from ml_worker.regression.checkpoint import STATE, RegressionCheckpointConfig, save_regression_checkpoint
from ml_worker.regression.config import RegressionConfig
from ml_worker.regression.crops import PairSampler
from ml_worker.regression.losses import LossConfig, regression_loss
from ml_worker.regression.network import build_regression_network
from ml_worker.regression.predict import RegressionPredictConfig, regress
from ml_worker.regression.samples import PairSample
from ml_worker.regression.scaling import fit_scaling


@dataclass(frozen=True)
class PairData:
    """Pairs by split; ``validation`` may be empty. ``channels``: name of each output."""

    train: Sequence[PairSample]
    validation: Sequence[PairSample] = ()
    channels: tuple[str, ...] = ()


def train_regression(
    data: PairData,
    config: RegressionConfig,
    *,
    seed: int,
    budget_seconds: float,
    resume: bytes | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    save_state: Callable[[bytes], None] | None = None,
    about: dict[str, Any] | None = None,
) -> TrainResult:
    """Train a network on pairs; arguments as in ``ml_worker.train.train``.

    Raises:
        InvalidDocument: nothing to train on, no targets, or ``resume`` belongs to another run.
        MismatchedShapes: pairs with different channels.
        TrainingDiverged: the loss stays NaN.
    """
    trainer = _Trainer(data, config, seed, budget_seconds, about or {})
    if resume is not None:
        trainer.restore(resume)
    return trainer.run(on_progress, should_stop, save_state)


class _Trainer(TrainingLoop):
    """Image regression in the shared loop."""

    def __init__(
        self, data: PairData, config: RegressionConfig, seed: int, budget: float, about: dict[str, Any]
    ) -> None:
        self.data, self.about = data, about
        inputs, outputs = _channels(data, config)
        self.config = config = replace(config, network=replace(config.network, inputs=inputs, outputs=outputs))
        if data.channels and len(data.channels) != outputs:
            raise InvalidDocument(f"{len(data.channels)} channel names for {outputs} outputs", where="channels")
        # z planes of one stack share a scaling: their relative brightness carries the focus.
        self.source = fit_scaling([sample.source for sample in data.train], shared=True)
        self.target = self.source
        targets = [sample.target for sample in data.train if sample.target is not None]
        if config.blind_spot is None and not config.same_units:
            self.target = fit_scaling(targets)
        torch.manual_seed(seed)
        self.network, self.mean = build_regression_network(config.network), build_regression_network(config.network)
        pairs = []
        for sample in data.train:
            source = self.source.forward(sample.source, where=sample.name)
            blind = sample.target is None or config.blind_spot is not None
            pairs.append((source, source if blind else self.target.forward(_known(sample), where=sample.name)))
        self.sampler = PairSampler(pairs, [sample.stratum for sample in data.train], config.crops, seed=seed)
        super().__init__(self.network, self.mean, config, state_kind=STATE, seed=seed, budget=budget)

    def step_loss(self, step: int) -> Tensor:
        batch = self.sampler.batch(step)
        source, weight, blind, loss = batch.source, batch.weight, self.config.blind_spot, self.config.loss
        if blind is not None:
            random = np.random.default_rng([self.seed, step, 1])
            mask = grid_mask((source.shape[2], source.shape[3]), blind.spacing, random_phase(blind, random))
            source, weight = hide(source, mask, blind, random), weight * mask
            # Only the squared error has the clean image as its minimum (Noise2Self, Proposition 1).
            loss = LossConfig(l1=0.0, mse=1.0)
        with autocast(bf16=self.config.bf16):
            output = self.network(source.to(device()).contiguous(memory_format=torch.channels_last))
        return regression_loss(output, batch.target.to(device()), weight.to(device()), loss)

    def can_validate(self) -> bool:
        return any(sample.target is not None for sample in self.data.validation)

    def score(self) -> float:
        found = []
        for sample in self.data.validation:
            if sample.target is None:
                continue
            planes = self.source.forward(sample.source, where=sample.name)
            output = regress(self.mean, planes, None, RegressionPredictConfig(bf16=self.config.bf16))
            found += [pearson_r(truth, said) for truth, said in zip(sample.target, output, strict=True)]
        return float(np.mean(found))

    def checkpoint(self) -> bytes:
        about = {**self.about, "seed": self.seed, "steps": self.step, "pairs": len(self.data.train)}
        return save_regression_checkpoint(
            self.mean.state_dict(),
            RegressionCheckpointConfig(
                self.source, self.target, self.config.network, self.data.channels, self.config.blind_spot, about
            ),
        )

    def identity(self) -> dict[str, Any]:
        names = [[sample.name, *sample.source.shape] for sample in self.data.train]
        return {"seed": self.seed, "config": self.config.to_bytes().decode(), "train": names}


def _channels(data: PairData, config: RegressionConfig) -> tuple[int, int]:
    """Channels in and out, the same for every pair."""
    if not data.train:
        raise InvalidDocument(
            "there is no pair in the train split", remedy="Publish a release whose train split holds pairs."
        )
    inputs = {len(sample.source) for sample in (*data.train, *data.validation)}
    if len(inputs) > 1:
        raise MismatchedShapes(f"sources with {sorted(inputs)} channels cannot train one network")
    if config.blind_spot is not None:
        return inputs.pop(), len(data.train[0].source)
    outputs = {len(_known(sample)) for sample in data.train}
    if len(outputs) > 1:
        raise MismatchedShapes(f"targets with {sorted(outputs)} channels cannot train one network")
    if config.same_units and inputs != outputs:
        raise MismatchedShapes(f"one scaling cannot serve {inputs} channels in and {outputs} out")
    return inputs.pop(), outputs.pop()


def _known(sample: PairSample) -> np.ndarray[Any, Any]:
    if sample.target is None:
        raise InvalidDocument(
            "the pair has no target", where=sample.name, remedy="Set blind_spot to train without targets."
        )
    return sample.target
