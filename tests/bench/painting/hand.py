"""A hand at the mouse of a real browser: 125 events a second, as a mouse sends, without waiting for the page."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from playwright.async_api import CDPSession, Page

BEAT = 0.008
Point = tuple[float, float]


class Hand:
    """Moves the mouse of one page by the DevTools protocol. Points are (x, y) in CSS pixels of the page."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self.page, self._session = page, session

    async def stroke(self, path: Sequence[Point], *, button: str = "left") -> None:
        """Press at the first point, drag along the others, release; returns when the page has taken all of it."""
        held = {"button": button, "buttons": 1 if button == "left" else 2}
        sent = [self._send("mouseMoved", path[0]), self._send("mousePressed", path[0], clickCount=1, **held)]
        loop = asyncio.get_running_loop()
        due = loop.time()
        for point in path[1:]:
            due += BEAT
            await asyncio.sleep(max(0.0, due - loop.time()))
            sent.append(self._send("mouseMoved", point, **held))
        sent.append(self._send("mouseReleased", path[-1], clickCount=1, button=button))
        await asyncio.gather(*sent)

    async def slow_stroke(self, path: Sequence[Point]) -> None:
        """The same, but the next point waits until the page has painted the last: a frame for each, on any machine."""
        await self._send("mouseMoved", path[0])
        await self._send("mousePressed", path[0], clickCount=1, button="left", buttons=1)
        for point in path[1:]:
            await self._send("mouseMoved", point, button="left", buttons=1)
            await self.page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        await self._send("mouseReleased", path[-1], clickCount=1, button="left")

    async def move(self, path: Sequence[Point]) -> None:
        """Move along points with no button down."""
        sent = []
        for point in path:
            sent.append(self._send("mouseMoved", point))
            await asyncio.sleep(BEAT)
        await asyncio.gather(*sent)

    def _send(self, kind: str, at: Point, **more: Any) -> asyncio.Future[Any]:
        event = {"type": kind, "x": at[0], "y": at[1], "pointerType": "mouse", **more}
        return asyncio.ensure_future(self._session.send("Input.dispatchMouseEvent", event))

    async def rest(self) -> None:
        """Let the page come to rest: every event is painted, and nothing that it started is the next one's fault."""
        await self.page.wait_for_timeout(150)
        while await self.page.evaluate("__probe.busy()"):
            await self.page.wait_for_timeout(20)


def random_strokes(rng: np.random.Generator, box: dict[str, float], count: int, moves: int = 50) -> list[list[Point]]:
    """Strokes of a person at work inside ``box`` (CSS pixels): every other one a circle, the others wander."""
    strokes = []
    for number in range(count):
        x = box["x"] + rng.uniform(0.25, 0.75) * box["width"]
        y = box["y"] + rng.uniform(0.25, 0.75) * box["height"]
        if number % 2:
            radius, start = rng.uniform(12, 40), rng.uniform(0, 2 * math.pi)
            turns = start + np.linspace(0, 2 * math.pi, moves)
            strokes.append([(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns])
        else:
            turns = rng.uniform(0, 2 * math.pi) + np.cumsum(rng.normal(0, 0.25, moves))
            strokes.append(list(zip(x + np.cumsum(3 * np.cos(turns)), y + np.cumsum(3 * np.sin(turns)), strict=True)))
    return strokes
