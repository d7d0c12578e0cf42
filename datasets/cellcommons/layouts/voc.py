"""Pascal VOC: ``JPEGImages/<name>.jpg`` and ``Annotations/<name>.xml``, one box and class a cell.

Source: Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", IJCV 2010. Pixels are counted from 1 and
both corners lie inside the box; here boxes are half-open and counted from 0. The format states no source (donor,
slide), so each image is its own unless a ``sources.csv`` (columns name, source) lies beside the folders.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.classes import CellBox, CellBoxes, ImageClasses
from cellcommons.errors import UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.images.readers import read_image
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import FILE, Classes, entry_ontology, found_ontology
from cellcommons.layouts.pictures import write_picture
from cellcommons.layouts.tables import parse_split, read_tables, write_tables
from cellcommons.layouts.voc_xml import check_size, parse_boxes, within, write_boxes

PICTURES = "JPEGImages"
NOTES = "Annotations"
SETS = ("train", "val", "test")
_SET_OF = {"train": "train", "validation": "val", "test": "test"}
_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})


class Voc:
    """Images with a box and a class for each cell: truth is ``CellBoxes``, or None for an image without annotation.

    The classes are those of an ``ontology.json`` beside the folders, else all that the annotations name, sorted. A box
    that reaches beyond its image is cut to it; ``metadata['cut_boxes']`` counts them. ``ImageSets/Main/train.txt`` and
    its like give the published split.
    """

    name = "voc"
    title = "Pascal VOC (JPEGImages and Annotations, one box and class a cell)"
    task = "classification"
    carries = Carries(
        (CellBoxes,),
        features=features(
            "classes", "class_order", "ordinal", "source", "stratum", "split", "pixel_size", "channel_names",
            "wavelengths",
        ),
        note="Images are written as PNG or TIFF, since JPEG would alter them.",
    )  # fmt: skip

    def guess(self, path: Path) -> tuple[float, str]:
        root = _root(path)
        if root is None:
            return 0.0, f"no {PICTURES}/ beside {NOTES}/"
        return 0.95, f"{len(_notes(root))} annotations"

    def scan(self, path: Path) -> Scan:
        root = _checked_root(path)
        notes, pictures, sets = _notes(root), _pictures(root), read_sets(root, "Main")
        found = {name: parse_boxes(note)[1] for name, note in sorted(notes.items())}
        names = [box.name for boxes in found.values() for box in boxes]
        # A folder of images without a box anywhere may have no classes; each box needs one.
        stated = names or (root / FILE).is_file()
        ontology = found_ontology(root, names) if stated else None
        tables = read_tables(root)
        entries = []
        for name, picture in sorted(pictures.items()):
            metadata: dict[str, Any] = {"source_known": False}
            if ontology is not None:
                metadata["ontology"] = ontology.document()
            if name in notes:
                metadata["boxes"] = len(found[name])
            paths = (picture, notes[name]) if name in notes else (picture,)
            entries.append(tables.applied(Entry(name, paths, "", "", metadata, sets.get(name, "")), picture.name))
        alone = [note for name, note in sorted(notes.items()) if name not in pictures]
        skipped = tuple(Skipped(note, f"no picture of that name in {PICTURES}/") for note in alone)
        return Scan(tuple(entries), skipped)

    def read(self, entry: Entry) -> Record:
        image = read_image(entry.paths[0])
        if len(entry.paths) == 1:
            return Record(entry, image, None, entry.paths[0])
        boxes, cut = _boxes(entry, image.shape_yx)
        known = replace(entry, metadata={**entry.metadata, "cut_boxes": cut})
        return Record(known, image, boxes, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        (folder / PICTURES).mkdir()
        (folder / NOTES).mkdir()
        classes = Classes()
        entries = []
        for record in records:
            picture = write_picture(folder / PICTURES, record)
            if isinstance(record.truth, CellBoxes):
                classes.add(record.truth.ontology)
                note = folder / NOTES / f"{record.entry.name}.xml"
                write_boxes(note, picture.name, record.image, record.truth)
            entries.append(record.entry)
        classes.write(folder)
        write_sets(folder, "Main", entries)
        write_tables(folder, [replace(entry, split="") for entry in entries])


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
            shape, found = parse_boxes(entry.paths[1])
            kept = {key: value for key, value in entry.metadata.items() if key != "boxes"}
            for number, cell in enumerate(found, start=1):
                box, _ = within(cell.box, shape, where=f"{entry.paths[1]}, box {number}")
                if min(box[2] - box[0], box[3] - box[1]) < self.min_side:
                    skipped.append(Skipped(entry.paths[1], f"box {number} is under {self.min_side} pixels a side"))
                    continue
                crop = _square(box, shape, self.margin)
                metadata = {**kept, "number": number, "box": list(box), "crop": list(crop)}
                name = f"{entry.name}-{number:03d}"
                part = f"box {number:03d}"
                entries.append(Entry(name, entry.paths, entry.source, entry.stratum, metadata, entry.split, part))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        picture, note = entry.paths
        image = _picture(picture, picture.stat().st_mtime_ns)
        shape, found = parse_boxes(note)
        check_size(shape, image.shape_yx, where=str(note))
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
    return {path.stem: path for path in (root / NOTES).glob("*.xml") if _usable(path, root)}


def _pictures(root: Path) -> dict[str, Path]:
    """By name. The annotation's own <filename> and <path> are not followed: they may lead anywhere."""
    files = sorted((root / PICTURES).iterdir())
    return {p.stem: p for p in files if p.suffix.lower() in _EXTENSIONS and _usable(p, root)}


def _usable(path: Path, root: Path) -> bool:
    """Not hidden, and no link that leads out of the folder."""
    return not path.name.startswith(".") and (not path.is_symlink() or path.resolve().is_relative_to(root.resolve()))


def read_sets(root: Path, task: str) -> dict[str, str]:
    """Name of each image -> its part of the split, as the lists of ``ImageSets/<task>`` say."""
    sets: dict[str, str] = {}
    for name in SETS:
        listing = root / "ImageSets" / task / f"{name}.txt"
        if listing.is_file():
            lines = listing.read_text("utf-8", "replace").splitlines()
            sets |= {line.split()[0]: parse_split(name) for line in lines if line.split()}
            # A name with a space in it: the whole line, which a list with a column of +1 and -1 never is.
            sets |= {line.strip(): parse_split(name) for line in lines if line.strip()}
    return sets


def write_sets(folder: Path, task: str, entries: Iterable[Entry]) -> None:
    """Write the lists of ``ImageSets/<task>`` that have a name in them."""
    lists: dict[str, list[str]] = {}
    for entry in entries:
        if entry.split:
            lists.setdefault(_SET_OF[entry.split], []).append(entry.name)
    for name, images in lists.items():
        path = folder / "ImageSets" / task / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{image}\n" for image in images), encoding="utf-8")


def _boxes(entry: Entry, shape: tuple[int, int]) -> tuple[CellBoxes, int]:
    note = entry.paths[1]
    stated, found = parse_boxes(note)
    check_size(stated, shape, where=str(note))
    placed = [within(cell.box, shape, where=f"{note}, box {n}") for n, cell in enumerate(found, start=1)]
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
