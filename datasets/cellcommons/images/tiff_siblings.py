"""OME-TIFFs in several files: which neighbours may be opened, and how a file is opened so that none is."""

from __future__ import annotations

from io import SEEK_SET
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO
from xml.etree import ElementTree

from cellcommons.errors import UnreadableFile, WrongFormat
from cellcommons.images.limits import Limits
from cellcommons.images.tiff_structure import check_directories

_DESCRIPTION = 64 << 20


class Alone:
    """A stream without descriptor or folder, so that tifffile finds no neighbours (for some formats it looks)."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.mode = "rb"

    def read(self, size: int = -1) -> bytes:
        """As any stream."""
        return self._stream.read(size)

    def readinto(self, buffer: memoryview) -> int:
        """As any stream."""
        return self._stream.readinto(buffer)  # type: ignore[attr-defined, no-any-return]

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """As any stream."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """As any stream."""
        return self._stream.tell()

    def close(self) -> None:
        """As any stream."""
        self._stream.close()


def sibling(folder: Path, named: str, *, where: str) -> Path:
    """The file ``named`` in ``folder``.

    Raises:
        WrongFormat: the name is a path, or what it names is a link or no plain file.
        UnreadableFile: there is none.
    """
    plain = PurePosixPath(named).name == named and PureWindowsPath(named).name == named and named not in ("", ".", "..")
    if not plain or "\0" in named:
        raise WrongFormat(
            f"its OME-XML names the file {named[:120]!r}, which is a path",
            where=where,
            remedy="Keep all files of one image in one folder and name them by their plain names.",
        )
    path = folder / named
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise WrongFormat(
            f"{named!r}, which its OME-XML names, is a link or no file", where=where, remedy="Copy it there."
        )
    if not path.exists():
        raise UnreadableFile(
            f"planes of this image are not in this file but in {named!r}, which is not beside it",
            where=where,
            remedy="Put all files of the image into one folder, or export it as one single file.",
        )
    return path


def check_siblings(path: Path, xml: str, limits: Limits, name: str) -> None:
    """Every file that OME-XML names must be a plain neighbour of ``path`` and a whole TIFF.

    Raises:
        WrongFormat, UnreadableFile, TooLarge: as ``sibling`` and ``check_directories``.
    """
    named = {e.get("FileName") for e in ElementTree.fromstring(xml).iter() if e.tag.rsplit("}", 1)[-1] == "UUID"}
    for other in sorted(n for n in named if n):
        found = sibling(path.parent, other, where=name)
        if found != path:
            check_directories(found, limits, other)


def described_elsewhere(xml: str) -> str | None:
    """The file that holds the description of this one (OME-XML's ``BinaryOnly``); None where it describes itself."""
    for element in ElementTree.fromstring(xml):
        if element.tag.rsplit("}", 1)[-1] == "BinaryOnly":
            return element.get("MetadataFile") or ""
    return None


def description_in(path: Path, *, where: str) -> str:
    """OME-XML in a file of its own. Raises UnreadableFile where it is none, or absurdly long."""
    with path.open("rb") as handle:
        data = handle.read(_DESCRIPTION + 1)
    if len(data) > _DESCRIPTION or not data.rstrip().endswith(b"OME>"):
        raise UnreadableFile(f"{path.name!r} holds no OME-XML", where=where, remedy="Export the image again.")
    return data.decode("utf-8", errors="replace")
