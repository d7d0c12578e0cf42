"""Instance segmentation: a label map of cells, beside Otsu's threshold and a watershed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import read_image_tree, write_labels
from cellcommons.images.previews import side_by_side_png
from cellcommons.measures.detection import DetectionScores, detection_scores, summed
from cellcommons.orders import ImagePrediction, ImageRef, TrainingOrder
from cellcommons.reading import Reading, write_reading
from cellcommons.release import Release, ReleaseItem
from cellcommons.store import ObjectStore
from ml_worker.baseline import otsu_watershed
from ml_worker.checkpoint import FAMILY, Checkpoint, load_checkpoint
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
from ml_worker.predict import ImageReading, PredictConfig, predict_image
from ml_worker.samples import Sample, channel_planes
from ml_worker.tracking.detect import detect_cells
from ml_worker.train import TrainingData, train
from ml_worker.train_config import TrainConfig
from ml_worker.transfer import start_note


class InstanceSegmentation(TaskKind):
    """Cells by a flow U-Net."""

    task = "instance_segmentation"
    families = (FAMILY,)

    def training(self, order: TrainingOrder, release: Release, start: bytes | None) -> SegmentationTraining:
        """Begin a run. Raises InvalidDocument."""
        return SegmentationTraining(order, release, start)

    def prediction(
        self, checkpoint: bytes, config: dict[str, Any], store: ObjectStore, *, digest: str
    ) -> SegmentationPrediction:
        """Load a checkpoint. Raises CellCommonsError."""
        settings = PredictConfig.from_order(config)
        return SegmentationPrediction(load_checkpoint(checkpoint, where=digest), settings, store)


class SegmentationTraining(TaskTraining[Sample, DetectionScores]):
    """A run of the flow U-Net."""

    def __init__(self, order: TrainingOrder, release: Release, start: bytes | None) -> None:
        self.order, self.release, self.start = order, release, start
        self.config = TrainConfig.from_order(order.config)

    def samples(self, item: ReleaseItem) -> Iterable[Sample]:
        """The image with its cells."""
        where = item_name(item)
        image = image_cyx(self.release.image(item), where=where)
        yield Sample(item.name, channel_planes(image, where=where), self.release.labels(item), item.stratum)

    def train(self, data: TaskData[Sample], hooks: Hooks) -> TrainResult:
        """See ``ml_worker.train.train``."""
        return train(
            TrainingData(data.train, data.validation),
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

    def evaluation(self, checkpoint: bytes, digest: str, data: TaskData[Sample]) -> SegmentationEvaluation:
        """Otsu's threshold learns nothing, so ``data`` is not looked at."""
        return SegmentationEvaluation(load_checkpoint(checkpoint, where=digest), self.config, self.release)


class SegmentationEvaluation(TaskEvaluation[DetectionScores]):
    """Cells found at IoU 0.5 and above."""

    headline = "f1_50"

    def __init__(self, checkpoint: Checkpoint, config: TrainConfig, release: Release) -> None:
        self.checkpoint, self.release = checkpoint, release
        self.config = PredictConfig(bf16=config.bf16)

    def score(self, item: ReleaseItem, check: Check) -> Scored[DetectionScores]:
        """One test image."""
        pixels, truth = self.release.image(item), self.release.labels(item)
        image = image_cyx(pixels, where=item_name(item))
        reading = predict_image(self.checkpoint, image, self.config, where=item_name(item), on_tile=check)
        scores = detection_scores(truth, reading.labels)
        return Scored(
            item,
            write_labels(self.release.store, reading.labels, pixels.pixel_size).digest,
            side_by_side_png(pixels, truth, reading.labels),
            scores.measures(),
            scores.f1_50,
            scores,
            detection_scores(truth, otsu_watershed(image)),
        )

    def pooled(self, outcomes: Sequence[DetectionScores], *, seed: int) -> dict[str, Any]:
        """Each cell weighs the same; with ``cells``."""
        total = summed(outcomes)
        interval = headline_interval(self.headline, outcomes, lambda drawn: summed(drawn).f1_50, seed=seed)
        return total.measures() | {"cells": total.truth} | interval

    def notes(self, scored: Sequence[Scored[DetectionScores]]) -> Iterable[str]:
        """What the run started from."""
        return start_note(self.checkpoint.config.about)


class SegmentationPrediction(TaskPrediction):
    """Label maps as drafts."""

    def __init__(self, checkpoint: Checkpoint, config: PredictConfig, store: ObjectStore) -> None:
        self.checkpoint, self.config, self.store = checkpoint, config, store

    def predict(self, ref: ImageRef, check: Check) -> ImagePrediction:
        """One image; of a movie, the masks of each frame: detections that people can link."""
        pixels = read_image_tree(self.store, ref.tree)
        if pixels.size("t") > 1:
            return self._movie(ref, pixels, check)
        reading = self.read(pixels, check, where=ref.name or ref.image)
        tree = write_labels(self.store, reading.labels, pixels.pixel_size)
        return ImagePrediction(
            image=ref.image,
            tree=ref.tree,
            labels=tree.digest,
            cells=len(reading.certainty),
            uncertainty=round(reading.uncertainty, 6),
            cell_scores={str(cell): score for cell, score in reading.certainty.items()},
        )

    def _movie(self, ref: ImageRef, pixels: ImageData, check: Check) -> ImagePrediction:
        found = detect_cells(pixels, self.checkpoint, self.config, where=ref.name or ref.image, check=check)
        return ImagePrediction(
            image=ref.image,
            tree=ref.tree,
            labels=write_reading(self.store, Reading(found.masks), pixels.pixel_size).digest,
            cells=len(found.certainty),
            uncertainty=round(found.uncertainty, 6),
            cell_scores=dict(found.certainty),
        )

    def read(self, pixels: ImageData, check: Callable[[], None], *, where: str) -> ImageReading:
        """Cells of one plane. Raises InvalidDocument for a stack or a movie."""
        return predict_image(self.checkpoint, image_cyx(pixels, where=where), self.config, where=where, on_tile=check)


INSTANCE_SEGMENTATION = InstanceSegmentation()
