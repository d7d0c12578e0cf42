"""A PredictionOrder carried out, whatever its task: checkpoint and images in, trees and uncertainty out."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from cellcommons.errors import CellCommonsError, StoreUnusable
from cellcommons.orders import ImageRef, PredictionOrder, PredictionReport
from ml_worker.channel import RunChannel
from ml_worker.device import environment
from ml_worker.kinds.registry import kind_of_checkpoint

STATE_SECONDS = 15.0


def carry_out_prediction(order: PredictionOrder, channel: RunChannel) -> PredictionReport:
    """Read every image of the order. One bad image is named in ``failures`` and stops no other.

    What an earlier delivery of the same order had read is picked up, not read again.

    Raises:
        Stopped: cancelled, or the worker is shutting down; what was read is saved.
        CellCommonsError: the order or its checkpoint is at fault.
    """
    checkpoint = channel.store.get(order.checkpoint)
    kind = kind_of_checkpoint(checkpoint, where=order.checkpoint)
    prediction = kind.prediction(checkpoint, order.config, channel.store, digest=order.checkpoint)
    report = _resumed(order, channel)
    before, started, saved = report.seconds, time.monotonic(), time.monotonic()
    done = {done.image for done in report.predictions} | set(report.failures)
    for number, ref in enumerate(order.images):
        if ref.image in done:
            continue
        going_on = partial(channel.go_on, _payload(number, len(order.images), report.seconds, ref))
        try:
            going_on()
            report = replace(report, predictions=(*report.predictions, prediction.predict(ref, going_on)))
        except StoreUnusable:
            raise  # nothing is wrong with the image
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
