"""Send work to the queue, by name, after the transaction that asked for it has committed."""

from __future__ import annotations

import logging
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

# A web request must not wait long for a broker that is away: the row's state and the sweep will send again.
_RETRY = {"max_retries": 1, "interval_start": 0.1, "interval_max": 0.2}


def dispatch(name: str, *args: Any) -> None:
    """Send task ``name`` with JSON ``args`` (ids, digests) once the current transaction commits; at once outside one.

    A broker that is away is logged, never raised: the state of the row says that work is due, and the app's sweep
    (see ``backend.core.sweep``) sends it again.
    """
    transaction.on_commit(lambda: _send(name, [str(arg) for arg in args]))


def _send(name: str, args: list[Any]) -> None:
    try:
        current_app.send_task(name, args=args, retry=True, retry_policy=_RETRY)
    except (OperationalError, OSError) as error:
        log.error("the broker is away: %s%s was not sent (%s); the sweep will send it again", name, tuple(args), error)
