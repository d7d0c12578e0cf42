"""What every object store can do: content-addressed objects, written once, plus a few small mutable refs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from cellcommons.errors import DigestMismatch
from cellcommons.object_uploads import ObjectUploads

CHUNK = 1 << 20


def free_bytes(path: Path) -> int:
    """Free bytes on the disk that holds ``path`` (or its nearest existing parent)."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def damaged(digest: str) -> DigestMismatch:
    """The error for an object whose bytes are not those that its name says."""
    return DigestMismatch(
        "the stored bytes no longer hash to their name",
        where=digest,
        remedy="Restore this object from a backup or another copy.",
    )


@dataclass(frozen=True)
class StoredObject:
    """One object as a store lists it: its name, bytes, and when it was kept (seconds since 1970)."""

    digest: str
    size: int
    kept_at: float


class ObjectStore(Protocol):
    """What every store can do; ``cellcommons.testing.store_suite`` holds each to it."""

    url: str

    def check(self) -> None:
        """Ask one quick question. Raises StoreUnusable where the store cannot be used."""

    def put(self, data: bytes) -> str:
        """Keep ``data``; return its sha256. Putting the same bytes again makes what is there young again."""

    def put_file(self, path: Path) -> str:
        """Keep a file's bytes without holding them in memory; return their sha256."""

    def batch(self) -> AbstractContextManager[ObjectStore]:
        """A store for many puts that become durable together, when the block ends: one wait for the disk, not one each.

        What is put is not there for others before that, and what the block raises leaves nothing of it. Name an object
        in a database only after the block.
        """

    def get(self, digest: str) -> bytes:
        """The object's bytes. Raises NotFound, or DigestMismatch if they no longer hash to their name."""

    def open(self, digest: str) -> BinaryIO:
        """A seekable stream of the object, not verified. Raises NotFound."""

    def exists(self, digest: str) -> bool:
        """Whether the object is kept here."""

    def size(self, digest: str) -> int:
        """Bytes. Raises NotFound."""

    def digests(self) -> Iterator[str]:
        """Every object kept here, in no order."""

    def listing(self) -> Iterator[StoredObject]:
        """The same with size and time, for garbage collection; one that is deleted meanwhile may be left out."""

    def delete(self, digest: str) -> None:
        """Forget an object, whatever its age."""

    def discard(self, digest: str, *, kept_before: float) -> bool:
        """Forget an object unless it was put, or put again, since ``kept_before``; whether it is gone by this call.

        Garbage collection's way: what someone puts while it runs survives. One collector at a time.
        ``kept_before``: seconds since 1970.
        """

    def tidy(self, *, older_than: float) -> int:
        """Remove what puts that broke off more than ``older_than`` seconds ago left behind; how many there were.

        None of it was ever an object.
        """

    def link(self, digest: str, *, seconds: int, endpoint: str = "") -> str | None:
        """An address by which whoever has it reads this one object for ``seconds``; None where the store has none.

        Args:
            endpoint: ``http(s)://host`` under which readers reach the store, where they do not reach it as we do.
        """

    def uploads(self) -> ObjectUploads:
        """What comes into this store in parts."""

    def put_ref(self, name: str, data: bytes) -> None:
        """Set a small mutable blob, e.g. ``runs/<id>/cancel``; atomic."""

    def get_ref(self, name: str) -> bytes | None:
        """A ref's bytes, or None."""

    def delete_ref(self, name: str) -> None:
        """Remove a ref; absent is fine."""
