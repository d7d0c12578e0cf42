"""Open TIFF, PNG and JPEG: the formats that need no package besides and of which a folder of planes may consist."""

from __future__ import annotations

from pathlib import Path

from cellcommons.errors import UnreadableFile, WrongFormat
from cellcommons.images.jpeg import open_jpeg
from cellcommons.images.lazy import ImageFile
from cellcommons.images.limits import Limits
from cellcommons.images.png import open_png
from cellcommons.images.sniff import HEAD, checked_kind
from cellcommons.images.tiff import open_tiff

PICTURES = ("TIFF", "PNG", "JPEG")


def open_picture(path: Path, name: str, limits: Limits, kind: str, companions: bool = False) -> ImageFile:
    """Open a file whose content has been found to be ``kind``, one of ``PICTURES``. Raises as these readers do."""
    if kind == "TIFF":
        return open_tiff(path, name, limits, companions)
    return open_png(path, name, limits) if kind == "PNG" else open_jpeg(path, name, limits)


def open_plane(path: Path, name: str, limits: Limits) -> ImageFile:
    """Open one plane of several.

    Raises:
        WrongFormat: it is none of ``PICTURES``. UnreadableFile, TooLarge: as the format's reader.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(HEAD)
        size = path.stat().st_size
    except OSError as error:
        raise UnreadableFile(f"the plane cannot be opened ({error.strerror})", where=name) from error
    kind = checked_kind(head, name)
    if kind not in PICTURES:
        raise WrongFormat(f"a plane is {kind}", where=name, remedy=f"Planes may be {', '.join(PICTURES)}.")
    limits.check_file(size, where=name)
    return open_picture(path, name, limits, kind)
