"""Fetch what a folder lacks of a release, round by round, several objects at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import PurePosixPath

from cellcommons.cache import ObjectCache
from cellcommons.cut_trees import ROOT, ShardCut, TreeCut
from cellcommons.cutting import Cutter, known_piece
from cellcommons.download_settings import DownloadSettings, Progress
from cellcommons.errors import DiskFull
from cellcommons.manifest import ObjectCount
from cellcommons.partial import PartialRelease
from cellcommons.patience import Patience
from cellcommons.receiving import PACK_BYTES, PACK_OBJECTS, SMALL, Receiver
from cellcommons.release import Member, Release
from cellcommons.store import FolderStore, free_bytes
from cellcommons.transport import Source
from cellcommons.tree import TreeEntry

# Objects that one task brings where packs cannot be had: enough that tasks cost nothing beside them.
_SINGLES = 8
Named = tuple[str, str]  # role and digest of a tree


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
        self._cache = ObjectCache(settings.cache) if settings.cache else None
        self._receiver = Receiver(
            source, store, patience, repair=doubtful, packs=settings.packs, cache=self._cache, tell=self._tell
        )
        self._cutter = Cutter(
            source,
            store,
            patience,
            whole=lambda member: self._receiver.bring([member]),
            count=self._receiver.count,
            repair=doubtful,
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
            trees = {tree: item.path for item in items for tree in release.published(item)}
            self._round(pool, (Member(digest, -1, f"listing of {path}") for (_, digest), path in trees.items()))
            cuts = self._planned_cuts(pool, trees)
            files = [
                Member(entry.sha256, entry.size, f"{path}, {entry.path}")
                for tree, path in trees.items()
                for entry in (cuts[tree].kept if tree in cuts else release.tree(tree[1]).entries)
            ]
            shards = {
                shard.name: (shard, f"{trees[tree]}, {shard.entry.path}")
                for tree, cut in cuts.items()
                for shard in cut.shards
            }
            distinct = {file.sha256: file for file in files}.values()
            # Until here the manifest's count stood for it, in which what images share counts more than once.
            share = sum(shard.share for shard, _ in shards.values())
            self.total = ObjectCount(
                self._objects + len(distinct) + len(shards), self._bytes + sum(f.size for f in distinct) + share
            )
            lacking = sum(file.size for file in distinct if not store.exists(file.sha256))
            lacking += sum(shard.share for shard, _ in shards.values() if known_piece(store, shard) is None)
            if lacking > (free := free_bytes(store.root)):
                raise DiskFull(
                    f"the release needs {lacking:,} more bytes, and {free:,} are free", where=str(store.root)
                )
            self._round(pool, files)
            pieces = self._cut(pool, shards)
            if isinstance(release, PartialRelease) and release.selection.cuts:
                with store.batch() as batch:
                    sealed: dict[str, dict[str, str]] = {}
                    for (role, digest), cut in cuts.items():
                        sealed.setdefault(role, {})[digest] = cut.seal(batch, pieces)
                    release.seal_cuts(batch, sealed)

    def _planned_cuts(self, pool: ThreadPoolExecutor, trees: Mapping[Named, str]) -> dict[Named, TreeCut]:
        """What is wanted of the trees of which some pixels are wanted; their documents are fetched for it."""
        release, store = self._release, self._store
        if not isinstance(release, PartialRelease) or not release.selection.cuts:
            return {}
        entries = [(path, entry) for (_, digest), path in trees.items() for entry in release.tree(digest).entries]
        documents = (
            Member(entry.sha256, entry.size, f"{path}, {entry.path}")
            for path, entry in entries
            if PurePosixPath(entry.path).name == ROOT
        )
        self._round(pool, documents)
        return release.planned_cuts(
            lambda entry: store.exists(entry.sha256) or bool(self._cache and self._cache.exists(entry.sha256))
        )

    def _cut(self, pool: ThreadPoolExecutor, shards: Mapping[str, tuple[ShardCut, str]]) -> dict[str, TreeEntry]:
        """The files that stand in for shards of which some chunks are wanted, by the cut's name."""

        def bring(cut: ShardCut, role: str) -> TreeEntry:
            piece = self._cutter.bring(cut, role)
            if piece.sha256 != cut.entry.sha256:  # a whole one was told of by who brought it
                self._tell(cut.share)
            return piece

        futures = {name: pool.submit(bring, *shard) for name, shard in shards.items()}
        done, _ = wait(futures.values(), return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
        return {name: future.result() for name, future in futures.items()}

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
