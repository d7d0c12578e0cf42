"""Many puts that wait in a local folder and are sent together, several at a time."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from cellcommons.canonical import sha256_hex
from cellcommons.errors import DigestMismatch
from cellcommons.object_uploads import ObjectUploads
from cellcommons.s3.upload import PART
from cellcommons.store import CHUNK, ObjectStore, StoredObject, damaged

AT_ONCE = 8


@contextmanager
def gathered(store: ObjectStore) -> Iterator[ObjectStore]:
    """A batch on ``store``: what is put is sent when the block ends, and forgotten if the block raises.

    Until then a put is a file in the temporary folder and asks nothing of the network.
    """
    with tempfile.TemporaryDirectory(prefix="cellcommons-batch-") as folder:
        batch = _Batch(store, Path(folder))
        yield batch
        batch.send()


class _Batch:
    """See ``gathered``. For one thread."""

    def __init__(self, store: ObjectStore, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._waiting: dict[str, Path] = {}
        self.url = store.url

    def check(self) -> None:
        self._store.check()

    def put(self, data: bytes) -> str:
        digest = sha256_hex(data)
        if digest not in self._waiting:
            path = self._folder / digest
            path.write_bytes(data)
            self._waiting[digest] = path
        return digest

    def put_file(self, path: Path) -> str:
        copy = self._folder / "copy"
        shutil.copyfile(path, copy)
        with open(copy, "rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        self._waiting[digest] = copy.replace(self._folder / digest)
        return digest

    def batch(self) -> AbstractContextManager[ObjectStore]:
        return nullcontext(self)

    def get(self, digest: str) -> bytes:
        if digest not in self._waiting:
            return self._store.get(digest)
        data = self._waiting[digest].read_bytes()
        if sha256_hex(data) != digest:
            raise damaged(digest)
        return data

    def open(self, digest: str) -> BinaryIO:
        waiting = self._waiting.get(digest)
        return open(waiting, "rb", buffering=CHUNK) if waiting else self._store.open(digest)

    def exists(self, digest: str) -> bool:
        return digest in self._waiting or self._store.exists(digest)

    def size(self, digest: str) -> int:
        waiting = self._waiting.get(digest)
        return waiting.stat().st_size if waiting else self._store.size(digest)

    def digests(self) -> Iterator[str]:
        return self._store.digests()

    def listing(self) -> Iterator[StoredObject]:
        return self._store.listing()

    def delete(self, digest: str) -> None:
        self._waiting.pop(digest, None)
        self._store.delete(digest)

    def discard(self, digest: str, *, kept_before: float) -> bool:
        return digest not in self._waiting and self._store.discard(digest, kept_before=kept_before)

    def tidy(self, *, older_than: float) -> int:
        return self._store.tidy(older_than=older_than)

    def link(self, digest: str, *, seconds: int, endpoint: str = "") -> str | None:
        return self._store.link(digest, seconds=seconds, endpoint=endpoint)

    def uploads(self) -> ObjectUploads:
        return self._store.uploads()

    def put_ref(self, name: str, data: bytes) -> None:
        self._store.put_ref(name, data)

    def get_ref(self, name: str) -> bytes | None:
        return self._store.get_ref(name)

    def delete_ref(self, name: str) -> None:
        self._store.delete_ref(name)

    def send(self) -> None:
        """Send what waits. If one fails, those sent by then are whole objects that nothing names."""
        small = [(d, path) for d, path in self._waiting.items() if path.stat().st_size <= PART]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="cellcommons-batch") as pool:
            sent = [pool.submit(self._one, digest, path) for digest, path in small]
            try:
                for future in sent:
                    future.result()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        for digest in self._waiting.keys() - {digest for digest, _ in small}:
            self._one(digest, self._waiting[digest])  # goes in parts, several at a time, by itself

    def _one(self, digest: str, path: Path) -> None:
        if self._store.put_file(path) != digest:
            raise DigestMismatch("a file of this batch changed while it waited", where=digest, remedy="Try again.")
