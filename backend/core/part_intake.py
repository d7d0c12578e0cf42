"""PUT of a part: streamed to the object store, without a session, and without Django, which would hold it first."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from backend.core import errors
from backend.core.part_links import PATH, read_part_link
from backend.core.storage import object_store
from cellcommons.durable import is_full
from cellcommons.errors import CellCommonsError, DiskFull, InvalidDocument, StoreUnusable
from cellcommons.object_uploads import PartWriter

log = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_BLOCK = 1 << 20  # bytes gathered before a thread writes them


def is_part(scope: Scope) -> bool:
    """Whether a request is for this application."""
    return scope["type"] == "http" and scope["method"] == "PUT" and scope["path"] == PATH


async def take_part(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI application: 204 when the part is durable, else a problem; nothing of a part broken off is kept."""
    try:
        await _take(scope, receive)
    except ConnectionAbortedError:
        return  # nobody is there to be told
    except CellCommonsError as error:
        await _answer(send, errors.status_of(error), error)
    except OSError as error:
        if not is_full(error):
            raise
        full = DiskFull("the hub's disk is full", remedy="Tell its operator; what was sent so far is kept.")
        await _answer(send, errors.status_of(full), full)
    else:
        await _answer(send, 204, None)


async def _take(scope: Scope, receive: Receive) -> None:
    part = read_part_link(scope["query_string"].decode("latin-1"))
    declared = dict(scope["headers"]).get(b"content-length", b"").decode("latin-1")
    if declared and declared != str(part.length):
        raise InvalidDocument(f"the part has {part.length:,} bytes, not {declared}", where=f"part {part.number}")
    writer = await asyncio.to_thread(object_store().uploads().receive, part.key, part.number, part.length)
    try:
        await _copy(receive, writer)
        await asyncio.to_thread(writer.keep)
    finally:
        await asyncio.to_thread(writer.drop)


async def _copy(receive: Receive, writer: PartWriter) -> None:
    held = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError
        held += message.get("body", b"")
        more = message.get("more_body", False)
        if len(held) >= _BLOCK or not more:
            await asyncio.to_thread(writer.write, bytes(held))
            held.clear()


async def _answer(send: Send, status: int, error: CellCommonsError | None) -> None:
    body = b""
    headers = [(b"cache-control", b"no-store")]
    if isinstance(error, StoreUnusable):
        log.error("a part was not kept: %s", error.line())  # where the objects lie is the operator's business
        error = StoreUnusable("its object store does not work at the moment", remedy="Send the part again in a while.")
    if error is not None:
        document = errors.problem(error.code, error.title, status, error.what, where=error.where, remedy=error.remedy)
        body = json.dumps(document).encode()
        headers.append((b"content-type", errors.MEDIA_TYPE.encode()))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
