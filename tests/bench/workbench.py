"""The workbench in a real browser through a real hub: how long a person waits for what their hand does.

Headless Chromium, WebGL in software, 2048 x 2048 pixels in four channels of 16 bits, about 5,000 cells of a draft.
Beside it, in the same browser, the least that one writes: a 2-D canvas, the whole layer as a PNG per stroke.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Browser, async_playwright

from backend.door.browser import launch_options
from backend.door.hub import running_hub
from tests.bench.painting.desk import Desk, prepare_desk
from tests.bench.painting.hand import Hand, random_strokes
from tests.bench.painting.visit import SCREEN, Visit, Wire, visiting
from tests.bench.result import Goal, Result

SCEPTIC = Path(__file__).parent / "painting" / "sceptic.html"
GOALS = [
    Goal("action_ms_p95", at_most=100),
    Goal("move_work_ms_p95", at_most=16),
    Goal("durable_ms_p95", at_most=5),
    Goal("bytes_a_stroke", at_most=2000),
    Goal("painting_fps", at_least=59),
    Goal("undo_work_ms_p95", at_most=16),
    Goal("first_image_ms", at_most=1500),
    Goal("first_load_script_kb", at_most=150),
]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--strokes", type=int, default=40, help="in each pass (40)")
    parser.add_argument("--times", type=int, default=12, help="each action (12)")
    parser.add_argument("--loads", type=int, default=5, help="first loads (5)")


def run(asked: argparse.Namespace) -> Result:
    """Sit down, look, paint, act; then the sceptic's page."""
    with tempfile.TemporaryDirectory(prefix="bench-workbench-") as name:
        folder = Path(name)
        with running_hub(folder / "hub") as hub:
            figures, peer = asyncio.run(_measure(prepare_desk(hub, folder), asked))
    figures |= {f"times_sceptic_{name}": value / figures[name] for name, value in peer.items() if figures.get(name)}
    return Result("workbench", figures, GOALS, {"2-D canvas, a PNG of the layer per stroke": peer})


async def _measure(desk: Desk, asked: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())  # type: ignore[arg-type]
        figures = await _ours(browser, desk, asked)
        peer = await _sceptic(browser, desk, asked)
        await browser.close()
    return figures, peer


async def _ours(browser: Browser, desk: Desk, asked: argparse.Namespace) -> dict[str, Any]:
    cookies = await sign_in(browser, desk)
    figures: dict[str, Any] = {"cells": desk.cells}
    figures |= await _first_loads(browser, cookies, desk, asked.loads)
    async with visiting(browser, cookies) as visit:
        await _open(visit, desk)
        figures |= await _paint(visit, asked.strokes, zooms=(0, 4))
        figures |= _wire_figures(visit)
        figures |= await _undo(visit, asked.times)
        figures |= await _act(visit, asked.times)
    return figures


async def _sceptic(browser: Browser, desk: Desk, asked: argparse.Namespace) -> dict[str, Any]:
    """The same strokes on the other page; it cannot zoom."""
    async with visiting(browser, []) as visit:
        await visit.page.route("**/sceptic", lambda route: route.fulfill(path=SCEPTIC, content_type="text/html"))
        await visit.page.goto(f"{desk.url}/sceptic")
        await visit.page.wait_for_selector("body[data-ready]", state="attached")
        figures = await _paint(visit, asked.strokes, zooms=(0,))
        figures["bytes_a_stroke"] = float(np.mean(await visit.page.evaluate("sizes")))
        return figures | await _undo(visit, 5)


async def sign_in(browser: Browser, desk: Desk) -> list[dict[str, Any]]:
    """Cookies of the desk's person."""
    context = await browser.new_context(viewport=SCREEN)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(desk.url)
    await page.get_by_label("Name").fill(desk.username)
    await page.get_by_label("Password").fill(desk.password)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Hello").wait_for()
    cookies = await context.cookies()
    await context.close()
    return [dict(cookie) for cookie in cookies]


async def _open(visit: Visit, desk: Desk) -> None:
    """Go to the campaign and wait until the picture is there in full."""
    await visit.page.goto(f"{desk.url}/annotate/{desk.campaign}")
    while await visit.read("image") is None:
        await visit.page.wait_for_timeout(50)
    before = -1.0
    while (now := await visit.read("pixels")) != before:
        before = now
        await visit.page.wait_for_timeout(1500)


async def _first_loads(browser: Browser, cookies: list[dict[str, Any]], desk: Desk, count: int) -> dict[str, Any]:
    """Signed in, caches empty. The first visit leases the image and is not counted."""
    images, fulls, longs = [], [], []
    wire = Wire()
    for number in range(count + 1):
        async with visiting(browser, cookies) as visit:
            await _open(visit, desk)
            if number:
                images.append(await visit.read("image"))
                fulls.append(await visit.read("pixels"))
                longs.append(max(await visit.read("long"), default=0))
            wire = visit.wire
    return {
        "first_image_ms": float(np.median(images)),
        "first_image_ms_worst": float(np.max(images)),
        "full_image_ms": float(np.median(fulls)),
        "longest_task_while_loading_ms": float(np.median(longs)),
        "first_load_script_kb": wire.scripts / 1000,
        "first_load_array_mb": wire.pictures / 1e6,
        "first_load_requests": wire.requests,
    }


async def _box(visit: Visit) -> dict[str, float]:
    box = await visit.page.locator(".bench-picture").bounding_box()
    assert box is not None
    return dict(box)


async def _acts(visit: Visit, *types: str) -> list[dict[str, Any]]:
    return [act for act in await visit.read("acts") if not types or act["type"] in types]


def _p(values: list[float], share: int) -> float:
    return float(np.percentile(values, share)) if values else float("nan")


async def _paint(visit: Visit, strokes: int, zooms: tuple[int, ...]) -> dict[str, Any]:
    """The same strokes far out and after ``zooms`` steps of the wheel, in three passes.

    ``quick``: at a person's pace; frames and the journal are watched. ``exact``: the graphics side of each frame is
    waited for. ``slow``: a frame for each move, for CPU time, which says the same on a busy machine.
    """
    box, hand = await _box(visit), Hand(visit.page, visit.session)
    intervals: list[float] = []
    acts: list[dict[str, Any]] = []
    cpu = slow_moves = shown = watched = 0.0
    for way in ("quick", "exact", "slow"):
        for zoom in zooms:
            rng = np.random.default_rng([7, zoom, len(way)])
            await _look(visit, hand, box, zoom)
            await visit.page.evaluate(f"__probe.exact = {str(way == 'exact').lower()}; __probe.acts.length = 0")
            before = await visit.cpu_seconds()
            for stroke in random_strokes(rng, box, strokes // len(zooms)):
                if way == "slow":
                    await hand.slow_stroke(stroke)
                    slow_moves += len(stroke)
                    continue
                await visit.read("watch()")
                await hand.stroke(stroke)
                frames = await visit.read("frameTimes()")
                if way == "quick":
                    shown, watched = shown + len(frames["times"]), watched + frames["ms"]
                    intervals += list(np.diff(frames["times"]))
                await hand.rest()
            if way == "slow":
                cpu += await visit.cpu_seconds() - before
            elif way == "exact":
                acts += await _acts(visit, "pointermove")
    durable = await visit.read("durable")
    return {
        "strokes": 3 * (strokes // len(zooms)) * len(zooms),
        "painting_fps": 1000 * shown / watched,
        "frames_over_25_ms_share": float(np.mean(np.array(intervals) > 25)),
        "move_work_ms_p50": _p([act["work"] for act in acts], 50),
        "move_work_ms_p95": _p([act["work"] for act in acts], 95),
        "move_to_paint_ms_p95": _p([act["latency"] for act in acts], 95),
        "moves_painted": float(np.mean([act["changed"] for act in acts if act["changed"] is not None])),
        "cpu_ms_a_move": 1000 * cpu / slow_moves,
        "durable_ms_p50": _p(durable, 50),
        "durable_ms_p95": _p(durable, 95),
    }


async def _look(visit: Visit, hand: Hand, box: dict[str, float], zoom: int) -> None:
    await visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await visit.page.keyboard.press("f")
    for _ in range(zoom):
        await visit.page.mouse.wheel(0, -250)
    await hand.rest()


def _wire_figures(visit: Visit) -> dict[str, Any]:
    edits = sum(edits for edits, _, _ in visit.wire.posts)
    return {
        "bytes_a_stroke": sum(sent + received for _, sent, received in visit.wire.posts) / edits,
        "bytes_a_stroke_sent": sum(sent for _, sent, _ in visit.wire.posts) / edits,
        "bytes_a_stroke_most": max((sent + received) / count for count, sent, received in visit.wire.posts),
        "edits_on_the_wire": edits,
    }


async def _undo(visit: Visit, times: int) -> dict[str, Any]:
    """Take strokes back one after the other, each waited for."""
    hand = Hand(visit.page, visit.session)
    await visit.page.evaluate("__probe.exact = true; __probe.acts.length = 0")
    for _ in range(times):
        await visit.page.keyboard.press("z")
        await hand.rest()
    acts = await _acts(visit, "keydown")
    await visit.page.evaluate("__probe.exact = false")
    return {
        "undo_work_ms_p95": _p([act["work"] for act in acts], 95),
        "undo_ms_p95": _p([act["latency"] for act in acts], 95),
    }


async def _act(visit: Visit, times: int) -> dict[str, Any]:
    """Every action, ``times`` each, far out, where most is to be drawn: from the event to the painted frame."""
    page, box = visit.page, await _box(visit)
    hand, rng = Hand(page, visit.session), np.random.default_rng(11)

    def somewhere() -> tuple[float, float]:
        return (
            box["x"] + rng.uniform(0.3, 0.7) * box["width"],
            box["y"] + rng.uniform(0.3, 0.7) * box["height"],
        )

    async def press(key: str) -> None:
        await page.keyboard.press(key)

    async def click() -> None:
        await page.mouse.click(*somewhere())

    async def hover() -> None:
        start = somewhere()
        await hand.move([(start[0] + 4 * step, start[1]) for step in range(12)])

    async def wheel() -> None:
        await page.mouse.move(*somewhere())
        await page.mouse.wheel(0, float(rng.choice([-200, 200])))

    async def drag() -> None:
        start = somewhere()
        await hand.stroke([(start[0] + 5 * step, start[1] + 3 * step) for step in range(20)])

    async def slide(name: str) -> None:
        slider = page.get_by_role("slider", name=name).first
        await slider.focus()
        await slider.press(str(rng.choice(["ArrowLeft", "ArrowRight"])))
        await page.locator(".bench-picture").focus()

    def key(name: str) -> Callable[[], Awaitable[None]]:
        return lambda: press(name)

    actions: dict[str, tuple[str, Callable[[], Awaitable[None]]]] = {
        "new cell": ("n", click),
        "paint": ("b", click),
        "erase": ("e", click),
        "select": ("v", click),
        "next cell": ("f", key(".")),
        "delete the cell": ("v", key("d")),
        "hover to delete": ("x", hover),
        "delete by click": ("x", click),
        "undo": ("f", key("z")),
        "redo": ("f", key("y")),
        "labels": ("f", key("h")),
        "outlines": ("f", key("o")),
        "channel": ("f", key("1")),
        "brush size": ("b", key("]")),
        "zoom": ("f", wheel),
        "fit": ("m", key("f")),
        "move": ("m", drag),
        "arrow": ("m", key("ArrowLeft")),
        "contrast": ("f", lambda: slide("brightest")),
        "fill": ("f", lambda: slide("Fill")),
    }
    await page.evaluate("__probe.exact = true")
    latencies: dict[str, list[float]] = {}
    cpu: dict[str, float] = {}
    for name, (before, act) in actions.items():
        await press(before)
        await hand.rest()
        spent = await visit.cpu_seconds()
        for _ in range(times):
            await hand.rest()
            await page.evaluate("__probe.acts.length = 0")
            await act()
            await hand.rest()
            acts = await _acts(visit)
            if not acts:
                raise RuntimeError(f"the page took no event of {name!r}")
            latencies.setdefault(name, []).extend(event["latency"] for event in acts)
        cpu[name] = round(1000 * (await visit.cpu_seconds() - spent) / times, 1)
    slowest = max(latencies, key=lambda name: _p(latencies[name], 95))
    return {
        "action_ms_p95": _p([value for values in latencies.values() for value in values], 95),
        "slowest_action": slowest,
        "slowest_action_ms_p95": _p(latencies[slowest], 95),
        "action_cpu_ms_by_name": cpu,
        "action_ms_p95_by_name": {name: round(_p(values, 95), 1) for name, values in latencies.items()},
    }
