"""COCO, and LIVECell's form of it: JSON files that name images below the same folder.

Sources: Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014, https://cocodataset.org/#format-data;
Edlund et al., "LIVECell", Nature Methods 2021. Coordinates are edges of pixels, 0 at the outer corner of the first; the
positions of keypoints are centres of pixels.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cellcommons.classes import CellBoxes, Ontology
from cellcommons.errors import InvalidDocument, UnknownLayout
from cellcommons.images.readers import read_image
from cellcommons.keypoints import Keypoints
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.coco_json import CocoFile, Kind, looks_like_coco, open_coco
from cellcommons.layouts.coco_truths import truth_of
from cellcommons.layouts.coco_writing import CELL, CocoWriter
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import FILE, Classes, entry_ontology, found_ontology
from cellcommons.layouts.pictures import check_stated_size, pictures_below, split_said, write_picture
from cellcommons.layouts.tables import read_tables, write_tables
from cellcommons.overlapping import OverlappingCells

NOTES = "annotations"
_ORDER: tuple[Kind, ...] = ("cells", "keypoints", "boxes", "none")
_FILES: dict[Kind, str] = {"cells": "instances", "boxes": "boxes", "keypoints": "keypoints", "none": "image_info"}
_SPLITS = {"train": "train", "validation": "val", "test": "test", "": ""}
_DEPTH = 4


class Coco:
    """Cells with outlines (``OverlappingCells``), boxes alone (``CellBoxes``), or keypoints (``Keypoints``).

    All JSON files of the folder are read together; an image of several files has the truth of the first, outlines
    before keypoints before boxes. A file without annotations lists images without labels. Classes are the categories in
    their order, over all files; a single category ``cell`` is no class (LIVECell).
    """

    name = "coco"
    title = "COCO and LIVECell (JSON with polygons, run lengths, boxes or keypoints)"
    task = "instance_segmentation"
    carries = Carries(
        (OverlappingCells, CellBoxes, Keypoints),
        features=features(
            "outlines", "overlaps", "holes", "pieces", "ids", "classes", "unclassified", "class_order", "ordinal",
            "annotated", "hidden", "object_names", "subpixel", "source", "stratum", "split", "pixel_size",
            "channel_names", "wavelengths",
        ),
        note="Run lengths for cells with holes, polygons of pixel edges else; what nobody looked at is a crowd.",
    )  # fmt: skip

    def guess(self, path: Path) -> tuple[float, str]:
        files = [file for file in _json_files(path) if looks_like_coco(file)]
        if not files:
            return 0.0, "no JSON file with images and annotations"
        return 0.93, f"{files[0].name} lists images and annotations"

    def scan(self, path: Path) -> Scan:
        files = [file for file in _json_files(path) if looks_like_coco(file)]
        if not files:
            raise UnknownLayout(
                "no JSON file with images and annotations here, so this is not the coco layout",
                where=str(path),
                remedy="Point to the folder that holds both the JSON files and the images.",
            )
        opened, skipped = [], []
        for file in files:
            try:
                opened.append(open_coco(file))
            except InvalidDocument as error:
                skipped.append(Skipped(file, error.what))
        opened.sort(key=lambda one: (_ORDER.index(one.kind), str(one.path)))
        ontology = _ontology(path, opened)
        facts = _facts(opened, ontology)
        pictures, tables = pictures_below(path), read_tables(path)
        names = pictures.names()
        entries: dict[Path, Entry] = {}
        for coco in opened:
            there = 0
            for image in coco.images:
                split = split_said(coco.path.stem, coco.path.parent.name)
                picture = pictures.find(image["file_name"], near=(split, _SPLITS[split], coco.path.stem))
                if picture is None:
                    skipped.append(Skipped(coco.path, f"{image['file_name']!r} is not in this folder"))
                elif picture in entries:
                    there += 1
                else:
                    entry = _entry(coco, image, picture, path, names[picture], facts)
                    entries[picture] = tables.applied(entry, image["file_name"], picture.name)
            if there:
                skipped.append(Skipped(coco.path, f"{there} of its images are taken from another file"))
        skipped += [Skipped(p, "no JSON file names it") for p in pictures.paths if p not in entries]
        return Scan(tuple(sorted(entries.values(), key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        picture, file = entry.paths
        coco = open_coco(file)
        image = read_image(picture)
        stated = entry.metadata.get("stated_shape")
        if stated is not None:
            check_stated_size((stated[0], stated[1]), image.shape_yx, where=f"{file}, {picture.name}")
        ontology = entry_ontology(entry) if "ontology" in entry.metadata else None
        truth, notes = truth_of(coco, entry.metadata["image_id"], image, ontology)
        return Record(replace(entry, metadata={**entry.metadata, **notes}), image, truth, picture)

    def write(self, records: Iterable[Record], folder: Path) -> None:
        writers: dict[tuple[Kind, str], CocoWriter] = {}
        classes = Classes()
        entries = []
        try:
            for record in records:
                truth, entry = record.truth, record.entry
                kind = _kind_of(truth)
                part = _SPLITS[entry.split]
                picture = write_picture(folder / (part or "images"), record)
                writer = writers.get((kind, part))
                if writer is None:
                    said = f"{_FILES[kind]}_{part}" if part else _FILES[kind]
                    writer = writers[kind, part] = CocoWriter(folder / NOTES / f"{said}.json", kind)
                writer.add(picture.name, record.image.shape_yx, truth)
                ontology = getattr(truth, "ontology", None)
                if ontology is not None:
                    classes.add(ontology)
                entries.append(entry)
            for writer in writers.values():
                writer.close()
        finally:
            for writer in writers.values():
                writer.abandon()
        # The order of categories says the order of classes, but not that it means rank, nor across several files.
        found = classes.ontology()
        if found is not None and (found.ordinal or len(writers) > 1):
            classes.write(folder)
        write_tables(folder, [replace(entry, split="") for entry in entries])


def _kind_of(truth: Any) -> Kind:
    if isinstance(truth, OverlappingCells):
        return "cells"
    if isinstance(truth, CellBoxes):
        return "boxes"
    return "keypoints" if isinstance(truth, Keypoints) else "none"


def _json_files(path: Path) -> list[Path]:
    """JSON files of the folder, four folders down, without links that lead out."""
    if not path.is_dir():
        return []
    found = []
    home = path.resolve()
    for folder, below, files in os.walk(path):
        depth = len(Path(folder).relative_to(path).parts)
        below[:] = sorted(name for name in below if not name.startswith(".") and depth + 1 < _DEPTH)
        for name in sorted(files):
            if name.lower().endswith(".json") and not name.startswith(".") and name != FILE:
                file = Path(folder, name)
                if file.resolve().is_relative_to(home):
                    found.append(file)
    return found


def _ontology(path: Path, files: list[CocoFile]) -> Ontology | None:
    """The categories of all files in their order, or as ``ontology.json`` says; None where cells have no classes."""
    labelled = [file for file in files if file.kind in ("cells", "boxes")]
    names = tuple(dict.fromkeys(one.name for file in labelled for one in file.categories.values()))
    if (path / FILE).is_file():
        return found_ontology(path, names)
    try:
        return Ontology(names) if names else None
    except InvalidDocument as error:
        raise InvalidDocument(error.what, where=str(labelled[0].path), remedy="Rename the category.") from error


def _classed(file: CocoFile) -> bool:
    """Whether categories are classes: not where the only one says that a cell is a cell, unless the file says so."""
    said = file.info.get("classes")
    if file.kind == "boxes" or isinstance(said, bool):
        return file.kind == "boxes" or bool(said)
    return [one.name.lower() for one in file.categories.values()] not in ([CELL], [])


def _facts(files: list[CocoFile], ontology: Ontology | None) -> dict[str, Any]:
    """What all entries say alike: the classes, and what each belongs to where that differs."""
    if ontology is None:
        return {}
    facts: dict[str, Any] = {"ontology": ontology.document()}
    above = {one.name: one.above for file in files for one in file.categories.values() if one.above}
    if len(set(above.values())) > 1:
        facts["supercategories"] = above
    return facts


def _entry(coco: CocoFile, image: dict[str, Any], picture: Path, root: Path, name: str, facts: dict[str, Any]) -> Entry:
    metadata: dict[str, Any] = {"image_id": image["id"], "source_known": False}
    height, width = image.get("height"), image.get("width")
    if isinstance(height, int) and isinstance(width, int):
        metadata["stated_shape"] = [height, width]
    if coco.kind != "none":
        metadata["annotations"] = len(coco.by_image.get(image["id"], ()))
        if coco.kind != "keypoints" and _classed(coco):
            metadata |= facts
    split = split_said(coco.path.stem, *picture.relative_to(root).parts[:-1][::-1])
    return Entry(name, (picture, coco.path), name, "", metadata, split)
