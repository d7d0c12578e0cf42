"""Fetch the objects that a folder lacks: several at once, resumed by range, verified before they get their name."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from cellcommons.cache import ObjectCache
from cellcommons.errors import DigestMismatch, DiskFull, Unreachable
from cellcommons.manifest import ObjectCount
from cellcommons.release import Member, Release, hash_object
from cellcommons.store import CHUNK, FolderStore, free_bytes, object_path
from cellcommons.transport import BrokenOff, RangeRefused, Source

LISTING_LIMIT = 1 << 28


@dataclass(frozen=True)
class Progress:
    """How far a download is: objects and bytes in place, of all; ``fetched`` bytes came over the wire this time."""

    objects: int
    objects_total: int
    bytes: int
    bytes_total: int
    fetched: int


@dataclass
class Patience:
    """How long to go on trying.

    Attributes:
        attempts: failures in a row, without a byte gained, before giving up.
        pause: seconds before the first retry; each further one waits twice as long, at most 8 s.
        ended: set to stop, from any thread.
    """

    attempts: int
    pause: float
    ended: threading.Event = field(default_factory=threading.Event)

    def retry(self, attempt: Callable[[], object], where: str) -> None:
        """Call ``attempt`` until it does not break off. An attempt that gained bytes starts the count of failures anew.

        Raises:
            Unreachable: too many failures in a row.
        """
        failures, pause = 0, self.pause
        while True:
            try:
                attempt()
                return
            except BrokenOff as error:
                failures, pause = (0, self.pause) if error.gained else (failures + 1, pause)
                if failures >= self.attempts:
                    raise Unreachable(
                        f"{error} ({failures} times in a row)",
                        where=where,
                        remedy="Run the same command again later: it goes on where it stopped.",
                    ) from error
            if self.ended.wait(pause):
                raise Unreachable("the download was stopped", where=where)
            pause = min(2 * pause, 8.0)


class Fetch:
    """One run of fetching what a folder lacks."""

    def __init__(
        self,
        patience: Patience,
        source: Source,
        store: FolderStore,
        release: Release,
        progress: Callable[[Progress], None] | None,
        repair: bool,
        cache: ObjectCache | None = None,
    ) -> None:
        self._patience, self._source, self._store, self._release = patience, source, store, release
        self._progress, self._repair, self._cache = progress, repair, cache
        self._lock = threading.Lock()
        self._folders: set[Path] = set()
        self._objects = self._bytes = 0
        self.total = release.manifest.objects
        self.fetched = self.resumed = 0

    def everything(self, jobs: int) -> None:
        """Round by round, as each names what the next one needs: parts, their listings, indexes, trees, their files."""
        release, store = self._release, self._store
        manifest = release.manifest
        with ThreadPoolExecutor(max(1, jobs), thread_name_prefix="cellcommons-fetch") as pool, self._broken_off(pool):
            first = {"the listing of parts": manifest.parts, **manifest.blobs()}
            self._round(pool, (Member(b.sha256, b.size, name) for name, b in first.items()))
            parts = release.parts.values()
            self._round(pool, (Member(p.sha256, p.size, f"part {p.path}, listing") for p in parts))
            self._round(pool, (Member(b.sha256, b.size, path) for path, b in release.files() if path not in first))
            items = list(release.items())
            trees = ((item.path, digest) for item in items for _, digest in release.trees(item))
            self._round(pool, (Member(digest, -1, f"listing of {path}") for path, digest in trees))
            files = [
                Member(entry.sha256, entry.size, f"{item.path}, {entry.path}")
                for item in items
                for digest in dict.fromkeys(digest for _, digest in release.trees(item))
                for entry in release.tree(digest).entries
            ]
            distinct = {file.sha256: file for file in files}.values()
            # Until here the manifest's count stood for it, in which what images share counts more than once.
            self.total = ObjectCount(self._objects + len(distinct), self._bytes + sum(f.size for f in distinct))
            lacking = sum(file.size for file in distinct if not store.exists(file.sha256))
            if lacking > (free := free_bytes(store.root)):
                raise DiskFull(
                    f"the release needs {lacking:,} more bytes, and {free:,} are free", where=str(store.root)
                )
            self._round(pool, files)

    def _round(self, pool: ThreadPoolExecutor, members: Iterable[Member]) -> None:
        distinct = {member.sha256: member for member in members}
        futures = [pool.submit(self._one, member) for member in distinct.values()]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()

    @contextlib.contextmanager
    def _broken_off(self, pool: ThreadPoolExecutor) -> Iterator[None]:
        """Stop all threads if the block ends early, wherever in it Ctrl-C came; what is half fetched stays."""
        try:
            yield
        except BaseException:
            self._patience.ended.set()
            pool.shutdown(wait=False, cancel_futures=True)
            self._source.close()
            raise

    def _one(self, member: Member) -> None:
        if self._patience.ended.is_set():
            raise Unreachable("the download was stopped", where=member.role)
        target = self._store.root / object_path(member.sha256)
        partial = self._store.root / "partial"
        if not self._is_there(member, target) and not self._lent(member, target, partial):
            part = partial / f"{member.sha256}.part"
            self._patience.retry(lambda: self._attempt(member, part, target), member.role)
            if self._cache:
                self._cache.adopt(target, member.sha256)
        self._tell(target.stat().st_size)

    def _lent(self, member: Member, target: Path, partial: Path) -> bool:
        return self._cache is not None and self._cache.lend(member.sha256, target, aside=partial)

    def _is_there(self, member: Member, target: Path) -> bool:
        """Trust names and sizes, unless asked to repair."""
        if not target.exists():
            return False
        size = target.stat().st_size
        if member.size in (-1, size):
            # Listings are small, and what they name is trusted, so they are always read.
            if member.size >= 0 and not self._repair:
                return True
            with contextlib.suppress(DigestMismatch):
                hash_object(self._store, Member(member.sha256, size, member.role))
                return True
        target.unlink()
        return False

    def _attempt(self, member: Member, part: Path, target: Path) -> None:
        """Fetch the rest of one object. Raises BrokenOff with the bytes it gained, DigestMismatch."""
        gained, limit = 0, member.size if member.size >= 0 else LISTING_LIMIT
        hasher, have = hashlib.sha256(), 0
        if part.exists() and 0 < part.stat().st_size <= limit:
            with open(part, "rb") as handle:
                while block := handle.read(CHUNK):
                    hasher.update(block)
                    have += len(block)
        if have != member.size:
            try:
                with self._source.open(object_path(member.sha256), have) as body:
                    if body.start not in (0, have):
                        raise BrokenOff("the server sent another range than was asked for")
                    if body.start != have:
                        hasher, have = hashlib.sha256(), 0
                    with self._lock:
                        self.resumed += have
                    with open(part, "ab" if have else "wb") as handle:
                        for block in body.blocks:
                            handle.write(block)
                            hasher.update(block)
                            gained += len(block)
                            self._count(len(block))
                            if have + gained > limit:
                                break
                            if self._patience.ended.is_set():
                                raise BrokenOff("the download was stopped")
            except RangeRefused:
                part.unlink(missing_ok=True)
                raise
            except BrokenOff as error:
                error.gained = gained
                raise
        if hasher.hexdigest() != member.sha256:
            part.unlink(missing_ok=True)
            if have:
                # The kept beginning may be what was wrong: once more from the start.
                raise BrokenOff("a resumed object did not match its sha256")
            raise DigestMismatch(
                f"the bytes received for {member.role} do not match their sha256",
                where=member.sha256,
                remedy="Run the same command again; if it stays so, the hub's copy is damaged.",
            )
        if target.parent not in self._folders:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(target.parent)
        os.chmod(part, 0o444)
        # Not synced to disk one by one: after a power cut, sizes tell an object that did not get there.
        os.replace(part, target)

    def _count(self, received: int) -> None:
        with self._lock:
            self.fetched += received

    def _tell(self, size: int) -> None:
        with self._lock:
            self._objects, self._bytes = self._objects + 1, self._bytes + size
            if self._progress:
                total = self.total
                self._progress(Progress(self._objects, total.count, self._bytes, total.bytes, self.fetched))
