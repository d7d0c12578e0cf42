"""A training run as server-sent events: one event whenever the row changed, until it ends."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.serializers.json import DjangoJSONEncoder
from django.db import close_old_connections, connection

from backend.modelzoo.selectors import ENDED, list_training_runs
from backend.modelzoo.serializers import TrainingRunSerializer
from backend.people.models import Person

POLL_SECONDS = 1.0
# Proxies and browsers drop a connection that says nothing for long; a comment keeps it open.
QUIET_POLLS = 15


async def training_events(
    run_id: uuid.UUID, person: Person, *, poll_seconds: float = POLL_SECONDS
) -> AsyncIterator[bytes]:
    """``event: progress`` with the run as ``GET training-runs/{id}/`` shows it to ``person``, then ``event: end`` with
    the same."""
    last, quiet = "", 0
    while True:
        run = await sync_to_async(_read_run)(run_id, person)
        if run is None:
            yield _event("end", "null")
            return
        text = json.dumps(run, cls=DjangoJSONEncoder)
        if run["state"] in ENDED:
            yield _event("progress", text)
            yield _event("end", text)
            return
        if text != last:
            yield _event("progress", text)
            last, quiet = text, 0
        else:
            quiet += 1
            if quiet % QUIET_POLLS == 0:
                yield b": still here\n\n"
        await asyncio.sleep(poll_seconds)


def _read_run(run_id: uuid.UUID, person: Person) -> dict[str, Any] | None:
    try:
        run = list_training_runs(person).filter(pk=run_id).first()
        return dict(TrainingRunSerializer(run).data) if run else None
    finally:
        # A stream lives for hours; between two looks it must not hold a connection.
        if not connection.in_atomic_block:
            close_old_connections()


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()
