"""Read one image file, whatever supported format its bytes are in."""

from __future__ import annotations

from pathlib import Path

from cellcommons.errors import NotFound, UnreadableFile
from cellcommons.images.data import ImageData
from cellcommons.images.jpeg import read_jpeg
from cellcommons.images.limits import DEFAULT_LIMITS, Limits
from cellcommons.images.png import read_png
from cellcommons.images.sniff import HEAD, checked_kind
from cellcommons.images.tiff import read_tiff

_READERS = {"TIFF": read_tiff, "PNG": read_png, "JPEG": read_jpeg}


def read_image(path: Path, *, name: str | None = None, limits: Limits = DEFAULT_LIMITS) -> ImageData:
    """Read a TIFF, OME-TIFF, ImageJ TIFF, BigTIFF, PNG or JPEG.

    Args:
        path: where the bytes are.
        name: what the person calls the file (an upload's own name), for messages and the extension check.
        limits: checked against the declared size before pixels are allocated.

    Raises:
        NotFound: no such file.
        WrongFormat: content of another format, or another than the extension promises.
        UnreadableFile: empty, truncated or damaged.
        TooLarge: above a limit.
    """
    name = name or path.name
    try:
        size = path.stat().st_size
        with path.open("rb") as handle:
            head = handle.read(HEAD)
    except FileNotFoundError:
        raise NotFound("no such file", where=str(path)) from None
    except OSError as error:
        raise UnreadableFile(f"the file cannot be opened ({error.strerror})", where=name) from error
    kind = checked_kind(head, name)
    limits.check_file(size, where=name)
    return _READERS[kind](path, name, limits)
