"""YOLO: ``images/`` and ``labels/`` side by side, one text a picture, positions as fractions of its sides.

Format: https://docs.ultralytics.com/datasets/detect/ and /segment/. A line is a class and a box (``c x y w h``, x and y
its centre) or a class and a polygon (``c x1 y1 x2 y2 ...``). Edges of pixels lie at whole multiples of 1 / side.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.classes import CellBox, CellBoxes, Ontology
from cellcommons.errors import InvalidDocument, UnknownLayout
from cellcommons.images.readers import read_image
from cellcommons.labels import Cell
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import FILE, Classes, found_ontology
from cellcommons.layouts.pictures import write_picture
from cellcommons.layouts.rings import cell_of_rings, inside, outer_ring, pixel_box
from cellcommons.layouts.tables import read_tables, write_tables
from cellcommons.layouts.yolo_folder import IMAGES, LABELS, describe, find_images, read_text
from cellcommons.overlapping import OverlappingCells

CELL = "cell"
_SPLITS = {"train": "train", "validation": "val", "test": "test", "": ""}
_FACTS = features("classes", "class_order", "ordinal", "source", "stratum", "split", "pixel_size", "channel_names")
Line = tuple[int, NDArray[np.float64]]


class Yolo:
    """Boxes with classes: ``CellBoxes``, or None for an image without a label file. An empty file says: no cells.

    A line with a polygon is read as the box round it (``metadata['boxes_of_outlines']``), as YOLO does to train.
    """

    name = "yolo"
    title = "YOLO boxes (images, labels, data.yaml or classes.txt)"
    task = "classification"
    carries = Carries(
        (CellBoxes,),
        features=_FACTS | features("wavelengths"),
        note="Fractions are written with all digits, so that boxes come back to the pixel.",
    )
    _segments = False

    def guess(self, path: Path) -> tuple[float, str]:
        if not path.is_dir() or not _looks_so(path):
            return 0.0, "no data.yaml with names, and no labels/ beside images/"
        segments = _first_are_segments(path)
        if segments is None:
            return 0.6 - 0.1 * self._segments, "label files without a line"
        what = "polygons" if segments else "boxes"
        return (0.92 if segments == self._segments else 0.6 if segments else 0.3), f"label files with {what}"

    def scan(self, path: Path) -> Scan:
        if not path.is_dir() or not _looks_so(path):
            raise UnknownLayout(
                "no data.yaml with names and no labels/ beside images/, so this is not the yolo layout",
                where=str(path),
                remedy="Point to the folder that holds data.yaml or classes.txt.",
            )
        description = describe(path)
        if description.keypoints and self._segments:
            raise UnknownLayout("its labels are boxes with keypoints, not outlines", where=str(path))
        pictures, found, alone = find_images(path, description)
        names = pictures.names()
        known = description.names or {n: str(n) for n in _numbers_in(one.note for one in found)}
        ontology = _ontology(path, known)
        tables = read_tables(path)
        facts: dict[str, Any] = {"source_known": False, "names": {str(key): name for key, name in known.items()}}
        if ontology is not None and not (self._segments and _no_classes(path, ontology)):
            facts["ontology"] = ontology.document()
        if description.keypoints:
            facts["keypoints"] = "not read"
        entries = []
        for one in found:
            paths = (one.picture,) if one.note is None else (one.picture, one.note)
            entry = Entry(names[one.picture], paths, "", "", dict(facts), one.split)
            entries.append(tables.applied(entry, one.picture.name))
        skipped = tuple(Skipped(note, "no image of that name") for note in alone)
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), skipped)

    def read(self, entry: Entry) -> Record:
        image = read_image(entry.paths[0])
        if len(entry.paths) == 1:
            return Record(entry, image, None, entry.paths[0])
        note = entry.paths[1]
        names = {int(key): name for key, name in entry.metadata["names"].items()}
        lines = read_lines(note, keypoints="keypoints" in entry.metadata)
        for number, (key, _) in enumerate(lines, start=1):
            if key not in names:
                raise InvalidDocument(
                    f"class {key} has no name", where=f"{note}, line {number}", remedy="Name it in data.yaml."
                )
        said = entry.metadata.get("ontology")
        ontology = None if said is None else Ontology(tuple(said["names"]), said["ordinal"], said["multi"])
        notes: dict[str, int] = {}
        truth = self._truth(lines, names, image.shape_yx, ontology, note, notes)
        if isinstance(truth, OverlappingCells):
            truth = replace(truth, pixel_size=image.pixel_size)
        return Record(replace(entry, metadata={**entry.metadata, **notes}), image, truth, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        classes, entries = Classes(), []
        parts: dict[str, None] = {}
        bare = False
        for record in records:
            part = _SPLITS[record.entry.split]
            parts.setdefault(part)
            write_picture(folder / IMAGES / part, record)
            truth = record.truth
            if isinstance(truth, CellBoxes | OverlappingCells):
                if truth.ontology is not None:
                    classes.add(truth.ontology)
                else:
                    bare = True
                    classes.names.setdefault(CELL, len(classes.names))
                (folder / LABELS / part).mkdir(parents=True, exist_ok=True)
                text = "".join(_written(truth, classes.names))
                (folder / LABELS / part / f"{record.entry.name}.txt").write_text(text, encoding="ascii")
            entries.append(record.entry)
        if classes.names and not bare:
            classes.write(folder)
        _describe(folder, tuple(classes.names) or (CELL,), list(parts))
        write_tables(folder, [replace(entry, split="") for entry in entries])

    def _truth(
        self,
        lines: list[Line],
        names: dict[int, str],
        shape: tuple[int, int],
        ontology: Ontology | None,
        note: Path,
        notes: dict[str, int],
    ) -> CellBoxes | OverlappingCells:
        boxes = []
        for number, (key, values) in enumerate(lines, start=1):
            whole = _box(values, shape, where=f"{note}, line {number}")
            box = inside(whole, shape)
            if values.size > 4:
                notes["boxes_of_outlines"] = notes.get("boxes_of_outlines", 0) + 1
            if box is None:
                notes["boxes_outside"] = notes.get("boxes_outside", 0) + 1
                continue
            if box != whole:
                notes["cut_boxes"] = notes.get("cut_boxes", 0) + 1
            boxes.append(CellBox(box, names[key]))
        return CellBoxes(tuple(boxes), shape, ontology or Ontology((CELL,)))


class YoloSegments(Yolo):
    """Outlines: ``OverlappingCells``, each one polygon. The only class ``cell`` is no class.

    Where a line is a box and no polygon, somebody saw a cell and did not outline it: the box counts as not annotated
    (``metadata['boxes_without_outline']``).
    """

    name = "yolo_segments"
    title = "YOLO outlines (images, labels with polygons, data.yaml or classes.txt)"
    task = "instance_segmentation"
    carries = Carries(
        (OverlappingCells,),
        features=_FACTS | features("wavelengths", "outlines", "overlaps"),
        note="One polygon a cell: no holes and no pieces; dropped, the outline of the largest piece is kept.",
    )
    _segments = True

    def _truth(
        self,
        lines: list[Line],
        names: dict[int, str],
        shape: tuple[int, int],
        ontology: Ontology | None,
        note: Path,
        notes: dict[str, int],
    ) -> CellBoxes | OverlappingCells:
        cells: list[Cell] = []
        classes = {}
        looked = np.ones(shape, dtype=np.bool_)
        for number, (key, values) in enumerate(lines, start=1):
            where = f"{note}, line {number}"
            if values.size <= 4:
                box = inside(_box(values, shape, where=where), shape)
                if box is not None:
                    looked[box[0] : box[2], box[1] : box[3]] = False
                notes["boxes_without_outline"] = notes.get("boxes_without_outline", 0) + 1
                continue
            ring = values.reshape(-1, 2)[:, ::-1] * shape
            cell = cell_of_rings(len(cells) + 1, [ring], shape, where=where)
            if cell is None:
                notes["empty_outlines"] = notes.get("empty_outlines", 0) + 1
                continue
            cells.append(cell)
            if ontology is not None:
                classes[cell.id] = (names[key],)
        return OverlappingCells(tuple(cells), shape, classes=classes, ontology=ontology, annotated=looked)


def read_lines(path: Path, *, keypoints: bool = False) -> list[Line]:
    """Class and numbers of each line: 4 of a box, or an even number of at least 6 of a polygon; a score is left out.

    Raises:
        InvalidDocument: anything else, or numbers that are no fractions of the image.
    """
    lines = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        where = f"{path}, line {number}"
        try:
            key, values = float(words[0]), np.array([float(word) for word in words[1:]], dtype=np.float64)
        except ValueError:
            raise InvalidDocument("not a line of numbers", where=where, remedy="Export it again.") from None
        if keypoints or values.size == 5:
            values = values[:4]
        if values.size < 4 or values.size % 2 or not (0 <= key < 1e6 and key.is_integer()):
            raise InvalidDocument("not a class with a box (4 numbers) or a polygon (6 or more)", where=where)
        if not (np.abs(values - 0.5) <= 1.5).all():
            raise InvalidDocument(
                "its numbers are no fractions of the image's sides", where=where, remedy="Divide by width and height."
            )
        lines.append((int(key), values))
    return lines


def _box(values: NDArray[np.float64], shape: tuple[int, int], *, where: str) -> tuple[int, int, int, int]:
    height, width = shape
    if values.size == 4:
        x, y, w, h = values.tolist()
        return pixel_box(
            (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height, where=where
        )
    x, y = values[::2] * width, values[1::2] * height
    return pixel_box(float(x.min()), float(y.min()), float(x.max()), float(y.max()), where=where)


def _written(truth: CellBoxes | OverlappingCells, keys: dict[str, int]) -> Iterable[str]:
    height, width = truth.shape
    if isinstance(truth, CellBoxes):
        for one in truth.boxes:
            y0, x0, y1, x1 = one.box
            values = ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height)
            yield f"{keys[one.name]} {' '.join(map(repr, values))}\n"
        return
    for cell in truth.cells:
        names = truth.classes.get(cell.id) if truth.ontology is not None else (CELL,)
        if names:  # a cell without a class has no place here
            corners = (outer_ring(cell) / (height, width))[:, ::-1].ravel()
            yield f"{keys[names[0]]} {' '.join(map(repr, corners.tolist()))}\n"


def _describe(folder: Path, names: tuple[str, ...], parts: list[str]) -> None:
    """Write ``data.yaml``: a text in JSON's quotes is one in YAML's too."""
    there = {part: f"{IMAGES}/{part}" if part else IMAGES for part in parts}
    # Images without a part are listed only where there are no others: a folder listed once would be a part.
    first = next((there[part] for part in ("train", "val", "test") if part in there), IMAGES)
    lines = [f"train: {first}", f"val: {there.get('val', first)}"]
    if "test" in there:
        lines.append(f"test: {there['test']}")
    lines += ["names:", *(f"  {number}: {json.dumps(name)}" for number, name in enumerate(names))]
    (folder / "data.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _ontology(path: Path, names: dict[int, str]) -> Ontology | None:
    if (path / FILE).is_file():
        return found_ontology(path, names.values())
    return Ontology(tuple(dict.fromkeys(names.values()))) if names else None


def _no_classes(path: Path, ontology: Ontology) -> bool:
    """Whether the only class says that a cell is a cell."""
    return not (path / FILE).is_file() and [name.lower() for name in ontology.names] == [CELL]


def _looks_so(path: Path) -> bool:
    if (path / LABELS).is_dir() and (path / IMAGES).is_dir():
        return next(_some_notes(path), None) is not None or any(_has_names(file) for file in path.glob("*.y*ml"))
    return any(_has_names(file) for file in path.glob("*.y*ml")) or (
        any((path / name).is_file() for name in ("classes.txt", "obj.names"))
        and next(_some_notes(path), None) is not None
    )


def _has_names(file: Path) -> bool:
    try:
        with file.open("rb") as handle:
            head = handle.read(1 << 16)
    except OSError:
        return False
    return any(line.startswith(b"names:") for line in head.splitlines()) and any(
        line.startswith((b"train:", b"val:", b"nc:")) for line in head.splitlines()
    )


def _some_notes(path: Path) -> Iterator[Path]:
    for pattern in (f"{LABELS}/*.txt", f"{LABELS}/*/*.txt", f"*/{LABELS}/*.txt", "*/*.txt"):
        yield from (file for file in path.glob(pattern) if not file.name.startswith("."))


def _first_are_segments(path: Path) -> bool | None:
    for note in islice(_some_notes(path), 50):
        try:
            with note.open("rb") as handle:
                words = handle.readline(1 << 16).split()
        except OSError:
            continue
        if len(words) >= 5:
            return len(words) > 6
    return None


def _numbers_in(notes: Iterable[Path | None]) -> list[int]:
    """Every class number there is, where no file names the classes."""
    return sorted({key for note in notes if note is not None for key, _ in read_lines(note)})
