"""Is every part of the hub there? Cheap enough to ask every second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from celery import current_app
from django.db import connection

from backend.core.storage import object_store

OK = "ok"
_FRESH = 5.0  # seconds an answer of the workers is believed
_GRACE = 60.0  # a worker deep in a computation may miss a question or two
_lock = threading.Lock()
_asked_at = float("-inf")
_seen: dict[str, float] = {}


def check_parts() -> dict[str, str]:
    """Part -> ``ok`` or one clause saying why not."""
    return {
        "database": _try(_database),
        "objects": _try(_objects),
        "broker": (broker := _try(_broker)),
        **_workers(broker),
    }


def _try(check: Callable[[], None]) -> str:
    try:
        check()
    except Exception as error:  # whatever the part's library raises: the answer is the same
        return f"not reachable ({type(error).__name__})"
    return OK


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _objects() -> None:
    object_store().check()


def _broker() -> None:
    with current_app.connection_for_write(connect_timeout=1) as link:
        link.ensure_connection(max_retries=1, interval_start=0, timeout=1)


def _workers(broker: str) -> dict[str, str]:
    """``cpu_worker``, ``io_worker`` and ``gpu_worker`` by the queues that the workers who answer say they read."""
    global _asked_at
    now = time.monotonic()
    with _lock:
        ask = broker == OK and now - _asked_at > _FRESH
        if ask:
            _asked_at = now
    if ask:
        try:
            answers = current_app.control.inspect(timeout=0.7).active_queues() or {}
        except Exception:  # as above
            answers = {}
        for queues in answers.values():
            _seen.update({queue["name"]: time.monotonic() for queue in queues})
    return {
        f"{queue}_worker": OK if time.monotonic() - _seen.get(queue, float("-inf")) < _GRACE else "does not answer"
        for queue in ("cpu", "io", "gpu")
    }
