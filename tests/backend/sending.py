"""Sending files to the hub of a test as a client does: declared, in parts, finished, and read as a worker reads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from asgiref.sync import async_to_sync
from PIL import Image as Picture
from rest_framework.test import APIClient

from backend.asgi import application
from backend.imaging.services.arrivals import receive_upload

URL = "/api/v1/uploads/"


def png(seed: int = 1) -> bytes:
    """A picture of noise, 300 x 300, that no other seed gives."""
    buffer = BytesIO()
    Picture.fromarray(np.random.default_rng(seed).integers(0, 255, (300, 300)).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def links(client: APIClient, upload: Any, **query: Any) -> list[Any]:
    """Where the missing parts of ``upload`` go."""
    return client.get(f"{URL}{upload['id']}/links/", query).data["links"]


def put(url: str, data: bytes, *, block: int = 1 << 20, breaks_off: bool = False, declared: int | None = None) -> Any:
    """PUT ``data``; (status, body). Where the connection breaks off, nothing is answered and None returned."""
    messages = [
        {"type": "http.request", "body": data[start : start + block], "more_body": start + block < len(data)}
        for start in range(0, max(1, len(data)), block)
    ]
    if breaks_off:
        messages[-1] = {"type": "http.disconnect"}
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    parts = urlsplit(url)
    length = len(data) if declared is None else declared
    scope = {
        "type": "http", "method": "PUT", "path": parts.path, "query_string": parts.query.encode(),
        "headers": [(b"content-length", str(length).encode())],
    }  # fmt: skip
    async_to_sync(application)(scope, receive, send)
    return (answers[0]["status"], answers[1]["body"]) if answers else None


def declare(client: APIClient, data: bytes, name: str, **fields: Any) -> Any:
    """Begin an upload; the response."""
    body = {"dataset": "commons/cells", "purpose": "image", "name": name, "size": len(data)}
    return client.post(URL, body | {"sha256": hashlib.sha256(data).hexdigest()} | fields)


def send_parts(client: APIClient, upload: dict[str, Any], data: bytes) -> None:
    """PUT every missing part at its link."""
    while links := client.get(f"{URL}{upload['id']}/links/").data["links"]:
        for link in links:
            assert put(link["url"], data[link["offset"] :][: link["length"]]) == (204, b"")


def upload(client: APIClient, data: bytes, name: str, *, commits: Callable[..., Any], **fields: Any) -> Any:
    """All of it; the refusal of the declaration, or the upload as it ended. ``commits``: Django's capture fixture."""
    begun = declare(client, data, name, **fields)
    if begun.status_code >= 400:
        return begun
    if begun.data["state"] == "sending":
        send_parts(client, begun.data, data)
        with commits(execute=True):
            assert client.post(f"{URL}{begun.data['id']}/finish/").status_code == 202
    receive_upload(upload_id=begun.data["id"])
    return client.get(f"{URL}{begun.data['id']}/")
