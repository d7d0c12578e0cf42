"""What CVAT says of one image as cells, boxes, landmarks or classes.

CVAT measures from the outer corner of the first pixel, so the centre of that pixel is at 0.5, 0.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal
from xml.etree.ElementTree import Element

import numpy as np

from cellcommons.classes import CellBox, CellBoxes, ImageClasses, Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.keypoints import Keypoints
from cellcommons.labels import Cell
from cellcommons.layouts.cvat_xml import BOXES, CELLS, LANDMARKS, OTHERS, TAGS, Label, attributes, number
from cellcommons.layouts.rings import cell_of_rings, inside, parse_ring, pixel_box
from cellcommons.layouts.run_lengths import mask_of
from cellcommons.overlapping import OverlappingCells, cell_of
from cellcommons.polygons import Ring

Kind = Literal["cells", "boxes", "keypoints", "classes"]
Truth = OverlappingCells | CellBoxes | Keypoints | ImageClasses
SHAPES: dict[str, Kind] = {
    **dict.fromkeys(CELLS, "cells"),
    **dict.fromkeys(BOXES, "boxes"),
    **dict.fromkeys(LANDMARKS, "keypoints"),
    **dict.fromkeys(TAGS, "classes"),
}
_TYPES: dict[str, Kind] = {name: kind for name, kind in SHAPES.items() if name != "box"}
_TYPES["rectangle"] = "boxes"
_ORDER: tuple[Kind, ...] = ("cells", "boxes", "keypoints", "classes")
ID, NAME = "cell_id", "name"


def kind_of(image: Element) -> Kind | None:
    """What an image's shapes are: outlines before boxes before landmarks before tags; None where there are none."""
    found = {SHAPES[shape.tag] for shape in image if shape.tag in SHAPES}
    return next((kind for kind in _ORDER if kind in found), None)


def kind_of_labels(labels: tuple[Label, ...]) -> Kind | None:
    """What shapes the labels are for; None where they do not say or differ."""
    kinds = {_TYPES.get(label.type) for label in labels}
    return kinds.pop() if len(kinds) == 1 else None


def ellipse(
    number_: int, centre: tuple[float, float], radii: tuple[float, float], turn: float, shape: tuple[int, int]
) -> Cell | None:
    """The pixels whose centres lie in an ellipse: centre and radii as row and column, turned clockwise by degrees."""
    (y, x), (ry, rx) = centre, radii
    reach = max(ry, rx)
    box = inside(
        (int(np.floor(y - reach)), int(np.floor(x - reach)), int(np.ceil(y + reach)) + 1, int(np.ceil(x + reach)) + 1),
        shape,
    )
    if box is None or min(ry, rx) <= 0:
        return None
    rows, columns = np.ogrid[box[0] : box[2], box[1] : box[3]]
    dy, dx = rows + 0.5 - y, columns + 0.5 - x
    angle = np.deg2rad(turn)
    along, across = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
    return cell_of(number_, np.asarray((along / rx) ** 2 + (across / ry) ** 2 <= 1), corner=(box[0], box[1]))


def truth_of(
    image: Element,
    pixels: ImageData,
    kind: Kind | None,
    labels: tuple[Label, ...],
    ontology: Ontology | None,
    where: str,
) -> tuple[Truth | None, dict[str, int]]:
    """The truth of one image, and how often something of it could not be taken as it stands.

    Raises:
        InvalidDocument: a shape that makes no sense; the message names its kind and place.
    """
    notes: dict[str, int] = {}

    def note(what: str) -> None:
        notes[what] = notes.get(what, 0) + 1

    for shape in image:
        if shape.tag in OTHERS or (shape.tag in SHAPES and kind is not None and SHAPES[shape.tag] != kind):
            note(f"{shape.tag}_not_taken")
    shapes = [shape for shape in image if shape.tag in SHAPES]
    if kind == "cells":
        return _cells(shapes, pixels, ontology, where, note), notes
    if kind == "boxes":
        return _boxes(shapes, pixels.shape_yx, ontology, where, note), notes
    if kind == "keypoints":
        return _keypoints(shapes, pixels, labels, where), notes
    names = tuple(dict.fromkeys(_label(shape, where) for shape in shapes if shape.tag == "tag"))
    if kind == "classes" and ontology is not None and (names or ontology.multi):
        return ImageClasses(names, ontology), notes
    return None, notes


def _cells(
    shapes: list[Element], pixels: ImageData, ontology: Ontology | None, where: str, note: Callable[[str], None]
) -> OverlappingCells:
    size = pixels.shape_yx
    looked = np.ones(size, dtype=np.bool_)
    outlined = [shape for shape in shapes if shape.tag in CELLS]
    numbers = _numbers(outlined)
    cells, classes = [], {}
    for place, (number_, shape) in enumerate(zip(numbers, outlined, strict=True), start=1):
        here = f"{where}, {shape.tag} {place}"
        cell = _outline(number_, shape, size, here)
        if cell is None:
            note("empty_outlines")
            continue
        cells.append(cell)
        if ontology is not None:
            classes[cell.id] = (_label(shape, here),)
    for shape in shapes:
        if shape.tag == "box":
            # Somebody saw a cell here and gave no outline: neither a cell nor background.
            box = inside(_box(shape, where), size)
            if box is not None:
                looked[box[0] : box[2], box[1] : box[3]] = False
    return OverlappingCells(tuple(cells), size, pixels.pixel_size, classes, ontology, annotated=looked)


def _outline(number_: int, shape: Element, size: tuple[int, int], where: str) -> Cell | None:
    if shape.tag == "polygon":
        return cell_of_rings(number_, [_points(shape, where)], size, where=where)
    if shape.tag == "ellipse":
        y, x, ry, rx = (number(shape, name, where) for name in ("cy", "cx", "ry", "rx"))
        return ellipse(number_, (y, x), (ry, rx), number(shape, "rotation", where, default=0.0), size)
    top, left, height, width = (int(number(shape, name, where)) for name in ("top", "left", "height", "width"))
    if top < 0 or left < 0 or height < 1 or width < 1 or top + height > size[0] or left + width > size[1]:
        raise InvalidDocument("the mask reaches beyond its image", where=where, remedy="Export it again.")
    try:
        counts = np.array((shape.get("rle") or "").split(","), dtype=np.int64)
    except (ValueError, OverflowError):
        raise InvalidDocument("its run lengths are no whole numbers", where=where) from None
    # Some versions leave out the last run where it is outside the cell.
    missing = height * width - int(counts.sum())
    if counts.size % 2 == 0 and missing > 0:
        counts = np.append(counts, missing)
    return cell_of(number_, mask_of(counts, (height, width), where=where), corner=(top, left))


def _boxes(
    shapes: list[Element],
    size: tuple[int, int],
    ontology: Ontology | None,
    where: str,
    note: Callable[[str], None],
) -> CellBoxes:
    boxes = []
    for place, shape in enumerate((one for one in shapes if one.tag == "box"), start=1):
        here = f"{where}, box {place}"
        whole = _box(shape, here)
        box = inside(whole, size)
        if box is None:
            note("boxes_outside")
            continue
        if box != whole:
            note("cut_boxes")
        if number(shape, "rotation", here, default=0.0):
            note("turned_boxes")
        boxes.append(CellBox(box, _label(shape, here)))
    return CellBoxes(tuple(boxes), size, ontology or Ontology(("cell",)))


def _box(shape: Element, where: str) -> tuple[int, int, int, int]:
    """The pixels of a box; of one that is turned, those of the upright box round it."""
    x0, y0, x1, y1 = (number(shape, name, where) for name in ("xtl", "ytl", "xbr", "ybr"))
    turn = np.deg2rad(number(shape, "rotation", where, default=0.0))
    if turn:
        half_x, half_y = (x1 - x0) / 2, (y1 - y0) / 2
        across = abs(half_x * np.cos(turn)) + abs(half_y * np.sin(turn))
        down = abs(half_x * np.sin(turn)) + abs(half_y * np.cos(turn))
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        x0, x1, y0, y1 = x - across, x + across, y - down, y + down
    return pixel_box(x0, y0, x1, y1, where=where)


def _keypoints(shapes: list[Element], pixels: ImageData, labels: tuple[Label, ...], where: str) -> Keypoints:
    """One object a skeleton; each point alone is an object of one landmark, which is called as its label."""
    known = {label.name: label.landmarks for label in labels}
    landmarks: dict[str, int] = {}
    rows: list[dict[str, tuple[float, float, bool]]] = []
    names: list[str] = []
    for place, shape in enumerate((one for one in shapes if one.tag in LANDMARKS), start=1):
        here = f"{where}, {shape.tag} {place}"
        label = _label(shape, here)
        if shape.tag == "points":
            landmarks.setdefault(label, len(landmarks))
            for y, x in (_points(shape, here) - 0.5).tolist():
                rows.append({label: (y, x, shape.get("occluded") == "1")})
                names.append("")
            continue
        found: dict[str, tuple[float, float, bool]] = {}
        for name in known.get(label, ()):
            landmarks.setdefault(name, len(landmarks))
        for point in shape.iterfind("points"):
            name = _label(point, here)
            landmarks.setdefault(name, len(landmarks))
            if point.get("outside") != "1":
                corners = _points(point, here) - 0.5
                if len(corners) != 1:
                    raise InvalidDocument(f"landmark {name!r} is one point", where=here)
                y, x = corners[0].tolist()
                found[name] = (y, x, point.get("occluded") == "1")
        if found:
            rows.append(found)
            names.append(attributes(shape).get(NAME, ""))
    if not all(names) or len(set(names)) != len(names):
        names = [str(number_ + 1) for number_ in range(len(rows))]
    positions = np.full((len(rows), len(landmarks), 2), np.nan)
    hidden = np.zeros(positions.shape[:2], dtype=np.bool_)
    for number_, row in enumerate(rows):
        for name, (y, x, covered) in row.items():
            positions[number_, landmarks[name]] = y, x
            hidden[number_, landmarks[name]] = covered
    return Keypoints(positions, tuple(landmarks), tuple(names), pixels.shape_yx, hidden, pixels.pixel_size)


def _numbers(shapes: list[Element]) -> list[int]:
    """Ids of the cells: those in their attribute ``cell_id`` where all have one, else in order."""
    said = [attributes(shape).get(ID, "") for shape in shapes]
    if all(text.isascii() and text.isdigit() and len(text) < 11 for text in said):
        numbers = [int(text) for text in said]
        if len(set(numbers)) == len(numbers) and all(0 < one < 2**32 for one in numbers):
            return numbers
    return list(range(1, len(shapes) + 1))


def _points(shape: Element, where: str) -> Ring:
    return parse_ring((shape.get("points") or "").replace(";", ",").split(","), where=where)


def _label(shape: Element, where: str) -> str:
    name = (shape.get("label") or "").strip()
    if not name:
        raise InvalidDocument("a shape has a label", where=where)
    return name
