"""A page with the probe in it, and what goes over its wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, CDPSession, Error, Page, Request

PROBE = (Path(__file__).parent / "probe.js").read_text(encoding="utf-8")
SCREEN = {"width": 1440, "height": 900}


@dataclass
class Wire:
    """Bytes of requests and answers with their headers, as the browser counts them.

    Attributes:
        scripts, pictures: received of JavaScript, and of arrays. requests: how many of all kinds.
        posts: of each post of edits, how many edits, bytes sent and bytes received.
    """

    scripts: int = 0
    pictures: int = 0
    requests: int = 0
    posts: list[tuple[int, int, int]] = field(default_factory=list)

    async def note(self, request: Request) -> None:
        """Count one request and its answer, which is there; what the end of a visit cuts off is not counted."""
        try:
            sizes = await request.sizes()
        except Error:
            return
        received = sizes["responseHeadersSize"] + sizes["responseBodySize"]
        self.requests += 1
        if request.resource_type == "script":
            self.scripts += received
        elif "/zarr/" in request.url:
            self.pictures += received
        elif request.method == "POST" and request.url.endswith("/edits/"):
            edits = len(request.post_data_json["edits"])
            self.posts.append((edits, sizes["requestHeadersSize"] + sizes["requestBodySize"], received))


@dataclass
class Visit:
    """One page of one context. ``errors``: what went wrong in it unseen."""

    page: Page
    session: CDPSession
    wire: Wire
    errors: list[str]

    async def cpu_seconds(self) -> float:
        """CPU time of the browser's renderers and of its graphics process so far: says the same on a busy machine."""
        browser = self.page.context.browser
        assert browser is not None
        session = await browser.new_browser_cdp_session()
        processes = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
        await session.detach()
        return float(sum(each["cpuTime"] for each in processes if each["type"] in ("renderer", "GPU")))

    async def read(self, expression: str) -> Any:
        """Something of the probe's: ``read("acts")``."""
        return await self.page.evaluate(f"window.__probe.{expression}")


@asynccontextmanager
async def visiting(browser: Browser, cookies: list[dict[str, Any]]) -> AsyncIterator[Visit]:
    """A context of its own, its caches empty, signed in by ``cookies``; gone after the block."""
    context = await browser.new_context(viewport=SCREEN, device_scale_factor=1)  # type: ignore[arg-type]
    await context.add_cookies(cookies)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.add_init_script(PROBE)
    visit = Visit(page, await context.new_cdp_session(page), Wire(), [])
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on("requestfinished", visit.wire.note)
    try:
        yield visit
        if visit.errors:
            raise RuntimeError(f"the page failed: {visit.errors[0]}")
    finally:
        await context.close()
