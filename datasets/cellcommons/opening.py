"""``cellcommons.open``: a published release to read from, without downloading it first."""

from __future__ import annotations

import os
import warnings
from datetime import UTC, datetime
from pathlib import Path

from cellcommons.cache import cache_folder
from cellcommons.cache_upkeep import keep_to_limit
from cellcommons.canonical import sha256_hex
from cellcommons.client import Client
from cellcommons.credentials import find_token
from cellcommons.errors import NotFound, Unreachable, Withdrawn
from cellcommons.folder import load
from cellcommons.manifest import Manifest
from cellcommons.partial import PartialRelease
from cellcommons.patience import Patience
from cellcommons.release import Release, open_release
from cellcommons.selection import Selection
from cellcommons.store import FolderStore
from cellcommons.streamed import WHOLE, StreamedStore
from cellcommons.transport import open_source

HUB = "http://127.0.0.1:8000"
_ATTEMPTS = 3
_WITHDRAWN = "withdrawn "


class AsLastSeen(UserWarning):
    """A release was opened from the cache, without asking its hub; the message says as of when."""


def open(
    reference: str | Path,
    *,
    hub: str | None = None,
    cache: Path | str | None = None,
    token: str | None = None,
    offline: bool = False,
    whole: int = WHOLE,
    selection: Selection | None = None,
) -> Release:
    """Open ``lab/slug@version`` where it lies; the same ``Release`` as ``cellcommons.load`` of a download.

    Objects are fetched when they are read, verified, and kept in the cache by their sha256, so that releases share what
    they have in common. Without the hub in reach the release opens as it was last seen (warning ``AsLastSeen``),
    and whatever is cached reads.

    Args:
        reference: of a published release; or the folder of a download, which is then loaded.
        hub: a hub, or an address or folder of static files; else ``CELLCOMMONS_HUB``.
        cache: a folder; else ``CELLCOMMONS_CACHE``, else the person's folder of caches.
        token: of a person of the hub; else as ``cellcommons.credentials.find_token``.
        offline: ask nobody; read what the cache holds.
        whole: objects of at most so many bytes are fetched whole when any part of them is read, larger ones by range.
        selection: a part of it; ``items`` and tables are then of that part.

    Raises:
        NotFound: no such release there. Withdrawn: it was taken back.
        Unreachable: nobody answers, and the cache has not seen it.
        DigestMismatch, InvalidDocument: what is there is damaged.
    """
    if isinstance(reference, Path) or "@" not in reference:
        return _part(load(reference), selection)
    hub = hub or os.environ.get("CELLCOMMONS_HUB") or HUB
    token = token or find_token(hub)
    folder = cache_folder(cache)
    keep_to_limit(folder)
    seen = FolderStore(folder)
    name = f"opened/{sha256_hex(hub.rstrip('/').encode())[:16]}/{reference.replace('@', '/')}"
    if offline:
        return _part(open_release(StreamedStore(folder, None), _last_seen(seen, name, reference)), selection)
    try:
        data, address = Client(hub, token, attempts=_ATTEMPTS).resolve(reference)
    except Withdrawn as error:
        seen.put_ref(name, f"{_WITHDRAWN}{error.what}".encode())
        raise
    except Unreachable:
        if seen.get_ref(name) is None:
            raise
        return _part(open_release(StreamedStore(folder, None, hub), _last_seen(seen, name, reference)), selection)
    digest = sha256_hex(data)
    source = open_source(address, token=token)
    store = StreamedStore(folder, source, address, patience=Patience(_ATTEMPTS, 0.25), whole=whole)
    store.put(data)
    seen.put_ref(name, f"{digest} {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}".encode())
    return _part(Release(store, Manifest.parse(data, where=reference), digest), selection)


def _part(release: Release, selection: Selection | None) -> Release:
    return PartialRelease(release.store, release.manifest, release.digest, selection) if selection else release


def _last_seen(seen: FolderStore, name: str, reference: str) -> str:
    data = seen.get_ref(name)
    if data is None:
        raise NotFound(
            f"the cache has not seen {reference}",
            where=str(seen.root),
            remedy="Open it once with its hub in reach.",
        )
    said = data.decode(errors="replace")
    if said.startswith(_WITHDRAWN):
        raise Withdrawn(said.removeprefix(_WITHDRAWN), where=reference)
    digest, _, asked_at = said.partition(" ")
    warnings.warn(
        f"{reference} as of {asked_at}: nobody was asked whether it was withdrawn since", AsLastSeen, stacklevel=3
    )
    return digest
