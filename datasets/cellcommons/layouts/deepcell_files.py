"""DeepCell's containers, an ``.npz`` or a ``.trk``: large arrays of which one image at a time is unpacked."""

from __future__ import annotations

import gzip
import os
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import NotFound, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.layouts.npy_arrays import check_size, open_npz, read_elements, read_npy_header

_BLOCK = 512
_MAX_MEMBERS = 64
_MAX_SMALL = 32 << 20
# What is read besides the large arrays; anything else is nobody's business here.
_TABLES = ("meta", "tissue_list", "platform_list", "cellcommons")
_DOCUMENTS = ("lineage.json", "lineages.json", "cellcommons.json")
_GZIP = b"\x1f\x8b"
_AGAIN = "Copy or save it again."


class Rows:
    """An array in a stream, read one step of its first axis at a time; cheap in order, dear backwards."""

    def __init__(self, stream: IO[bytes], start: int, size: int, where: str) -> None:
        self._stream, self._start, self.where = stream, start, where
        stream.seek(start)
        self.header = read_npy_header(stream, where=where)
        check_size(self.header, size - self.header.offset, 1 << 62, where=where)
        if self.header.fortran and len(self.header.shape) > 1:
            raise WrongFormat("an array in Fortran's order", where=where, remedy="Save np.ascontiguousarray(array).")
        self._last: tuple[int, NDArray[Any]] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole array."""
        return self.header.shape

    def row(self, index: int) -> NDArray[Any]:
        """One step of the first axis. Raises UnreadableFile, TooLarge (one row above the limit on decoded bytes)."""
        if self._last is not None and self._last[0] == index:
            return self._last[1]
        return self._kept(index, self.header.shape[1:], index * self.header.row_bytes)

    def whole(self) -> NDArray[Any]:
        """All of it. Raises as ``row``."""
        return self._kept(-1, self.header.shape, 0)

    def _kept(self, index: int, shape: tuple[int, ...], offset: int) -> NDArray[Any]:
        dtype = self.header.dtype
        nbytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
        if nbytes > DEFAULT_LIMITS.max_decoded_bytes:
            raise TooLarge(
                f"one image declares {nbytes:,} bytes; the limit is {DEFAULT_LIMITS.max_decoded_bytes:,}",
                where=self.where,
                remedy="Crop or tile it.",
            )
        with refusing(self.where):
            self._stream.seek(self._start + self.header.offset + offset)
            found = read_elements(self._stream, shape, dtype, where=self.where)
        native = found.astype(dtype.newbyteorder("="), copy=False)
        self._last = (index, native)
        return native


@contextmanager
def refusing(where: str) -> Iterator[None]:
    """What gzip, zip and the disk raise on damaged bytes, as UnreadableFile."""
    try:
        yield
    except (zlib.error, EOFError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise UnreadableFile(f"it is truncated or damaged ({error})", where=where, remedy=_AGAIN) from error
    except OSError as error:
        raise UnreadableFile(f"it cannot be read ({error})", where=where, remedy=_AGAIN) from error


@dataclass
class DeepCellFile:
    """An open container.

    Attributes:
        arrays: rows of the large arrays that were asked for, by name. small: the other contents, read whole.
    """

    path: Path
    arrays: dict[str, Rows]
    small: dict[str, Any]
    stack: ExitStack


@dataclass
class _Held:
    """The container that was read last: the next image is mostly the next of the same."""

    key: tuple[Any, ...] = ()
    file: DeepCellFile | None = None


_held = _Held()
_lock = threading.Lock()


@contextmanager
def opened(path: Path) -> Iterator[DeepCellFile]:
    """The container at ``path``; the last one stays open, so that images read in order are unpacked once.

    Raises:
        NotFound, UnreadableFile, WrongFormat, UnsafeArchive, TooLarge: no such file, damaged, another format, hostile.
    """
    with _lock:
        try:
            found = path.stat()
        except OSError as error:
            raise NotFound("no such file", where=str(path)) from error
        # A child of this process shares the file's position with it, so it opens its own.
        key = (os.getpid(), str(path), found.st_mtime_ns, found.st_size)
        if _held.key != key or _held.file is None:
            close_held()
            _held.file = _open_npz(path) if _is_zip(path) else _open_tar(path)
            _held.key = key
        yield _held.file


def close_held() -> None:
    """Let go of the container that was read last."""
    if _held.file is not None:
        _held.file.stack.close()
    _held.file, _held.key = None, ()


def _is_zip(path: Path) -> bool:
    with refusing(path.name), path.open("rb") as stream:
        head = stream.read(4)
    if not head:
        raise UnreadableFile("the file is empty", where=path.name, remedy=_AGAIN)
    return head[:2] == b"PK"


def _open_npz(path: Path) -> DeepCellFile:
    arrays: dict[str, Rows] = {}
    small: dict[str, Any] = {}
    with ExitStack() as stack:
        npz = stack.enter_context(open_npz(path))
        for name in npz.names:
            if name in ("X", "y"):
                stream = stack.enter_context(npz.opened(name))
                arrays[name] = Rows(stream, 0, npz.size(name), f"{path.name}/{name}")
            elif name in _TABLES:
                small[name] = npz.read(name, max_bytes=_MAX_SMALL, objects=True)
        return DeepCellFile(path, arrays, small, stack.pop_all())
    raise AssertionError("the stack lets errors through")


def _open_tar(path: Path) -> DeepCellFile:
    """A ``.trk`` or ``.trks``: raw.npy, tracked.npy and JSON in a tar, gzipped or not."""
    arrays: dict[str, Rows] = {}
    small: dict[str, Any] = {}
    limit = path.stat().st_size
    with ExitStack() as stack:
        stream = stack.enter_context(_unpacked(path))
        growth = 1032 if _packed(path) else 1
        with refusing(path.name):
            for name, start, size in _members(stream, path.name):
                if size > limit * growth + _BLOCK:
                    raise UnreadableFile(
                        f"{name} declares {size:,} bytes in a file of {limit:,}", where=path.name, remedy=_AGAIN
                    )
                if name in ("raw.npy", "tracked.npy"):
                    # A stream each: they are read in turns, and a packed one goes forwards only.
                    own = stack.enter_context(_unpacked(path))
                    arrays[name.removesuffix(".npy")] = Rows(own, start, size, f"{path.name}/{name}")
                elif name in _DOCUMENTS and name not in small:
                    if size > _MAX_SMALL:
                        raise TooLarge(f"{name} declares {size:,} bytes", where=path.name, remedy=_AGAIN)
                    stream.seek(start)
                    small[name] = stream.read(size)
                if len(arrays) == 2 and any(name.startswith("lineage") for name in small):
                    break
        return DeepCellFile(path, arrays, small, stack.pop_all())
    raise AssertionError("the stack lets errors through")


def _packed(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == _GZIP


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    packed = _packed(path)
    with path.open("rb") as stream:
        if packed:
            with gzip.GzipFile(fileobj=stream) as unpacked:
                yield cast(IO[bytes], unpacked)
        else:
            yield stream


def _members(stream: IO[bytes], where: str) -> Iterator[tuple[str, int, int]]:
    """(name, offset, bytes) of the plain files of a tar (POSIX ustar), which may be read between two of them.

    ``tarfile`` reads long names and extended headers of any declared size into memory, so headers are parsed here;
    extended ones are passed over, as the names that count are short.
    """
    at = 0
    for _ in range(4 * _MAX_MEMBERS):
        stream.seek(at)
        block = stream.read(_BLOCK)
        if not block.strip(b"\0"):
            if at == 0:
                raise UnreadableFile("the file is empty", where=where, remedy=_AGAIN)
            return
        checked = block[:148] + b" " * 8 + block[156:]
        said = _octal(block[148:156])
        if len(block) < _BLOCK or said != sum(checked):
            if at == 0:
                raise WrongFormat(
                    "it is neither a zip nor a tar of arrays", where=where, remedy="Save it with deepcell-tracking."
                )
            raise UnreadableFile("the tar is truncated or damaged", where=where, remedy=_AGAIN)
        size = _octal(block[124:136])
        if size is None:
            raise UnreadableFile("a member of the tar has a senseless size", where=where, remedy=_AGAIN)
        name = block[:100].split(b"\0")[0].decode("utf-8", "replace").removeprefix("./")
        if block[156:157] in (b"0", b"\0"):
            yield name, at + _BLOCK, size
        at += _BLOCK + -(-size // _BLOCK) * _BLOCK
    raise TooLarge(f"the tar holds more than {4 * _MAX_MEMBERS} members", where=where, remedy=_AGAIN)


def _octal(field: bytes) -> int | None:
    text = field.split(b"\0")[0].strip()
    try:
        return int(text, 8) if text.isdigit() else None
    except ValueError:
        return None
