"""A person at a browser: signs in by the form, draws as a hand does, and goes by the names on the page."""

from __future__ import annotations

import contextlib
import math
import re
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Error, Locator, Page, expect

Point = tuple[float, float]
# A loaded machine is no failure.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)


class Visitor:
    """One person in a browser context of their own.

    Attributes:
        page: what they look at. errors: uncaught errors of their pages.
    """

    def __init__(self, browser: Browser, url: str, *, width: int = 1280, height: int = 800) -> None:
        self.url = url
        self.context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        self.context.set_default_timeout(PATIENCE)
        self.errors: list[str] = []
        self.page = self.new_page()

    def new_page(self) -> Page:
        """Another tab, which becomes the one they look at."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page = page
        return page

    def sign_in(self, username: str, password: str) -> None:
        """Open the hub and sign in by the form."""
        self.page.goto(self.url)
        self.page.get_by_label("Name").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("heading", name=f"Hello, {username}")).to_be_visible()

    def crash(self) -> None:
        """Kill the tab's process: no handler of the page runs."""
        with self.page.expect_event("crash"), contextlib.suppress(Error):
            self.page.goto("chrome://crash")
        self.page.close()

    def close(self) -> None:
        """Leave. Raises AssertionError if a page had an uncaught error."""
        self.context.close()
        assert self.errors == []


class Bench:
    """The workbench on a visitor's page. Image coordinates are continuous (y, x): pixel centres lie at halves."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.picture: Locator = page.get_by_role("application")

    def wait(self) -> str:
        """Wait until an image is there in full; its name."""
        expect(self.picture).to_be_visible()
        expect(self.page.get_by_role("slider", name=re.compile("darkest")).first).to_be_visible()
        expect(self.page.get_by_text("Loading", exact=False)).to_have_count(0)
        label = self.picture.get_attribute("aria-label") or ""
        found = re.match(r"Image (.+)\. \d+ cells\.", label)
        assert found, label
        return found[1]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image, as the status bar says."""
        said = self.page.locator("footer").inner_text()
        width, height = map(int, re.search(r"(\d+) × (\d+)", said).groups())
        return height, width

    def fit(self) -> None:
        """Show the whole image, so that places on it are known."""
        self.page.keyboard.press("f")

    def on_screen(self, at: Point) -> Point:
        """Page coordinates (x, y) of an image point of a fitted image: centred, with a margin of 24 pixels."""
        height, width = self.size
        box = self.picture.bounding_box()
        scale = min((box["width"] - 48) / width, (box["height"] - 48) / height)
        x = box["x"] + box["width"] / 2 + (at[1] - width / 2) * scale
        y = box["y"] + box["height"] / 2 + (at[0] - height / 2) * scale
        return x, y

    def hover(self, at: Point) -> None:
        """Move the pointer to an image point."""
        self.page.mouse.move(*self.on_screen(at))

    def cell_at(self, at: Point) -> int:
        """The cell that the status bar names at an image point; 0 for background."""
        self.hover(at)
        under = self.page.locator("footer .under")
        expect(under).to_contain_text(f"x {math.floor(at[1])} y {math.floor(at[0])}")
        found = re.search(r"cell (\d+)|background", under.inner_text())
        assert found, under.inner_text()
        return int(found[1] or 0)

    def stroke(self, path: list[Point], *, button: Any = "left") -> None:
        """Drag over image points."""
        self.hover(path[0])
        self.page.mouse.down(button=button)
        for at in path[1:]:
            self.hover(at)
        self.page.mouse.up(button=button)

    def circle(self, centre: Point, radius: float) -> None:
        """Drag once around a centre."""
        turns = [2 * math.pi * step / 24 for step in range(25)]
        self.stroke([(centre[0] + radius * math.sin(turn), centre[1] + radius * math.cos(turn)) for turn in turns])

    def expect_cells(self, count: int) -> None:
        """The panel counts this many cells."""
        expect(self.page.get_by_role("region", name="Labels").locator(".count")).to_have_text(str(count))

    def expect_mark(self, text: str) -> None:
        """The durable mark in the top bar begins with this."""
        expect(self.page.locator("header .durable")).to_have_text(re.compile(f"^{text}"))

    def pixels(self) -> NDArray[np.uint8]:
        """The picture as it is on the screen, rgb, without its rim: neither the pointer's ring nor the focus shows."""
        box = self.picture.bounding_box()
        self.page.mouse.move(box["x"] + 2, box["y"] + 2)
        return imagecodecs.png_decode(self.picture.screenshot())[20:-20, 20:-20, :3]
