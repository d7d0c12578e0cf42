"""A hub's API as a person's program sees it: JSON in and out, tried again where trying again may help."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

from cellcommons.errors import CellCommonsError, InvalidDocument, Unreachable
from cellcommons.patience import Patience
from cellcommons.transport import BrokenOff


class Refused(CellCommonsError):
    """The hub answered with a problem. ``status`` is HTTP's, ``problem`` the document."""

    code = "refused"
    title = "The hub refused"

    def __init__(self, status: int, problem: dict[str, Any], where: str) -> None:
        self.status, self.problem = status, problem
        self.code = str(problem.get("type", "")).removeprefix("urn:cellcommons:") or f"status-{status}"
        what = str(problem.get("detail") or problem.get("title") or f"the hub answered {status}")
        remedy = str(problem.get("remedy") or ("Check your token." if status in (401, 403) else ""))
        super().__init__(what, where=str(problem.get("where") or where), remedy=remedy)


class HubApi:
    """One hub; a kept-alive connection for each thread.

    Requests are tried again after a broken connection or an overload: use it for what may be asked twice.

    Args:
        base_url: the hub's address. token: of a person of the hub.
        patience: how long to go on trying. timeout: seconds of silence before a connection counts as broken.
    """

    def __init__(self, base_url: str, token: str | None, *, patience: Patience, timeout: float = 60.0) -> None:
        self.base_url = base_url.rstrip("/")
        self._token, self.patience, self._timeout = token, patience, timeout
        self._local = threading.local()

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        """The JSON of a path below ``/api/v1/``, None where there is none. Raises Refused, Unreachable."""
        address = f"{self.base_url}/api/v1/{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "cellcommons"}
        if self._token:
            headers["Authorization"] = f"Token {self._token}"
        found: list[bytes] = []

        def attempt() -> None:
            found.append(self._send(method, address, None if body is None else json.dumps(body).encode(), headers))

        self.patience.retry(attempt, address)
        if not found[-1]:
            return None
        try:
            return json.loads(found[-1])
        except ValueError:
            raise Unreachable("this is not the API of a hub", where=self.base_url) from None

    def put(self, url: str, data: bytes) -> None:
        """PUT bytes at a link of the hub or of its store, once, without credentials. Raises BrokenOff, Refused."""
        address = urljoin(f"{self.base_url}/", url)
        self._send("PUT", address, data, {"Content-Type": "application/octet-stream"})

    def _send(self, method: str, address: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        parts = urlsplit(address)
        connection = self._connection(parts)
        with self._faults(address, connection):
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
            data = response.read()
        if response.status in (408, 425, 429, 500, 502, 503, 504):
            raise BrokenOff(f"the server answered {response.status} {response.reason}")
        if response.status >= 300:
            raise Refused(response.status, _document(data), self.base_url)
        return data

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        held: dict[tuple[str, str], http.client.HTTPConnection] = self._local.__dict__.setdefault("held", {})
        key = parts.scheme, parts.netloc
        if key not in held:
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise InvalidDocument("a hub is an http(s) address", where=parts.geturl()[:200])
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            held[key] = kind(parts.hostname, parts.port, timeout=self._timeout)
        return held[key]

    @contextlib.contextmanager
    def _faults(self, address: str, connection: http.client.HTTPConnection) -> Iterator[None]:
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            connection.close()
            where = address.partition("?")[0]
            raise Unreachable(
                f"the server's certificate is not trusted ({error.verify_message})", where=where
            ) from error
        except (http.client.HTTPException, OSError) as error:
            connection.close()  # opens itself anew at its next request
            raise BrokenOff(str(error) or type(error).__name__) from error
        except BaseException:
            connection.close()
            raise


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
