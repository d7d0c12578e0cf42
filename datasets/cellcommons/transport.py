"""Where releases are read from: a hub or static files over HTTP, or a folder. Standard library only."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from cellcommons.errors import CellCommonsError, InvalidDocument, NotFound, Unreachable, Withdrawn

# What is received, hashed and written lies in the processor's cache meanwhile.
BLOCK = 1 << 18
REDIRECTS = 5


class BrokenOff(Exception):
    """A fault that trying again may mend: a dropped connection, a time-out, a busy server.

    ``gained`` is the number of bytes that came before it.
    """

    gained = 0


class RangeRefused(BrokenOff):
    """The server has no bytes from there on: what was kept so far is not the beginning of this file."""


@dataclass
class Body:
    """A stream of bytes that begins at ``start`` of the whole.

    Attributes:
        start: offset of the first byte; 0 where the other side cannot send ranges.
        blocks: the bytes, each block valid until the next is asked for; raises BrokenOff if they end early.
    """

    start: int
    blocks: Iterator[bytes | memoryview]


class Source(Protocol):
    """A place that holds files by relative path.

    Attributes:
        packs: whether it may have packs, see ``cellcommons.object_packs``.
    """

    packs: bool

    def open(self, path: str, start: int = 0, stop: int | None = None) -> contextlib.AbstractContextManager[Body]:
        """Stream a file from byte ``start`` to ``stop``; where ranges are not to be had, from its first to its last.

        Raises:
            NotFound, Withdrawn, BrokenOff, Unreachable.
        """

    def open_pack(self, digests: Sequence[str]) -> contextlib.AbstractContextManager[Body]:
        """Stream the objects of that sha256 as one pack. Raises as ``open``; NotFound where there are no packs."""

    def close(self) -> None:
        """Break off everything under way, from any thread."""


class FolderSource:
    """A folder of files."""

    packs = False

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextlib.contextmanager
    def open(self, path: str, start: int = 0, stop: int | None = None) -> Iterator[Body]:
        try:
            handle = open(self.root / path, "rb")  # noqa: SIM115 closed by the with below, whose faults are not ours
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFound("no such file", where=str(self.root / path)) from None
        with handle:
            handle.seek(start)
            if stop is None:
                yield Body(start, iter(lambda: handle.read(BLOCK), b""))
            else:
                yield Body(start, iter([handle.read(stop - start)]))

    def open_pack(self, digests: Sequence[str]) -> contextlib.AbstractContextManager[Body]:
        raise NotFound("a folder has no packs", where=str(self.root))

    def close(self) -> None:
        """Nothing is held open between calls."""


class HttpSource:
    """Files below ``base_url``; one kept-alive connection per thread.

    Args:
        token: sent as ``Authorization: Token ...``, to the base's own host only.
        timeout: seconds without a byte before a connection counts as broken.
        packs: whether this is a release of a hub, which has packs.
    """

    def __init__(self, base_url: str, *, token: str | None = None, timeout: float = 30.0, packs: bool = False) -> None:
        self.base, self.packs = base_url.rstrip("/") + "/", packs
        self._token, self._timeout = token, timeout
        self._local = threading.local()
        self._all: set[http.client.HTTPConnection] = set()
        self._lock = threading.Lock()
        self._closed = False

    @contextlib.contextmanager
    def open(self, path: str, start: int = 0, stop: int | None = None) -> Iterator[Body]:
        url = urljoin(self.base, path)
        for _ in range(REDIRECTS):
            response, connection = self._request(url, start, stop)
            if response.status not in (301, 302, 303, 307, 308):
                break
            with self._faults(url, connection):
                response.read()
            url = urljoin(url, response.headers.get("Location", ""))
        else:
            raise Unreachable(f"more than {REDIRECTS} redirects", where=url)
        with self._body(response, connection, url) as body:
            yield body

    @contextlib.contextmanager
    def open_pack(self, digests: Sequence[str]) -> Iterator[Body]:
        url = urljoin(self.base, "objects/")
        response, connection = self._request(url, body=json.dumps({"sha256": list(digests)}).encode())
        with self._body(response, connection, url, at_once=True) as body:
            yield body

    @contextlib.contextmanager
    def _body(
        self,
        response: http.client.HTTPResponse,
        connection: http.client.HTTPConnection,
        url: str,
        *,
        at_once: bool = False,
    ) -> Iterator[Body]:
        finished = False
        try:
            with self._faults(url, connection):
                _refuse(response, url)
            yield Body(_first_byte(response), self._blocks(response, url, connection, at_once=at_once))
            finished = response.isclosed()
        finally:
            if not finished:
                # Unread bytes are still on the wire, so this connection cannot carry another request.
                self._drop(connection)

    def close(self) -> None:
        # First the mark, then the sockets: whoever connects in between sees the mark, the others are woken.
        self._closed = True
        with self._lock:
            connections = list(self._all)
        for connection in connections:
            if sock := connection.sock:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _request(
        self, url: str, start: int = 0, stop: int | None = None, body: bytes | None = None
    ) -> tuple[http.client.HTTPResponse, http.client.HTTPConnection]:
        """The answer to a GET of a range, or to a POST of ``body``."""
        parts = urlsplit(url)
        headers = {"User-Agent": "cellcommons", "Accept-Encoding": "identity"}
        if start or stop is not None:
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        if self._token and urlsplit(self.base)[:2] == parts[:2]:
            headers["Authorization"] = f"Token {self._token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = self._connection(parts)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        with self._faults(url, connection):
            connection.request("GET" if body is None else "POST", target or "/", body=body, headers=headers)
            if self._closed:
                raise ConnectionAbortedError("the download was stopped")
            return connection.getresponse(), connection

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        held: dict[tuple[str, str], http.client.HTTPConnection] = self._local.__dict__.setdefault("held", {})
        key = (parts.scheme, parts.netloc)
        if key not in held:
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise InvalidDocument("not an http address", where=parts.geturl())
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            held[key] = kind(parts.hostname, parts.port, timeout=self._timeout)
            with self._lock:
                self._all.add(held[key])
        return held[key]

    def _drop(self, connection: http.client.HTTPConnection) -> None:
        # A closed connection opens itself anew at its next request.
        connection.close()

    @contextlib.contextmanager
    def _faults(self, url: str, connection: http.client.HTTPConnection) -> Iterator[None]:
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            self._drop(connection)
            raise Unreachable(f"the server's certificate is not trusted ({error.verify_message})", where=url) from error
        except (http.client.HTTPException, OSError) as error:
            self._drop(connection)
            raise BrokenOff(str(error) or type(error).__name__) from error

    def _blocks(
        self, response: http.client.HTTPResponse, url: str, connection: http.client.HTTPConnection, *, at_once: bool
    ) -> Iterator[bytes | memoryview]:
        """Blocks of one buffer, full ones; ``at_once``: whatever has come, rather than wait for more."""
        left = response.length
        buffer = memoryview(bytearray(0 if at_once else BLOCK))
        while True:
            with self._faults(url, connection):
                block = response.read1(BLOCK) if at_once else buffer[: response.readinto(buffer)]
            if not block:
                break
            left = None if left is None else left - len(block)
            yield block
        if left:
            # http.client does not itself object to a body shorter than announced.
            raise BrokenOff(f"the connection closed {left} bytes early")


def open_source(base_url: str, *, token: str | None = None, timeout: float = 30.0, packs: bool = False) -> Source:
    """A source for ``http(s)://...``, ``file:///...`` or a folder path. Raises InvalidDocument, NotFound."""
    parts = urlsplit(base_url)
    if parts.scheme in ("http", "https"):
        return HttpSource(base_url, token=token, timeout=timeout, packs=packs)
    if parts.scheme not in ("", "file"):
        raise InvalidDocument("a hub is an http(s) address or a folder", where=base_url)
    root = Path(unquote(parts.path) if parts.scheme == "file" else base_url)
    if not root.is_dir():
        raise NotFound("no such folder", where=str(root), remedy="Give the address of a hub, http://...")
    return FolderSource(root)


def read_small(source: Source, path: str, limit: int) -> bytes:
    """A whole small file. Raises InvalidDocument above ``limit`` bytes, and what ``Source.open`` raises."""
    data = bytearray()
    with source.open(path) as body:
        for block in body.blocks:
            data += block
            if len(data) > limit:
                raise InvalidDocument(f"more than {limit} bytes where a small document was expected", where=path)
    return bytes(data)


def read_range(source: Source, path: str, start: int, stop: int) -> bytes:
    """Bytes ``start`` to ``stop`` of a file. Raises BrokenOff where it gives fewer, and what ``Source.open`` raises."""
    data = bytearray()
    if stop <= start:
        return b""
    with source.open(path, start, stop) as body:
        if body.start > start:
            raise BrokenOff("the server sent another range than was asked for")
        skip = start - body.start
        for block in body.blocks:
            data += block[skip:]
            skip = max(0, skip - len(block))
            if len(data) >= stop - start:
                break
    if len(data) < stop - start:
        raise BrokenOff(f"{stop - start - len(data)} bytes are missing at the end of a range")
    return bytes(data[: stop - start])


def _first_byte(response: http.client.HTTPResponse) -> int:
    if response.status != 206:
        return 0
    try:
        return int(response.headers["Content-Range"].split()[1].split("-")[0])
    except (AttributeError, IndexError, ValueError, TypeError):
        raise CellCommonsError("the server sent a range without saying which") from None


def _problem(data: bytes) -> tuple[str, str]:
    """Detail and remedy of an RFC 9457 problem document, or empty."""
    try:
        document = json.loads(data)
        return str(document.get("detail", "")), str(document.get("remedy", ""))
    except (ValueError, AttributeError):
        return "", ""


def _refuse(response: http.client.HTTPResponse, url: str) -> None:
    if response.status in (200, 206):
        return
    problem = response.read(BLOCK)
    if response.status == 416:
        raise RangeRefused("the server answered 416 to a range")
    if response.status in (408, 425, 429) or (response.status >= 500 and response.status != 501):
        raise BrokenOff(f"the server answered {response.status} {response.reason}")
    detail, remedy = _problem(problem)
    if response.status == 410:
        raise Withdrawn(detail or "the server says that it is gone for good", where=url, remedy=remedy)
    if response.status == 404:
        raise NotFound(detail or "the server holds nothing there", where=url, remedy=remedy)
    raise Unreachable(
        detail or f"the server answered {response.status} {response.reason}",
        where=url,
        remedy=remedy or ("Check your token." if response.status in (401, 403) else ""),
    )
