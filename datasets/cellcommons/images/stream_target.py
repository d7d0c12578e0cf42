"""Where a streamed OME-Zarr goes: a folder, or an object store as a sealed tree. Whole or plainly unfinished."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import google_crc32c
import zarr

from cellcommons.errors import AlreadyThere
from cellcommons.images.shard_file import ShardFile
from cellcommons.images.tree_store import TreeStore
from cellcommons.store import ObjectStore
from cellcommons.tree import Tree, TreeEntry

WORK = ".streaming"
_BLOCK = 1 << 20


class Target(Protocol):
    """What a conversion needs of the place it writes to.

    Attributes:
        work: a folder of its own for what is not finished; gone once all is.
    """

    work: Path

    def keep(self, path: str, shard: ShardFile, checksum: str) -> str:
        """Give a closed shard its name in the tree, once it is on the disk; what ``holds`` will know it by."""

    def holds(self, path: str, size: int, mark: str) -> bool:
        """Whether a shard that an earlier run finished is still what it was, byte by byte."""

    def write(self, path: str, data: bytes) -> None:
        """Keep a small document."""

    def level(self, number: int) -> zarr.Array[Any]:
        """A level whose shards are all kept, to be read back."""

    def discard(self) -> None:
        """Forget what an earlier run has finished."""

    def is_complete(self) -> bool:
        """Whether all is there, and only the work folder was not cleared."""

    def complete(self, root: bytes) -> None:
        """Write the root document, which makes the rest valid."""


class FolderTarget:
    """A plain OME-Zarr folder. It has no root ``zarr.json`` until it is complete, so that no reader takes it for whole.

    Raises:
        AlreadyThere: the folder holds something else, or is complete.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder / WORK
        if (folder / "zarr.json").exists() and not self.work.exists():
            raise is_there(folder)
        if folder.exists() and not self.work.exists() and any(folder.iterdir()):
            raise AlreadyThere(
                "the folder is not empty and holds no unfinished conversion",
                where=str(folder),
                remedy="Choose a folder that is empty or not there yet.",
            )
        self.work.mkdir(parents=True, exist_ok=True)

    def keep(self, path: str, shard: ShardFile, checksum: str) -> str:
        shard.sync()
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(shard.path, target)
        return checksum

    def holds(self, path: str, size: int, mark: str) -> bool:
        target = self.folder / path
        if not target.is_file() or target.stat().st_size != size:
            return False
        with target.open("rb") as handle:
            checksum = 0
            while block := handle.read(_BLOCK):
                checksum = google_crc32c.extend(checksum, block)
        return f"{checksum:08x}" == mark

    def write(self, path: str, data: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.work / "document"
        with temporary.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, target)

    def level(self, number: int) -> zarr.Array[Any]:
        return zarr.open_array(self.folder / str(number), mode="r")

    def discard(self) -> None:
        for path in self.folder.iterdir():
            if path.name.isdigit():
                shutil.rmtree(path)

    def is_complete(self) -> bool:
        return (self.folder / "zarr.json").exists()

    def complete(self, root: bytes) -> None:
        # The names of shards must be on the disk before the document that promises them.
        for folder in {path.parent for path in self.folder.glob("*/**/*") if path.is_file()}:
            _sync_folder(folder)
        self.write("zarr.json", root)
        _sync_folder(self.folder)


class StoreTarget:
    """An object store. Shards become objects as they are finished; the tree that lists them comes last."""

    def __init__(self, store: ObjectStore, work: Path) -> None:
        self.store, self.work = store, work
        self._entries: dict[str, TreeEntry] = {}
        work.mkdir(parents=True, exist_ok=True)

    def keep(self, path: str, shard: ShardFile, checksum: str) -> str:
        digest = self.store.put_file(shard.path)
        shard.path.unlink()
        self._entries[path] = TreeEntry(path, digest, shard.size)
        return digest

    def holds(self, path: str, size: int, mark: str) -> bool:
        if not self.store.exists(mark) or self.store.size(mark) != size:
            return False
        hasher = hashlib.sha256()
        with self.store.open(mark) as handle:
            while block := handle.read(_BLOCK):
                hasher.update(block)
        if hasher.hexdigest() != mark:
            return False
        self._entries[path] = TreeEntry(path, mark, size)
        return True

    def write(self, path: str, data: bytes) -> None:
        self._entries[path] = TreeEntry(path, self.store.put(data), len(data))

    def level(self, number: int) -> zarr.Array[Any]:
        return zarr.open_array(TreeStore(self.store, self.listing()), path=str(number), mode="r")

    def discard(self) -> None:
        self._entries.clear()

    def is_complete(self) -> bool:
        return False

    def complete(self, root: bytes) -> None:
        self.write("zarr.json", root)
        self.listing().save(self.store)

    def listing(self) -> Tree:
        """All that is kept so far."""
        return Tree(tuple(sorted(self._entries.values())))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_there(folder: Path) -> AlreadyThere:
    """The refusal to write over something that is complete."""
    return AlreadyThere("an OME-Zarr is there already", where=str(folder), remedy="Choose another folder.")


@contextlib.contextmanager
def alone(work: Path) -> Iterator[None]:
    """Hold the work folder for this process; the lock goes with the process, however it ends.

    Raises:
        AlreadyThere: another process converts into the same place.
    """
    with (work / "lock").open("wb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyThere(
                "another process is writing there", where=str(work.parent), remedy="Wait until it has finished."
            ) from error
        yield
