"""A hub whose parts are killed in the middle of its work; `python -m tests.faults` does this a hundred times."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.rounds import Rounds

pytestmark = pytest.mark.journey


def test_six_deaths_lose_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    rounds = Rounds(tmp_path, store="folder", seed=5, say=said.append)
    outcome = rounds.run(6, ["upload", "publish"], stop_at=time.monotonic() + 150)
    assert [point for point in outcome.points if point.wrong] == [], said
    assert outcome.wrong == []
    assert outcome.points, "at least one point fits into the time"
    assert outcome.acknowledged["releases"] >= 3
    assert any("was killed by SIGKILL: starting it again in" in line for line in rounds.log()), "the door says so"
