"""Download a release: every object verified, resumed where it was cut, shown only when whole."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from cellcommons.canonical import sha256_hex
from cellcommons.errors import CellCommonsError, DigestMismatch, DiskFull, InvalidDocument, NotFound, Unreachable
from cellcommons.folder import ReleaseFolder
from cellcommons.manifest import LIMIT, Manifest, parse_reference
from cellcommons.release import Member, Release, hash_object, open_release
from cellcommons.store import CHUNK, FolderStore, free_bytes, object_path
from cellcommons.transport import BrokenOff, RangeRefused, Source, open_source, read_small

LISTING_LIMIT = 1 << 28


@dataclass(frozen=True)
class Progress:
    """How far a download is: objects and bytes in place, of all; ``fetched`` bytes came over the wire this time."""

    objects: int
    objects_total: int
    bytes: int
    bytes_total: int
    fetched: int


@dataclass(frozen=True)
class Download:
    """What a download came to.

    Attributes:
        fetched: bytes of objects that came over the wire this time; 0 where all was there. resumed: bytes kept from
            objects that an earlier download left half done.
    """

    reference: str
    manifest_sha256: str
    folder: str
    images: int
    cells: int
    objects: int
    bytes: int
    fetched: int
    resumed: int


class Client:
    """Downloads from one hub, or from a mirror of static files.

    Args:
        base_url: the hub's address; or an address or folder that holds ``manifest.json`` beside ``objects/sha256/``.
        token: of a person of the hub; published releases need none.
        attempts: how often an object may fail in a row, without a byte gained, before the download gives up.
        pause: seconds before the first retry; each further one waits twice as long, at most 8 s.
        timeout: seconds of silence before a connection counts as broken.
    """

    def __init__(
        self, base_url: str, token: str | None = None, *, attempts: int = 6, pause: float = 0.25, timeout: float = 30.0
    ) -> None:
        self.base_url, self._token = base_url, token
        self._attempts, self._pause, self._timeout = attempts, pause, timeout
        self._cancelled = threading.Event()

    def resolve(self, reference: str) -> tuple[bytes, str]:
        """The exact bytes of a release's manifest, checked, and the address its objects are below.

        Raises:
            NotFound: neither a hub nor a mirror there knows the release. Unreachable: nothing answers.
            DigestMismatch: the hub's manifest is not the one it names.
        """
        slug, edition = parse_reference(reference)
        base = self.base_url.rstrip("/")
        api = f"{base}/api/v1/releases/{slug}/{edition}"
        asked: NotFound | None = None
        if base.startswith(("http://", "https://")):
            try:
                with self._opened(api) as source:
                    described = _json(self._small(source, "", 1 << 22), api)
                    data = self._small(source, "manifest", LIMIT)
                wanted = described.get("manifest_sha256")
                if sha256_hex(data) != wanted:
                    raise DigestMismatch("the hub's manifest is not the one it names", where=api)
                return _checked(data, reference, api), api
            except NotFound as error:
                asked = error
        try:
            with self._opened(base) as source:
                data = self._small(source, "manifest.json", LIMIT)
        except NotFound as error:
            raise NotFound(
                f"no release {reference} there", where=base, remedy=(asked or error).remedy or "Check name and edition."
            ) from None
        return _checked(data, reference, base), base

    def download(
        self,
        reference: str,
        folder: Path | str,
        *,
        jobs: int = 8,
        progress: Callable[[Progress], None] | None = None,
        repair: bool = False,
        sha256: str | None = None,
    ) -> Download:
        """Fetch what ``folder`` lacks of a release, verify it and lay it out.

        What was fetched stays if this is interrupted, and the next call goes on from there, in the middle of an object
        if need be. A release that is there already costs one request for its manifest, and no write.

        Args:
            reference: ``slug@edition``. jobs: objects fetched at once. progress: called from any thread, in order.
            repair: first check what is there by its sha256, and fetch anew what is damaged.
            sha256: the manifest must have this sha256.

        Raises:
            CellCommonsError: AlreadyThere, NotFound, Unreachable, DigestMismatch, DiskFull or InvalidDocument.
        """
        self._cancelled.clear()
        place = ReleaseFolder(folder)
        data, address = self.resolve(reference)
        digest = sha256_hex(data)
        if sha256 is not None and sha256 != digest:
            raise DigestMismatch("the manifest is not the one asked for", where=f"{reference}, sha256 {digest}")
        with _room(place.root):
            place.prepare(reference)
            with place.locked():
                store = place.store
                if not store.exists(digest) or sha256_hex(store.open(digest).read()) != digest:
                    store.delete(digest)
                    store.put(data)
                release = open_release(store, digest)
                with self._opened(address) as source:
                    fetch = _Fetch(self, source, store, release, progress, repair)
                    fetch.everything(jobs)
                if repair or not place.is_current(release):
                    place.show(release, self.base_url)
        manifest = release.manifest
        return Download(
            reference=reference,
            manifest_sha256=digest,
            folder=str(place.root),
            images=manifest.counts.images,
            cells=manifest.counts.cells,
            objects=manifest.objects.count,
            bytes=manifest.objects.bytes,
            fetched=fetch.fetched,
            resumed=fetch.resumed,
        )

    def retrying(self, attempt: Callable[[], object], where: str) -> None:
        """Call ``attempt`` until it does not break off. An attempt that gained bytes starts the count of failures anew.

        Raises:
            Unreachable: too many failures in a row.
        """
        failures, pause = 0, self._pause
        while True:
            try:
                attempt()
                return
            except BrokenOff as error:
                failures, pause = (0, self._pause) if error.gained else (failures + 1, pause)
                if failures >= self._attempts:
                    raise Unreachable(
                        f"{error} ({failures} times in a row)",
                        where=where,
                        remedy="Run the same command again later: it goes on where it stopped.",
                    ) from error
            if self._cancelled.wait(pause):
                raise Unreachable("the download was stopped", where=where)
            pause = min(2 * pause, 8.0)

    @contextlib.contextmanager
    def _opened(self, address: str) -> Iterator[Source]:
        source = open_source(address, token=self._token, timeout=self._timeout)
        try:
            yield source
        finally:
            source.close()

    def _small(self, source: Source, path: str, limit: int) -> bytes:
        held: list[bytes] = []

        self.retrying(lambda: held.append(read_small(source, path, limit)), f"{self.base_url} {path}".strip())
        return held[-1]

    def stop(self) -> None:
        """End the downloads under way, from any thread; what was fetched stays."""
        self._cancelled.set()

    @property
    def stopped(self) -> bool:
        """Whether ``stop`` was called since the last download began."""
        return self._cancelled.is_set()


class _Fetch:
    """One run of fetching what a folder lacks."""

    def __init__(
        self,
        client: Client,
        source: Source,
        store: FolderStore,
        release: Release,
        progress: Callable[[Progress], None] | None,
        repair: bool,
    ) -> None:
        self._client, self._source, self._store, self._release = client, source, store, release
        self._progress, self._repair = progress, repair
        self._lock = threading.Lock()
        self._objects = self._bytes = 0
        self.fetched = self.resumed = 0

    def everything(self, jobs: int) -> None:
        """Three rounds, as each names what the next one needs: indexes and card, listings, files."""
        manifest, store = self._release.manifest, self._store
        with ThreadPoolExecutor(max(1, jobs), thread_name_prefix="cellcommons-fetch") as pool:
            self._round(pool, (Member(b.sha256, b.size, name) for name, b in manifest.blobs().items()))
            items = list(self._release.items())
            self._round(
                pool, (Member(d, -1, f"listing of {item.path}") for item in items for d in (item.tree, item.labels))
            )
            files = [
                Member(entry.sha256, entry.size, f"{item.path}, {entry.path}")
                for item in items
                for digest in dict.fromkeys((item.tree, item.labels))
                for entry in self._release.tree(digest).entries
            ]
            lacking = sum(f.size for f in {f.sha256: f for f in files}.values() if not store.exists(f.sha256))
            if lacking > (free := free_bytes(store.root)):
                raise DiskFull(
                    f"the release needs {lacking:,} more bytes, and {free:,} are free", where=str(store.root)
                )
            self._round(pool, files)

    def _round(self, pool: ThreadPoolExecutor, members: Iterable[Member]) -> None:
        distinct = {member.sha256: member for member in members}
        futures = [pool.submit(self._one, member) for member in distinct.values()]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            # Also for Ctrl-C: threads stop at their next block, and half-fetched objects are kept for the next time.
            self._client.stop()
            for future in futures:
                future.cancel()
            self._source.close()
            raise

    def _one(self, member: Member) -> None:
        if self._client.stopped:
            raise Unreachable("the download was stopped", where=member.role)
        target = self._store.root / object_path(member.sha256)
        if not self._is_there(member, target):
            part = self._store.root / "partial" / f"{member.sha256}.part"
            self._client.retrying(lambda: self._attempt(member, part, target), member.role)
        self._tell(target.stat().st_size)

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
                            if self._client.stopped:
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
        target.parent.mkdir(parents=True, exist_ok=True)
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
                total = self._release.manifest.objects
                self._progress(Progress(self._objects, total.count, self._bytes, total.bytes, self.fetched))


def download(
    reference: str,
    folder: Path | str,
    *,
    base_url: str,
    token: str | None = None,
    jobs: int = 8,
    progress: Callable[[Progress], None] | None = None,
) -> Download:
    """Download ``slug@edition`` into ``folder``; see ``Client.download``."""
    return Client(base_url, token).download(reference, folder, jobs=jobs, progress=progress)


@contextlib.contextmanager
def _room(folder: Path) -> Iterator[None]:
    """Say plainly what the disk refuses."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                "the disk is full",
                where=str(folder),
                remedy="Free some room and run the same command again: it goes on where it stopped.",
            ) from error
        raise CellCommonsError(
            f"cannot write there ({error.strerror or error})", where=str(error.filename or folder)
        ) from error


def _json(data: bytes, where: str) -> dict[str, object]:
    try:
        document = json.loads(data)
    except ValueError:
        raise NotFound("this is not the API of a hub", where=where) from None
    if not isinstance(document, dict):
        raise NotFound("this is not the API of a hub", where=where)
    if document.get("manifest_sha256") is None:
        raise InvalidDocument("the release is not published yet", where=where, remedy="Try again when it is.")
    return document


def _checked(data: bytes, reference: str, where: str) -> bytes:
    manifest = Manifest.parse(data, where=where)
    if manifest.reference != reference:
        raise NotFound(f"the release there is {manifest.reference}, not {reference}", where=where)
    return data
