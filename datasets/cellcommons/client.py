"""Download a release: every object verified, resumed where it was cut, shown only when whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cellcommons.cache import ObjectCache
from cellcommons.cache_upkeep import keep_to_limit
from cellcommons.canonical import sha256_hex
from cellcommons.download_settings import DEFAULTS, DownloadSettings, Progress
from cellcommons.durable import is_full
from cellcommons.errors import BadSelection, CellCommonsError, DigestMismatch, DiskFull, EditedLocally
from cellcommons.fetch import Fetch
from cellcommons.folder import ReleaseFolder
from cellcommons.partial import PartialRelease
from cellcommons.patience import Patience
from cellcommons.planning import Plan, plan_sync
from cellcommons.release_changes import told_changes
from cellcommons.resolving import Resolver
from cellcommons.selection import Selection
from cellcommons.shelf import Edit
from cellcommons.store import FolderStore
from cellcommons.versions import parse_reference

__all__ = ["Client", "Download", "DownloadSettings", "Progress", "download"]


@dataclass(frozen=True)
class Download:
    """What a download came to.

    Attributes:
        fetched: bytes of objects that came over the wire this time; 0 where all was there. resumed: bytes kept from
            objects that an earlier download left half done. reused: bytes of objects that were in the folder or the
            cache already. signed_by: the key that signed the manifest, checked.
        previous: reference of the release that the folder showed before; None where it showed none.
        changes: what is different now, in words; empty where nothing is, or nothing was there before.
        selection: what part of the release this is, in words; empty where it is all of it.
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
    reused: int = 0
    signed_by: str | None = None
    previous: str | None = None
    changes: str = ""
    selection: str = ""


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
        self.base_url = base_url
        self._patience = Patience(attempts, pause)
        self._resolver = Resolver(base_url, token, self._patience, timeout)

    def resolve(self, reference: str) -> tuple[bytes, str]:
        """The manifest's bytes and where its objects are, see ``Resolver.resolve``."""
        return self._resolver.resolve(reference)

    def download(self, reference: str, folder: Path | str, settings: DownloadSettings = DEFAULTS) -> Download:
        """Fetch what ``folder`` lacks of a release, verify it and lay it out.

        What was fetched stays if this is interrupted, and the next call goes on from there, in the middle of an object
        if need be. A release that is there already costs one request for its manifest, and no write.

        Args:
            reference: as for ``resolve``.

        Raises:
            CellCommonsError: BadSignature, AlreadyThere, NotFound, Withdrawn, Unreachable, DigestMismatch, DiskFull,
                InvalidDocument.
        """
        self._patience.ended.clear()
        parse_reference(reference)  # a dataset's name alone would not say what was downloaded
        whole = settings.selection or Selection()
        return self._bring(
            ReleaseFolder(folder),
            reference,
            replace(settings, selection=whole, force=settings.force or settings.repair),
        )

    def sync(self, folder: Path | str, reference: str | None = None, settings: DownloadSettings = DEFAULTS) -> Download:
        """Bring ``folder`` to the newest release that fits; only objects that it and the cache lack are fetched.

        What the folder shows stays whole and readable until the new version is whole and verified; then one rename
        shows that one, see ``cellcommons.shelf``. Killed at any instant, it shows one of the two, and the next call
        goes on.

        Args:
            reference: as for ``resolve``; None: the newest of the dataset that the folder holds.

        Raises:
            EditedLocally: files were changed by hand; nothing was fetched or changed.
            CellCommonsError: as ``download``; NotFound where the folder holds nothing and ``reference`` is None.
        """
        place = ReleaseFolder(folder)
        return self._bring(place, reference or place.dataset(), settings)

    def _bring(self, place: ReleaseFolder, reference: str, settings: DownloadSettings) -> Download:
        self._patience.ended.clear()
        force, selection = settings.force, settings.selection
        data, digest, address = self._wanted(reference, settings.sha256)
        signature, signed_by = self._resolver.signature(address, digest, settings.key)
        with _room(place.root), _nothing_left(place):
            place.prepare(reference)
            with place.locked():
                before = place.shown(damaged=force)
                edits = place.edits() if before else []
                _keep_manifest(place.store, data, digest)
                release = place.opened(digest, place.selection() if selection is None else selection)
                fetched, resumed, changes = 0, 0, ""
                doubtful = before is not None and place.is_doubtful()
                current = place.is_current(release) and not (force and edits)
                if edits and not force and not current:
                    raise _edited(place, edits)
                if settings.repair or doubtful or not current:
                    with self._resolver.opened(address) as source:
                        again = force or doubtful
                        fetch = Fetch(self._patience, source, place.store, release, settings, doubtful=again)
                        fetch.everything()
                    fetched, resumed = fetch.fetched, fetch.resumed
                    if not list(release.items()):
                        raise BadSelection("the selection takes no image", where=release.manifest.reference)
                if settings.repair or fetched or not current:
                    changes = told_changes(before, release)
                    place.show(release, self.base_url, signature)
                else:
                    place.keep_signature(signature)
                    if doubtful:
                        place.trust()
        if settings.cache:
            keep_to_limit(settings.cache)
        items, held = list(release.items()), place.held()
        return Download(
            reference=release.manifest.reference,
            manifest_sha256=digest,
            folder=str(place.root),
            images=len(items),
            cells=sum(len(item.cells) for item in items),
            objects=held.count,
            bytes=held.bytes,
            fetched=fetched,
            resumed=resumed,
            reused=max(0, held.bytes - fetched),  # of a region, indexes of shards came that are not kept
            signed_by=signed_by,
            previous=before.manifest.reference if before else None,
            changes=changes,
            selection=release.selection.line() if isinstance(release, PartialRelease) else "",
        )

    def plan(self, folder: Path | str, reference: str | None = None, settings: DownloadSettings = DEFAULTS) -> Plan:
        """What ``sync`` would do; nothing is written. Indexes and listings that are new are read for it."""
        place = ReleaseFolder(folder)
        data, digest, address = self._wanted(reference or place.dataset(), settings.sha256)
        self._resolver.signature(address, digest, settings.key)
        with self._resolver.opened(address) as source:
            return plan_sync(
                place, data, source, ObjectCache(settings.cache) if settings.cache else None, settings.selection
            )

    def _wanted(self, reference: str, sha256: str | None) -> tuple[bytes, str, str]:
        """Bytes and sha256 of the manifest, and where its objects are. Raises as ``resolve``, and DigestMismatch."""
        data, address = self.resolve(reference)
        digest = sha256_hex(data)
        if sha256 is not None and sha256 != digest:
            raise DigestMismatch("the manifest is not the one asked for", where=f"{reference}, sha256 {digest}")
        return data, digest, address

    def stop(self) -> None:
        """End the download under way, from any thread; what was fetched stays."""
        self._patience.ended.set()


def download(
    reference: str,
    folder: Path | str,
    *,
    base_url: str,
    token: str | None = None,
    settings: DownloadSettings = DEFAULTS,
) -> Download:
    """Download ``lab/slug@version`` into ``folder``; see ``Client.download``."""
    return Client(base_url, token).download(reference, folder, settings)


@contextlib.contextmanager
def _room(folder: Path) -> Iterator[None]:
    """Say plainly what the disk refuses."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise DiskFull(
                "the disk is full",
                where=str(folder),
                remedy="Free some room and run the same command again: it goes on where it stopped.",
            ) from error
        raise CellCommonsError(
            f"cannot write there ({error.strerror or error})", where=str(error.filename or folder)
        ) from error


@contextlib.contextmanager
def _nothing_left(place: ReleaseFolder) -> Iterator[None]:
    """Where the release has no such part, leave no folder that was not there."""
    fresh = not place.state.exists()
    try:
        yield
    except BadSelection:
        if fresh:
            place.abandon()
        raise


def _keep_manifest(store: FolderStore, data: bytes, digest: str) -> None:
    if not store.exists(digest) or sha256_hex(store.open(digest).read()) != digest:
        store.delete(digest)
        store.put(data)


def _edited(place: ReleaseFolder, edits: list[Edit]) -> EditedLocally:
    named = ", ".join(f"{edit.path} ({edit.what})" for edit in edits[:5])
    more = f" and {len(edits) - 5:,} more" if len(edits) > 5 else ""
    return EditedLocally(
        f"changed by hand: {named}{more}",
        where=str(place.root),
        remedy="Copy what you want to keep to another folder, then run this again with --force.",
        paths=tuple(edit.path for edit in edits),
    )
