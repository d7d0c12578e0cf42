"""The Celery app of the ``gpu`` queue: order in, report out. No database, no Django.

Start one process per GPU (or one per CPU machine) with::

    celery -A ml_worker.worker:app worker -n gpu@%h -Q gpu -P threads -c 1 --without-gossip --without-mingle -l WARNING

``-c 1``: torch uses every core by itself. ``-P threads``: the order runs beside the main thread, which therefore still
answers pings, hears SIGTERM and SIGINT at once, and needs no fork of a process that holds torch. A signal stops the
run at its next step (well below two seconds), its state is saved, and the order goes back to the queue; the next worker
goes on where this one stopped. Orders are acknowledged late, so a killed worker loses none: the broker gives it out
again after the visibility timeout (24 h, longer than any run), or the hub's sweep sends it again before.

Variables: see ``ml_worker.settings``. A missing one ends the boot with its name.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Any

import torch
from celery import Celery
from celery.exceptions import Reject
from celery.signals import worker_init, worker_shutting_down

from cellcommons.errors import CellCommonsError, StoreUnusable
from cellcommons.store import open_store
from ml_worker.channel import Kind, Stopped
from ml_worker.orders import perform_order
from ml_worker.settings import BadSetting, read_settings

try:
    settings = read_settings()
    store = open_store(settings.objects_url)
except BadSetting as error:
    raise SystemExit(f"ml_worker: {error.line()}") from None
except CellCommonsError as error:
    raise SystemExit(f"ml_worker: OBJECTS_URL: {error.line()}") from None

app = Celery("ml_worker", broker=settings.broker_url, set_as_current=False)
app.conf.update(
    task_default_queue="gpu",
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=None,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": int(timedelta(hours=24).total_seconds())},
)
shutting_down = threading.Event()
STORE_PAUSE = 10.0  # seconds before an order is tried again that met a store that is away
logger = logging.getLogger(__name__)


def _without_traceback(record: logging.LogRecord) -> bool:
    # Celery logs an order put back at shut-down like a crash; one line is enough.
    if record.exc_info and record.exc_info[0] is Reject:
        record.exc_info = None
        record.exc_text = None
    return True


logging.getLogger("celery.app.trace").addFilter(_without_traceback)


@worker_init.connect  # type: ignore[untyped-decorator]
def _boot(**_: Any) -> None:
    shutting_down.clear()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _shut_down(**_: Any) -> None:
    shutting_down.set()


@app.task(name="ml_worker.train")  # type: ignore[untyped-decorator]
def train(order_sha256: str) -> None:
    """Carry out a TrainingOrder."""
    _perform("training", order_sha256)


@app.task(name="ml_worker.predict")  # type: ignore[untyped-decorator]
def predict(order_sha256: str) -> None:
    """Carry out a PredictionOrder."""
    _perform("prediction", order_sha256)


def _perform(kind: Kind, order_sha256: str) -> None:
    if settings.threads:
        # Each thread of a process has its own count, so it is set where the work is done.
        torch.set_num_threads(settings.threads)
    try:
        perform_order(kind, order_sha256, store=store, send=_send, shutting_down=shutting_down.is_set)
    except Stopped:
        raise Reject("the worker is shutting down", requeue=True) from None
    except StoreUnusable as error:
        logger.error("the object store cannot be used: %s", error.line())
        shutting_down.wait(STORE_PAUSE)
        raise Reject("the object store cannot be used", requeue=True) from None


def _send(task: str, args: list[Any]) -> None:
    app.send_task(task, args=args, queue="cpu", retry_policy={"max_retries": 5, "interval_step": 0.5})
