"""A TrainingOrder carried out: release in, checkpoint and report out."""

from __future__ import annotations

import time
from collections.abc import Iterator

from cellcommons.errors import InvalidDocument
from cellcommons.images.ome_zarr import read_image_tree, read_labels, write_labels
from cellcommons.images.previews import side_by_side_png
from cellcommons.measures.detection import DetectionScores
from cellcommons.orders import ImageScore, TrainingOrder, TrainingReport
from cellcommons.release import Release, ReleaseItem, open_release
from cellcommons.store import ObjectStore
from ml_worker.channel import RunChannel, Stopped
from ml_worker.checkpoint import load_checkpoint
from ml_worker.device import environment
from ml_worker.evaluate import HeldOut, Scored, pooled_measures, score_image, stratum_measures
from ml_worker.pixels import image_cyx
from ml_worker.predict import PredictConfig
from ml_worker.samples import Sample, channel_planes
from ml_worker.train import Progress, TrainingData, TrainResult, train
from ml_worker.train_config import TrainConfig

TASK = "instance_segmentation"


def carry_out_training(order: TrainingOrder, channel: RunChannel) -> TrainingReport:
    """Train, save the checkpoint and score it on the release's test split.

    A saved state of the same run is picked up. Returns a report with status ``finished``, or ``cancelled`` where
    training itself was cut.

    Raises:
        Stopped: cancelled outside training, or the worker is shutting down; the state is saved.
        CellCommonsError: the order, the release or its images are at fault.
    """
    if order.task != TASK:
        raise InvalidDocument(
            f"task {order.task!r} is not one this worker trains", where="task", remedy=f"Use {TASK!r}."
        )
    config = TrainConfig.from_order(order.config)
    channel.progress(_message("reading the release"), force=True)
    release = open_release(channel.store, order.manifest)
    data = TrainingData(tuple(_samples(release, "train", channel)), tuple(_samples(release, "validation", channel)))
    result = train(
        data,
        config,
        seed=order.seed,
        budget_seconds=order.budget_seconds,
        resume=channel.state(),
        on_progress=lambda progress: channel.progress(_payload(progress)),
        should_stop=channel.should_stop,
        save_state=channel.save_state,
        about={"run": order.run, "manifest": order.manifest},
    )
    if result.status == "cancelled":
        if not channel.cancelled():
            raise Stopped
        seconds = round(result.seconds, 2)
        return TrainingReport(order.run, "cancelled", curve=result.curve, seconds=seconds, environment=environment())
    return _finished(order, config, result, release, channel)


def _finished(
    order: TrainingOrder, config: TrainConfig, result: TrainResult, release: Release, channel: RunChannel
) -> TrainingReport:
    digest = channel.store.put(result.checkpoint)
    checkpoint = load_checkpoint(result.checkpoint, where=digest)
    items = list(release.items("test"))
    scored: list[Scored] = []
    images: list[ImageScore] = []
    last = Progress(result.steps, result.steps, 1.0, 0.0, None, result.seconds)
    started = time.monotonic()
    for number, item in enumerate(items, start=1):
        channel.progress(_payload(last, f"scoring test image {number} of {len(items)}"))
        image = score_image(
            checkpoint, _held_out(release, item), PredictConfig(bf16=config.bf16), on_tile=channel.check
        )
        scored.append(image)
        images.append(_image_score(channel.store, image))
    # Best first; equal scores in order of id, so that a repeated run gives the same report.
    images.sort(key=lambda score: (-score.measures["f1_50"], score.image))
    baseline: list[DetectionScores] = [image.baseline for image in scored]
    return TrainingReport(
        order.run,
        "finished",
        checkpoint=digest,
        measures=pooled_measures((image.scores for image in scored), seed=order.seed),
        baseline=pooled_measures(baseline, seed=order.seed),
        by_stratum=stratum_measures(scored, seed=order.seed),
        images=tuple(images),
        curve=result.curve,
        seconds=round(result.seconds, 2),
        environment=environment() | {"scoring_seconds": round(time.monotonic() - started, 2)},
    )


def _samples(release: Release, split: str, channel: RunChannel) -> Iterator[Sample]:
    for item in release.items(split):
        channel.check()
        where = f"{split} image {item.name}"
        image = read_image_tree(release.store, item.tree)
        yield Sample(
            item.name,
            channel_planes(image_cyx(image, where=where), where=where),
            read_labels(release.store, item.labels),
            item.stratum,
        )


def _held_out(release: Release, item: ReleaseItem) -> HeldOut:
    pixels, truth = read_image_tree(release.store, item.tree), read_labels(release.store, item.labels)
    return HeldOut(item.image, item.tree, item.name, item.stratum, pixels, truth)


def _image_score(store: ObjectStore, scored: Scored) -> ImageScore:
    held_out = scored.held_out
    tree = write_labels(store, scored.labels, held_out.pixels.pixel_size)
    picture = side_by_side_png(held_out.pixels, held_out.truth, scored.labels)
    return ImageScore(
        image=held_out.image,
        tree=held_out.tree,
        labels=tree.digest,
        picture=store.put(picture),
        measures={name: round(value, 6) for name, value in scored.scores.measures().items()},
        stratum=held_out.stratum,
    )


def _payload(progress: Progress, message: str = "") -> dict[str, object]:
    return {
        "step": progress.step,
        "steps": progress.steps,
        "fraction": round(progress.fraction, 4),
        "loss": round(progress.loss, 5),
        "validation": progress.validation,
        "seconds": round(progress.seconds, 2),
        "message": message or progress.message,
    }


def _message(text: str) -> dict[str, object]:
    return _payload(Progress(0, 0, 0.0, 0.0, None, 0.0, text))
