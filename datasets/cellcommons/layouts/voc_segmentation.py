"""Pascal VOC's segmentation: ``JPEGImages``, ``SegmentationClass``, and ``SegmentationObject`` for single objects.

Source: Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", IJCV 2010. 255 is void, which is unknown
and not background. CVAT and labelme export the same folders, with ``labelmap.txt`` or ``class_names.txt``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.classes import CellClasses, Ontology
from cellcommons.errors import CannotCarry, InvalidDocument, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.images.readers import read_image
from cellcommons.labels import LabelMap, relabel
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import FILE, Classes, entry_ontology, found_ontology
from cellcommons.layouts.pictures import EXTENSIONS, write_picture
from cellcommons.layouts.tables import read_tables, write_tables
from cellcommons.layouts.voc import PICTURES, read_sets, write_sets
from cellcommons.layouts.voc_masks import (
    BACKGROUND,
    CHALLENGE,
    VOID,
    WIDE_VOID,
    Names,
    read_names,
    read_numbers,
    write_names,
    write_numbers,
)
from cellcommons.semantic import UNKNOWN, SemanticMap

CLASSES, OBJECTS = "SegmentationClass", "SegmentationObject"
TASK = "Segmentation"


class VocSegmentation:
    """A class a pixel (``SemanticMap``); with masks of objects, cells and their classes (``CellClasses``).

    Classes are those of ``ontology.json``, else of ``labelmap.txt`` or ``class_names.txt``, else the challenge's own.
    Among cells, background is no class; a cell whose pixels are void in the mask of classes is unclassified, and where
    the mask of objects is void, nobody looked.
    """

    name = "voc_segmentation"
    title = "Pascal VOC masks (JPEGImages, SegmentationClass, SegmentationObject)"
    task = "semantic_segmentation"
    carries = Carries(
        (SemanticMap, CellClasses),
        features=features(
            "outlines", "holes", "pieces", "classes", "unclassified", "class_order", "ordinal", "unknown",
            "source", "stratum", "split", "pixel_size", "channel_names", "wavelengths",
        ),
        note="More than 254 cells in an image make its mask of objects a gray PNG of 16 bits.",
    )  # fmt: skip

    def guess(self, path: Path) -> tuple[float, str]:
        root = _root(path)
        if root is None:
            return 0.0, f"no {PICTURES}/ beside {CLASSES}/"
        return 0.94, f"{CLASSES}/ beside {PICTURES}/"

    def scan(self, path: Path) -> Scan:
        root = _root(path)
        if root is None:
            raise UnknownLayout(
                f"no {PICTURES}/ beside {CLASSES}/ here, so this is not the voc_segmentation layout",
                where=str(path),
                remedy=f"Point to the folder that holds {PICTURES}, or choose another layout.",
            )
        names = read_names(root)
        listed = list(names.names if names else CHALLENGE)
        stated = found_ontology(root, ()) if (root / FILE).is_file() else None
        pictures = _files(root / PICTURES, root, EXTENSIONS)
        classes, objects = (_files(root / folder, root, {".png"}) for folder in (CLASSES, OBJECTS))
        sets, tables = read_sets(root, TASK), read_tables(root)
        entries = []
        for name, picture in sorted(pictures.items()):
            metadata: dict[str, Any] = {"source_known": False, "names": listed}
            paths = [picture]
            if name in classes:
                paths.append(classes[name])
                if name in objects:
                    paths.append(objects[name])
                if names is not None:
                    metadata["colours"] = {str(code): number for code, number in names.colours.items()}
                cells = name in objects
                kept = tuple(one for one in listed if not (cells and one == BACKGROUND))
                metadata["ontology"] = (stated or Ontology(kept)).document()
            entry = Entry(name, tuple(paths), "", "", metadata, sets.get(name, ""))
            entries.append(tables.applied(entry, picture.name))
        alone = [p for folder in (classes, objects) for name, p in sorted(folder.items()) if name not in pictures]
        alone += [p for name, p in sorted(objects.items()) if name in pictures and name not in classes]
        skipped = [Skipped(p, f"no picture in {PICTURES}/ and mask in {CLASSES}/ of that name") for p in alone]
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        image = read_image(entry.paths[0])
        truth: SemanticMap | CellClasses | None = None
        if len(entry.paths) > 1:
            names = Names(entry.metadata["names"])
            if "colours" in entry.metadata:
                names.colours = {int(code): number for code, number in entry.metadata["colours"].items()}
            truth = _truth(entry, names, image)
        return Record(entry, image, truth, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        for name in (PICTURES, CLASSES):
            (folder / name).mkdir()
        # Number 0 is background in every tool that reads this layout, whether or not it is a class here.
        numbers = {BACKGROUND: 0}
        classes, entries = Classes(), []
        for record in records:
            write_picture(folder / PICTURES, record)
            truth, name = record.truth, f"{record.entry.name}.png"
            if isinstance(truth, SemanticMap | CellClasses):
                classes.add(truth.ontology)
                for one in truth.ontology.names:
                    numbers.setdefault(one, len(numbers))
                if len(numbers) > VOID:
                    raise CannotCarry(f"voc_segmentation numbers {VOID - 1} classes at most", where=record.entry.name)
            if isinstance(truth, SemanticMap):
                table = np.zeros(256, dtype=np.uint16)
                table[: len(truth.ontology)] = [numbers[one] for one in truth.ontology.names]
                write_numbers(folder / CLASSES / name, table[truth.data], truth.data == truth.unknown)
            elif isinstance(truth, CellClasses):
                _write_cells(folder, name, truth, numbers)
            entries.append(record.entry)
        classes.write(folder)
        write_names(folder, list(numbers))
        write_sets(folder, TASK, entries)
        write_tables(folder, [replace(entry, split="") for entry in entries])


def _write_cells(folder: Path, name: str, truth: CellClasses, numbers: dict[str, int]) -> None:
    labels = truth.labels
    compact = relabel(labels.data)
    if int(compact.max(initial=0)) >= WIDE_VOID:
        raise CannotCarry(f"voc_segmentation numbers {WIDE_VOID - 1:,} cells at most", where=name)
    table = np.zeros(labels.ids.size + 1, dtype=np.uint16)
    for place, cell in enumerate(labels.ids.tolist(), start=1):
        given = truth.classes.get(cell)
        table[place] = numbers[given[0]] if given else VOID
    nowhere = np.zeros(labels.data.shape, dtype=np.bool_)
    write_numbers(folder / OBJECTS / name, compact.astype(np.uint16), nowhere)
    said = table[compact]
    write_numbers(folder / CLASSES / name, said, said == VOID)


def _truth(entry: Entry, names: Names, image: ImageData) -> SemanticMap | CellClasses:
    shape, ontology, where = image.shape_yx, entry_ontology(entry), str(entry.paths[1])
    said, void = read_numbers(entry.paths[1], shape, names)
    if void != VOID:
        said = np.where(said == void, VOID, said).astype(np.uint16)
    present = np.unique(said)
    outside = [number for number in present.tolist() if number != VOID and number >= len(names.names)]
    if outside:
        raise InvalidDocument(
            f"no class has the number {outside[0]}", where=where, remedy="Name the classes in labelmap.txt."
        )
    if len(entry.paths) == 2:
        table = np.full(256, UNKNOWN, dtype=np.uint8)
        for number in present.tolist():
            if number != VOID:
                table[number] = ontology.index(names.names[number], where=where)
        return SemanticMap(table[said], ontology, pixel_size=image.pixel_size)
    objects, void = read_numbers(entry.paths[2], shape, None)
    unseen = objects == void
    ids = np.where(unseen, 0, objects).astype(np.uint32)
    classes: dict[int, tuple[str, ...]] = {}
    for cell in LabelMap(ids).cells():
        y0, x0, y1, x1 = cell.box
        numbers = np.unique(said[y0:y1, x0:x1][cell.mask])
        numbers = numbers[numbers != VOID]
        if numbers.size > 1:
            raise InvalidDocument(
                f"object {cell.id} lies in several classes", where=str(entry.paths[2]), remedy="Number each part."
            )
        if numbers.size:
            name = names.names[int(numbers[0])]
            if name not in ontology.names:
                raise InvalidDocument(
                    f"object {cell.id} is of class {name!r}", where=where, remedy=f"Use one of: {ontology.listed()}."
                )
            classes[cell.id] = (name,)
    return CellClasses(LabelMap(ids, image.pixel_size, annotated=~unseen), classes, ontology)


def _root(path: Path) -> Path | None:
    if not path.is_dir():
        return None
    try:
        inside = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError:
        return None
    return next((p for p in (path, *inside) if (p / PICTURES).is_dir() and (p / CLASSES).is_dir()), None)


def _files(folder: Path, root: Path, endings: Iterable[str]) -> dict[str, Path]:
    """Files by name; nothing hidden and no link that leads out."""
    if not folder.is_dir():
        return {}
    home = root.resolve()
    return {
        path.stem: path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in endings
        and not path.name.startswith(".")
        and (not path.is_symlink() or path.resolve().is_relative_to(home))
    }
