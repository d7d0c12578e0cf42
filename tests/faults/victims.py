"""The parts of a running hub that can be killed, and how: as the out-of-memory killer does, or a power cut."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backend.door.home import Home
from tests.datasets.s3_server import S3Server

#: As `./hub up` calls them; its cpu_worker reads the queues of both the cpu and the io worker.
PARTS = ("web", "cpu_worker", "postgres", "broker")
STORE = "store"


@dataclass(frozen=True)
class Blow:
    """What is to be killed: ``part`` whole, or ``one`` of the processes that it started."""

    part: str
    one: bool

    def __str__(self) -> str:
        return f"{self.part}, one process" if self.one else self.part


def draw_blow(rng: random.Random, *, bucket: bool) -> Blow:
    """Each part as often as any other; of those with processes of their own, one of these in a third of the cases."""
    part = rng.choice([*PARTS, STORE] if bucket else PARTS)
    return Blow(part, part not in ("broker", STORE) and rng.random() < 1 / 3)


def strike(blow: Blow, home: Home, server: S3Server | None, rng: random.Random) -> str:
    """SIGKILL, now; says what was hit. The door starts its own parts again; that of a bucket is the caller's."""
    if blow.part == STORE:
        assert server is not None
        server.kill()
        return "the bucket's server"
    pid = int(home.read_state()["services"][blow.part]["pid"])
    if blow.one and (children := children_of(pid)):
        pid = rng.choice(children)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return f"process {pid} of {blow.part}"
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return f"{blow.part}, process group {pid}"


def children_of(pid: int) -> list[int]:
    """Processes that ``pid`` started and that live."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(word) for word in task.read_text().split()]
    return sorted(found)


def wait_until_well(home: Home, url: str, *, patience: float = 90.0) -> float:
    """Seconds until every part answers again. Raises TimeoutError with what does not."""
    from backend.door.status import describe  # after the harness has set its own environment

    began = time.monotonic()
    while True:
        report = describe(home)
        ill = {name: part["detail"] for name, part in report["parts"].items() if not part["ok"]}
        if report["running"] and not ill:
            return time.monotonic() - began
        if time.monotonic() - began > patience:
            raise TimeoutError(f"{url} is not well again after {patience:g} s: {ill or report['state']}")
        time.sleep(0.3)
