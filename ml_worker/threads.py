"""How many CPU threads a training step uses, chosen by timing steps.

A step meets a barrier some hundred times. On cores that others use too, every barrier waits for the thread that is off
its core, and two threads can take ten times as long as one: measured, on 2 cores beside another training, 3.5 s a
step with two threads and 0.34 s with one; on idle cores two threads win. Nobody knows beforehand which it will be.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

WARM_UP = 2
PROBES = 2
AGAIN_SECONDS = 12.0


class StepThreads:
    """Runs each step with the number of threads that was fastest lately.

    Args:
        most: the largest number to consider. 1, or ``adaptive`` False, leaves torch as it is.
    """

    def __init__(self, most: int, *, adaptive: bool) -> None:
        self.candidates = sorted({most, max(1, most // 2), 1}, reverse=True) if adaptive and most > 1 else []
        self.best = most
        self._steps = 0
        self._queue: list[int] = [c for c in self.candidates for _ in range(PROBES)]
        self._seconds: dict[int, list[float]] = {}
        self._asked = time.monotonic()

    @contextmanager
    def step(self) -> Iterator[None]:
        """Time the block, which is one step, under the number of threads whose turn it is."""
        if not self.candidates:
            yield
            return
        warm = self._steps < WARM_UP
        threads = self.best if warm or not self._queue else self._queue[0]
        if threads != torch.get_num_threads():
            torch.set_num_threads(threads)
        start = time.monotonic()
        yield
        self._steps += 1
        if not warm:
            self._judge(threads, time.monotonic() - start)

    def _judge(self, threads: int, seconds: float) -> None:
        # The faster of the last two: a step may be held up by chance, and is never sped up by it.
        self._seconds[threads] = [*self._seconds.get(threads, []), seconds][-2:]
        if self._queue:
            self._queue.pop(0)
            if not self._queue:
                self.best = min(self.candidates, key=lambda c: min(self._seconds[c]))
                self._asked = time.monotonic()
        elif time.monotonic() - self._asked > AGAIN_SECONDS:
            self._queue = [c for c in self.candidates if c != self.best]
            self._asked = time.monotonic()
