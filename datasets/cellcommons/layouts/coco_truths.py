"""What COCO says of one image as cells, boxes or landmarks."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellcommons.classes import CellBox, CellBoxes, Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.keypoints import Keypoints
from cellcommons.labels import Cell, Mask
from cellcommons.layouts.coco_json import CocoFile
from cellcommons.layouts.rings import cell_of_rings, inside, parse_ring, pixel_box
from cellcommons.layouts.run_lengths import cell_from_counts, parse_counts
from cellcommons.overlapping import OverlappingCells

Rows = list[dict[str, Any]]
Truth = OverlappingCells | CellBoxes | Keypoints


def truth_of(
    file: CocoFile, image_id: Any, image: ImageData, ontology: Ontology | None
) -> tuple[Truth | None, dict[str, int]]:
    """The truth of one image, and how often something of it could not be taken as it stands.

    A region marked ``iscrowd`` holds cells that nobody told apart: it counts as not annotated.

    Raises:
        InvalidDocument: an outline, box, landmark or category that makes no sense; the message names the annotation.
    """
    if file.kind == "none":
        return None, {}
    shape = image.shape_yx
    rows = file.by_image.get(image_id, [])
    looked = np.ones(shape, dtype=np.bool_)
    notes: dict[str, int] = {}
    kept = []
    for row in rows:
        if row.get("iscrowd") in (1, True):
            _leave_out(looked, row, shape, _where(file, row))
        else:
            kept.append(row)
    if file.kind == "keypoints":
        return _keypoints(file, kept, rows, image, looked, notes), notes
    if file.kind == "boxes":
        return _boxes(file, kept, shape, looked, ontology, notes), notes
    numbers = _numbers(kept)
    cells, classes = [], {}
    for number, row in zip(numbers, kept, strict=True):
        where = _where(file, row)
        cell = outline(number, row.get("segmentation"), shape, where=where)
        name = _category(file, row, where)
        if cell is not None:
            cells.append(cell)
            if name is not None and ontology is not None:
                classes[number] = (name,)
        elif not row.get("segmentation") and row.get("bbox"):
            # Somebody saw a cell here and gave no outline: neither a cell nor background.
            _leave_out(looked, row, shape, where)
            _note(notes, "boxes_without_outline")
        else:
            _note(notes, "empty_outlines")
    return OverlappingCells(tuple(cells), shape, image.pixel_size, classes, ontology, annotated=looked), notes


def outline(number: int, said: Any, shape: tuple[int, int], *, where: str) -> Cell | None:
    """A cell from ``segmentation``: polygons, run lengths or their text; None where it has no pixel."""
    if not said:
        return None
    if isinstance(said, dict):
        if list(said.get("size") or ()) != list(shape):
            raise InvalidDocument(
                f"its run lengths are for {said.get('size')} rows and columns, its image has {list(shape)}", where=where
            )
        return cell_from_counts(number, parse_counts(said.get("counts"), where=where), shape, where=where)
    if not isinstance(said, list):
        raise InvalidDocument("a segmentation is a list of polygons or run lengths", where=where)
    rings = said if isinstance(said[0], list) else [said]
    return cell_of_rings(number, [parse_ring(ring, where=where) for ring in rings], shape, where=where)


def _numbers(rows: Rows) -> list[int]:
    """Ids of the cells: those that an earlier writing kept, else in order."""
    kept = [row.get("instance_id") for row in rows]
    if all(isinstance(one, int) and not isinstance(one, bool) and 0 < one < 2**32 for one in kept):
        numbers = [int(one) for one in kept if one is not None]
        if len(set(numbers)) == len(rows):
            return numbers
    return list(range(1, len(rows) + 1))


def _leave_out(looked: Mask, row: dict[str, Any], shape: tuple[int, int], where: str) -> None:
    """Mark what an annotation covers as not annotated."""
    cell = outline(1, row.get("segmentation"), shape, where=where)
    if cell is not None:
        y0, x0, y1, x1 = cell.box
        looked[y0:y1, x0:x1] &= ~cell.mask
    elif not row.get("segmentation") and row.get("bbox"):
        box = inside(_box(row, where), shape)
        if box is not None:
            looked[box[0] : box[2], box[1] : box[3]] = False


def _boxes(
    file: CocoFile,
    rows: Rows,
    shape: tuple[int, int],
    looked: Mask,
    ontology: Ontology | None,
    notes: dict[str, int],
) -> CellBoxes:
    boxes = []
    for row in rows:
        where = _where(file, row)
        name = _category(file, row, where)
        if name is None:
            raise InvalidDocument("a box has a category", where=where, remedy="Set its category_id.")
        whole = _box(row, where)
        box = inside(whole, shape)
        if box is None:
            _note(notes, "boxes_outside")
            continue
        if box != whole:
            _note(notes, "cut_boxes")
        boxes.append(CellBox(box, name))
    return CellBoxes(tuple(boxes), shape, ontology or Ontology(("cell",)), annotated=looked)


def _keypoints(
    file: CocoFile, rows: Rows, all_rows: Rows, image: ImageData, looked: Mask, notes: dict[str, int]
) -> Keypoints:
    used = {_key(row, _where(file, row)) for row in all_rows}
    first = next(iter(file.categories.values()))
    wanted = [one for key, one in file.categories.items() if key in used and one.landmarks] or [first]
    landmarks = tuple(dict.fromkeys(name for one in wanted for name in one.landmarks))
    positions, hidden, names = [], [], []
    for row in rows:
        where = _where(file, row)
        key = _key(row, where)
        own = file.categories[key].landmarks if key in file.categories else ()
        values = _numbers_of(row.get("keypoints") or [0] * (3 * len(own)), where)
        if values.size != 3 * len(own):
            raise InvalidDocument(f"{values.size} numbers for {len(own)} keypoints of x, y and visibility", where=where)
        x, y, seen = values.reshape(-1, 3).T
        if not (seen > 0).any():
            _note(notes, "objects_without_keypoints")
            continue
        places = [landmarks.index(name) for name in own]
        position = np.full((len(landmarks), 2), np.nan)
        position[places] = np.where((seen > 0)[:, None], np.stack([y, x], axis=1), np.nan)
        covered = np.zeros(len(landmarks), dtype=np.bool_)
        covered[places] = seen == 1
        positions.append(position)
        hidden.append(covered)
        names.append(row.get("object"))
    count = len(positions)
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) != count:
        names = [str(number + 1) for number in range(count)]
    return Keypoints(
        np.array(positions, dtype=np.float64).reshape(count, len(landmarks), 2),
        landmarks,
        tuple(str(name) for name in names),
        image.shape_yx,
        np.array(hidden, dtype=np.bool_).reshape(count, len(landmarks)),
        image.pixel_size,
        looked,
    )


def _box(row: dict[str, Any], where: str) -> tuple[int, int, int, int]:
    values = _numbers_of(row.get("bbox"), where)
    if values.size != 4:
        raise InvalidDocument("a bbox is x, y, width and height", where=where)
    x, y, width, height = values.tolist()
    return pixel_box(x, y, x + width, y + height, where=where)


def _numbers_of(said: Any, where: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        values = np.asarray(said, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        values = np.full(1, np.nan)
    if not isinstance(said, list) or values.ndim != 1 or not np.isfinite(values).all():
        raise InvalidDocument("a bbox or keypoints are a list of numbers", where=where)
    return values


def _category(file: CocoFile, row: dict[str, Any], where: str) -> str | None:
    """The name of an annotation's category; None where it has not been classified (none, or a 0 that is not listed)."""
    said = _key(row, where)
    found = file.categories.get(said)
    if found is None and said not in (None, 0):
        raise InvalidDocument(f"category {said!r} is not listed", where=where, remedy="List it under categories.")
    return found.name if found else None


def _key(row: dict[str, Any], where: str) -> Any:
    said = row.get("category_id")
    if isinstance(said, dict | list):
        raise InvalidDocument(f"category {str(said)[:40]} is not listed", where=where, remedy="Give its id.")
    return said


def _where(file: CocoFile, row: dict[str, Any]) -> str:
    return f"{file.path}, annotation {row.get('id')}"


def _note(notes: dict[str, int], what: str) -> None:
    notes[what] = notes.get(what, 0) + 1
