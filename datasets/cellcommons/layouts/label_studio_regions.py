"""What one annotation of Label Studio says of an image. Positions are percents of its sides, from its outer corner."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from cellcommons.classes import CellBox, CellBoxes, ImageClasses, Ontology
from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.keypoints import Keypoints
from cellcommons.labels import Cell
from cellcommons.layouts.cvat_shapes import ellipse
from cellcommons.layouts.label_studio_brush import decode_brush
from cellcommons.layouts.label_studio_tasks import Annotation, Kind, Region, labels_of, shape_kind, shape_of
from cellcommons.layouts.rings import cell_of_rings, inside, parse_ring, pixel_box
from cellcommons.overlapping import OverlappingCells, cell_of

Truth = OverlappingCells | CellBoxes | Keypoints | ImageClasses
_NUMBERED = re.compile(r"cell-([1-9][0-9]{0,9})")


def truth_of(
    annotation: Annotation,
    kind: Kind,
    pixels: ImageData,
    ontology: Ontology | None,
    landmarks: tuple[str, ...],
    where: str,
) -> tuple[Truth | None, dict[str, int]]:
    """The truth of one annotation, and how often something of it could not be taken as it stands.

    Args:
        landmarks: the order of landmarks where the task states it; others follow as they come.

    Raises:
        InvalidDocument: a region that makes no sense. MismatchedShapes: drawn on an image of another size.
    """
    notes: dict[str, int] = {}

    def note(what: str) -> None:
        notes[what] = notes.get(what, 0) + 1

    regions = []
    for number, region in enumerate(annotation.regions, start=1):
        here = f"{where}, region {number}"
        if shape_kind(region) != kind:
            if region.get("type") not in ("relation", "labels"):
                note(f"{shape_of(region) or 'region'}_not_taken")
            continue
        if kind != "classes":
            _check_size(region, pixels.shape_yx, here)
        if len(labels_of(region)) > 1 and kind != "classes":
            note("labels_beyond_the_first")
        regions.append((region, here))
    if kind == "cells":
        return _cells(regions, pixels, ontology, note), notes
    if kind == "boxes":
        return _boxes(regions, pixels.shape_yx, ontology, note), notes
    if kind == "keypoints":
        return _keypoints(regions, pixels, landmarks), notes
    names = tuple(dict.fromkeys(name for region, _ in regions for name in labels_of(region)))
    if ontology is None or not (names or ontology.multi):
        return None, notes
    return ImageClasses(names, ontology), notes


def _check_size(region: Region, shape: tuple[int, int], where: str) -> None:
    stated = (region.get("original_height"), region.get("original_width"))
    if all(isinstance(one, int) for one in stated) and stated != shape:
        raise MismatchedShapes(
            f"the region is for {stated[1]} x {stated[0]} pixels, its image has {shape[1]} x {shape[0]}", where=where
        )
    if region.get("image_rotation") not in (None, 0):
        raise InvalidDocument(
            "the image was turned when this was drawn", where=where, remedy="Turn the image itself and export again."
        )


def _cells(
    regions: list[tuple[Region, str]], pixels: ImageData, ontology: Ontology | None, note: Callable[[str], None]
) -> OverlappingCells:
    shape = pixels.shape_yx
    cells, classes = [], {}
    for number, (region, where) in zip(_numbers(regions), regions, strict=True):
        cell = _outline(number, region, shape, where)
        if cell is None:
            note("empty_outlines")
            continue
        cells.append(cell)
        names = labels_of(region)
        if names and ontology is not None:
            classes[number] = (names[0],)
    return OverlappingCells(tuple(cells), shape, pixels.pixel_size, classes, ontology)


def _outline(number: int, region: Region, shape: tuple[int, int], where: str) -> Cell | None:
    value, what = _value(region, where), shape_of(region)
    if what == "brush":
        return cell_of(number, decode_brush(value.get("rle"), shape, where=where))
    if what == "ellipse":
        x, y, rx, ry = (_percent(value, key, where) for key in ("x", "y", "radiusX", "radiusY"))
        turn = _percent(value, "rotation", where, default=0.0)
        height, width = shape
        centre, radii = (y * height / 100, x * width / 100), (ry * height / 100, rx * width / 100)
        return ellipse(number, centre, radii, turn, shape)
    points = value.get("points")
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise InvalidDocument("the points of a polygon are pairs of x and y", where=where)
    ring = parse_ring([one for point in points for one in point], where=where) * shape / 100
    return cell_of_rings(number, [ring], shape, where=where)


def _boxes(
    regions: list[tuple[Region, str]], shape: tuple[int, int], ontology: Ontology | None, note: Callable[[str], None]
) -> CellBoxes:
    boxes = []
    for region, where in regions:
        value, names = _value(region, where), labels_of(region)
        x, y, width, height = (_percent(value, key, where) for key in ("x", "y", "width", "height"))
        turn = np.deg2rad(_percent(value, "rotation", where, default=0.0))
        x0, y0 = x * shape[1] / 100, y * shape[0] / 100
        along, down = width * shape[1] / 100, height * shape[0] / 100
        if turn:
            # Turned about its first corner; what is kept is the upright box round it.
            note("turned_boxes")
            xs = x0 + np.array(
                [0, along * np.cos(turn), -down * np.sin(turn), along * np.cos(turn) - down * np.sin(turn)]
            )
            ys = y0 + np.array(
                [0, along * np.sin(turn), down * np.cos(turn), along * np.sin(turn) + down * np.cos(turn)]
            )
            whole = pixel_box(float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max()), where=where)
        else:
            whole = pixel_box(x0, y0, x0 + along, y0 + down, where=where)
        box = inside(whole, shape)
        if not names:
            raise InvalidDocument("a box has a label", where=where, remedy="Give it one, or remove it.")
        if box is None:
            note("boxes_outside")
            continue
        if box != whole:
            note("cut_boxes")
        boxes.append(CellBox(box, names[0]))
    return CellBoxes(tuple(boxes), shape, ontology or Ontology(("cell",)))


def _keypoints(regions: list[tuple[Region, str]], pixels: ImageData, landmarks: tuple[str, ...]) -> Keypoints:
    """Points of one object share a text in their meta, or the region they hang from; else each is one by itself."""
    height, width = pixels.shape_yx
    places = {name: place for place, name in enumerate(landmarks)}
    rows: list[dict[str, tuple[float, float]]] = []
    by_object: dict[str, int] = {}
    names: list[str] = []
    for region, where in regions:
        value, labels = _value(region, where), labels_of(region)
        if not labels:
            raise InvalidDocument("a keypoint has a label", where=where)
        x, y = _percent(value, "x", where), _percent(value, "y", where)
        places.setdefault(labels[0], len(places))
        said = _object(region)
        row = by_object.get(said) if said else None
        if row is None or labels[0] in rows[row]:
            row = len(rows)
            rows.append({})
            names.append(said)
            if said:
                by_object[said] = row
        rows[row][labels[0]] = (y * height / 100 - 0.5, x * width / 100 - 0.5)
    if not all(names) or len(set(names)) != len(names):
        names = [str(number + 1) for number in range(len(rows))]
    positions = np.full((len(rows), len(places), 2), np.nan)
    for number, found in enumerate(rows):
        for name, position in found.items():
            positions[number, places[name]] = position
    return Keypoints(positions, tuple(places), tuple(names), (height, width), pixel_size=pixels.pixel_size)


def _object(region: Region) -> str:
    meta = region.get("meta")
    text = meta.get("text") if isinstance(meta, dict) else None
    if isinstance(text, list) and text and isinstance(text[0], str) and text[0]:
        return str(text[0])
    parent = region.get("parentID")
    return parent if isinstance(parent, str) else ""


def _numbers(regions: list[tuple[Region, str]]) -> list[int]:
    """Ids of the cells: those in the ids of their regions where an earlier writing kept them, else in order."""
    said = [region.get("id") for region, _ in regions]
    found = [_NUMBERED.fullmatch(one) if isinstance(one, str) else None for one in said]
    numbers = [int(match[1]) for match in found if match is not None]
    if len(numbers) == len(regions) == len(set(numbers)) and all(one < 2**32 for one in numbers):
        return numbers
    return list(range(1, len(regions) + 1))


def _value(region: Region, where: str) -> dict[str, Any]:
    value = region.get("value")
    if not isinstance(value, dict):
        raise InvalidDocument("a region has a value", where=where)
    return value


def _percent(value: dict[str, Any], key: str, where: str, *, default: float | None = None) -> float:
    said = value.get(key, default)
    if isinstance(said, bool) or not isinstance(said, int | float) or not abs(said) < 1e6:
        raise InvalidDocument(f"{key} is {str(said)[:40]!r}, not a number", where=where, remedy="Export it again.")
    return float(said)
