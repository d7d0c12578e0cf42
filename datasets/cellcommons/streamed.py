"""Objects of a release at an address, fetched when they are read: small ones whole, of large ones what is asked for."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

from cellcommons.cache import ObjectCache
from cellcommons.durable import is_full
from cellcommons.errors import DigestMismatch, DiskFull, NotFound, Unreachable
from cellcommons.patience import Patience
from cellcommons.store import object_path
from cellcommons.transport import BrokenOff, Source, read_range

WHOLE = 8 << 20
HELD = 64 << 20
_LOCKS = 64


class StreamedStore(ObjectCache):
    """An object cache that asks ``source`` for what it lacks.

    Whole objects are verified by their sha256 and kept in the cache. Ranges of larger ones are not verified, since the
    hash covers the whole object (chunk indexes and most chunks carry checksums of their own), and kept in memory only.

    Args:
        root: the cache's folder. source: where objects are, below ``objects/``; None: nowhere, only what is cached.
        whole: objects of at most so many bytes are fetched whole when any part of them is read.
        held: bytes of ranges that are kept in memory.

    Attributes:
        fetched: bytes that came over the wire.
    """

    def __init__(
        self,
        root: Path | str,
        source: Source | None,
        address: str = "",
        *,
        patience: Patience | None = None,
        whole: int = WHOLE,
        held: int = HELD,
    ) -> None:
        super().__init__(root)
        self._source, self._address = source, address
        self._patience = patience or Patience(4, 0.25)
        self._whole, self._room = whole, held
        self._ranges: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._counting = threading.Lock()
        self.fetched = 0

    def get(self, digest: str) -> bytes:
        try:
            return super().get(digest)
        except NotFound:
            pass
        except DigestMismatch:
            # A power cut, or somebody's hand: the address still has it.
            self.delete(digest)
        self._fetch(digest)
        return super().get(digest)

    def open(self, digest: str) -> BinaryIO:
        self._fetch(digest)
        return super().open(digest)

    def exists(self, digest: str) -> bool:
        try:
            self._fetch(digest)
        except NotFound:
            return False
        return True

    def size(self, digest: str) -> int:
        self._fetch(digest)
        return super().size(digest)

    def read_range(self, digest: str, start: int, stop: int, *, size: int) -> bytes:
        """Bytes ``start`` to ``stop`` of an object of ``size`` bytes.

        Raises:
            NotFound, Unreachable, DigestMismatch: as reading it whole does.
        """
        path = self.root / object_path(digest)
        if path.exists() and path.stat().st_size != size:
            self.delete(digest)
        if size <= self._whole or path.exists():
            with self.open(digest) as handle:
                handle.seek(start)
                return handle.read(stop - start)
        key = (digest, start, stop)
        with self._counting:
            if key in self._ranges:
                self._ranges.move_to_end(key)
                return self._ranges[key]
        found: list[bytes] = []
        source = self._reachable(digest)
        self._patience.retry(
            lambda: found.append(read_range(source, object_path(digest), start, stop)), f"{self._address} {digest}"
        )
        with self._counting:
            self.fetched += len(found[-1])
            self._ranges[key] = found[-1]
            while sum(map(len, self._ranges.values())) > self._room and len(self._ranges) > 1:
                self._ranges.popitem(last=False)
        return found[-1]

    def close(self) -> None:
        """Let go of connections; what is cached stays readable."""
        if self._source is not None:
            self._source.close()

    def _fetch(self, digest: str) -> None:
        """See to it that the object is in the cache; one thread fetches it, others wait."""
        if super().exists(digest):
            return
        with self._locks[int(digest[:8], 16) % _LOCKS]:
            if not super().exists(digest):
                source = self._reachable(digest)
                self._patience.retry(lambda: self._attempt(source, digest), f"{self._address} {digest}")

    def _attempt(self, source: Source, digest: str) -> None:
        try:
            self._receive(source, digest)
        except (OSError, DiskFull) as error:
            if isinstance(error, OSError) and not is_full(error):
                raise
            raise DiskFull(
                "the disk of the cache is full",
                where=str(self.root),
                remedy="Free some room, for example by: cellcommons cache prune.",
            ) from error

    def _receive(self, source: Source, digest: str) -> None:
        hasher, gained = hashlib.sha256(), 0
        with self._temporary() as (handle, path):
            with source.open(object_path(digest)) as body:
                if body.start:
                    raise BrokenOff("the server sent a range that was not asked for")
                for block in body.blocks:
                    handle.write(block)
                    hasher.update(block)
                    gained += len(block)
            with self._counting:
                self.fetched += gained
            if hasher.hexdigest() != digest:
                raise DigestMismatch(
                    "the bytes received do not match their sha256",
                    where=digest,
                    remedy="Try again; if it stays so, the copy at this address is damaged.",
                )
            self._seal(handle, path, self.root / object_path(digest))

    def _reachable(self, digest: str) -> Source:
        if self._source is None:
            raise Unreachable(
                "this object is not in the cache, and nothing else is asked",
                where=digest,
                remedy="Open the release once with its hub in reach, and read what you need.",
            )
        return self._source
