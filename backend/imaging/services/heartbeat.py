"""A sign of life from work that writes no rows for a while: a large image, a long comparison."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import QuerySet
from django.utils import timezone


@contextmanager
def beating(rows: QuerySet) -> Iterator[None]:
    """Keep the ``heartbeat`` of ``rows`` fresh while the block runs, from a thread and a connection of its own."""
    done = threading.Event()
    every = settings.LOST_AFTER.total_seconds() / 6

    def beat() -> None:
        try:
            while not done.wait(every):
                try:
                    rows.update(heartbeat=timezone.now())
                except (InterfaceError, OperationalError):
                    connection.close()  # the database is away; the work goes on, and so must the sign of it
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
