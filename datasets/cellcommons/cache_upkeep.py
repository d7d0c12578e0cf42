"""Keeping a cache of objects small and sound: measure it, let go of what was not used for long, check every byte."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cellcommons.cache import ObjectCache, cache_folder
from cellcommons.errors import DigestMismatch, InvalidDocument, NotFound
from cellcommons.release import Member, hash_object
from cellcommons.store import object_path

LIMIT_VARIABLE = "CELLCOMMONS_CACHE_LIMIT"
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class CacheSize:
    """What a cache holds.

    Attributes:
        objects, bytes: of all of it. alone: bytes that only the cache holds, which deleting it would free; the others
            are hard links that a download shares.
    """

    objects: int
    bytes: int
    alone: int


@dataclass(frozen=True)
class _Kept:
    path: Path
    digest: str
    size: int
    used: float
    alone: bool


def measure_cache(cache: ObjectCache) -> CacheSize:
    """How much it holds."""
    kept = list(_kept(cache))
    return CacheSize(len(kept), sum(one.size for one in kept), sum(one.size for one in kept if one.alone))


def prune_cache(cache: ObjectCache, limit: int) -> int:
    """Let go of what was used longest ago until at most ``limit`` bytes are the cache's alone; return those freed.

    Whoever reads an object of it at that moment fetches it again. What downloads share is left, for it takes no room.
    """
    alone = sorted((one for one in _kept(cache) if one.alone), key=lambda one: (one.used, one.digest))
    held = sum(one.size for one in alone)
    freed = 0
    for one in alone:
        if held - freed <= limit:
            break
        one.path.unlink(missing_ok=True)
        freed += one.size
    cache.tidy(older_than=24 * 3600)
    return freed


def verify_cache(cache: ObjectCache) -> list[str]:
    """Read every object; forget those that are not what their name says, and return their names."""
    damaged = []
    for one in _kept(cache):
        try:
            hash_object(cache, Member(one.digest, one.size, "an object of the cache"))
        except DigestMismatch:
            cache.delete(one.digest)
            damaged.append(one.digest)
        except NotFound:
            continue  # pruned by another process meanwhile
    return damaged


def keep_to_limit(cache: Path | str | None = None) -> int:
    """Prune a cache to what ``CELLCOMMONS_CACHE_LIMIT`` allows; bytes freed, 0 without that variable.

    Raises InvalidDocument: the variable holds no size.
    """
    limit = os.environ.get(LIMIT_VARIABLE, "").strip()
    folder = cache_folder(cache)
    return prune_cache(ObjectCache(folder), parse_size(limit)) if limit and folder.is_dir() else 0


def parse_size(text: str) -> int:
    """Bytes of ``500 MB``, ``1.5G``, ``2GiB`` or a number. Raises InvalidDocument."""
    found = _SIZE.fullmatch(text)
    if not found:
        raise InvalidDocument("this is no size", where=text[:40], remedy="For example 50GB.")
    return int(float(found[1]) * _UNITS[(found[2] or "").lower()])


def _kept(cache: ObjectCache) -> Iterator[_Kept]:
    for digest in cache.digests():
        path = cache.root / object_path(digest)
        with contextlib.suppress(FileNotFoundError):
            seen = path.stat()
            # Disks that do not note each reading note that it was written, or lent, at least.
            yield _Kept(path, digest, seen.st_size, max(seen.st_atime, seen.st_mtime), seen.st_nlink == 1)
