"""The clock of the sweep: beats in every worker that reads the `cpu` queue, for as long as that worker lives."""

from __future__ import annotations

import logging
from typing import Any

from celery import bootsteps
from django.conf import settings
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

SWEEP = "core.sweep"


class Clock(bootsteps.StartStopStep):  # type: ignore[misc]
    """Sends a sweep now and then, from the worker's own timer.

    Celery's embedded beat is a process beside the worker's: killed alone, nobody starts it again, and what was lost
    from then on would never be taken up. This one begins again with each connection to the broker.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)
    label = "Clock"

    def __init__(self, consumer: Any, **_: Any) -> None:
        self._entry: Any = None

    def start(self, consumer: Any) -> None:
        if settings.CELERY_TASK_DEFAULT_QUEUE in consumer.app.amqp.queues.consume_from:
            self._entry = consumer.timer.call_repeatedly(settings.SWEEP_SECONDS, self.beat, (consumer,))

    def stop(self, consumer: Any) -> None:
        if self._entry is not None:
            self._entry.cancel()
            self._entry = None

    def beat(self, consumer: Any) -> None:
        """One sweep; it expires before the next, so that they do not pile up behind long work."""
        try:
            consumer.app.send_task(SWEEP, expires=settings.SWEEP_SECONDS * 5 / 6, retry=False)
        except (OperationalError, OSError) as error:
            log.warning("the broker is away: no sweep was sent (%s)", error)
