"""Where a streamed OME-Zarr goes: a folder, or an object store as a sealed tree. Whole or plainly unfinished."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import zarr

from cellcommons.errors import AlreadyThere, DigestMismatch
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

    def keep(self, path: str, shard: ShardFile, digest: str) -> None:
        """Give a closed shard its name in the tree, once it is on the disk."""

    def holds(self, path: str, size: int, digest: str) -> bool:
        """Whether a shard that an earlier run finished is still what it was."""

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

    def keep(self, path: str, shard: ShardFile, digest: str) -> None:
        shard.sync()
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(shard.path, target)

    def holds(self, path: str, size: int, digest: str) -> bool:
        target = self.folder / path
        if not target.is_file() or target.stat().st_size != size:
            return False
        with target.open("rb") as handle:
            return _sha256(handle) == digest

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
        self.write("zarr.json", root)


class StoreTarget:
    """An object store. Shards become objects as they are finished; the tree that lists them comes last."""

    def __init__(self, store: ObjectStore, work: Path) -> None:
        self.store, self.work = store, work
        self._entries: dict[str, TreeEntry] = {}
        work.mkdir(parents=True, exist_ok=True)

    def keep(self, path: str, shard: ShardFile, digest: str) -> None:
        stored = self.store.put_file(shard.path)
        if stored != digest:
            raise DigestMismatch("a shard changed between writing and keeping it", where=path, remedy="Try again.")
        shard.path.unlink()
        self._entries[path] = TreeEntry(path, digest, shard.size)

    def holds(self, path: str, size: int, digest: str) -> bool:
        if not self.store.exists(digest) or self.store.size(digest) != size:
            return False
        with self.store.open(digest) as handle:
            if _sha256(handle) != digest:
                return False
        self._entries[path] = TreeEntry(path, digest, size)
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


def is_there(folder: Path) -> AlreadyThere:
    """The refusal to write over something that is complete."""
    return AlreadyThere("an OME-Zarr is there already", where=str(folder), remedy="Choose another folder.")


def _sha256(handle: BinaryIO) -> str:
    hasher = hashlib.sha256()
    while block := handle.read(_BLOCK):
        hasher.update(block)
    return hasher.hexdigest()


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
