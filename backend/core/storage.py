"""The hub's object store."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from cellcommons.store import ObjectStore, open_store


def object_store() -> ObjectStore:
    """The store at ``settings.OBJECTS_URL``; the same object for the same address."""
    return _open(settings.OBJECTS_URL)


@lru_cache(maxsize=8)
def _open(url: str) -> ObjectStore:
    return open_store(url)
