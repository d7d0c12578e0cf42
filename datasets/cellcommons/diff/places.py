"""Where the two releases of a comparison are: a folder, a hub, static files; read in place, an object at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cellcommons import opening
from cellcommons.cache import cache_folder
from cellcommons.canonical import sha256_hex
from cellcommons.client import Client
from cellcommons.folder import ReleaseFolder
from cellcommons.manifest import LIMIT, Manifest
from cellcommons.patience import Patience
from cellcommons.release import Release
from cellcommons.streamed import StreamedStore
from cellcommons.transport import open_source, read_small

_ATTEMPTS = 4


@contextlib.contextmanager
def opened_release(place: str, *, hub: str, token: str | None = None, cache: Path | None = None) -> Iterator[Release]:
    """The release at ``place``; objects at an address are fetched when they are read, and kept in the cache.

    Args:
        place: the folder of a download; ``lab/slug@version`` on ``hub``, or ``ADDRESS/lab/slug@version`` of another;
            or the address or folder of static files, ``manifest.json`` beside ``objects/``.
        token: for ``hub`` alone.
        cache: a folder, as for ``cellcommons.open``.

    Raises:
        NotFound, Withdrawn, Unreachable, InvalidDocument, DigestMismatch: there is no such release, or it is damaged.
    """
    folder = Path(place).expanduser()
    base, last = _split(place)
    if folder.is_dir() and not (folder / "manifest.json").is_file():
        release = ReleaseFolder(folder).load()
    elif "@" in last and not folder.exists():
        # A token is the hub's that it was given for, and goes to no other address.
        release = (
            _streamed(*Client(base).resolve(last), cache)
            if base
            else opening.open(last, hub=hub, token=token, cache=cache)
        )
    else:
        release = _streamed(_manifest(place), place, cache)
    try:
        yield release
    finally:
        if isinstance(release.store, StreamedStore):
            release.store.close()


def _split(place: str) -> tuple[str, str]:
    """The address and the reference of ``ADDRESS/lab/slug@version``."""
    *address, lab, slug = ["", "", *place.rstrip("/").split("/")]
    return "/".join(address[2:]), f"{lab}/{slug}" if lab else slug


def _manifest(address: str) -> bytes:
    """The bytes of ``manifest.json`` there."""
    found: list[bytes] = []
    with contextlib.closing(open_source(address)) as source:
        Patience(_ATTEMPTS, 0.25).retry(lambda: found.append(read_small(source, "manifest.json", LIMIT)), address)
    return found[-1]


def _streamed(manifest: bytes, address: str, cache: Path | None) -> Release:
    store = StreamedStore(cache_folder(cache), open_source(address), address)
    return Release(store, Manifest.parse(manifest, where=address), sha256_hex(manifest))
