"""A hub whose parts are killed in the middle of its work; `python -m tests.faults` does this a hundred times."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from backend.door.home import Home
from backend.door.hub import running_hub
from tests.faults.rounds import Rounds
from tests.faults.victims import children_of

pytestmark = pytest.mark.journey


def test_deaths_lose_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    rounds = Rounds(tmp_path, store="folder", seed=5, say=said.append)
    outcome = rounds.run(3, ["upload", "publish"], stop_at=time.monotonic() + 90)
    assert [point for point in outcome.points if point.wrong] == [], said
    assert outcome.wrong == []
    assert outcome.points, "at least one point fits into the time"
    assert outcome.acknowledged["releases"] >= 1
    assert any("was killed by SIGKILL: starting it again in" in line for line in rounds.log()), "the door says so"


def test_the_clock_outlives_what_its_worker_started(tmp_path: Path) -> None:
    """Else nothing that is lost from then on would ever be taken up again."""
    with running_hub(tmp_path / "home", replace={"HUB_SWEEP_SECONDS": "1"}) as hub:
        home = Home(hub.home)
        wait_for_sweeps(home.log("cpu_worker"), 1)
        for pid in children_of(int(home.read_state()["services"]["cpu_worker"]["pid"])):
            os.kill(pid, signal.SIGKILL)
        wait_for_sweeps(home.log("cpu_worker"), sweeps(home.log("cpu_worker")) + 3)
        assert home.read_state()["services"]["cpu_worker"]["restarts"] == 0, "it is the same worker"


def sweeps(log: Path) -> int:
    return sum("Task core.sweep" in line and "succeeded" in line for line in log.read_text().splitlines())


def wait_for_sweeps(log: Path, count: int, patience: float = 60.0) -> None:
    deadline = time.monotonic() + patience
    while not log.exists() or sweeps(log) < count:
        assert time.monotonic() < deadline, f"{sweeps(log)} sweeps, not {count}"
        time.sleep(0.2)
