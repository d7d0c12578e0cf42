"""What the hub sent to the queue, read back from the (in-memory) broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Empty

import pytest
from celery import current_app

Messages = Callable[[], list[tuple[str, list[str]]]]


@pytest.fixture
def sent() -> Iterator[Messages]:
    """``sent()`` takes what lies in the queues: ``[(task, args)]``, the cpu queue first."""

    def take() -> list[tuple[str, list[str]]]:
        found = []
        with current_app.connection_for_read() as connection:
            for name in ("cpu", "gpu"):
                queue = connection.SimpleQueue(current_app.amqp.queues[name])
                while True:
                    try:
                        message = queue.get_nowait()
                    except Empty:
                        break
                    message.ack()
                    found.append((message.headers["task"], list(message.payload[0])))
                queue.close()
        return found

    take()
    yield take
    take()
