"""Stores in the bucket of the test's server, each below a prefix of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from s3_server import S3Server

from cellcommons.s3.store import S3Store


@pytest.fixture
def credentials(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner's, in the environment, as a hub finds them."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, word in s3_server.env.items():
        monkeypatch.setenv(name, word)


@pytest.fixture
def make_store(s3_server: S3Server, credentials: None) -> Callable[..., S3Store]:
    """``make_store(prefix=..., endpoint=..., bucket=..., attempts=...)``; a prefix of its own unless one is named."""

    def make(prefix: str | None = None, *, attempts: int = 2, timeout: float = 20.0, **place: str) -> S3Store:
        address = s3_server.address(uuid.uuid4().hex if prefix is None else prefix, **place)
        return S3Store(address, attempts=attempts, timeout=timeout)

    return make


@pytest.fixture
def store(make_store: Callable[..., S3Store]) -> S3Store:
    """A fresh, empty store."""
    return make_store()
