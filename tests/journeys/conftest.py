"""A whole hub and a real browser for journeys through them. `./hub test` fetches what they need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from s3_server import S3Server

from backend.door.browser import launch_options
from backend.door.hub import Hub, running_hub


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A running hub with an operator and nothing else: `hub.url`, `hub.accounts`, `hub.env` for manage.py."""
    home = tmp_path_factory.mktemp("hub") / "home"
    with running_hub(home) as running:
        yield running


@pytest.fixture(scope="session")
def said() -> list[str]:
    """What `./hub up` printed of the hub on a bucket."""
    return []


@pytest.fixture(scope="session")
def bucket_hub(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory, said: list[str]) -> Iterator[Hub]:
    """A hub whose objects are in a bucket, which clients reach themselves."""
    home = tmp_path_factory.mktemp("bucket") / "home"
    replace = {"OBJECTS_URL": s3_server.address("journey"), "OBJECTS_PUBLIC_ENDPOINT": s3_server.endpoint}
    with running_hub(home, replace=replace | s3_server.env, log=said.append) as hub:
        yield hub


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium, headless; take a context of your own from it, so that no journey sees another's cookies."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**launch_options())
        yield chromium
        chromium.close()
