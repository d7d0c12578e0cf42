"""Content-addressed objects: written once, named by their sha256, plus a few small mutable refs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from cellcommons.canonical import sha256_hex
from cellcommons.durable import is_full, sync_together
from cellcommons.errors import DigestMismatch, DiskFull, InvalidDocument, NotFound, StoreUnusable
from cellcommons.extras import require
from cellcommons.folder_uploads import FolderUploads
from cellcommons.object_names import object_path, ref_path
from cellcommons.object_store import CHUNK, ObjectStore, StoredObject, damaged, free_bytes

__all__ = ["CHUNK", "FolderStore", "ObjectStore", "StoredObject", "damaged", "free_bytes", "object_path", "open_store"]

_ASIDE = "discarded-"
SCHEMES = "Use file:///absolute/folder or s3://bucket/prefix?endpoint=https://host."


class FolderStore:
    """An object store in a local folder.

    A put writes a temporary file beside its final name, syncs it and links it into place, so a crash leaves either the
    whole object or nothing.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self.url = self.root.as_uri()
        self._incoming = self.root / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    def check(self) -> None:
        if not os.access(self._incoming, os.R_OK | os.W_OK | os.X_OK):
            raise StoreUnusable(
                "the folder is gone or cannot be written", where=self.url, remedy="Bring it back, or allow it."
            )

    def put(self, data: bytes) -> str:
        digest = sha256_hex(data)
        target = self.root / object_path(digest)
        if not _renew(target):
            with self._temporary() as (handle, path):
                handle.write(data)
                self._seal(handle, path, target)
        return digest

    def put_file(self, path: Path) -> str:
        with open(path, "rb") as source:
            return self._put_blocks(iter(lambda: source.read(CHUNK), b""))

    @contextlib.contextmanager
    def batch(self) -> Iterator[FolderStore]:
        batch = _FolderBatch(self.root)
        with _room():
            try:
                yield batch
                batch.flush()
            finally:
                batch.drop()

    def get(self, digest: str) -> bytes:
        with self.open(digest) as handle:
            data = handle.read()
        if sha256_hex(data) != digest:
            raise damaged(digest)
        return data

    def open(self, digest: str) -> BinaryIO:
        try:
            return open(self.root / object_path(digest), "rb")
        except FileNotFoundError:
            raise NotFound("no such object in the store", where=digest) from None

    def exists(self, digest: str) -> bool:
        return (self.root / object_path(digest)).exists()

    def size(self, digest: str) -> int:
        try:
            return (self.root / object_path(digest)).stat().st_size
        except FileNotFoundError:
            raise NotFound("no such object in the store", where=digest) from None

    def digests(self) -> Iterator[str]:
        for path in (self.root / "objects" / "sha256").glob("??/??/*"):
            yield path.name

    def listing(self) -> Iterator[StoredObject]:
        for digest in self.digests():
            with contextlib.suppress(FileNotFoundError):
                seen = (self.root / object_path(digest)).stat()
                yield StoredObject(digest, seen.st_size, seen.st_mtime)

    def delete(self, digest: str) -> None:
        (self.root / object_path(digest)).unlink(missing_ok=True)

    def discard(self, digest: str, *, kept_before: float) -> bool:
        # Moved aside first: whoever puts it from then on writes it anew; whoever had put it before left a young time.
        aside = self._incoming / f"{_ASIDE}{digest}"
        target = self.root / object_path(digest)
        try:
            os.rename(target, aside)
        except FileNotFoundError:
            return False
        if aside.stat().st_mtime >= kept_before:
            os.rename(aside, target)
            return False
        aside.unlink(missing_ok=True)
        return True

    def tidy(self, *, older_than: float) -> int:
        waiting = {path: path.stat().st_mtime for path in self._incoming.iterdir()}
        old = [path for path, kept_at in waiting.items() if kept_at < time.time() - older_than]
        for path in old:
            path.unlink(missing_ok=True)
        # Put again while it was being discarded, and the collector died before it gave the name back.
        for path in waiting.keys() - set(old):
            if path.name.startswith(_ASIDE):
                os.rename(path, self.root / object_path(path.name.removeprefix(_ASIDE)))
        return len(old) + self.uploads().tidy(older_than=older_than)

    def link(self, digest: str, *, seconds: int, endpoint: str = "") -> str | None:
        return None

    def uploads(self) -> FolderUploads:
        return FolderUploads(self.root, self._keep_declared)

    def put_ref(self, name: str, data: bytes) -> None:
        target = self._ref(name)
        with self._temporary() as (handle, path):
            handle.write(data)
            handle.flush()
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, target)
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise InvalidDocument("a ref cannot be both a value and a folder of refs", where=name) from error

    def get_ref(self, name: str) -> bytes | None:
        try:
            return self._ref(name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def delete_ref(self, name: str) -> None:
        with contextlib.suppress(NotADirectoryError):
            self._ref(name).unlink(missing_ok=True)

    def _put_blocks(self, blocks: Iterator[bytes], declared: str | None = None) -> str:
        hasher = hashlib.sha256()
        with self._temporary() as (handle, temporary):
            for block in blocks:
                hasher.update(block)
                handle.write(block)
            digest = hasher.hexdigest()
            if declared not in (None, digest):
                raise DigestMismatch("the bytes that came have another sha256 than was declared", where=declared or "")
            self._seal(handle, temporary, self.root / object_path(digest))
        return digest

    def _keep_declared(self, blocks: Iterator[bytes], digest: str) -> None:
        self._put_blocks(blocks, digest)
        # What it was made of is thrown away next: its name must be durable before.
        sync_together(self._incoming, [(self.root / object_path(digest)).parent])

    def _ref(self, name: str) -> Path:
        return self.root / ref_path(name)

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[tuple[BinaryIO, Path]]:
        with _room():
            descriptor, name = tempfile.mkstemp(dir=self._incoming)
            path = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as handle:
                    yield handle, path
            finally:
                path.unlink(missing_ok=True)

    def _seal(self, handle: BinaryIO, path: Path, target: Path) -> None:
        handle.flush()
        os.fsync(handle.fileno())
        target.parent.mkdir(parents=True, exist_ok=True)
        # A rename over an existing object is harmless: same name, same bytes.
        os.chmod(path, 0o444)
        os.replace(path, target)


@contextlib.contextmanager
def _room() -> Iterator[None]:
    """Say plainly that the disk is full; what was not finished has no name and is removed."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise DiskFull("the disk is full", remedy="Make room and try again: what is kept is whole.") from error


class _FolderBatch(FolderStore):
    """Puts that wait in ``incoming`` until ``flush`` has synced them all and given them their names. For one thread."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._waiting: dict[str, Path] = {}
        self._folders: set[Path] = set()

    def put(self, data: bytes) -> str:
        digest = sha256_hex(data)
        if not self._is_kept(digest):
            # Whoever catches what a full disk raises may go on: what was not written whole must never wait for a name.
            with _room():
                descriptor, name = tempfile.mkstemp(dir=self._incoming)
                try:
                    with os.fdopen(descriptor, "wb") as handle:
                        handle.write(data)
                except BaseException:
                    Path(name).unlink(missing_ok=True)
                    raise
            self._waiting[digest] = Path(name)
        return digest

    def put_file(self, path: Path) -> str:
        hasher = hashlib.sha256()
        with _room():
            descriptor, name = tempfile.mkstemp(dir=self._incoming)
            temporary = Path(name)
            try:
                with open(path, "rb") as source, os.fdopen(descriptor, "wb") as handle:
                    while block := source.read(CHUNK):
                        hasher.update(block)
                        handle.write(block)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        digest = hasher.hexdigest()
        if self._is_kept(digest):
            temporary.unlink(missing_ok=True)
        else:
            self._waiting[digest] = temporary
        return digest

    def open(self, digest: str) -> BinaryIO:
        waiting = self._waiting.get(digest)
        return open(waiting, "rb") if waiting else super().open(digest)

    def exists(self, digest: str) -> bool:
        return digest in self._waiting or super().exists(digest)

    def size(self, digest: str) -> int:
        waiting = self._waiting.get(digest)
        return waiting.stat().st_size if waiting else super().size(digest)

    def flush(self) -> None:
        """Sync what waits, then name it, then sync the names."""
        if self._waiting:
            sync_together(self._incoming, list(self._waiting.values()))
        for digest in list(self._waiting):
            target = self.root / object_path(digest)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.chmod(self._waiting[digest], 0o444)
            os.replace(self._waiting[digest], target)
            del self._waiting[digest]
        if self._folders:
            sync_together(self._incoming, list(self._folders))

    def _is_kept(self, digest: str) -> bool:
        # An object that is there may have been named a moment ago by another process: its name is synced with ours.
        self._folders.add((self.root / object_path(digest)).parent)
        return digest in self._waiting or _renew(self.root / object_path(digest))

    def drop(self) -> None:
        """Forget what was never named."""
        for path in self._waiting.values():
            path.unlink(missing_ok=True)
        self._waiting.clear()


def _renew(path: Path) -> bool:
    """Whether the object is there; it is as young as a new one then, so that garbage collection lets it be."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    except PermissionError:
        return path.exists()  # another user's object, in a folder that only its owner collects
    return True


def open_store(url: str) -> ObjectStore:
    """The store at ``url``: ``file:///path``, a plain folder path, or ``s3://bucket/prefix?endpoint=...``.

    Raises:
        InvalidDocument: a scheme this version does not speak, or an address that is not well formed.
        MissingExtra: boto3 is not installed, which a bucket needs.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderStore(unquote(parts.path))
    if parts.scheme == "":
        return FolderStore(url)
    if parts.scheme == "s3":
        require("boto3", extra="s3", what="an object store in a bucket")
        # Here, for boto3 is an extra and takes a while to import.
        from cellcommons.s3.store import S3Store

        return S3Store(url)
    raise InvalidDocument(
        f"object store scheme {parts.scheme!r} is not supported",
        where=url,
        remedy="Use file:///absolute/folder or s3://bucket/prefix.",
    )
