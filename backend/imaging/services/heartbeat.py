"""A sign of life from an import while one large image keeps it from writing rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from django.utils import timezone

from backend.imaging.models import Import, ImportState


@contextmanager
def beating(record: Import) -> Iterator[None]:
    """Keep the heartbeat of ``record`` fresh while the block runs, from a thread and a connection of its own."""
    done = threading.Event()
    every = settings.LOST_AFTER.total_seconds() / 6

    def beat() -> None:
        try:
            while not done.wait(every):
                Import.objects.filter(pk=record.pk, state=ImportState.RUNNING).update(heartbeat=timezone.now())
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"import {record.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
