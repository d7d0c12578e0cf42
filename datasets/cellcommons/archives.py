"""Unpack a zip that a stranger sent: nothing leaves the folder, nothing explodes, nothing is half done."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cellcommons.errors import AlreadyThere, NotFound, TooLarge, UnreadableFile, UnsafeArchive, WrongFormat

CHUNK = 1 << 20
# Below this many bytes a member may be compressed as well as it likes: an empty label map is no bomb.
RATIO_FLOOR = 16 << 20
_DRIVE = re.compile(r"[A-Za-z]:")
_END = b"PK\x05\x06"
_END_BYTES = 22
_END64 = b"PK\x06\x06"
_END64_BYTES = 56
_LOCATOR64 = b"PK\x06\x07"
_LOCATOR_BYTES = 20
# A directory record is 46 bytes, a name and a few extra fields.
_BYTES_A_MEMBER = 256
_DIRECTORY_FLOOR = 1 << 20
_MAX_COMMENT = 0xFFFF
_SHRINK = "Pack fewer files into one archive, or import the unpacked folder."
_REPACK = "Pack the folder again with plain relative names and no links."


def extract_zip(
    path: Path, into: Path, *, max_bytes: int = 8 << 30, max_members: int = 200_000, max_ratio: float = 200.0
) -> None:
    """Unpack the zip at ``path`` into the folder ``into``, which must be absent or empty.

    Members are unpacked beside ``into`` and moved there only once all are sound; a refusal leaves nothing behind.

    Args:
        max_bytes: total of all unpacked bytes, counted while decompressing, not as declared.
        max_members: files and folders in the archive.
        max_ratio: unpacked by packed bytes of one member above 16 MiB.

    Raises:
        NotFound, UnreadableFile, WrongFormat: no file, a damaged one, or no zip.
        UnsafeArchive: a member is named outside its folder, is a link or device, is encrypted, comes twice, or is a
            bomb.
        TooLarge: too many members or bytes.
        AlreadyThere: ``into`` holds something.
    """
    if into.is_dir() and any(into.iterdir()):
        raise AlreadyThere("the folder is not empty", where=str(into), remedy="Choose an empty or a new folder.")
    _check_directory(path, max_members)
    into.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=into.parent))
    try:
        with _opened(path) as archive:
            members = _checked(_listed(archive, path.name, max_members), path.name)
            _extract(archive, members, staging, path.name, max_bytes, max_ratio)
        os.chmod(staging, 0o755)
        if into.is_dir():
            into.rmdir()
        os.replace(staging, into)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def check_zip(path: Path, *, max_bytes: int = 8 << 30, max_members: int = 200_000) -> None:
    """Refuse at once what ``extract_zip`` would refuse for its listing: names, links, counts, declared sizes.

    Nothing is decompressed, so that an upload can be answered while its sender waits; ``extract_zip`` checks again.

    Raises:
        NotFound, UnreadableFile, WrongFormat, UnsafeArchive, TooLarge: as ``extract_zip``.
    """
    _check_directory(path, max_members)
    with _opened(path) as archive:
        listed = _listed(archive, path.name, max_members)
        total = sum(member.file_size for member in listed)
        if total > max_bytes:
            raise TooLarge(
                f"the archive declares {total:,} bytes in all; the limit is {max_bytes:,}",
                where=path.name,
                remedy=_SHRINK,
            )
        _checked(listed, path.name)


@contextlib.contextmanager
def checked_zip(path: Path, *, max_members: int = 200_000) -> Iterator[zipfile.ZipFile]:
    """A zip, open, whose listing ``extract_zip`` would take. Who reads a member bounds the bytes it gives.

    Raises:
        NotFound, UnreadableFile, WrongFormat, UnsafeArchive, TooLarge: as ``extract_zip``.
    """
    _check_directory(path, max_members)
    with _opened(path) as archive:
        _checked(_listed(archive, path.name, max_members), path.name)
        yield archive


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, open; what zipfile raises on damaged bytes becomes UnreadableFile."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, ValueError, OSError) as error:
        # A senseless offset in the directory ends in a seek that the system refuses; a full disk is another matter.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise UnreadableFile(
            f"the zip is truncated or damaged ({error})", where=path.name, remedy="Pack or copy it again."
        ) from error


def _listed(archive: zipfile.ZipFile, name: str, max_members: int) -> list[zipfile.ZipInfo]:
    listed = archive.infolist()
    if len(listed) > max_members:
        raise TooLarge(
            f"the archive holds {len(listed):,} members; the limit is {max_members:,}", where=name, remedy=_SHRINK
        )
    return listed


def _check_directory(path: Path, max_members: int) -> None:
    """Bound the directory by what the end record says, before zipfile loads all of it into memory."""
    try:
        size = path.stat().st_size
        with path.open("rb") as handle:
            head = handle.read(4)
            handle.seek(max(0, size - _END_BYTES - _MAX_COMMENT))
            tail = handle.read()
    except FileNotFoundError:
        raise NotFound("no such file", where=str(path)) from None
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        if head[:2] == b"PK":
            raise UnreadableFile("the zip is truncated: its end is missing", where=path.name, remedy="Copy it again.")
        raise WrongFormat("the content is no zip archive", where=path.name, remedy="Pack the folder as a .zip file.")
    (directory,) = struct.unpack("<I", tail[at + 12 : at + 16])
    if tail[at - _LOCATOR_BYTES : at - _LOCATOR_BYTES + 4] == _LOCATOR64 and at >= _LOCATOR_BYTES:
        (record,) = struct.unpack("<Q", tail[at - 12 : at - 4])
        with path.open("rb") as handle:
            handle.seek(min(record, size))
            body = handle.read(_END64_BYTES)
        directory = struct.unpack("<Q", body[40:48])[0] if body[:4] == _END64 and len(body) == _END64_BYTES else size
    # zipfile believes the directory's size, not its count: so the size is what must be bounded.
    if directory > max(_DIRECTORY_FLOOR, max_members * _BYTES_A_MEMBER):
        raise TooLarge(
            f"the archive lists more than {max_members:,} members, the limit", where=path.name, remedy=_SHRINK
        )


def _checked(members: list[zipfile.ZipInfo], archive: str) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Members with their safe relative paths, or a refusal naming the first that has none."""
    seen: dict[str, bool] = {}
    safe = []
    for member in members:
        name = member.orig_filename
        problem = _name_problem(name) or _kind_problem(member)
        key = name.rstrip("/")
        if not problem and key in seen:
            problem = "comes twice"
        if problem:
            raise UnsafeArchive(f"the member {name[:200]!r} {problem}", where=archive, remedy=_REPACK)
        seen[key] = member.is_dir()
        safe.append((member, PurePosixPath(name)))
    for member, pure in safe:
        if any(seen.get(str(parent)) is False for parent in pure.parents):
            raise UnsafeArchive(
                f"the member {member.orig_filename[:200]!r} lies below a file", where=archive, remedy=_REPACK
            )
    return safe


def _name_problem(name: str) -> str:
    if not name.strip("/") or "\0" in name:
        return "has no usable name"
    if name.startswith("/"):
        return "has an absolute name"
    if _DRIVE.match(name):
        return "names a drive"
    if "\\" in name:
        return "has a backslash in its name"
    parts = name.rstrip("/").split("/")
    if ".." in parts:
        return "would leave its folder"
    if "." in parts or "" in parts or any(len(part.encode()) > 255 for part in parts):
        return "has no usable name"
    return ""


def _kind_problem(member: zipfile.ZipInfo) -> str:
    mode = member.external_attr >> 16
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        return "is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is neither a file nor a folder"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed by a method other than deflate"
    return ""


def _extract(
    archive: zipfile.ZipFile,
    members: list[tuple[zipfile.ZipInfo, PurePosixPath]],
    staging: Path,
    name: str,
    max_bytes: int,
    max_ratio: float,
) -> None:
    total = 0
    for member, pure in members:
        target = staging.joinpath(*pure.parts)
        if member.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        written = 0
        with archive.open(member) as source, target.open("xb") as sink:
            while block := source.read(CHUNK):
                written += len(block)
                total += len(block)
                if total > max_bytes:
                    raise TooLarge(
                        f"unpacked it is above {max_bytes:,} bytes (reached in {member.filename!r})",
                        where=name,
                        remedy=_SHRINK,
                    )
                if written > RATIO_FLOOR and written > max_ratio * member.compress_size:
                    raise UnsafeArchive(
                        f"the member {member.filename[:200]!r} unpacks to more than {max_ratio:g} times its size",
                        where=name,
                        remedy="If it is honest, import the unpacked folder instead.",
                    )
                sink.write(block)
