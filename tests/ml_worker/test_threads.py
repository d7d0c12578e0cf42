"""The number of threads follows what steps take."""

from __future__ import annotations

import time

import pytest
import torch

from ml_worker import threads
from ml_worker.threads import StepThreads


@pytest.fixture(autouse=True)
def _restore_threads() -> object:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _run(chooser: StepThreads, seconds: dict[int, float], steps: int) -> list[int]:
    used = []
    for _ in range(steps):
        with chooser.step():
            used.append(torch.get_num_threads())
            time.sleep(seconds[used[-1]])
    return used


def test_the_faster_number_is_kept_and_the_other_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    chooser = StepThreads(2, adaptive=True)
    used = _run(chooser, {2: 0.02, 1: 0.002}, 12)
    assert used[-6:] == [1] * 6
    # The neighbour is gone: now two threads are faster.
    monkeypatch.setattr(threads, "AGAIN_SECONDS", 0.0)
    used = _run(chooser, {2: 0.002, 1: 0.03}, 8)
    assert chooser.best == 2
    assert used.count(2) >= 3


def test_a_fixed_number_is_left_alone() -> None:
    before = torch.get_num_threads()
    assert set(_run(StepThreads(before, adaptive=False), {before: 0.0}, 5)) == {before}
    assert StepThreads(1, adaptive=True).candidates == []
