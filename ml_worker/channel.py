"""A run's line to the hub: progress and report out, cancel in, state kept; all through refs and named messages."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from cellcommons.errors import NotFound
from cellcommons.orders import PredictionReport, TrainingReport
from cellcommons.store import ObjectStore

logger = logging.getLogger(__name__)

Kind = Literal["training", "prediction"]
POLL_SECONDS = 1.0
PROGRESS_SECONDS = 1.0


class Stopped(Exception):
    """The run was asked to stop: cancelled by a person, or the worker is shutting down."""


class Send(Protocol):
    """Sends one Celery task by name to the hub."""

    def __call__(self, task: str, args: list[Any]) -> None: ...


@dataclass
class RunChannel:
    """What one run says and hears.

    Attributes:
        send: delivers a task by name.
        shutting_down: whether the worker is to stop; the order then comes back later.
    """

    store: ObjectStore
    kind: Kind
    run: str
    send: Send
    shutting_down: Callable[[], bool] = lambda: False
    _polled: float = field(default=-1e9, init=False)
    _sent: float = field(default=-1e9, init=False)
    _cancelled: bool = field(default=False, init=False)

    def ref(self, name: str) -> str:
        """``runs/<run>/<name>``."""
        return f"runs/{self.run}/{name}"

    def cancelled(self) -> bool:
        """Whether the hub asked to cancel; looks at most once a second."""
        now = time.monotonic()
        if now - self._polled >= POLL_SECONDS:
            self._polled = now
            self._cancelled = self.store.get_ref(self.ref("cancel")) is not None
        return self._cancelled

    def should_stop(self) -> bool:
        """Cancelled or shutting down."""
        return self.shutting_down() or self.cancelled()

    def check(self) -> None:
        """Raise Stopped if the run is to stop."""
        if self.should_stop():
            raise Stopped

    def go_on(self, payload: dict[str, Any]) -> None:
        """Between pieces of long work on one image: ``check``, and a heartbeat, so that the run is not sent again."""
        self.check()
        self.progress(payload)

    def progress(self, payload: dict[str, Any], *, force: bool = False) -> None:
        """Tell the hub where the run stands, at most once a second; a lost heartbeat never ends a run."""
        now = time.monotonic()
        if not force and now - self._sent < PROGRESS_SECONDS:
            return
        self._sent = now
        try:
            self.send("modelzoo.record_progress", [self.kind, self.run, payload])
        except Exception:
            # The broker may be restarting; training goes on and the next heartbeat tells as much.
            logger.warning("progress of %s could not be sent", self.run, exc_info=True)

    def state(self) -> bytes | None:
        """The last saved state, if any is left."""
        digest = self.store.get_ref(self.ref("state"))
        if digest is None:
            return None
        try:
            return self.store.get(digest.decode())
        except NotFound:
            return None

    def save_state(self, data: bytes) -> None:
        """Keep a state; the ref moves only once the object is safe."""
        self.store.put_ref(self.ref("state"), self.store.put(data).encode())

    def reported(self) -> str | None:
        """Digest of the run's report, if it is done."""
        digest = self.store.get_ref(self.ref("report"))
        return digest.decode() if digest else None

    def forget_report(self) -> None:
        """Before a cancelled run goes on."""
        self.store.delete_ref(self.ref("report"))

    def report(self, report: TrainingReport | PredictionReport) -> str:
        """Keep the report and tell the hub; the ref comes first, so that a lost message can be sent again."""
        digest = report.save(self.store)
        self.store.put_ref(self.ref("report"), digest.encode())
        self.announce(digest)
        return digest

    def announce(self, digest: str) -> None:
        """Name the report to the hub."""
        self.send("modelzoo.accept_report", [self.kind, self.run, digest])
