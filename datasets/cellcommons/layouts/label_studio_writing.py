"""Truths as the regions of Label Studio."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cellcommons.classes import CellBoxes, ImageClasses
from cellcommons.keypoints import Keypoints
from cellcommons.labels import Cell
from cellcommons.layouts.label_studio_brush import encode_brush
from cellcommons.layouts.label_studio_tasks import Kind, Region
from cellcommons.layouts.rings import rings_of
from cellcommons.overlapping import OverlappingCells
from cellcommons.readings import Readings

CELL = "cell"
IMAGE = "image"


def kind_of(truth: object) -> Kind | None:
    """What kind of regions a truth becomes."""
    kinds: tuple[tuple[type, Kind], ...] = (
        (OverlappingCells, "cells"), (CellBoxes, "boxes"), (Keypoints, "keypoints"), (ImageClasses, "classes"),
    )  # fmt: skip
    return next((kind for one, kind in kinds if isinstance(truth, one)), None)


def annotations_of(truth: object, shape: tuple[int, int]) -> list[dict[str, Any]]:
    """One annotation a person; the consensus is ground truth; a truth of nobody in particular has no person."""
    if truth is None:
        return []
    if not isinstance(truth, Readings):
        return [{"id": 1, "result": regions_of(truth, shape)}]
    found: list[dict[str, Any]] = []
    for person, one in truth.by.items():
        said = {"email": person}
        found.append({"id": len(found) + 1, "completed_by": said, "result": regions_of(one, shape)})
    if truth.consensus is not None:
        found.append({"id": len(found) + 1, "ground_truth": True, "result": regions_of(truth.consensus, shape)})
    return found


def regions_of(truth: object, shape: tuple[int, int]) -> list[Region]:
    """The regions of one truth."""
    return list(_regions(truth, shape))


def _regions(truth: object, shape: tuple[int, int]) -> Iterable[Region]:
    height, width = shape
    if isinstance(truth, OverlappingCells):
        for cell in truth.cells:
            names = truth.classes.get(cell.id) if truth.ontology else (CELL,)
            yield _outline(cell, shape, names)
    elif isinstance(truth, CellBoxes):
        for number, one in enumerate(truth.boxes, start=1):
            y0, x0, y1, x1 = one.box
            value = {
                "x": x0 * 100 / width,
                "y": y0 * 100 / height,
                "width": (x1 - x0) * 100 / width,
                "height": (y1 - y0) * 100 / height,
                "rotation": 0,
            }
            yield _region(f"box-{number}", "rectangle", shape, value, (one.name,))
    elif isinstance(truth, Keypoints):
        for number, name in enumerate(truth.objects):
            for place, landmark in enumerate(truth.landmarks):
                if truth.placed[number, place]:
                    y, x = truth.positions[number, place].tolist()
                    spot = {"x": (x + 0.5) * 100 / width, "y": (y + 0.5) * 100 / height, "width": 0.5}
                    region = _region(f"point-{number}-{place}", "keypoint", shape, spot, (landmark,))
                    yield region | {"meta": {"text": [name]}}
    elif isinstance(truth, ImageClasses) and truth.classes:
        given = {"choices": list(truth.classes)}
        yield {"id": "choice", "type": "choices", "from_name": "choice", "to_name": IMAGE, "value": given}


def _outline(cell: Cell, shape: tuple[int, int], names: tuple[str, ...] | None) -> Region:
    """A polygon where one says all, else a brush."""
    height, width = shape
    rings = rings_of(cell)
    if rings is not None and len(rings) == 1:
        points = (rings[0] * 100 / (height, width))[:, ::-1].tolist()
        return _region(f"cell-{cell.id}", "polygon", shape, {"points": points, "closed": True}, names)
    whole = np.zeros(shape, dtype=np.bool_)
    y0, x0, y1, x1 = cell.box
    whole[y0:y1, x0:x1] = cell.mask
    return _region(f"cell-{cell.id}", "brush", shape, {"format": "rle", "rle": encode_brush(whole)}, names)


def _region(
    name: str, what: str, shape: tuple[int, int], value: dict[str, Any], labels: tuple[str, ...] | None
) -> Region:
    said = {**value, f"{what}labels": list(labels)} if labels else value
    return {
        "id": name,
        "type": f"{what}labels" if labels else what,
        "from_name": what,
        "to_name": IMAGE,
        "original_width": shape[1],
        "original_height": shape[0],
        "image_rotation": 0,
        "value": said,
    }
