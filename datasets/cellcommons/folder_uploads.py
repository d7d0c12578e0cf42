"""Uploads into an object folder: a file for each part, put together and compared when all are here."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from cellcommons.errors import DigestMismatch, DiskFull, InvalidDocument
from cellcommons.object_store import CHUNK, free_bytes
from cellcommons.object_uploads import PendingUpload, check_part, check_whole, no_such_upload, part_size_of

_KEY = re.compile(r"[0-9a-f]{32}")
_PART = re.compile(r"[0-9]{5}")
_ENDED = "ended-"


class FolderUploads:
    """Uploads below ``root/uploads``.

    Args:
        keep: makes an object of blocks of bytes, durably, only if they hash to the digest that it is given.
    """

    def __init__(self, root: Path, keep: Callable[[Iterator[bytes], str], None]) -> None:
        self._root, self._keep = root / "uploads", keep

    def begin(self, size: int, sha256: str, *, part_size: int | None = None) -> PendingUpload:
        upload = PendingUpload(uuid.uuid4().hex, size, sha256, part_size or part_size_of(size))
        if size > (free := free_bytes(self._root)):
            raise DiskFull(f"the upload needs {size:,} bytes, and {free:,} are free on the hub's disk")
        (self._root / upload.key).mkdir(parents=True)
        _sync(self._root)
        return upload

    def parts(self, upload: PendingUpload) -> set[int]:
        found = set()
        try:
            for entry in os.scandir(self._folder(upload.key)):
                number = int(entry.name) if _PART.fullmatch(entry.name) else 0
                if 1 <= number <= upload.count and entry.stat().st_size == upload.length(number):
                    found.add(number)
        except FileNotFoundError:
            raise no_such_upload(upload.key) from None
        return found

    def receive(self, key: str, number: int, length: int) -> FolderPart:
        return FolderPart(self._folder(key), key, number, length)

    def link(self, upload: PendingUpload, number: int, *, seconds: int, endpoint: str = "") -> str | None:
        return None

    def finish(self, upload: PendingUpload) -> str:
        check_whole(upload, self.parts(upload))
        try:
            self._keep(self._blocks(upload), upload.sha256)
        except DigestMismatch:
            self.abandon(upload)
            raise
        except FileNotFoundError:  # abandoned meanwhile
            raise no_such_upload(upload.key) from None
        return upload.sha256

    def abandon(self, upload: PendingUpload) -> None:
        folder = self._folder(upload.key)
        # Moved aside first: a part that comes in meanwhile finds no folder, rather than half of one.
        aside = folder.with_name(f"{_ENDED}{upload.key}")
        with contextlib.suppress(FileNotFoundError):
            os.rename(folder, aside)
        shutil.rmtree(aside, ignore_errors=True)

    def tidy(self, *, older_than: float) -> int:
        """Remove uploads into which nothing came for so many seconds, and what abandoned ones left; how many."""
        old = []
        for entry in os.scandir(self._root) if self._root.is_dir() else ():
            if entry.name.startswith(_ENDED) or entry.stat().st_mtime < time.time() - older_than:
                old.append(entry.path)
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        return len(old)

    def _folder(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise no_such_upload(key)
        return self._root / key

    def _blocks(self, upload: PendingUpload) -> Iterator[bytes]:
        for number in range(1, upload.count + 1):
            with open(self._folder(upload.key) / f"{number:05d}", "rb") as part:
                while block := part.read(CHUNK):
                    yield block


class FolderPart:
    """A part on its way into the folder; see ``PartWriter``."""

    def __init__(self, folder: Path, key: str, number: int, length: int) -> None:
        if not 1 <= number <= 99_999:
            raise InvalidDocument("no part has that number", where=f"part {number}")
        self._key, self._number, self._length, self._written = key, number, length, 0
        self._target = folder / f"{number:05d}"
        self._path = folder / f"{number:05d}.{uuid.uuid4().hex}"
        try:
            self._handle = open(self._path, "xb")  # noqa: SIM115 closed by keep or drop
        except FileNotFoundError:
            raise no_such_upload(key) from None

    def write(self, block: bytes) -> None:
        self._written += len(block)
        if self._written > self._length:
            check_part(self._written, self._length, self._number)
        self._handle.write(block)

    def keep(self) -> None:
        check_part(self._written, self._length, self._number)
        self._handle.flush()
        os.fsync(self._handle.fileno())
        self._handle.close()
        try:
            os.replace(self._path, self._target)
            _sync(self._target.parent)
        except FileNotFoundError:
            raise no_such_upload(self._key) from None

    def drop(self) -> None:
        self._handle.close()
        self._path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
