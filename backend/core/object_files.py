"""Serve fixed bytes of the object store: entity tags, ranges, caching, and no file in memory when it is large."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from backend.core.storage import object_store
from cellcommons.tree import Tree, load_tree

# Most zarr files and pictures are smaller: one read, one response. Larger ones are streamed.
_WHOLE = 4 << 20
_BLOCK = 1 << 20
# Published objects from this size on may be fetched from the store itself, by a link that lasts so many seconds.
_LINKED = 8 << 20
_LINK_SECONDS = 300
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def object_response(
    request: HttpRequest | Request,
    digest: str,
    *,
    content_type: str = "application/octet-stream",
    public: bool = False,
    lasting: bool = True,
) -> HttpResponseBase:
    """The object ``digest``, or the one range asked for.

    Args:
        public: may be read by anyone (published releases): kept by shared caches too, and where
            ``OBJECTS_PUBLIC_ENDPOINT`` is set a large one is answered by a link into the store. What is not public
            always goes through the hub, for a link works for whoever has it.
        lasting: false where caches are to ask each time (a manifest). What is public may be withdrawn one day: others
            keep it for minutes, then ask again, which costs an answer without a body as long as it stands.

    Raises:
        NotFound: the store has no such object.
    """
    tag = f'"{digest}"'
    scope = "public" if public else "private"
    headers = {
        "ETag": tag,
        "Cache-Control": f"{scope}, {_cached(public) if lasting else 'no-cache'}",
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
    }
    if public:  # viewers of other sites may read what anyone may
        headers["Access-Control-Allow-Origin"] = "*"
    if request.META.get("HTTP_IF_NONE_MATCH") == tag:
        return HttpResponseNotModified(headers=headers)
    handle = object_store().open(digest)
    try:
        return _respond(request, digest, handle, headers, content_type, may_link=public)
    except BaseException:
        handle.close()
        raise


def _cached(public: bool) -> str:
    """How long caches may keep an object without asking."""
    return f"max-age={_LINK_SECONDS}, must-revalidate" if public else "max-age=31536000, immutable"


def _respond(
    request: HttpRequest | Request,
    digest: str,
    handle: BinaryIO,
    headers: dict[str, str],
    content_type: str,
    *,
    may_link: bool,
) -> HttpResponseBase:
    """The response; ``handle`` is closed with it."""
    size = handle.seek(0, os.SEEK_END)
    if may_link and size >= _LINKED and (link := _link(request, digest)):
        handle.close()
        return HttpResponse(status=307, headers={"Location": link, "Cache-Control": "no-store"})
    chosen = _range(request.META.get("HTTP_RANGE", ""), size)
    if chosen is None:
        handle.close()
        return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    start, stop, partial = chosen
    if partial:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    status = 206 if partial else 200
    if request.method == "HEAD":
        handle.close()
        return HttpResponse(status=status, headers=headers, content_type=content_type)
    handle.seek(start)
    if stop - start <= _WHOLE:
        with handle:
            return HttpResponse(handle.read(stop - start), status=status, headers=headers, content_type=content_type)
    plain = request._request if isinstance(request, Request) else request
    blocks = _blocks_async if isinstance(plain, ASGIRequest) else _blocks
    response = StreamingHttpResponse(
        blocks(handle, stop - start), status=status, headers=headers, content_type=content_type
    )
    response._resource_closers.append(handle.close)
    return response


def _link(request: HttpRequest | Request, digest: str) -> str | None:
    """Where the client may fetch it; None for a script in a page, which may speak to this hub alone."""
    is_script = request.META.get("HTTP_SEC_FETCH_DEST", "document") != "document"
    if not settings.OBJECTS_PUBLIC_ENDPOINT or request.method != "GET" or is_script:
        return None
    return object_store().link(digest, seconds=_LINK_SECONDS, endpoint=settings.OBJECTS_PUBLIC_ENDPOINT)


def tree_file_response(
    request: HttpRequest | Request, tree_sha256: str, path: str, *, public: bool = False
) -> HttpResponseBase:
    """The file ``path`` of a tree; ``public``: of a published release, which may be withdrawn. Raises NotFound."""
    entry = _tree(tree_sha256).entry(path)
    kind = "application/json" if path.endswith(".json") else "application/octet-stream"
    return object_response(request, entry.sha256, content_type=kind, public=public, lasting=not public)


@lru_cache(maxsize=512)
def _tree(digest: str) -> Tree:
    return load_tree(object_store(), digest)


def _range(header: str, size: int) -> tuple[int, int, bool] | None:
    """``(start, stop, partial)`` for a Range header; None where it cannot be satisfied. Several ranges: the whole."""
    match = _RANGE.fullmatch(header.strip())
    if not match or match.group(0) == "bytes=-":
        return 0, size, False
    first, last = match.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    return (start, stop, True) if start < stop else None


def _blocks(handle: BinaryIO, left: int) -> Iterator[bytes]:
    with handle:
        while left and (block := handle.read(min(_BLOCK, left))):
            left -= len(block)
            yield block


async def _blocks_async(handle: BinaryIO, left: int) -> AsyncIterator[bytes]:
    try:
        while left and (block := await sync_to_async(handle.read, thread_sensitive=False)(min(_BLOCK, left))):
            left -= len(block)
            yield block
    finally:
        handle.close()
