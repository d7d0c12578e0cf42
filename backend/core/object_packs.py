"""Serve many objects in one answer, see ``cellcommons.object_packs``: a request costs more than a small object."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from rest_framework.request import Request

from backend.core.storage import object_store
from cellcommons.errors import TooLarge
from cellcommons.object_packs import HEADER, LARGEST, MEDIA_TYPE, header
from cellcommons.store import FolderStore, ObjectStore

# Objects are read, and sent, so many bytes at a time.
_BLOCK = 1 << 20
# A bucket answers after milliseconds, a folder at once.
_READERS = 16

Named = tuple[str, int]  # sha256, size


def pack_response(request: Request, objects: Sequence[Named], *, public: bool) -> StreamingHttpResponse:
    """The objects, in this order.

    Args:
        objects: (sha256, size) of each. public: may be read by anyone.

    Raises:
        TooLarge: one of them is larger than a pack may hold.
    """
    if large := next((name for name, size in objects if size > LARGEST), None):
        raise TooLarge(f"objects above {LARGEST:,} bytes are fetched one by one", where=large)
    blocks = _blocks_async if isinstance(request._request, ASGIRequest) else _blocks
    headers = {
        "Content-Length": str(sum(size + HEADER for _, size in objects)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    if public:
        headers["Access-Control-Allow-Origin"] = "*"
    return StreamingHttpResponse(blocks(objects), headers=headers, content_type=MEDIA_TYPE)


def _groups(objects: Sequence[Named]) -> Iterator[list[Named]]:
    group: list[Named] = []
    held = 0
    for named in objects:
        group.append(named)
        held += named[1]
        if held >= _BLOCK:
            yield group
            group, held = [], 0
    if group:
        yield group


def _read(group: list[Named]) -> bytes:
    store = object_store()
    if isinstance(store, FolderStore):
        found = [_object(store, named) for named in group]
    else:
        found = list(_readers().map(lambda named: _object(store, named), group))
    return b"".join(part for (_, size), data in zip(group, found, strict=True) for part in (header(size), data))


def _object(store: ObjectStore, named: Named) -> bytes:
    digest, size = named
    with store.open(digest) as handle:
        data = handle.read(size + 1)
    if len(data) != size:
        raise OSError(f"object {digest} has not {size} bytes")  # breaks the answer off: its length was promised
    return data


@lru_cache(maxsize=1)
def _readers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_READERS, thread_name_prefix="packs")


def _blocks(objects: Sequence[Named]) -> Iterator[bytes]:
    return map(_read, _groups(objects))


async def _blocks_async(objects: Sequence[Named]) -> AsyncIterator[bytes]:
    for group in _groups(objects):
        yield await sync_to_async(_read, thread_sensitive=False)(group)
