"""Augmented microscopy: one kind of picture from another, beside ridge regression or a Gaussian filter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import read_image_tree, write_image
from cellcommons.orders import ImagePrediction, ImageRef, TrainingOrder
from cellcommons.registration import Misregistered
from cellcommons.release import Release, ReleaseItem
from cellcommons.store import ObjectStore
from ml_worker.evaluate import headline_interval
from ml_worker.kinds.contract import (
    Check,
    Hooks,
    Scored,
    TaskData,
    TaskEvaluation,
    TaskKind,
    TaskPrediction,
    TaskTraining,
    item_name,
    lineage,
)
from ml_worker.loop import TrainResult
from ml_worker.regression.baseline import Baseline, GaussianBaseline, RidgeBaseline
from ml_worker.regression.checkpoint import FAMILY, RegressionCheckpoint, load_regression_checkpoint
from ml_worker.regression.config import RegistrationConfig, suited
from ml_worker.regression.outcomes import ImageOutcome, image_outcome, mean_pearson, one_image, pooled_images
from ml_worker.regression.picture import triptych_png
from ml_worker.regression.predict import ChannelReading, RegressionPredictConfig, read_channels
from ml_worker.regression.release_pairs import Pair, RegistrationLog, planes_of, read_pair
from ml_worker.regression.samples import PairSample
from ml_worker.regression.train import PairData, train_regression
from ml_worker.transfer import start_note

TASK = "augmented"


class Augmented(TaskKind):
    """See ``contract.TaskKind``."""

    task = TASK
    families = (FAMILY,)

    def training(self, order: TrainingOrder, release: Release, start: bytes | None) -> AugmentedTraining:
        """Begin a run. Raises InvalidDocument."""
        return AugmentedTraining(order, release, start)

    def prediction(
        self, checkpoint: bytes, config: dict[str, Any], store: ObjectStore, *, digest: str
    ) -> AugmentedPrediction:
        """Load a checkpoint. Raises CellCommonsError."""
        settings = RegressionPredictConfig.from_order(config)
        return AugmentedPrediction(load_regression_checkpoint(checkpoint, where=digest), settings, store)


class AugmentedTraining(TaskTraining[PairSample, ImageOutcome]):
    """A run on pairs, or on noisy images alone. Pairs that do not lie on one another are left out and named."""

    def __init__(self, order: TrainingOrder, release: Release, start: bytes | None) -> None:
        self.order, self.release, self.start = order, release, start
        # A bad field is told before an hour of reading.
        self.registration = RegistrationLog(suited(order.config, denoising=False).registration)
        self.first: Pair | None = None
        self.lights: list[bool] = []
        self.failed: list[str] = []

    def samples(self, item: ReleaseItem) -> Iterable[PairSample]:
        """The pair, unless its target lies elsewhere or is a failure all over."""
        name = item_name(item)
        pair = read_pair(self.release, item, where=name)
        self._check_alike(pair, name)
        self.lights.append(pair.same_light)
        if pair.known is not None and not pair.known.any():
            self.failed.append(name)
        elif self.registration.passes(pair, name=name):
            yield pair.sample

    def _check_alike(self, pair: Pair, name: str) -> None:
        if self.first is None:
            self.first = pair
        first = self.first
        if len(pair.planes) != len(first.planes):
            raise MismatchedShapes(
                f"the image has {len(pair.planes)} planes, those before it {len(first.planes)}",
                where=name,
                remedy="One model reads images of one kind: leave the others out of the campaign.",
            )
        if pair.target.channels != first.target.channels:
            raise MismatchedShapes(
                f"the target holds {_listed(pair.target.channels)}, those before it {_listed(first.target.channels)}",
                where=name,
                remedy="One model predicts one set of channels: leave the others out of the campaign.",
            )

    @property
    def denoising(self) -> bool:
        """Source and target are the same light: as the order says, or as all pairs look."""
        stated = self.order.config.get("same_units")
        return bool(stated) if stated is not None else bool(self.lights) and all(self.lights)

    def train(self, data: TaskData[PairSample], hooks: Hooks) -> TrainResult:
        """See ``regression.train``. Raises Misregistered where no pair is left."""
        left_out = [name for name in self.registration.left_out if name.startswith("train ")]
        if not data.train and left_out:
            raise Misregistered(
                f"all {len(left_out)} training pairs lie apart; the first: {self.registration.left_out[left_out[0]]}",
                where=left_out[0],
                remedy="Register the pairs before import, or state a registration.tolerance that they meet.",
            )
        if not data.train and self.failed:
            raise InvalidDocument("every training pair is marked as a failure all over", where=self.failed[0])
        smallest = min((min(sample.source.shape[1:]) for sample in data.train), default=1 << 20)
        target = self.first.target if self.first is not None else None
        return train_regression(
            PairData(
                data.train,
                data.validation,
                target.channels if target is not None else (),
                rgb=target is not None and target.rgb,
                dtype=target.data.dtype.name if target is not None else "float32",
            ),
            suited(self.order.config, denoising=self.denoising, smallest=smallest),
            seed=self.order.seed,
            budget_seconds=self.order.budget_seconds,
            start=self.start,
            resume=hooks.resume,
            on_progress=hooks.on_progress,
            should_stop=hooks.should_stop,
            save_state=hooks.save_state,
            about=lineage(self.order),
        )

    def evaluation(self, checkpoint: bytes, digest: str, data: TaskData[PairSample]) -> AugmentedEvaluation:
        """The Gaussian filter for denoising; ridge regression, fitted to the training pairs, for all else."""
        loaded = load_regression_checkpoint(checkpoint, where=digest)
        baseline: Baseline = GaussianBaseline() if self.denoising else RidgeBaseline(data.train)
        notes = [*self.registration.notes(), *start_note(loaded.config.about)]
        notes += [f"Left out, as all of it is marked as a failure: {name}." for name in self.failed]
        if loaded.config.error_model is not None and not data.validation:
            notes.append("No validation split: the expected error is fitted to training pairs, which flatters it.")
        return AugmentedEvaluation(loaded, baseline, self.release, self.registration.config, notes)


class AugmentedEvaluation(TaskEvaluation[ImageOutcome]):
    """Predicted against real channels, where the real ones were not marked as failures."""

    headline = "pearson_r"

    def __init__(
        self,
        checkpoint: RegressionCheckpoint,
        baseline: Baseline,
        release: Release,
        registration: RegistrationConfig,
        notes: Sequence[str],
    ) -> None:
        self.checkpoint, self.baseline, self.release, self.said = checkpoint, baseline, release, tuple(notes)
        # Test pairs are all measured; those that lie apart are named, since their measures are too low.
        self.registration = RegistrationLog(registration)

    def score(self, item: ReleaseItem, check: Check) -> Scored[ImageOutcome]:
        """One test image."""
        name = item_name(item)
        pair = read_pair(self.release, item, where=name)
        self.registration.passes(pair, name=name)
        config = self.checkpoint.config
        if config.channels and pair.target.channels != config.channels:
            raise MismatchedShapes(
                f"the target holds {_listed(pair.target.channels)}, the model predicts {_listed(config.channels)}",
                where=name,
            )
        # As an order without settings predicts, so that what is measured is what people get.
        settings = RegressionPredictConfig.from_order({})
        reading = read_channels(self.checkpoint, pair.planes, settings, where=name, on_tile=check)
        truth, names = pair.target.data, pair.target.channels
        known = pair.known if pair.known is None or pair.known.any() else None
        outcome = image_outcome(
            names,
            truth,
            reading.channels,
            known=known,
            expected=reading.error,
            uncertainty=reading.uncertainty,
        )
        if reading.unadapted is not None:
            plain = image_outcome(names, truth, reading.unadapted, known=known)
            outcome = replace(outcome, unadapted=plain)
        floor = image_outcome(names, truth, self.baseline.predict(pair.planes, check), known=known)
        image = predicted_image(reading, self.checkpoint, pair.source)
        return Scored(
            item,
            write_image(self.release.store, image).digest,
            triptych_png(pair.source, pair.target, image),
            one_image(outcome),
            outcome.headline,
            outcome,
            floor,
        )

    def pooled(self, outcomes: Sequence[ImageOutcome], *, seed: int) -> dict[str, Any]:
        """Means over images; see ``regression.outcomes``."""
        return pooled_images(outcomes) | headline_interval(self.headline, outcomes, mean_pearson, seed=seed)

    def notes(self, scored: Sequence[Scored[ImageOutcome]]) -> Iterable[str]:
        """The baseline, what the check of pairs found, and what could not be measured."""
        yield f"The baseline is {self.baseline.name}."
        adapted = sum(one.outcome.unadapted is not None for one in scored)
        if adapted:
            steps = self.checkpoint.config.adapt_steps
            yield (
                f"The model adapted itself to the noisy pixels of {adapted} of {len(scored)} test images before it "
                f"read them ({steps} steps each), as it does for every prediction; it saw none of their clean "
                "counterparts. Measures that end in _unadapted are without that."
            )
        yield from self.said
        for name, why in self.registration.left_out.items():
            yield f"{name}: {why}, so its measures are too low."
        flat = [
            f"{channel} of {one.item.name}"
            for one in scored
            for channel, outcome in one.outcome.channels.items()
            if outcome.scores is None
        ]
        if flat:
            yield f"Constant in the real image, so not measured: {', '.join(flat)}."


class AugmentedPrediction(TaskPrediction):
    """Predicted channels as images of their own, and how unsure the model is of them."""

    def __init__(self, checkpoint: RegressionCheckpoint, config: RegressionPredictConfig, store: ObjectStore) -> None:
        self.checkpoint, self.config, self.store = checkpoint, config, store

    def predict(self, ref: ImageRef, check: Check) -> ImagePrediction:
        """One image; there are no cells."""
        where = ref.name or ref.image
        source = read_image_tree(self.store, ref.tree)
        reading = read_channels(
            self.checkpoint, planes_of(source, where=where), self.config, where=where, on_tile=check
        )
        tree = write_image(self.store, predicted_image(reading, self.checkpoint, source))
        return ImagePrediction(
            image=ref.image, tree=ref.tree, labels=tree.digest, cells=0, uncertainty=round(reading.uncertainty, 6)
        )


def predicted_image(reading: ChannelReading, checkpoint: RegressionCheckpoint, source: ImageData) -> ImageData:
    """The predicted channels as an image, axes cyx: the target's names and type of pixel, the source's pixel size."""
    config = checkpoint.config
    names = config.channels or tuple(f"channel {index + 1}" for index in range(len(reading.channels)))
    return ImageData(_typed(reading.channels, config.dtype), "cyx", names, source.pixel_size, rgb=config.rgb)


def _typed(channels: NDArray[np.float32], dtype: str) -> NDArray[Any]:
    wanted = np.dtype(dtype)
    if wanted.kind not in "iu":
        return channels.astype(wanted)
    bounds = np.iinfo(wanted)
    return np.clip(np.rint(channels.astype(np.float64)), bounds.min, bounds.max).astype(wanted)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


AUGMENTED = Augmented()
