"""Pascal VOC: ``JPEGImages/<name>.jpg`` and ``Annotations/<name>.xml``, one box and class a cell.

Source: Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", IJCV 2010. Pixels are counted from 1 and
both corners lie inside the box; here boxes are half-open and counted from 0. The format states no source (donor,
slide), so each image is its own unless a ``sources.csv`` (columns name, source) lies beside the folders.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from cellcommons.classes import CellBox, CellBoxes, ImageClasses
from cellcommons.errors import MismatchedShapes, UnknownLayout, UnreadableFile
from cellcommons.images.data import ImageData
from cellcommons.images.readers import read_image
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import entry_ontology, found_ontology
from cellcommons.layouts.tables import read_column
from cellcommons.safe_xml import parse_xml

PICTURES = "JPEGImages"
NOTES = "Annotations"
SETS = ("train", "val", "test")
_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})
_MAX_XML = 16 << 20


class Voc:
    """Images with a box and a class for each cell: truth is ``CellBoxes``, or None for an image without annotation.

    The classes are those of an ``ontology.json`` beside the folders, else all that the annotations name, sorted. A box
    that reaches beyond its image is cut to it; ``metadata['cut_boxes']`` counts them. ``metadata['set']`` says in which
    published split (``ImageSets/Main/train.txt`` ...) the image is.
    """

    name = "voc"
    title = "Pascal VOC (JPEGImages and Annotations, one box and class a cell)"
    task = "classification"

    def guess(self, path: Path) -> tuple[float, str]:
        root = _root(path)
        if root is None:
            return 0.0, f"no {PICTURES}/ beside {NOTES}/"
        return 0.95, f"{len(_notes(root))} annotations"

    def scan(self, path: Path) -> Scan:
        root = _checked_root(path)
        notes, pictures, sets = _notes(root), _pictures(root), _sets(root)
        found = {name: _parsed(note)[1] for name, note in sorted(notes.items())}
        ontology = found_ontology(root, (box.name for boxes in found.values() for box in boxes))
        sources, strata = read_column(root / "sources.csv", "source"), read_column(root / "strata.csv", "stratum")
        entries = []
        for name, picture in sorted(pictures.items()):
            metadata: dict[str, Any] = {"source_known": name in sources, "ontology": ontology.document()}
            if name in sets:
                metadata["set"] = sets[name]
            if name in notes:
                metadata["boxes"] = len(found[name])
            paths = (picture, notes[name]) if name in notes else (picture,)
            entries.append(Entry(name, paths, sources.get(name) or name, strata.get(name, ""), metadata))
        alone = [note for name, note in sorted(notes.items()) if name not in pictures]
        skipped = tuple(Skipped(note, f"no picture of that name in {PICTURES}/") for note in alone)
        return Scan(tuple(entries), skipped)

    def read(self, entry: Entry) -> Record:
        image = read_image(entry.paths[0])
        if len(entry.paths) == 1:
            return Record(entry, image, None, entry.paths[0])
        boxes, cut = _boxes(entry, image.shape_yx)
        known = Entry(entry.name, entry.paths, entry.source, entry.stratum, {**entry.metadata, "cut_boxes": cut})
        return Record(known, image, boxes, entry.paths[0])


class VocCrops:
    """The same folder as a set of single cells: one crop a box, truth ``ImageClasses``, source the image it is from.

    A crop is the smallest square that holds the box with a margin, moved into the frame where it leaves it; boxes with
    a side under ``min_side`` pixels show no cell and are skipped. ``metadata`` holds ``crop`` and ``box``, both
    half-open ``[y0, x0, y1, x1]`` in pixels of the whole image.

    Args:
        margin: of the longer side, on each side of the box.
    """

    name = "voc_crops"
    title = "Pascal VOC, each box cut out as an image of one class"
    task = "classification"

    def __init__(self, *, margin: float = 0.1, min_side: int = 4) -> None:
        self.margin, self.min_side = margin, min_side

    def guess(self, path: Path) -> tuple[float, str]:
        likely, reason = Voc().guess(path)
        return 0.9 * likely, reason

    def scan(self, path: Path) -> Scan:
        whole = Voc().scan(path)
        entries, skipped = [], list(whole.skipped)
        for entry in whole.entries:
            if len(entry.paths) == 1:
                skipped.append(Skipped(entry.paths[0], "it has no annotation, so no box to cut out"))
                continue
            shape, found = _parsed(entry.paths[1])
            kept = {key: value for key, value in entry.metadata.items() if key != "boxes"}
            for number, cell in enumerate(found, start=1):
                box, _ = _within(cell.box, shape, where=f"{entry.paths[1]}, box {number}")
                if min(box[2] - box[0], box[3] - box[1]) < self.min_side:
                    skipped.append(Skipped(entry.paths[1], f"box {number} is under {self.min_side} pixels a side"))
                    continue
                crop = _square(box, shape, self.margin)
                metadata = {**kept, "number": number, "box": list(box), "crop": list(crop)}
                name = f"{entry.name}-{number:03d}"
                part = f"box {number:03d}"
                entries.append(Entry(name, entry.paths, entry.source, entry.stratum, metadata, part=part))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        picture, note = entry.paths
        image = _picture(picture, picture.stat().st_mtime_ns)
        shape, found = _parsed(note)
        _check_size(shape, image.shape_yx, where=str(note))
        y0, x0, y1, x1 = entry.metadata["crop"]
        crop = ImageData(
            np.ascontiguousarray(image.data[..., y0:y1, x0:x1]),
            image.axes,
            image.channels,
            image.pixel_size,
            image.rgb,
            image.metadata,
        )
        cell = found[entry.metadata["number"] - 1]
        return Record(entry, crop, ImageClasses((cell.name,), entry_ontology(entry)), picture)


@lru_cache(maxsize=2)
def _picture(path: Path, _changed: int) -> ImageData:
    """The whole image, kept while its crops are read one after another."""
    return read_image(path)


def _root(path: Path) -> Path | None:
    """The folder that holds both halves: ``path`` or a folder in it."""
    if not path.is_dir():
        return None
    for folder in (path, *sorted(p for p in path.iterdir() if p.is_dir())):
        if (folder / PICTURES).is_dir() and (folder / NOTES).is_dir():
            return folder
    return None


def _checked_root(path: Path) -> Path:
    root = _root(path)
    if root is None:
        raise UnknownLayout(
            f"no {PICTURES}/ beside {NOTES}/ here, so this is not the voc layout",
            where=str(path),
            remedy=f"Point to the folder that holds {PICTURES}, or choose another layout.",
        )
    return root


def _notes(root: Path) -> dict[str, Path]:
    return {path.stem: path for path in (root / NOTES).glob("*.xml") if not path.name.startswith(".")}


def _pictures(root: Path) -> dict[str, Path]:
    """By name. The annotation's own <filename> and <path> are not followed: they may lead anywhere."""
    files = sorted((root / PICTURES).iterdir())
    return {p.stem: p for p in files if p.suffix.lower() in _EXTENSIONS and not p.name.startswith(".")}


def _sets(root: Path) -> dict[str, str]:
    sets: dict[str, str] = {}
    for name in SETS:
        listing = root / "ImageSets" / "Main" / f"{name}.txt"
        if listing.is_file():
            sets |= {
                line.split()[0]: name for line in listing.read_text("utf-8", "replace").splitlines() if line.split()
            }
    return sets


def _parsed(note: Path) -> tuple[tuple[int, int], tuple[CellBox, ...]]:
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


def _within(
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


def _check_size(stated: tuple[int, int], real: tuple[int, int], *, where: str) -> None:
    if stated != real:
        raise MismatchedShapes(
            f"the annotation is for {stated[1]} x {stated[0]} pixels, its image has {real[1]} x {real[0]}",
            where=where,
            remedy="Annotate the image at its own size.",
        )


def _boxes(entry: Entry, shape: tuple[int, int]) -> tuple[CellBoxes, int]:
    note = entry.paths[1]
    stated, found = _parsed(note)
    _check_size(stated, shape, where=str(note))
    placed = [_within(cell.box, shape, where=f"{note}, box {n}") for n, cell in enumerate(found, start=1)]
    boxes = tuple(CellBox(box, cell.name) for (box, _), cell in zip(placed, found, strict=True))
    return CellBoxes(boxes, shape, entry_ontology(entry)), sum(cut for _, cut in placed)


def _square(box: tuple[int, int, int, int], shape: tuple[int, int], margin: float) -> tuple[int, int, int, int]:
    y0, x0, y1, x1 = box
    side = int(np.ceil(max(y1 - y0, x1 - x0) * (1 + 2 * margin)))
    corners = []
    for low, high, length in ((y0, y1, shape[0]), (x0, x1, shape[1])):
        start = min(max(0, (low + high - side) // 2), max(0, length - side))
        corners.append((start, min(length, start + side)))
    (top, bottom), (left, right) = corners
    return top, left, bottom, right
