"""A PredictionOrder carried out: checkpoint and images in, label trees and uncertainty out."""

from __future__ import annotations

import time
from dataclasses import replace

from cellcommons.errors import CellCommonsError
from cellcommons.images.ome_zarr import read_image_tree, write_labels
from cellcommons.orders import ImagePrediction, ImageRef, PredictionOrder, PredictionReport
from ml_worker.channel import RunChannel
from ml_worker.checkpoint import Checkpoint, load_checkpoint
from ml_worker.device import environment
from ml_worker.pixels import image_cyx
from ml_worker.predict import PredictConfig, predict_image

STATE_SECONDS = 15.0


def carry_out_prediction(order: PredictionOrder, channel: RunChannel) -> PredictionReport:
    """Read every image of the order. One bad image is named in ``failures`` and stops no other.

    What an earlier delivery of the same order had read is picked up, not read again.

    Raises:
        Stopped: cancelled, or the worker is shutting down; what was read is saved.
        CellCommonsError: the order or its checkpoint is at fault.
    """
    config = PredictConfig.from_order(order.config)
    checkpoint = load_checkpoint(channel.store.get(order.checkpoint), where=order.checkpoint)
    report = _resumed(order, channel)
    before, started, saved = report.seconds, time.monotonic(), time.monotonic()
    done = {prediction.image for prediction in report.predictions} | set(report.failures)
    for number, ref in enumerate(order.images):
        if ref.image in done:
            continue
        channel.progress(_payload(number, len(order.images), report.seconds, ref))
        try:
            channel.check()
            report = _with_image(report, ref, checkpoint, config, channel)
        except CellCommonsError as error:
            report = replace(report, failures={**report.failures, ref.image: error.line()})
        finally:
            report = replace(report, seconds=round(before + time.monotonic() - started, 2))
            if channel.should_stop() or time.monotonic() - saved >= STATE_SECONDS:
                channel.save_state(report.to_bytes())
                saved = time.monotonic()
    if report.failures and not report.predictions:
        first = next(iter(report.failures.values()))
        return replace(report, status="failed", error=f"no image could be read; the first: {first}")
    return replace(report, status="finished")


def _resumed(order: PredictionOrder, channel: RunChannel) -> PredictionReport:
    """The report so far; ``seconds`` runs on."""
    fresh = PredictionReport(order.run, "running", order.checkpoint, environment=environment())
    state = channel.state()
    if state is None:
        return fresh
    kept = PredictionReport.parse(state, where="prediction state")
    return kept if (kept.run, kept.checkpoint) == (order.run, order.checkpoint) else fresh


def _with_image(
    report: PredictionReport, ref: ImageRef, checkpoint: Checkpoint, config: PredictConfig, channel: RunChannel
) -> PredictionReport:
    where = ref.name or ref.image
    pixels = read_image_tree(channel.store, ref.tree)
    reading = predict_image(checkpoint, image_cyx(pixels, where=where), config, where=where, on_tile=channel.check)
    tree = write_labels(channel.store, reading.labels, pixels.pixel_size)
    prediction = ImagePrediction(
        image=ref.image,
        tree=ref.tree,
        labels=tree.digest,
        cells=len(reading.certainty),
        uncertainty=round(reading.uncertainty, 6),
        cell_scores={str(cell): score for cell, score in reading.certainty.items()},
    )
    return replace(report, predictions=(*report.predictions, prediction))


def _payload(number: int, total: int, seconds: float, ref: ImageRef) -> dict[str, object]:
    return {
        "step": number,
        "steps": total,
        "fraction": round(number / max(1, total), 4),
        "loss": 0.0,
        "validation": None,
        "seconds": seconds,
        "message": f"reading {ref.name or ref.image} ({number + 1} of {total})",
    }
