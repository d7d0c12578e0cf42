"""A small client of the hub's API, as any program outside would write it.

Token, JSON, one kept-alive connection per thread.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from cellcommons.uploader import Arrival, FileContent, Uploader


class Refused(Exception):
    """The hub answered with a problem."""

    def __init__(self, status: int, problem: dict[str, Any], request: str) -> None:
        self.status, self.problem = status, problem
        said = [problem.get("detail") or problem.get("title"), problem.get("remedy"), problem.get("errors")]
        words = [part if isinstance(part, str) else json.dumps(part) for part in said if part]
        super().__init__(f"{request}: {status} {' '.join(words)}".strip())


class UploadRefused(RuntimeError):
    """A file did not come in; the message says why."""


class Api:
    """The hub's API as one person sees it.

    Args:
        url: the hub's address, ``http://127.0.0.1:8000``.
        username, password: exchanged for a token on construction, unless ``token`` is given.
    """

    def __init__(self, url: str, username: str = "", password: str = "", *, token: str = "") -> None:
        self.url = url.rstrip("/")
        self._local = threading.local()
        self.token = token
        if username:
            self.token = self.post("auth/token/", {"username": username, "password": password})["token"]

    def get(self, path: str, **query: Any) -> Any:
        """GET below ``/api/v1/``; the JSON."""
        return self._json("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST JSON; the JSON answer, or None for 204."""
        return self._json("POST", path, json.dumps(body or {}).encode(), "application/json")

    def upload(self, file: Path, *, dataset: str, **fields: Any) -> Arrival:
        """Send a file in parts, as ``POST uploads/`` takes it (``purpose``, ``source``, ...); what became of it.

        Raises:
            UploadRefused: it did not come in.
        """
        (arrival,) = Uploader(self.url, self.token, dataset=dataset).send([(FileContent(file), fields)])
        if arrival.state != "kept":
            raise UploadRefused(f"{arrival.name} was not kept: {arrival.reason} {arrival.remedy}".strip())
        return arrival

    def bring_in(self, archive: Path, *, dataset: str, layout: str) -> dict[str, Any]:
        """Import a zip; the import as it ended. Raises UploadRefused."""
        done = self.upload(archive, dataset=dataset, purpose="import", layout=layout).imported
        assert done is not None
        return done

    def all(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every row of a paged list."""
        page = 1
        while True:
            answer = self.get(path, page=page, page_size=200, **query)
            yield from answer["results"]
            if not answer["next"]:
                return
            page += 1

    def bytes(self, url: str) -> bytes | None:
        """The bytes at a URL of the hub (absolute or starting with ``/``), None if it has none."""
        status, data = self._send("GET", urlsplit(url).path, None, "")
        if status == 404:
            return None
        if status != 200:
            raise Refused(status, {"detail": data[:200].decode(errors="replace")}, f"GET {url}")
        return data

    def wait(self, path: str, *, until: tuple[str, ...], every: float = 0.5, limit: float = 1800) -> dict[str, Any]:
        """Poll ``path`` until its ``state`` is one of ``until``. Raises TimeoutError."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            row: dict[str, Any] = self.get(path)
            if row["state"] in until:
                return row
            time.sleep(every)
        raise TimeoutError(f"{path} did not reach {' or '.join(until)} within {limit:.0f} s")

    def _json(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> Any:
        status, data = self._send(method, f"/api/v1/{path}", body, content_type)
        if status == 204:
            return None
        try:
            answer = json.loads(data) if data else {}
        except ValueError:
            answer = {"detail": data[:200].decode(errors="replace")}
        if status >= 400:
            raise Refused(status, answer, f"{method} {path}")
        return answer

    def _send(self, method: str, path: str, body: bytes | None, content_type: str) -> tuple[int, bytes]:
        headers = {"Accept": "application/json, */*"}
        if content_type:
            headers["Content-Type"] = content_type
        if self.token:
            headers["Authorization"] = f"Token {self.token}"
        # The server may have closed a kept-alive connection in between, unread: then a call is sent again. On a fresh
        # connection only a GET is, for a POST may have been carried out before the answer was lost.
        for attempt in range(3):
            connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
            again = connection is not None or method == "GET"
            if connection is None:
                connection = self._local.connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=120)
            try:
                connection.request(method, path, body=body, headers=headers)
                response = connection.getresponse()
                return response.status, response.read()
            except (http.client.HTTPException, ConnectionError):
                connection.close()
                self._local.connection = None
                if attempt == 2 or not again:
                    raise
                time.sleep(0.2 * (attempt + 1))
        raise AssertionError("unreachable")
