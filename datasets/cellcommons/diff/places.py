"""Where the two releases of a comparison are: a folder, a hub, static files; read in place, an object at a time."""

from __future__ import annotations

import contextlib
import io
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cellcommons.canonical import sha256_hex
from cellcommons.client import Client
from cellcommons.errors import NotFound, StoreUnusable
from cellcommons.fetch import Patience
from cellcommons.folder import ReleaseFolder
from cellcommons.manifest import LIMIT, Manifest
from cellcommons.release import Release
from cellcommons.store import ObjectStore, StoredObject, damaged, object_path
from cellcommons.transport import Source, open_source, read_small

HELD = 64 << 20
OBJECT_LIMIT = 1 << 34


class FetchedStore:
    """The objects of a release at an address, as a store that is only read: each is fetched when it is asked for,
    verified, and kept in memory while there is room.

    Attributes:
        url: the address. fetched: bytes that came over the wire. objects: how many objects.
    """

    def __init__(self, source: Source, address: str, *, held: int = HELD) -> None:
        self.url, self._source, self._room = address, source, held
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._patience = Patience(6, 0.25)
        self.fetched = self.objects = 0

    def check(self) -> None:
        """Nothing to ask: the first object will tell."""

    def get(self, digest: str) -> bytes:
        if digest in self._kept:
            self._kept.move_to_end(digest)
            return self._kept[digest]
        found: list[bytes] = []
        where = f"{self.url} {digest}"
        self._patience.retry(lambda: found.append(read_small(self._source, object_path(digest), OBJECT_LIMIT)), where)
        data = found[-1]
        if sha256_hex(data) != digest:
            raise damaged(digest)
        self.fetched, self.objects = self.fetched + len(data), self.objects + 1
        self._kept[digest] = data
        while sum(map(len, self._kept.values())) > self._room and len(self._kept) > 1:
            self._kept.popitem(last=False)
        return data

    def open(self, digest: str) -> BinaryIO:
        return io.BytesIO(self.get(digest))

    def exists(self, digest: str) -> bool:
        try:
            self.get(digest)
        except NotFound:
            return False
        return True

    def size(self, digest: str) -> int:
        return len(self.get(digest))

    def get_ref(self, name: str) -> bytes | None:
        return None

    def link(self, digest: str, *, seconds: int, endpoint: str = "") -> str | None:
        return None

    def put(self, data: bytes) -> str:
        raise self._refusal()

    def put_file(self, path: Path) -> str:
        raise self._refusal()

    def batch(self) -> contextlib.AbstractContextManager[ObjectStore]:
        raise self._refusal()

    def digests(self) -> Iterator[str]:
        raise self._refusal()

    def listing(self) -> Iterator[StoredObject]:
        raise self._refusal()

    def delete(self, digest: str) -> None:
        raise self._refusal()

    def tidy(self, *, older_than: float) -> int:
        raise self._refusal()

    def put_ref(self, name: str, data: bytes) -> None:
        raise self._refusal()

    def delete_ref(self, name: str) -> None:
        raise self._refusal()

    def _refusal(self) -> StoreUnusable:
        return StoreUnusable("objects at an address are read one by one, nothing else", where=self.url)


@contextlib.contextmanager
def opened_release(place: str, *, hub: str, token: str | None = None) -> Iterator[Release]:
    """The release at ``place``.

    Args:
        place: the folder of a download; ``slug@edition`` on ``hub``; ``ADDRESS/slug@edition`` of another hub; or the
            address or folder of static files, ``manifest.json`` beside ``objects/``.
        token: for ``hub`` alone.

    Raises:
        NotFound, Withdrawn, Unreachable, InvalidDocument, DigestMismatch: there is no such release, or it is damaged.
    """
    folder = Path(place).expanduser()
    if folder.is_dir() and not (folder / "manifest.json").is_file():
        yield ReleaseFolder(folder).load()
        return
    base, _, last = place.rstrip("/").rpartition("/")
    if "@" in last and not folder.exists():
        address = base or hub
        data, address = Client(address, token if not base else None).resolve(last)
    else:
        address, data = place, b""
    source = open_source(address, token=token if not base else None)
    try:
        data = data or read_small(source, "manifest.json", LIMIT)
        yield Release(FetchedStore(source, address), Manifest.parse(data, where=place), sha256_hex(data))
    finally:
        source.close()
