"""What a file is, from its first bytes; its name is only checked against them."""

from __future__ import annotations

from pathlib import PurePath

from cellcommons.errors import UnreadableFile, WrongFormat

HEAD = 512
READABLE = "OME-TIFF, TIFF, PNG, JPEG, OME-Zarr, ND2, CZI, LIF, SVS or HDF5"

# (first bytes, kind). Longest first where one begins another.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"ZISRAWFILE", "CZI"),
    (b"\xda\xce\xbe\x0a", "ND2"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"%PDF", "PDF"),
    (b"\x93NUMPY", "NumPy"),
    (b"\xd0\xcf\x11\xe0", "OLE (OIB, ZVI or Office)"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"p\x00\x00\x00", "LIF"),
)
_EXTENSIONS = {
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".btf": "TIFF",
    ".tf8": "TIFF",
    ".lsm": "TIFF",
    ".stk": "TIFF",
    ".svs": "TIFF",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".ndpi": "TIFF",
    ".scn": "TIFF",
    ".bif": "TIFF",
    ".qptiff": "TIFF",
    ".czi": "CZI",
    ".nd2": "ND2",
    ".lif": "LIF",
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".gif": "GIF",
    ".bmp": "BMP",
    ".zip": "ZIP",
}
# Extensions of slides whose pixels lie in a folder beside the file, which itself holds a thumbnail or a list.
SCATTERED = {".mrxs": "MIRAX", ".vsi": "Olympus VSI", ".vms": "Hamamatsu VMS", ".vmu": "Hamamatsu VMU"}
_USUAL = {
    "TIFF": ".tif",
    "PNG": ".png",
    "JPEG": ".jpg",
    "HDF5": ".h5",
    "CZI": ".czi",
    "LIF": ".lif",
    "ND2": ".nd2",
}


def kind_of(head: bytes) -> str:
    """Name the format of a file that begins with ``head`` (at least ``HEAD`` bytes, or all it has)."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    text = bytes(b for b in head if 32 <= b < 127 or b in b"\t\r\n")
    if head and len(text) == len(head):
        start = text.lstrip().lower()
        return "an HTML page" if start.startswith((b"<!doctype html", b"<html")) else "text"
    return "unknown"


def is_readable(kind: str | None) -> bool:
    """Whether there is a reader for files of ``kind``."""
    return kind in _USUAL


def readable_extensions() -> dict[str, tuple[str, ...]]:
    """Format -> the endings of names that promise it, of every format that is read."""
    found: dict[str, list[str]] = {}
    for ending, kind in _EXTENSIONS.items():
        if is_readable(kind):
            found.setdefault(kind, []).append(ending)
    return {kind: tuple(endings) for kind, endings in found.items()}


def promised_kind(name: str) -> str | None:
    """The format that the extension of ``name`` promises; None where it promises none."""
    return _EXTENSIONS.get(PurePath(name).suffix.lower())


def checked_kind(head: bytes, name: str) -> str:
    """The kind of a file that can be read: a key of ``_USUAL``.

    Raises:
        UnreadableFile: the file is empty.
        WrongFormat: the content is none of these, or the extension of ``name`` promises another format.
    """
    if not head:
        raise UnreadableFile("the file is empty", where=name, remedy="Export or upload it again.")
    kind = kind_of(head)
    promised = promised_kind(name)
    seen = "nothing known" if kind == "unknown" else kind
    if kind not in _USUAL:
        looks = (
            f"the name says {promised}, but the content looks like {seen}"
            if promised not in (None, kind)
            else (f"the content looks like {seen}, which is not read here")
        )
        raise WrongFormat(looks, where=name, remedy=f"Export the image as one of {READABLE}.")
    if promised is not None and promised != kind:
        raise WrongFormat(
            f"the name says {promised}, but the content looks like {kind}",
            where=name,
            remedy=f"Rename it to end in {_USUAL[kind]}, or export it again as {promised}.",
        )
    return kind
