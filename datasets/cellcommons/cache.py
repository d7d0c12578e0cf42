"""Objects kept on this machine for all that read releases: one folder, shared by processes, safe to delete."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

from cellcommons.durable import is_full
from cellcommons.errors import CellCommonsError
from cellcommons.store import CHUNK, FolderStore, object_path

try:
    import fcntl
except ImportError:  # Windows: objects are then copied where a disk has no hard links.
    fcntl = None  # type: ignore[assignment]

# The request by which Linux shares the blocks of one file with another (btrfs, XFS, bcachefs).
_FICLONE = 0x40049409


def cache_folder(cache: Path | str | None = None) -> Path:
    """``cache``, else what ``CELLCOMMONS_CACHE`` names, else ``cellcommons`` in the person's folder of caches."""
    named = cache or os.environ.get("CELLCOMMONS_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).expanduser().absolute() / "cellcommons"


class ObjectCache(FolderStore):
    """An object store that is not synced to the disk: what a power cut leaves damaged is fetched again when it is read.

    An object gets its name whole, by a rename, so that any number of processes may read and fill one cache.
    """

    def lend(self, digest: str, target: Path, *, aside: Path) -> bool:
        """Give ``target`` the object's bytes, checked; False where it is not here, or damaged (it is then forgotten).

        By shared blocks where the file system has them, else by a hard link, else by a copy, made in ``aside``.
        """
        source = self.root / object_path(digest)
        try:
            with open(source, "rb") as handle:
                sound = _sha256(handle) == digest
        except FileNotFoundError:
            return False
        if not sound:
            self.delete(digest)
            return False
        with contextlib.suppress(OSError):
            os.utime(source)  # used just now
        place_file(source, target, aside=aside)
        return True

    def adopt(self, path: Path, digest: str) -> None:
        """Keep a file that is known to hold the object, likewise; nothing is kept where the disk is full."""
        target = self.root / object_path(digest)
        if not target.exists():
            try:
                place_file(path, target, aside=self._incoming)
            except OSError as error:
                if not is_full(error):
                    raise

    def _seal(self, handle: BinaryIO, path: Path, target: Path) -> None:
        handle.flush()
        target.parent.mkdir(parents=True, exist_ok=True)
        os.chmod(path, 0o444)
        os.replace(path, target)


def place_file(source: Path, target: Path, *, aside: Path) -> None:
    """Make ``target`` hold what ``source`` holds, whole or not at all: a reflink, else a hard link, else a copy.

    Args:
        aside: a folder on the disk of ``target`` where it is made, and where a crash leaves what was not finished.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=aside)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as handle, open(source, "rb") as given:
            shared = _reflink(given, handle)
        if not shared:
            temporary.unlink()
            try:
                os.link(source, temporary)
            except OSError:
                # A disk without hard links, another disk, or too many links to one object.
                shutil.copyfile(source, temporary)
        os.chmod(temporary, 0o444)
        os.replace(temporary, target)
    finally:
        # Renaming one hard link onto another of the same file does nothing, and leaves both.
        temporary.unlink(missing_ok=True)


def link_file(source: Path, target: Path) -> None:
    """Make ``target`` a hard link to the object ``source``, else a reflink or a copy. Raises CellCommonsError."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise CellCommonsError("an object went missing while the folder was laid out", where=source.name) from None
    except OSError:
        # A disk without hard links, or too many links to one object.
        place_file(source, target, aside=target.parent)


def _reflink(source: BinaryIO, target: BinaryIO) -> bool:
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
            return True
    return False


def _sha256(handle: BinaryIO) -> str:
    hasher = hashlib.sha256()
    while block := handle.read(CHUNK):
        hasher.update(block)
    return hasher.hexdigest()
