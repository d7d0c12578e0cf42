"""Which release a reference names at a hub or a mirror: its manifest, exact and checked, and who signed it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from cellcommons import signing
from cellcommons.canonical import sha256_hex
from cellcommons.errors import BadSignature, DigestMismatch, InvalidDocument, MissingExtra, NotFound
from cellcommons.manifest import LIMIT, Manifest
from cellcommons.patience import Patience
from cellcommons.transport import Source, open_source, read_small
from cellcommons.versions import NEWEST, parse_newest, parse_version


class Resolver:
    """Asks one hub, or a mirror of static files.

    Args:
        base_url: the hub's address; or an address or folder that holds ``manifest.json`` beside ``objects/sha256/``.
        token: of a person of the hub; it goes to that address alone. timeout: seconds of silence.
    """

    def __init__(self, base_url: str, token: str | None, patience: Patience, timeout: float) -> None:
        self.base_url, self._token, self._patience, self._timeout = base_url, token, patience, timeout

    def resolve(self, reference: str) -> tuple[bytes, str]:
        """The exact bytes of the manifest of the newest release that fits, checked, and where its objects are.

        Args:
            reference: ``lab/slug@2.1.0``, or ``@2.1`` or ``@2``, which leave the rest open; ``lab/slug``: the newest.

        Raises:
            NotFound: neither a hub nor a mirror there knows the release. Unreachable: nothing answers.
            Withdrawn: it was published there and taken back; the message says why.
            DigestMismatch: the hub's manifest is not the one it names.
        """
        name, wanted = parse_newest(reference)
        base = self.base_url.rstrip("/")
        releases = f"{base}/api/v1/releases/{name}"
        api = f"{releases}/{'.'.join(map(str, wanted)) or NEWEST}"
        asked: NotFound | None = None
        if base.startswith(("http://", "https://")):
            try:
                with self.opened(api) as source:
                    described = _json(self._small(source, "", 1 << 22), api)
                # By its whole version from here on, so that one published meanwhile does not mix in.
                api = f"{releases}/{described.get('version')}"
                with self.opened(api) as source:
                    data = self._small(source, "manifest", LIMIT)
                if sha256_hex(data) != described.get("manifest_sha256"):
                    raise DigestMismatch("the hub's manifest is not the one it names", where=api)
                return _checked(data, reference, api), api
            except NotFound as error:
                asked = error
        try:
            with self.opened(base) as source:
                data = self._small(source, "manifest.json", LIMIT)
        except NotFound as error:
            raise NotFound(
                f"no release {reference} there", where=base, remedy=(asked or error).remedy or "Check name and version."
            ) from None
        return _checked(data, reference, base), base

    def signature(self, address: str, digest: str, key: str | None) -> tuple[signing.Signature | None, str | None]:
        """The manifest's signature, None where it has none; and the key that it is by, None where nobody checked."""
        base = self.base_url.rstrip("/")
        try:
            with self.opened(address) as source:
                data = self._small(source, "signature" if address != base else "signature.json", signing.LIMIT)
        except NotFound:
            if key:
                raise BadSignature("the manifest is not signed", where=digest) from None
            return None, None
        signature = signing.Signature.parse(data, where=address)
        if key:
            keys = {key}
        elif address != base:
            with self.opened(f"{base}/api/v1/keys") as source:
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
    def opened(self, address: str) -> Iterator[Source]:
        """Where the objects of a release at ``address`` are."""
        packs = address != self.base_url.rstrip("/")
        source = open_source(address, token=self._token, timeout=self._timeout, packs=packs)
        try:
            yield source
        finally:
            source.close()

    def _small(self, source: Source, path: str, limit: int) -> bytes:
        held: list[bytes] = []

        self._patience.retry(lambda: held.append(read_small(source, path, limit)), f"{self.base_url} {path}".strip())
        return held[-1]


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
    name, wanted = parse_newest(reference)
    if manifest.dataset != name or not parse_version(manifest.version).fits(wanted):
        raise NotFound(f"the release there is {manifest.reference}, not {reference}", where=where)
    return data
