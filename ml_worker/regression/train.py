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
from ml_worker.checkpoint import pack, unpack
from ml_worker.device import autocast, device
from ml_worker.loop import Progress, TrainingLoop, TrainResult
from ml_worker.regression.adversarial import Critic
from ml_worker.regression.blind_spot import grid_mask, hide, random_phase
from ml_worker.regression.checkpoint import STATE, RegressionCheckpointConfig, save_regression_checkpoint
from ml_worker.regression.config import RegressionConfig
from ml_worker.regression.crops import PairSampler
from ml_worker.regression.error_model import ErrorModel, fit_error_model
from ml_worker.regression.losses import LossConfig, regression_loss
from ml_worker.regression.network import build_regression_network
from ml_worker.regression.predict import RegressionPredictConfig, regress, regress_spread
from ml_worker.regression.samples import PairSample
from ml_worker.regression.scaling import Float, fit_scaling
from ml_worker.transfer import Started, read_start

ERROR_PAIRS, ERROR_SIDE = 4, 1024
"""The error model is fitted to at most so many pairs, and so many rows and columns of each."""


@dataclass(frozen=True)
class PairData:
    """Pairs by split, and what the targets are.

    Attributes:
        validation: may be empty. channels: name of each output. rgb, dtype: see ``RegressionCheckpointConfig``.
    """

    train: Sequence[PairSample]
    validation: Sequence[PairSample] = ()
    channels: tuple[str, ...] = ()
    rgb: bool = False
    dtype: str = "float32"


def train_regression(
    data: PairData,
    config: RegressionConfig,
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
    """Train a network on pairs; arguments as in ``ml_worker.train.train``.

    Raises:
        InvalidDocument: nothing to train on, no targets, ``start`` without an encoder, or ``resume`` of another run.
        MismatchedShapes: pairs with different channels, or ``start`` does not fit.
        UnreadableFile: ``start`` is damaged.
        TrainingDiverged: the loss stays NaN.
    """
    trainer = _Trainer(data, config, seed, budget_seconds, start, about or {})
    if resume is not None:
        trainer.restore(resume)
    return trainer.run(on_progress, should_stop, save_state)


class _Trainer(TrainingLoop):
    """Image regression in the shared loop; scored by Pearson r, mean over channels and pairs."""

    def __init__(
        self,
        data: PairData,
        config: RegressionConfig,
        seed: int,
        budget: float,
        start: bytes | None,
        about: dict[str, Any],
    ) -> None:
        self.data, self.about = data, about
        inputs, outputs = _channels(data, config)
        weights = read_start(start) if start is not None else None
        widths = weights.widths if weights is not None else config.network.widths
        shape = replace(config.network, inputs=inputs, outputs=outputs, widths=widths)
        self.config = config = replace(config, network=shape)
        if data.channels and len(data.channels) != outputs:
            raise InvalidDocument(f"{len(data.channels)} channel names for {outputs} outputs", where="channels")
        # z planes of one stack share a scaling: their relative brightness carries the focus.
        self.source = fit_scaling([sample.source for sample in data.train], shared=True)
        self.target = self.source
        # A saturated corner that people marked as a failure has no say in the scaling.
        targets = [
            sample.target if sample.known is None else sample.target[:, sample.known][:, None]
            for sample in data.train
            if sample.target is not None
        ]
        if config.blind_spot is None and not config.same_units:
            self.target = fit_scaling([target for target in targets if target.size])
        torch.manual_seed(seed)
        self.network, self.mean = build_regression_network(shape), build_regression_network(shape)
        # The last layer answers for other channels, so it starts anew.
        self.started: Started | None = weights.load_into(self.network, fresh=("head.",)) if weights else None
        self.critic = Critic(inputs + outputs, config.adversarial) if config.adversarial is not None else None
        self.sampler = PairSampler(
            [self._scaled(sample) for sample in data.train],
            [sample.stratum for sample in data.train],
            config.crops,
            seed=seed,
            known=None if config.blind_spot is not None else [sample.known for sample in data.train],
        )
        super().__init__(self.network, self.mean, config, state_kind=STATE, seed=seed, budget=budget)

    def _scaled(self, sample: PairSample) -> tuple[Float, Float]:
        source = self.source.forward(sample.source, where=sample.name)
        if sample.target is None or self.config.blind_spot is not None:
            return source, source
        return source, self.target.forward(sample.target, where=sample.name)

    def step_loss(self, step: int) -> Tensor:
        if self.started is not None:
            self.started.hold(self.network, frozen=self.fraction < self.config.frozen)
        batch = self.sampler.batch(step)
        source, weight, blind, loss = batch.source, batch.weight, self.config.blind_spot, self.config.loss
        if blind is not None:
            random = np.random.default_rng([self.seed, step, 1])
            mask = grid_mask((source.shape[2], source.shape[3]), blind.spacing, random_phase(blind, random))
            source, weight = hide(source, mask, blind, random), weight * mask
            # Only the squared error has the clean image as its minimum (Noise2Self, Proposition 1).
            loss = LossConfig(l1=0.0, mse=1.0)
        source, target, weight = source.to(device()), batch.target.to(device()), weight.to(device())
        with autocast(bf16=self.config.bf16):
            output = self.network(source.contiguous(memory_format=torch.channels_last))
        found = regression_loss(output, target, weight, loss)
        return found if self.critic is None else found + self.critic.loss(source, target, output, weight)

    def can_validate(self) -> bool:
        return any(sample.target is not None for sample in self.data.validation)

    def score(self) -> float:
        found = []
        for sample in self.data.validation:
            if sample.target is None:
                continue
            planes = self.source.forward(sample.source, where=sample.name)
            output = regress(self.mean, planes, None, RegressionPredictConfig(bf16=self.config.bf16))
            known = np.ones(output.shape[1:], dtype=bool) if sample.known is None else sample.known
            found += [
                pearson_r(truth[known][None], said[known][None])
                for truth, said in zip(sample.target, output, strict=True)
                if known.any()
            ]
        return float(np.mean(found)) if found else 0.0

    def checkpoint(self) -> bytes:
        about = {**self.about, "seed": self.seed, "steps": self.step, "pairs": len(self.data.train)}
        if self.started is not None:
            about["start"] = self.started.document()
        config = RegressionCheckpointConfig(
            self.source,
            self.target,
            self.config.network,
            self.data.channels,
            rgb=self.data.rgb,
            dtype=self.data.dtype,
            blind_spot=self.config.blind_spot,
            error_model=self._error_model(),
            adapt_steps=self.config.adapt_steps,
            about=about,
        )
        return save_regression_checkpoint(self.mean.state_dict(), config)

    def _error_model(self) -> ErrorModel | None:
        """Fitted to validation pairs, or where there are none to training pairs, which flatters."""
        if self.config.blind_spot is not None:
            return None
        split = self.data.validation if self.can_validate() else self.data.train
        settings = RegressionPredictConfig(bf16=self.config.bf16, turns=4)
        said, spreads, truths, known = [], [], [], []
        for sample in [s for s in split if s.target is not None][:ERROR_PAIRS]:
            source, truth = self._scaled(sample)
            window = np.s_[:, :ERROR_SIDE, :ERROR_SIDE]
            planes, spread = regress_spread(self.mean, np.ascontiguousarray(source[window]), None, settings)
            said.append(planes)
            spreads.append(spread)
            truths.append(truth[window])
            mask = np.ones(source.shape[1:], dtype=bool) if sample.known is None else sample.known
            known.append(mask[window[1:]])
        return fit_error_model(said, spreads, truths, known)

    def state(self) -> bytes:
        if self.critic is None:
            return super().state()
        tensors, document = unpack(STATE, super().state())
        return pack(STATE, tensors | self.critic.tensors(), document)

    def restore(self, data: bytes) -> None:
        super().restore(data)
        if self.critic is not None:
            self.critic.restore(unpack(STATE, data)[0])

    def identity(self) -> dict[str, Any]:
        names = [[sample.name, *sample.source.shape] for sample in self.data.train]
        start = self.started.digest if self.started is not None else ""
        return {"seed": self.seed, "config": self.config.to_bytes().decode(), "train": names, "start": start}


def _channels(data: PairData, config: RegressionConfig) -> tuple[int, int]:
    """Channels in and out, the same for every pair."""
    if not data.train:
        raise InvalidDocument(
            "there is no pair in the train split", remedy="Publish a release whose train split holds pairs."
        )
    if config.adapt_steps and (config.blind_spot is not None or not config.same_units):
        raise InvalidDocument(
            "only a model of clean and noisy pairs of one light adapts to the images that it predicts",
            where="config:adapt_steps",
            remedy="Leave out adapt_steps.",
        )
    inputs = {len(sample.source) for sample in (*data.train, *data.validation)}
    if len(inputs) > 1:
        raise MismatchedShapes(f"sources with {sorted(inputs)} channels cannot train one network")
    if config.blind_spot is not None:
        return inputs.pop(), len(data.train[0].source)
    missing = [sample.name for sample in data.train if sample.target is None]
    if missing:
        raise InvalidDocument(
            "the pair has no target", where=missing[0], remedy="Set blind_spot to train without targets."
        )
    outputs = {len(sample.target) for sample in data.train if sample.target is not None}
    if len(outputs) > 1:
        raise MismatchedShapes(f"targets with {sorted(outputs)} channels cannot train one network")
    if config.same_units and inputs != outputs:
        raise MismatchedShapes(f"one scaling cannot serve {inputs} channels in and {outputs} out")
    return inputs.pop(), outputs.pop()
