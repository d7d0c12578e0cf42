"""Semantic segmentation: a class for every pixel, learnt from what people painted, be it all or a few strokes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.images.ome_zarr import read_image_tree
from cellcommons.kinds.semantic_segmentation import class_raster, semantic_map
from cellcommons.measures.semantic import SemanticScores, pooled, semantic_scores
from cellcommons.orders import ImagePrediction, ImageRef, TrainingOrder
from cellcommons.reading import Reading, write_reading
from cellcommons.release import Release, ReleaseItem
from cellcommons.semantic import SemanticMap
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
from ml_worker.pixels import image_cyx
from ml_worker.semantic.baseline import PixelBaseline, fit_pixels
from ml_worker.semantic.checkpoint import FAMILY, SemanticCheckpoint, load_semantic
from ml_worker.semantic.config import SemanticConfig
from ml_worker.semantic.pictures import semantic_png
from ml_worker.semantic.predict import SemanticPredictConfig, predict_semantic
from ml_worker.semantic.samples import SemanticSample, class_pixels, semantic_planes
from ml_worker.semantic.train import SemanticData, train_semantic
from ml_worker.transfer import start_note


class SemanticSegmentation(TaskKind):
    """Classes of pixels by a U-Net."""

    task = "semantic_segmentation"
    families = (FAMILY,)

    def training(self, order: TrainingOrder, release: Release, start: bytes | None) -> SemanticTraining:
        """Begin a run. Raises InvalidDocument."""
        return SemanticTraining(order, release, start)

    def prediction(
        self, checkpoint: bytes, config: dict[str, Any], store: ObjectStore, *, digest: str
    ) -> SemanticPrediction:
        """Load a checkpoint. Raises CellCommonsError."""
        settings = SemanticPredictConfig.from_order(config)
        return SemanticPrediction(load_semantic(checkpoint, where=digest), settings, store)


class SemanticTraining(TaskTraining[SemanticSample, SemanticScores]):
    """A run of the semantic U-Net."""

    def __init__(self, order: TrainingOrder, release: Release, start: bytes | None) -> None:
        if release.ontology is None:
            raise InvalidDocument("the release names no classes", where=release.manifest.reference)
        self.order, self.release, self.start, self.ontology = order, release, start, release.ontology
        config = SemanticConfig.from_order(order.config)
        self.config = replace(config, channels=config.channels or _channels(release))

    def samples(self, item: ReleaseItem) -> Iterable[SemanticSample]:
        """The image with its classes."""
        where = item_name(item)
        image = image_cyx(self.release.image(item), where=where)
        truth = read_classes(self.release, item, self.ontology)
        yield SemanticSample(item.name, semantic_planes(image, self.config.channels, where=where), truth, item.stratum)

    def train(self, data: TaskData[SemanticSample], hooks: Hooks) -> TrainResult:
        """See ``train_semantic``."""
        return train_semantic(
            SemanticData(self.ontology, data.train, data.validation),
            self.config,
            seed=self.order.seed,
            budget_seconds=self.order.budget_seconds,
            start=self.start,
            resume=hooks.resume,
            on_progress=hooks.on_progress,
            should_stop=hooks.should_stop,
            save_state=hooks.save_state,
            about=lineage(self.order),
        )

    def evaluation(self, checkpoint: bytes, digest: str, data: TaskData[SemanticSample]) -> SemanticEvaluation:
        """The plain method learns from both splits."""
        baseline = fit_pixels([*data.train, *data.validation], self.ontology, seed=self.order.seed)
        loaded = load_semantic(checkpoint, where=digest)
        return SemanticEvaluation(loaded, baseline, self.config, data, self.release)


class SemanticEvaluation(TaskEvaluation[SemanticScores]):
    """Dice and Jaccard of each class over the pixels whose class is known."""

    headline = "mean_dice"

    def __init__(
        self,
        checkpoint: SemanticCheckpoint,
        baseline: PixelBaseline,
        config: SemanticConfig,
        data: TaskData[SemanticSample],
        release: Release,
    ) -> None:
        self.checkpoint, self.baseline, self.data, self.release = checkpoint, baseline, data, release
        self.config, self.ontology = SemanticPredictConfig(bf16=config.bf16), checkpoint.config.ontology

    def score(self, item: ReleaseItem, check: Check) -> Scored[SemanticScores]:
        """One test image."""
        where, pixels = item_name(item), self.release.image(item)
        image, truth = image_cyx(pixels, where=where), read_classes(self.release, item, self.ontology)
        said = predict_semantic(self.checkpoint, image, self.config, where=where, on_tile=check).classes
        plain = self.baseline.classes(semantic_planes(image, self.checkpoint.config.channels, where=where))
        scores = semantic_scores(truth, said)
        tree = write_reading(self.release.store, Reading(class_raster(said)), pixels.pixel_size)
        return Scored(
            item,
            tree.digest,
            semantic_png(pixels, truth, said),
            _means(scores) | {"dice": _per_class(scores.dice, self.ontology), "known_share": float(truth.known.mean())},
            scores.mean_dice or 0.0,
            scores,
            semantic_scores(truth, plain),
        )

    def pooled(self, outcomes: Sequence[SemanticScores], *, seed: int) -> dict[str, Any]:
        """Each known pixel weighs the same within its class, each class the same in the mean."""
        total = pooled(outcomes)
        return (
            _means(total)
            | {
                "dice": _per_class(total.dice, self.ontology),
                "jaccard": _per_class(total.jaccard, self.ontology),
                "pixels": dict(zip(self.ontology.names, total.counts.sum(1).tolist(), strict=True)),
            }
            | headline_interval(self.headline, outcomes, lambda drawn: pooled(drawn).mean_dice, seed=seed)
        )

    def notes(self, scored: Sequence[Scored[SemanticScores]]) -> Iterable[str]:
        """Sparse labels, and classes that a split does not show."""
        yield from start_note(self.checkpoint.config.about)
        pixels = sum(sample.truth.data.size for sample in self.data.train)
        known = class_pixels(self.data.train)
        share = float(known.sum()) / max(1, pixels)
        if share < 0.5:
            yield f"Learnt from {share:.1%} of the pixels of the train split; the others have no class."
        yield from _lacking("train", known, self.ontology)
        if scored:
            yield from _lacking("test", pooled([one.outcome for one in scored]).counts.sum(1), self.ontology)


class SemanticPrediction(TaskPrediction):
    """Maps of classes as drafts."""

    def __init__(self, checkpoint: SemanticCheckpoint, config: SemanticPredictConfig, store: ObjectStore) -> None:
        self.checkpoint, self.config, self.store = checkpoint, config, store

    def predict(self, ref: ImageRef, check: Check) -> ImagePrediction:
        """One image; ``cells`` counts the classes that are there, ``cell_scores`` go by their raster values."""
        where = ref.name or ref.image
        pixels = read_image_tree(self.store, ref.tree)
        image = image_cyx(pixels, where=where)
        reading = predict_semantic(self.checkpoint, image, self.config, where=where, on_tile=check)
        tree = write_reading(self.store, Reading(class_raster(reading.classes)), pixels.pixel_size)
        ontology = self.checkpoint.config.ontology
        return ImagePrediction(
            image=ref.image,
            tree=ref.tree,
            labels=tree.digest,
            cells=len(reading.certainty),
            uncertainty=round(reading.uncertainty, 6),
            cell_scores={str(ontology.index(name) + 1): round(sure, 4) for name, sure in reading.certainty.items()},
        )


def read_classes(release: Release, item: ReleaseItem, ontology: Ontology) -> SemanticMap:
    """An item's classes. Raises InvalidDocument for a value outside the ontology."""
    return semantic_map(release.labels(item), ontology, where=item_name(item))


def _channels(release: Release) -> str:
    """Own where all images have the same several channels: which stain is bright tells tissue apart."""
    found = {item.channels for item in release.items()}
    return "own" if len(found) == 1 and len(next(iter(found))) > 1 else "pooled"


def _means(scores: SemanticScores) -> dict[str, Any]:
    return {
        "mean_dice": scores.mean_dice,
        "mean_jaccard": scores.mean_jaccard,
        "pixel_accuracy": scores.accuracy,
        "known_pixels": int(scores.counts.sum()),
    }


def _per_class(measure: Any, ontology: Ontology) -> dict[str, float | None]:
    return {name: measure(name) for name in ontology.names}


def _lacking(split: str, counts: np.ndarray[Any, Any], ontology: Ontology) -> Iterable[str]:
    absent = [name for name, count in zip(ontology.names, counts.tolist(), strict=True) if not count]
    if len(absent) == len(ontology) - 1:
        shown = next(name for name in ontology.names if name not in absent)
        yield f"The {split} split shows one class only ({shown}): no measure here tells classes apart."
    elif absent:
        yield f"The {split} split shows no {', no '.join(absent)}."


SEMANTIC_SEGMENTATION = SemanticSegmentation()
