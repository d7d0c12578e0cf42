"""The XML of CVAT: its labels, its images, and the shapes of each as they stand.

Format: https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/ (CVAT for images 1.1, CVAT for video 1.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from xml.etree.ElementTree import Element

from cellcommons.errors import InvalidDocument, UnreadableFile
from cellcommons.safe_xml import parse_xml

MAX_BYTES = 256 << 20
CELLS = ("polygon", "mask", "ellipse")
BOXES = ("box",)
LANDMARKS = ("skeleton", "points")
TAGS = ("tag",)
OTHERS = ("polyline", "cuboid")
_HEAD = 4096


@dataclass(frozen=True)
class Label:
    """A label of the task: what shape it is for (empty where any), and the landmarks of a skeleton."""

    name: str
    type: str = ""
    landmarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class CvatFile:
    """A parsed file.

    Attributes:
        labels: those of the task or project, in order; landmarks of skeletons are within their label.
        images: the ``image`` elements. tracks: the ``track`` elements of a video. size: frames that the task states.
    """

    path: Path
    labels: tuple[Label, ...]
    images: tuple[Element, ...] = field(repr=False)
    tracks: tuple[Element, ...] = field(repr=False)
    size: int | None = None


def looks_like_cvat(path: Path) -> bool:
    """Whether a file begins as CVAT's do."""
    try:
        with path.open("rb") as handle:
            head = handle.read(_HEAD)
    except OSError:
        return False
    return b"<annotations>" in head and (b"<version>" in head or b"<image" in head or b"<meta>" in head)


def open_cvat(path: Path) -> CvatFile:
    """Parse a file, or give it again while it has not changed. Raises UnreadableFile, InvalidDocument, TooLarge."""
    stat = path.stat()
    return _opened(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _opened(path: Path, _changed: int, _size: int) -> CvatFile:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"it cannot be opened ({error.strerror})", where=str(path)) from error
    root = parse_xml(data, where=str(path), max_bytes=MAX_BYTES)
    if root.tag != "annotations":
        raise InvalidDocument("a file of CVAT holds annotations", where=str(path))
    images = tuple(root.iterfind("image"))
    for image in images:
        if not image.get("name"):
            raise InvalidDocument("an image of CVAT has a name", where=str(path))
    said = (root.findtext("meta/task/size") or "").strip()
    size = int(said) if said.isascii() and said.isdigit() and len(said) < 9 else None
    return CvatFile(path, _labels(root, str(path)), images, tuple(root.iterfind("track")), size)


def _labels(root: Element, where: str) -> tuple[Label, ...]:
    holders = (root.find(f"meta/{one}/labels") for one in ("task", "project", "job"))
    said = next((holder for holder in holders if holder is not None), None)
    tops: dict[str, str] = {}
    below: dict[str, list[str]] = {}
    for label in () if said is None else said.iterfind("label"):
        name, parent = _text(label, "name"), _text(label, "parent")
        if parent:
            below.setdefault(parent, []).append(name)
        elif name in tops:
            raise InvalidDocument(f"label {name!r} is listed twice", where=where)
        else:
            tops[name] = _text(label, "type")
    return tuple(Label(name, kind, tuple(dict.fromkeys(below.get(name, ())))) for name, kind in tops.items())


def _text(element: Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def number(element: Element, name: str, where: str, *, default: float | None = None) -> float:
    """An attribute as a number within reach of an image. Raises InvalidDocument."""
    text = element.get(name)
    if text is None and default is not None:
        return default
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e8:
        raise InvalidDocument(f"{name} is {text!r}, not a number", where=where, remedy="Export it again.")
    return value


def attributes(shape: Element) -> dict[str, str]:
    """Attributes that people set: name -> value."""
    return {one.get("name", ""): (one.text or "").strip() for one in shape.iterfind("attribute")}
