"""Fetch what a folder lacks of a release, round by round, several objects at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from cellcommons.cache import ObjectCache
from cellcommons.download_settings import DownloadSettings, Progress
from cellcommons.errors import DiskFull
from cellcommons.manifest import ObjectCount
from cellcommons.patience import Patience
from cellcommons.receiving import PACK_BYTES, PACK_OBJECTS, SMALL, Receiver
from cellcommons.release import Member, Release
from cellcommons.store import FolderStore, free_bytes
from cellcommons.transport import Source

# Objects that one task brings where packs cannot be had: enough that tasks cost nothing beside them.
_SINGLES = 8


class Fetch:
    """One run of fetching what a folder lacks.

    Args:
        doubtful: hash what is there already.
    """

    def __init__(
        self,
        patience: Patience,
        source: Source,
        store: FolderStore,
        release: Release,
        settings: DownloadSettings,
        *,
        doubtful: bool,
    ) -> None:
        self._patience, self._source, self._store, self._release = patience, source, store, release
        self._settings = settings
        self._lock = threading.Lock()
        self._objects = self._bytes = 0
        self.total = release.manifest.objects
        cache = ObjectCache(settings.cache) if settings.cache else None
        self._receiver = Receiver(
            source, store, patience, repair=doubtful, packs=settings.packs, cache=cache, tell=self._tell
        )

    @property
    def fetched(self) -> int:
        """Bytes of objects that came over the wire."""
        return self._receiver.fetched

    @property
    def resumed(self) -> int:
        """Bytes kept from objects that an earlier run left half done."""
        return self._receiver.resumed

    def everything(self) -> None:
        """Round by round, as each names what the next one needs: parts, their listings, indexes, trees, their files."""
        release, store = self._release, self._store
        manifest, jobs = release.manifest, max(1, self._settings.jobs)
        with ThreadPoolExecutor(jobs, thread_name_prefix="cellcommons-fetch") as pool, self._broken_off(pool):
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
        futures = [pool.submit(self._receiver.bring, group) for group in self._groups(list(distinct.values()))]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()

    def _groups(self, members: list[Member]) -> Iterator[list[Member]]:
        """What one thread brings: large objects alone, small ones together, and so that every thread has some."""
        packed = self._receiver.packs
        share = -(-len(members) // max(1, self._settings.jobs))
        most = min(PACK_OBJECTS if packed else _SINGLES, max(1, share))
        group: list[Member] = []
        size = 0
        for member in members:
            if member.size > SMALL:
                yield [member]
                continue
            group.append(member)
            size += max(0, member.size)
            if len(group) >= most or size >= PACK_BYTES:
                yield group
                group, size = [], 0
        if group:
            yield group

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

    def _tell(self, size: int) -> None:
        with self._lock:
            self._objects, self._bytes = self._objects + 1, self._bytes + size
            if report := self._settings.progress:
                total = self.total
                report(Progress(self._objects, total.count, self._bytes, total.bytes, self.fetched))
