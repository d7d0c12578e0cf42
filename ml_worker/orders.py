"""One order from message to report: once, whatever happens, however often it is delivered."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

from cellcommons.errors import CellCommonsError, StoreUnusable
from cellcommons.orders import PredictionOrder, PredictionReport, TrainingOrder, TrainingReport
from cellcommons.store import ObjectStore
from ml_worker.channel import Kind, RunChannel, Send, Stopped
from ml_worker.prediction_run import carry_out_prediction
from ml_worker.training_run import carry_out_training

logger = logging.getLogger(__name__)

ORDERS: dict[Kind, type[TrainingOrder] | type[PredictionOrder]] = {
    "training": TrainingOrder,
    "prediction": PredictionOrder,
}
Report = TrainingReport | PredictionReport


def perform_order(
    kind: Kind, order_sha256: str, *, store: ObjectStore, send: Send, shutting_down: Callable[[], bool]
) -> str:
    """Carry out one order and report; return the report's sha256.

    - A run that has a report is not run again: its report is named again. The exception is a cancelled run whose
      ``cancel`` ref the hub has taken away: it goes on from its state.
    - Whatever fails, fails into a report with one line that a person can read.

    Raises:
        Stopped: the worker is shutting down. State is saved; the message must go back to the queue.
        StoreUnusable: the store is away; the message must go back to the queue as well.
        NotFound, DigestMismatch, InvalidDocument: no run can be told of its failure, as the order is not readable.
    """
    run = _run_of(store.get(order_sha256), order_sha256)
    channel = RunChannel(store, kind, run, send, shutting_down)
    if (done := channel.reported()) is not None:
        if not _goes_on(kind, done, channel):
            channel.announce(done)
            return done
        channel.forget_report()
    return channel.report(_report(kind, order_sha256, channel))


def _report(kind: Kind, order_sha256: str, channel: RunChannel) -> Report:
    checkpoint = ""
    try:
        order = ORDERS[kind].load(channel.store, order_sha256)
        if isinstance(order, PredictionOrder):
            checkpoint = order.checkpoint
            return carry_out_prediction(order, channel)
        return carry_out_training(order, channel)
    except Stopped:
        if not channel.cancelled():
            raise
        return _ended(kind, channel.run, "cancelled", checkpoint)
    except StoreUnusable:
        raise  # nothing is wrong with the order: it goes back to the queue
    except CellCommonsError as error:
        logger.warning("run %s failed: %s", channel.run, error.line())
        return _ended(kind, channel.run, "failed", checkpoint, error.line())
    except Exception as error:
        logger.exception("run %s failed", channel.run)
        line = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        return _ended(kind, channel.run, "failed", checkpoint, f"the worker met an unexpected error ({line})")


def _ended(kind: Kind, run: str, status: str, checkpoint: str, error: str = "") -> Report:
    if kind == "training":
        return TrainingReport(run, status, error=error)
    return PredictionReport(run, status, checkpoint, error=error)


def _goes_on(kind: Kind, report_sha256: str, channel: RunChannel) -> bool:
    report = json.loads(channel.store.get(report_sha256))
    return report["status"] == "cancelled" and not channel.cancelled()


def _run_of(data: bytes, order_sha256: str) -> str:
    """The run id alone, so that an order with another fault can still be answered."""
    try:
        run = json.loads(data)["run"]
    except (ValueError, KeyError, TypeError):
        run = None
    if not isinstance(run, str) or not run:
        raise UnreadableOrder("the order names no run", where=order_sha256)
    return run


class UnreadableOrder(CellCommonsError):
    """An order so damaged that not even its run is known."""

    code = "unreadable-order"
    title = "The order cannot be read"
