"""Download a release: every object verified, resumed where it was cut, shown only when whole."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cellcommons import signing
from cellcommons.cache import ObjectCache
from cellcommons.canonical import sha256_hex
from cellcommons.errors import (
    BadSignature,
    CellCommonsError,
    DigestMismatch,
    DiskFull,
    InvalidDocument,
    MissingExtra,
    NotFound,
)
from cellcommons.fetch import Fetch, Patience, Progress
from cellcommons.folder import ReleaseFolder
from cellcommons.manifest import LIMIT, Manifest
from cellcommons.release import open_release
from cellcommons.transport import Source, open_source, read_small
from cellcommons.versions import parse_reference, parse_version

__all__ = ["Client", "Download", "Progress", "download"]


@dataclass(frozen=True)
class Download:
    """What a download came to.

    Attributes:
        fetched: bytes of objects that came over the wire this time; 0 where all was there. resumed: bytes kept from
            objects that an earlier download left half done. signed_by: the key that signed the manifest, checked.
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
    signed_by: str | None = None


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
        self.base_url, self._token, self._timeout = base_url, token, timeout
        self._patience = Patience(attempts, pause)

    def resolve(self, reference: str) -> tuple[bytes, str]:
        """The exact bytes of the manifest of the newest release that fits, checked, and where its objects are.

        Args:
            reference: ``slug@2.1.0``, or ``slug@2.1`` or ``slug@2``, which leave the rest open.

        Raises:
            NotFound: neither a hub nor a mirror there knows the release. Unreachable: nothing answers.
            Withdrawn: it was published there and taken back; the message says why.
            DigestMismatch: the hub's manifest is not the one it names.
        """
        slug, wanted = parse_reference(reference)
        base = self.base_url.rstrip("/")
        releases = f"{base}/api/v1/releases/{slug}"
        api = f"{releases}/{'.'.join(map(str, wanted))}"
        asked: NotFound | None = None
        if base.startswith(("http://", "https://")):
            try:
                with self._opened(api) as source:
                    described = _json(self._small(source, "", 1 << 22), api)
                # By its whole version from here on, so that one published meanwhile does not mix in.
                api = f"{releases}/{described.get('version')}"
                with self._opened(api) as source:
                    data = self._small(source, "manifest", LIMIT)
                if sha256_hex(data) != described.get("manifest_sha256"):
                    raise DigestMismatch("the hub's manifest is not the one it names", where=api)
                return _checked(data, reference, api), api
            except NotFound as error:
                asked = error
        try:
            with self._opened(base) as source:
                data = self._small(source, "manifest.json", LIMIT)
        except NotFound as error:
            raise NotFound(
                f"no release {reference} there", where=base, remedy=(asked or error).remedy or "Check name and version."
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
        cache: Path | str | None = None,
        key: str | None = None,
    ) -> Download:
        """Fetch what ``folder`` lacks of a release, verify it and lay it out.

        What was fetched stays if this is interrupted, and the next call goes on from there, in the middle of an object
        if need be. A release that is there already costs one request for its manifest, and no write.

        Args:
            reference: as for ``resolve``. jobs: objects fetched at once. progress: called from any thread, in order.
            repair: first check what is there by its sha256, and fetch anew what is damaged.
            sha256: the manifest must have this sha256.
            cache: a folder that ``cellcommons.open`` uses too: objects in it are linked rather than fetched, others are
                kept in it.
            key: the publisher's public key, as hex; the manifest must be signed by it. Without one a signature must be
                by a key that the hub lists, where the extra ``sign`` is installed to check it.

        Raises:
            CellCommonsError: BadSignature, AlreadyThere, NotFound, Withdrawn, Unreachable, DigestMismatch, DiskFull,
                InvalidDocument.
        """
        self._patience.ended.clear()
        place = ReleaseFolder(folder)
        data, address = self.resolve(reference)
        digest = sha256_hex(data)
        if sha256 is not None and sha256 != digest:
            raise DigestMismatch("the manifest is not the one asked for", where=f"{reference}, sha256 {digest}")
        signature, signed_by = self._signature(address, digest, key)
        with _room(place.root):
            place.prepare(reference)
            with place.locked():
                store = place.store
                if not store.exists(digest) or sha256_hex(store.open(digest).read()) != digest:
                    store.delete(digest)
                    store.put(data)
                release = open_release(store, digest)
                with self._opened(address) as source:
                    fetch = Fetch(
                        self._patience, source, store, release, progress, repair, ObjectCache(cache) if cache else None
                    )
                    fetch.everything(jobs)
                if repair or not place.is_current(release):
                    place.show(release, self.base_url)
                place.keep_signature(signature)
        manifest = release.manifest
        return Download(
            reference=manifest.reference,
            manifest_sha256=digest,
            folder=str(place.root),
            images=manifest.counts.images,
            cells=manifest.counts.cells,
            objects=manifest.objects.count,
            bytes=manifest.objects.bytes,
            fetched=fetch.fetched,
            resumed=fetch.resumed,
            signed_by=signed_by,
        )

    def _signature(self, address: str, digest: str, key: str | None) -> tuple[signing.Signature | None, str | None]:
        """The manifest's signature, None where it has none; and the key that it is by, None where nobody checked."""
        base = self.base_url.rstrip("/")
        try:
            with self._opened(address) as source:
                data = self._small(source, "signature" if address != base else "signature.json", signing.LIMIT)
        except NotFound:
            if key:
                raise BadSignature("the manifest is not signed", where=digest) from None
            return None, None
        signature = signing.Signature.parse(data, where=address)
        if key:
            keys = {key}
        elif address != base:
            with self._opened(f"{base}/api/v1/keys") as source:
                keys = signing.parse_keys(self._small(source, "", 1 << 20), where=base)
        else:  # static files name nobody to ask
            keys = {signature.key}
        try:
            signing.check_signature(signature, digest, keys)
        except MissingExtra:
            if key:
                raise
            return signature, None
        return signature, signature.key

    @contextlib.contextmanager
    def _opened(self, address: str) -> Iterator[Source]:
        source = open_source(address, token=self._token, timeout=self._timeout)
        try:
            yield source
        finally:
            source.close()

    def _small(self, source: Source, path: str, limit: int) -> bytes:
        held: list[bytes] = []

        self._patience.retry(lambda: held.append(read_small(source, path, limit)), f"{self.base_url} {path}".strip())
        return held[-1]

    def stop(self) -> None:
        """End the download under way, from any thread; what was fetched stays."""
        self._patience.ended.set()


def download(
    reference: str,
    folder: Path | str,
    *,
    base_url: str,
    token: str | None = None,
    jobs: int = 8,
    progress: Callable[[Progress], None] | None = None,
) -> Download:
    """Download ``slug@version`` into ``folder``; see ``Client.download``."""
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
    slug, wanted = parse_reference(reference)
    if manifest.dataset != slug or not parse_version(manifest.version).fits(wanted):
        raise NotFound(f"the release there is {manifest.reference}, not {reference}", where=where)
    return data
