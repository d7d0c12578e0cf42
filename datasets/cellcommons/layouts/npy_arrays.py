"""Read ``.npy`` and ``.npz`` that a stranger sent: declared sizes are checked before memory is taken, nothing is run.

Source of the format: NumPy Enhancement Proposal 1, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

from __future__ import annotations

import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.archives import checked_zip
from cellcommons.errors import NotFound, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.layouts.npy_objects import parse_object_array

MAGIC = b"\x93NUMPY"
MAX_HEADER = 1 << 16
MAX_BYTES = DEFAULT_LIMITS.max_decoded_bytes
MAX_ARRAYS = 10_000
# A deflate stream unpacks to at most this many times its bytes: a member that declares more is a lie.
_DEFLATE_GROWTH = 1032
_DTYPE = re.compile(r"[<>|=]?(?:b1|[iu][1248]|f[248]|[US][1-9]\d{0,5})")
_FIELDS = {
    "descr": re.compile(r"""['"]descr['"]\s*:\s*(?:['"]([^'"]{1,40})['"]|(\[))"""),
    "fortran_order": re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)"""),
    "shape": re.compile(r"""['"]shape['"]\s*:\s*\(([0-9,\sL]{0,800})\)"""),
}
_AGAIN = "Save or copy it again."


@dataclass(frozen=True)
class NpyHeader:
    """What the file says before its first element.

    Attributes:
        dtype: of an element. shape, fortran: order F where true.
        offset: bytes of the header, magic included.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    offset: int

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def row_bytes(self) -> int:
        """Bytes of one step along the first axis."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


def read_npy_header(stream: IO[bytes], *, where: str) -> NpyHeader:
    """Read the header; the stream then stands at the first element.

    Raises:
        UnreadableFile: truncated or damaged. WrongFormat: no ``.npy``, or elements that are no plain numbers or text.
    """
    head = stream.read(8)
    if head[:6] != MAGIC:
        if not head:
            raise UnreadableFile("the file is empty", where=where, remedy=_AGAIN)
        raise WrongFormat("the content is no .npy array", where=where, remedy="Save it with numpy.save.")
    width = {1: 2, 2: 4, 3: 4}.get(head[6] if len(head) == 8 else 0)
    if width is None:
        raise WrongFormat("a version of .npy that is not known", where=where, remedy="Save it with numpy.save.")
    packed = stream.read(width)
    if len(packed) < width:
        raise UnreadableFile("the file ends in its header", where=where, remedy=_AGAIN)
    (length,) = struct.unpack("<H" if width == 2 else "<I", packed)
    if length > MAX_HEADER:
        raise TooLarge(f"its header declares {length:,} bytes; the limit is {MAX_HEADER:,}", where=where, remedy=_AGAIN)
    text = stream.read(length)
    if len(text) < length:
        raise UnreadableFile("the file ends in its header", where=where, remedy=_AGAIN)
    return _parsed(text.decode("latin1"), 8 + width + length, where)


def _parsed(text: str, offset: int, where: str) -> NpyHeader:
    found = {key: pattern.findall(text) for key, pattern in _FIELDS.items()}
    if any(len(values) != 1 for values in found.values()):
        raise UnreadableFile("its header does not say dtype, order and shape once each", where=where, remedy=_AGAIN)
    kind, records = found["descr"][0]
    if records or not (_DTYPE.fullmatch(kind) or kind in ("|O", "O")):
        what = "records" if records else f"elements of type {kind!r}"
        raise WrongFormat(f"{what} are not read", where=where, remedy="Save plain arrays of numbers.")
    sizes = [word.strip().removesuffix("L") for word in found["shape"][0].split(",") if word.strip()]
    if len(sizes) > 32 or not all(re.fullmatch(r"\d{1,12}", size) for size in sizes):
        raise UnreadableFile("its header declares a senseless shape", where=where, remedy=_AGAIN)
    shape = tuple(int(size) for size in sizes)
    dtype = np.dtype("O") if kind in ("|O", "O") else np.dtype(kind)
    if math.prod(n for n in shape if n) * max(1, dtype.itemsize) >= 1 << 62:
        raise TooLarge(f"its header declares the shape {shape}", where=where, remedy=_AGAIN)
    return NpyHeader(dtype, shape, found["fortran_order"][0] == "True", offset)


def read_npy(path: Path, *, max_bytes: int = MAX_BYTES, objects: bool = False) -> NDArray[Any]:
    """Read one ``.npy`` into memory.

    Args:
        objects: arrays of objects too, by ``npy_objects``; refused else.

    Raises:
        NotFound, UnreadableFile, WrongFormat: no file; truncated; no such format, objects, records.
        TooLarge: above ``max_bytes``, as declared.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            return _array(stream, size, max_bytes, str(path.name), objects)
    except FileNotFoundError:
        raise NotFound("no such file", where=str(path)) from None
    except OSError as error:
        raise UnreadableFile(f"the file cannot be read ({error.strerror})", where=path.name) from error


def read_array(stream: IO[bytes], size: int, *, where: str, max_bytes: int = MAX_BYTES) -> NDArray[Any]:
    """One array from a stream of ``size`` bytes, its header included. Raises as ``read_npy``."""
    return _array(stream, size, max_bytes, where, objects=False)


def _array(stream: IO[bytes], size: int, max_bytes: int, where: str, objects: bool) -> NDArray[Any]:
    header = read_npy_header(stream, where=where)
    left = size - header.offset
    if header.dtype.kind == "O":
        if not objects:
            raise WrongFormat(
                "it holds Python objects, which are not read here",
                where=where,
                remedy="Save plain arrays of numbers: np.save(..., allow_pickle=False).",
            )
        if left > max_bytes:
            raise TooLarge(f"it holds {left:,} bytes; the limit is {max_bytes:,}", where=where, remedy=_AGAIN)
        return parse_object_array(stream.read(left), where=where)
    check_size(header, left, max_bytes, where=where)
    return read_elements(stream, header.shape, header.dtype, where=where, fortran=header.fortran)


def check_size(header: NpyHeader, left: int, max_bytes: int, *, where: str) -> None:
    """Compare what is declared with the bytes there are. Raises TooLarge, UnreadableFile, WrongFormat (objects)."""
    if header.dtype.kind == "O":
        raise WrongFormat("it holds Python objects, which are not read here", where=where, remedy="Save plain arrays.")
    if header.nbytes > left:
        raise UnreadableFile(
            f"it declares {header.nbytes:,} bytes of elements and holds {left:,}", where=where, remedy=_AGAIN
        )
    if header.nbytes > max_bytes:
        raise TooLarge(
            f"it declares {header.nbytes:,} bytes; the limit is {max_bytes:,}",
            where=where,
            remedy="Split it into several files.",
        )


def read_elements(
    stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], *, where: str, fortran: bool = False
) -> NDArray[Any]:
    """The next elements of a stream as an array of ``shape``. Raises UnreadableFile where they end too early."""
    array = np.empty(shape[::-1] if fortran else shape, dtype=dtype)
    wanted = array.nbytes
    if wanted:
        view = memoryview(array.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        at = 0
        while at < wanted:
            block = stream.read(min(1 << 20, wanted - at))
            if not block:
                raise UnreadableFile(f"it ends after {at:,} of {wanted:,} bytes", where=where, remedy=_AGAIN)
            view[at : at + len(block)] = block
            at += len(block)
    return array.T if fortran else array


class Npz:
    """An open ``.npz``: arrays by name, each checked by its own header before it is unpacked."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._archive, self.name = archive, name
        self._members = {
            member.filename.removesuffix(".npy"): member
            for member in archive.infolist()
            if member.filename.endswith(".npy")
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays, in the file's order."""
        return tuple(self._members)

    def header(self, name: str) -> NpyHeader:
        """What an array declares, compared with its packed bytes. Raises as ``read``, but for TooLarge."""
        with self.opened(name) as stream:
            header = read_npy_header(stream, where=f"{self.name}/{name}")
        member = self._members[name]
        if header.dtype.kind != "O":
            check_size(header, member.file_size - header.offset, 1 << 62, where=f"{self.name}/{name}")
        return header

    def size(self, name: str) -> int:
        """Unpacked bytes of an array, its header included, as the zip declares them."""
        return self._members[name].file_size

    def read(self, name: str, *, max_bytes: int = MAX_BYTES, objects: bool = False) -> NDArray[Any]:
        """One array. Arguments and errors: ``read_npy``; NotFound names the arrays there are."""
        with self.opened(name) as stream:
            return _array(stream, self._members[name].file_size, max_bytes, f"{self.name}/{name}", objects)

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """The unpacked bytes of one array as a stream. Raises NotFound, UnreadableFile."""
        member = self._members.get(name)
        if member is None:
            raise NotFound(f"no array {name!r}", where=self.name, remedy=f"It holds: {', '.join(self.names)[:200]}.")
        if member.file_size > member.compress_size * _DEFLATE_GROWTH + 1024:
            raise UnreadableFile(
                f"{name} declares {member.file_size:,} bytes in {member.compress_size:,} packed ones",
                where=self.name,
                remedy=_AGAIN,
            )
        try:
            with self._archive.open(member) as stream:
                yield stream
        except (zipfile.BadZipFile, zlib.error, EOFError, struct.error) as error:
            raise UnreadableFile(f"{name} is truncated or damaged ({error})", where=self.name, remedy=_AGAIN) from error


@contextmanager
def open_npz(path: Path) -> Iterator[Npz]:
    """Open an ``.npz``; nothing is unpacked yet.

    Raises:
        NotFound, UnreadableFile, WrongFormat, UnsafeArchive, TooLarge: as ``archives.extract_zip`` for its listing.
    """
    with checked_zip(path, max_members=MAX_ARRAYS) as archive:
        yield Npz(archive, path.name)
