"""The lineage of a long movie in a real browser through a real hub: 2,000 tracks over 200 frames, a model's draft.

How many frames a second the tree has while it scrolls, and how long after a key an edit is seen.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Browser, async_playwright

from backend.door.browser import launch_options
from backend.door.home import ROOT
from backend.door.hub import Hub, running_hub
from backend.door.services import PYTHON, own_environment
from backend.rehearsal.api import Api
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.ctc import Ctc
from cellcommons.links import detections_of
from tests.bench.movies.crowd import crowd_movie
from tests.bench.painting.desk import PASSWORD, Desk
from tests.bench.painting.hand import Hand
from tests.bench.painting.visit import Visit, visiting
from tests.bench.result import Goal, Result
from tests.bench.workbench import sign_in

CAMPAIGN = "lineage"
GOALS = [Goal("tree_fps", at_least=59), Goal("edit_ms_p95", at_most=100)]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--edits", type=int, default=25, help="cuts, each taken back (25)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of scrolling, each way (4)")


def run(asked: argparse.Namespace) -> Result:
    """Import the movie, sit down, scroll, cut and undo."""
    with tempfile.TemporaryDirectory(prefix="bench-lineage-") as name:
        folder = Path(name)
        with running_hub(folder / "hub") as hub:
            return Result("lineage", asyncio.run(_measure(_prepare(hub, folder), asked)), GOALS)


def _prepare(hub: Hub, folder: Path) -> Desk:
    account = hub.accounts["curator"]
    curator = Api(hub.url, account["username"], account["password"])
    movie = crowd_movie()
    image = ImageData((movie.data > 0).astype(np.uint8)[:, None] * np.uint8(200), "tcyx", ("nuclei",))
    Ctc().write([Record(Entry("01", (), ""), image, movie, Path())], folder / "set")
    with zipfile.ZipFile(folder / "movies.zip", "w") as archive:
        for path in sorted((folder / "set").rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder / "set").as_posix())
    curator.post("datasets/", {"slug": "lineage", "title": "Lineage", "licence": "CC0-1.0"})
    curator.bring_in(folder / "movies.zip", dataset="commons/lineage", layout="ctc")
    order = {"slug": CAMPAIGN, "title": "Crowd", "dataset": "commons/lineage", "task": "tracking"}
    curator.post("campaigns/", order | {"readings_needed": 5})
    curator.post(f"campaigns/commons/{CAMPAIGN}/open/")
    links = folder / "links.json"
    links.write_text(json.dumps(detections_of(movie)[1]), encoding="utf-8")
    command = [str(PYTHON), "-m", "tests.bench.movies.attach", str(links), CAMPAIGN]
    subprocess.run(command, cwd=ROOT, env=own_environment() | hub.env, check=True)
    curator.post("people/", {"username": "follower", "password": PASSWORD, "role": "annotator"})
    cells = int(sum(len(np.unique(frame)) - 1 for frame in movie.data))
    return Desk(hub.url, f"commons/{CAMPAIGN}", "follower", PASSWORD, cells)


async def _measure(desk: Desk, asked: argparse.Namespace) -> dict[str, Any]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())  # type: ignore[arg-type]
        figures = await _follow(browser, desk, asked)
        await browser.close()
    return {"cells": desk.cells} | figures


async def _follow(browser: Browser, desk: Desk, asked: argparse.Namespace) -> dict[str, Any]:
    cookies = await sign_in(browser, desk)
    async with visiting(browser, cookies) as visit:
        page = visit.page
        await page.goto(f"{desk.url}/annotate/{desk.campaign}")
        await page.locator(".tree-stage canvas").wait_for(state="attached", timeout=120_000)
        said = page.locator(".track-numbers dd")
        begun = await page.evaluate("performance.now()")
        await page.get_by_text("Reading the movie, frame").wait_for(state="detached", timeout=300_000)
        ready = await page.evaluate("performance.now()")
        figures: dict[str, Any] = {
            "tracks": int((await said.first.inner_text()).replace(",", "")),
            "movie_read_ms": ready - begun,
        }
        return figures | await _scroll(visit, asked.seconds) | await _edit(visit, asked.edits)


async def _scroll(visit: Visit, seconds: float) -> dict[str, Any]:
    """Down and up again with the wheel, in rows to be read and in rows of an overview."""
    page, box = visit.page, await visit.page.locator(".tree-box").bounding_box()
    assert box is not None
    hand = Hand(page, visit.session)
    shown = watched = cpu = 0.0
    intervals: list[float] = []
    for lower in (0, 3):
        for _ in range(lower):
            await page.get_by_role("button", name="Lower rows").click()
        await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        for direction in (1, -1):
            await hand.rest()
            before = await visit.cpu_seconds()
            await visit.read("watch()")
            loop = asyncio.get_running_loop()
            until = loop.time() + seconds
            while loop.time() < until:
                await page.mouse.wheel(0, 90 * direction)
                await asyncio.sleep(0.016)
            frames = await visit.read("frameTimes()")
            cpu += await visit.cpu_seconds() - before
            shown, watched = shown + len(frames["times"]), watched + frames["ms"]
            intervals += list(np.diff(frames["times"]))
    for _ in range(3):
        await page.get_by_role("button", name="Higher rows").click()
    return {
        "tree_fps": 1000 * shown / watched,
        "frames_over_25_ms_share": float(np.mean(np.array(intervals) > 25)),
        "scroll_cpu_ms_a_frame": 1000 * cpu / shown,
    }


async def _edit(visit: Visit, edits: int) -> dict[str, Any]:
    """Choose a track in the tree, cut it there, take it back: from the key to the frame that shows it."""
    page, hand, rng = visit.page, Hand(visit.page, visit.session), np.random.default_rng(3)
    box = await page.locator(".tree-box").bounding_box()
    assert box is not None
    spent: dict[str, list[float]] = {"cut": [], "undo": []}
    work: list[float] = []
    cpu = 0.0
    for _ in range(4 * edits):
        if len(spent["undo"]) >= edits:
            break
        await page.locator(".tree-box").evaluate(
            "(box, share) => (box.scrollTop = share * box.scrollHeight)", rng.uniform()
        )
        await hand.rest()
        await page.mouse.click(box["x"] + rng.uniform(0.3, 0.95) * box["width"], box["y"] + rng.uniform(40, 140))
        await page.locator(".frame-number.late").wait_for(state="detached")
        await hand.rest()
        for name, key, words in (("cut", "u", "begins here"), ("undo", "z", "Undone")):
            await page.evaluate("__probe.acts.length = 0")
            before = await visit.cpu_seconds()
            await page.keyboard.press(key)
            await hand.rest()
            if words not in " ".join(await page.locator(".prompt-said").all_inner_texts()):
                break  # no track was there, or it begins there already
            (act,) = [act for act in await visit.read("acts") if act["type"] == "keydown"]
            spent[name].append(act["latency"])
            work.append(act["work"])
            cpu += await visit.cpu_seconds() - before
    both = spent["cut"] + spent["undo"]
    if len(spent["undo"]) < edits:
        raise RuntimeError(f"only {len(spent['undo'])} of {edits} cuts were possible")
    return {
        "edits": len(both),
        "edit_ms_p50": float(np.percentile(both, 50)),
        "edit_ms_p95": float(np.percentile(both, 95)),
        "edit_work_ms_p95": float(np.percentile(work, 95)),
        "edit_cpu_ms": 1000 * cpu / len(both),
        **{f"{name}_ms_p95": float(np.percentile(values, 95)) for name, values in spent.items()},
    }
