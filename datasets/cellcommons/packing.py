"""A folder as one zip that is never written: its bytes are told from the files, the same ones each time.

Members are stored, in order of their names, all of 1980, so that an upload cut off goes on with the same archive. As
published by PKWARE, APPNOTE 6.3.10; zip64 where sizes or counts ask for it.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path

from cellcommons.errors import DigestMismatch, NotFound, UnreadableFile

_DATE = 0x21  # 1980-01-01, the earliest that a zip can say
_UTF8 = 0x0800
_LARGE = 0xFFFFFFFF
_MANY = 0xFFFF
_WHOLE = 8 << 20  # files up to here are read once
_BLOCK = 1 << 20
_LEFT_OUT = {".DS_Store", "Thumbs.db", ".git"}


class PackedFolder:
    """The files below ``root`` as a zip whose names begin with the folder's own.

    Links to files count as files, links to folders are left out; so are ``.DS_Store`` and its like.

    Raises:
        NotFound: no such folder. UnreadableFile: there is no file in it.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise NotFound("no such folder", where=str(root))
        self.root = root
        self.name = f"{root.resolve().name or 'folder'}.zip"
        self._files = sorted(_files(root))
        if not self._files:
            raise UnreadableFile("the folder holds no file", where=str(root))
        self._starts: list[int] = []
        self._pieces: list[bytes | Path] = []
        self._total = 0
        self._digest = ""

    @property
    def files(self) -> int:
        """Number of files."""
        return len(self._files)

    @property
    def size(self) -> int:
        """Bytes of the zip; known once it is hashed."""
        self.sha256()
        return self._total

    def sha256(self, progress: Callable[[int], None] | None = None) -> str:
        """The zip's sha256; reads every file, the first time. ``progress``: called with bytes read so far."""
        if not self._digest:
            self._digest = self._plan(progress or (lambda _: None))
        return self._digest

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the zip, from any thread. Raises DigestMismatch where a file is shorter than when it was hashed."""
        self.sha256()
        found = bytearray()
        at = bisect_right(self._starts, offset) - 1
        while len(found) < length and at < len(self._pieces):
            start = offset + len(found) - self._starts[at]
            stop = (self._starts[at + 1] if at + 1 < len(self._starts) else self._total) - self._starts[at]
            found += _read(self._pieces[at], start, min(stop, start + length - len(found)))
            at += 1
        return bytes(found)

    def _plan(self, progress: Callable[[int], None]) -> str:
        hasher, directory = hashlib.sha256(), bytearray()

        def add(piece: bytes | Path, size: int) -> None:
            self._starts.append(self._total)
            self._pieces.append(piece)
            self._total += size

        for name, path in self._files:
            size = path.stat().st_size
            data = path.read_bytes() if size <= _WHOLE else None
            checksum = zlib.crc32(data) if data is not None else _crc32(path)
            size = len(data) if data is not None else size
            head = _local_header(name, checksum, size)
            directory += _directory_entry(name, checksum, size, self._total)
            hasher.update(head)
            add(head, len(head))
            if data is not None:
                hasher.update(data)
            else:
                for start in range(0, size, _BLOCK):
                    hasher.update(_read(path, start, min(size, start + _BLOCK)))
            add(path, size)
            progress(self._total)
        end = bytes(directory) + _end(len(self._files), len(directory), self._total)
        hasher.update(end)
        add(end, len(end))
        return hasher.hexdigest()


def _files(root: Path) -> list[tuple[str, Path]]:
    """(name within the zip, path) of every file below ``root``."""
    top, found = root.resolve().name or "folder", []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        for name in names:
            path = Path(folder) / name
            if name not in _LEFT_OUT and not name.startswith("._") and path.is_file():
                found.append((f"{top}/{path.relative_to(root).as_posix()}", path))
    return found


def _read(piece: bytes | Path, start: int, stop: int) -> bytes:
    if isinstance(piece, bytes):
        return piece[start:stop]
    with open(piece, "rb") as handle:
        handle.seek(start)
        data = handle.read(stop - start)
    if len(data) != stop - start:
        raise changed(piece)
    return data


def changed(path: Path) -> DigestMismatch:
    """The error for a file that is not what it was when it was hashed."""
    return DigestMismatch(
        "the file changed while it was being sent", where=str(path), remedy="Try again when nothing writes to it."
    )


def _crc32(path: Path) -> int:
    found = 0
    with open(path, "rb") as handle:
        while block := handle.read(_BLOCK):
            found = zlib.crc32(block, found)
    return found


def _local_header(name: str, checksum: int, size: int) -> bytes:
    words, large = name.encode(), size >= _LARGE
    extra = struct.pack("<HHQQ", 1, 16, size, size) if large else b""
    shown = _LARGE if large else size
    fixed = struct.pack(
        "<IHHHHHIIIHH",
        0x04034B50, 45 if large else 20, _UTF8, 0, 0, _DATE, checksum, shown, shown, len(words), len(extra),
    )  # fmt: skip
    return fixed + words + extra


def _directory_entry(name: str, checksum: int, size: int, offset: int) -> bytes:
    words = name.encode()
    large = (struct.pack("<QQ", size, size) if size >= _LARGE else b"") + (
        struct.pack("<Q", offset) if offset >= _LARGE else b""
    )
    extra = struct.pack("<HH", 1, len(large)) + large if large else b""
    version = 45 if large else 20
    fixed = struct.pack(
        "<IHHHHHHIIIHHHHHII",
        0x02014B50, 3 << 8 | version, version, _UTF8, 0, 0, _DATE, checksum, min(size, _LARGE), min(size, _LARGE),
        len(words), len(extra), 0, 0, 0, 0o100644 << 16, min(offset, _LARGE),
    )  # fmt: skip
    return fixed + words + extra


def _end(count: int, size: int, offset: int) -> bytes:
    """What follows the directory, which has ``count`` entries and ``size`` bytes and begins at ``offset``."""
    large = b""
    if count >= _MANY or size >= _LARGE or offset >= _LARGE:
        large = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, size, offset)
        large += struct.pack("<IIQI", 0x07064B50, 0, offset + size, 1)
    shown = min(count, _MANY)
    return large + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, shown, shown, min(size, _LARGE), min(offset, _LARGE), 0)
