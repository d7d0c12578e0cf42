"""Serve fixed bytes of the object store: entity tags, ranges, caching, and no file in memory when it is large."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from backend.core.storage import object_store
from cellcommons.tree import Tree, load_tree

# Most zarr files and pictures are smaller: one read, one response. Larger ones are streamed.
_WHOLE = 4 << 20
_BLOCK = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def object_response(
    request: HttpRequest | Request, digest: str, *, content_type: str = "application/octet-stream", public: bool = False
) -> HttpResponseBase:
    """The object ``digest``, or the one range asked for.

    Args:
        public: may be kept by shared caches too (published releases); else only by this person's browser.

    Raises:
        NotFound: the store has no such object.
    """
    tag = f'"{digest}"'
    scope = "public" if public else "private"
    headers = {
        "ETag": tag,
        "Cache-Control": f"{scope}, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
    }
    if request.META.get("HTTP_IF_NONE_MATCH") == tag:
        return HttpResponseNotModified(headers=headers)
    store = object_store()
    size = store.size(digest)
    chosen = _range(request.META.get("HTTP_RANGE", ""), size)
    if chosen is None:
        return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    start, stop, partial = chosen
    if partial:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    status = 206 if partial else 200
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers, content_type=content_type)
    if stop - start <= _WHOLE:
        with store.open(digest) as handle:
            handle.seek(start)
            return HttpResponse(handle.read(stop - start), status=status, headers=headers, content_type=content_type)
    handle = store.open(digest)
    handle.seek(start)
    plain = request._request if isinstance(request, Request) else request
    blocks = _blocks_async if isinstance(plain, ASGIRequest) else _blocks
    response = StreamingHttpResponse(
        blocks(handle, stop - start), status=status, headers=headers, content_type=content_type
    )
    response._resource_closers.append(handle.close)
    return response


def tree_file_response(request: HttpRequest | Request, tree_sha256: str, path: str) -> HttpResponseBase:
    """The file ``path`` of a tree. Raises NotFound."""
    entry = _tree(tree_sha256).entry(path)
    kind = "application/json" if path.endswith(".json") else "application/octet-stream"
    return object_response(request, entry.sha256, content_type=kind)


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
