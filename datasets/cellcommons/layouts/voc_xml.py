"""One Pascal VOC annotation: the boxes of an image as XML, counted from 1 with both corners inside."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from cellcommons.classes import CellBox, CellBoxes
from cellcommons.errors import MismatchedShapes, UnreadableFile
from cellcommons.images.data import ImageData
from cellcommons.safe_xml import parse_xml

_MAX_XML = 16 << 20


def parse_boxes(note: Path) -> tuple[tuple[int, int], tuple[CellBox, ...]]:
    """The image's rows and columns as stated, and its boxes, half-open and from 0, as yet unchecked against them."""
    root = parse_xml(note.read_bytes(), where=str(note), max_bytes=_MAX_XML)
    shape = (_number(root, "size/height", note), _number(root, "size/width", note))
    boxes = []
    for item in root.iter("object"):
        x0, y0, x1, y1 = (_number(item, f"bndbox/{corner}", note) for corner in ("xmin", "ymin", "xmax", "ymax"))
        boxes.append(CellBox((y0 - 1, x0 - 1, y1, x1), (item.findtext("name") or "").strip()))
    return shape, tuple(boxes)


def _number(element: Element, path: str, note: Path) -> int:
    text = (element.findtext(path) or "").strip()
    try:
        # Some writers give corners as decimals.
        return round(float(text))
    except (ValueError, OverflowError):
        raise UnreadableFile(f"<{path}> is {text or 'missing'!r}, not a number", where=str(note)) from None


def within(
    box: tuple[int, int, int, int], shape: tuple[int, int], *, where: str
) -> tuple[tuple[int, int, int, int], bool]:
    """``box`` cut to its image, and whether it was. Raises MismatchedShapes if nothing of it is inside."""
    y0, x0, y1, x1 = box
    inside = (max(0, y0), max(0, x0), min(shape[0], y1), min(shape[1], x1))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise MismatchedShapes(
            f"the box of rows {y0}..{y1}, columns {x0}..{x1} holds no pixel of an image of {shape[1]} x {shape[0]}",
            where=where,
            remedy="Correct or remove the box.",
        )
    return inside, inside != box


def check_size(stated: tuple[int, int], real: tuple[int, int], *, where: str) -> None:
    if stated != real:
        raise MismatchedShapes(
            f"the annotation is for {stated[1]} x {stated[0]} pixels, its image has {real[1]} x {real[0]}",
            where=where,
            remedy="Annotate the image at its own size.",
        )


def write_boxes(path: Path, picture: str, image: ImageData, truth: CellBoxes) -> None:
    """Write the annotation of one image, as the tools of VOC do."""
    height, width = image.shape_yx
    root = Element("annotation")
    _put(root, folder="JPEGImages", filename=picture)
    _put(SubElement(root, "source"), database="Unknown")
    _put(SubElement(root, "size"), width=width, height=height, depth=image.size("c"))
    _put(root, segmented=0)
    for cell in truth.boxes:
        y0, x0, y1, x1 = cell.box
        item = SubElement(root, "object")
        _put(item, name=cell.name, pose="Unspecified", truncated=0, difficult=0)
        _put(SubElement(item, "bndbox"), xmin=x0 + 1, ymin=y0 + 1, xmax=x1, ymax=y1)
    indent(root)
    path.write_bytes(tostring(root, encoding="utf-8") + b"\n")


def _put(parent: Element, **values: object) -> None:
    for name, value in values.items():
        SubElement(parent, name).text = str(value)
