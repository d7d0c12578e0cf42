"""CVAT for images 1.1: ``annotations.xml`` and the images it names, below one folder.

Format: https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cellcommons.classes import CellBoxes, ImageClasses, Ontology
from cellcommons.errors import InvalidDocument, UnknownLayout
from cellcommons.images.readers import read_image
from cellcommons.keypoints import Keypoints
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.cvat_shapes import Kind, kind_of, kind_of_labels, truth_of
from cellcommons.layouts.cvat_writing import CELL, CvatWriter
from cellcommons.layouts.cvat_xml import OTHERS, CvatFile, looks_like_cvat, number, open_cvat
from cellcommons.layouts.ontologies import FILE, Classes, entry_ontology, found_ontology
from cellcommons.layouts.pictures import check_stated_size, pictures_below, split_said, write_picture
from cellcommons.layouts.tables import read_tables, write_tables
from cellcommons.overlapping import OverlappingCells

IMAGES = "images"


class Cvat:
    """Outlines (polygons, masks, ellipses), boxes, landmarks (skeletons, points) or tags of whole images.

    An image has the truth of its first kind in that order; where it has no shape, that of the labels or of the other
    images. An image in the folder that the file does not name has no labels. Classes are the task's labels in their
    order; a single label ``cell`` of outlines is no class. Shapes that are no cells (polylines, cuboids) and tracks of
    videos are left out, with the reason.
    """

    name = "cvat"
    title = "CVAT for images 1.1 (annotations.xml and images)"
    task = "instance_segmentation"
    carries = Carries(
        (OverlappingCells, CellBoxes, Keypoints, ImageClasses),
        features=features(
            "outlines", "overlaps", "holes", "pieces", "ids", "classes", "class_order", "ordinal", "multi", "hidden",
            "object_names", "subpixel", "source", "stratum", "split", "pixel_size", "channel_names", "wavelengths",
        ),
        note="Cells are written as masks, which keep every pixel.",
    )  # fmt: skip

    def guess(self, path: Path) -> tuple[float, str]:
        files = _xml_files(path)
        return (0.93, f"{files[0].name} is of CVAT") if files else (0.0, "no XML of CVAT")

    def scan(self, path: Path) -> Scan:
        files = _xml_files(path)
        if not files:
            raise UnknownLayout(
                "no XML of CVAT here, so this is not the cvat layout",
                where=str(path),
                remedy="Point to the folder that holds annotations.xml and the images.",
            )
        opened = [open_cvat(file) for file in files]
        kind = _kind(opened)
        ontology, bare = _ontology(path, opened)
        pictures, tables = pictures_below(path), read_tables(path)
        names = pictures.names()
        entries: dict[Path, Entry] = {}
        skipped: list[Skipped] = []
        for cvat in opened:
            skipped += _left_out(cvat)
            for place, image in enumerate(cvat.images):
                said = image.get("name", "")
                picture = pictures.find(said, near=(image.get("subset", ""),))
                if picture is None or picture in entries:
                    what = "is not in this folder" if picture is None else "is there twice"
                    skipped.append(Skipped(cvat.path, f"{said!r} {what}"))
                    continue
                own = kind_of(image) or kind
                metadata: dict[str, Any] = {"source_known": False, "place": place, "kind": own}
                if ontology is not None and own != "keypoints" and not (bare and own == "cells"):
                    metadata["ontology"] = replace(ontology, multi=ontology.multi and own == "classes").document()
                split = split_said(image.get("subset", "") or picture.parent.name)
                entry = Entry(names[picture], (picture, cvat.path), "", "", metadata, split)
                entries[picture] = tables.applied(entry, said, picture.name)
        for picture in pictures.paths:
            if picture not in entries:
                entry = Entry(names[picture], (picture,), "", "", {"source_known": False})
                entries[picture] = tables.applied(entry, picture.name)
        if not any(cvat.images for cvat in opened) and any(cvat.tracks for cvat in opened):
            # The frames of a video are no images without labels.
            entries = {}
        return Scan(tuple(sorted(entries.values(), key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        pixels = read_image(entry.paths[0])
        if len(entry.paths) == 1:
            return Record(entry, pixels, None, entry.paths[0])
        cvat = open_cvat(entry.paths[1])
        image = cvat.images[entry.metadata["place"]]
        where = f"{cvat.path}, image {image.get('name')}"
        if image.get("width") is not None:
            stated = (int(number(image, "height", where)), int(number(image, "width", where)))
            check_stated_size(stated, pixels.shape_yx, where=where)
        ontology = entry_ontology(entry) if "ontology" in entry.metadata else None
        truth, notes = truth_of(image, pixels, entry.metadata["kind"], cvat.labels, ontology, where)
        return Record(replace(entry, metadata={**entry.metadata, **notes}), pixels, truth, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        writer = CvatWriter(folder / "annotations.xml")
        classes, entries = Classes(), []
        bare = False
        try:
            for record in records:
                picture = write_picture(folder / IMAGES, record)
                truth, entry = record.truth, record.entry
                if truth is not None:
                    writer.add(picture.name, record.image.shape_yx, entry.split, truth)
                    # The file says the split of what it names; the table that of the others.
                    entry = replace(entry, split="")
                ontology = getattr(truth, "ontology", None)
                if ontology is not None:
                    classes.add(ontology)
                bare |= isinstance(truth, OverlappingCells) and ontology is None
                entries.append(entry)
            writer.close()
        finally:
            writer.abandon()
        if not bare:
            classes.write(folder)
        write_tables(folder, entries)


def _xml_files(path: Path) -> list[Path]:
    """XML files of CVAT in the folder or one below, without links that lead out."""
    if not path.is_dir():
        return []
    home = path.resolve()
    found = [*sorted(path.glob("*.xml")), *sorted(path.glob("*/*.xml"))][:10_000]
    inside = (file for file in found if not file.name.startswith(".") and file.resolve().is_relative_to(home))
    return [file for file in inside if looks_like_cvat(file)]


def _kind(files: list[CvatFile]) -> Kind | None:
    """What images without a shape were labelled for."""
    kinds = {kind_of_labels(file.labels) for file in files} - {None}
    if len(kinds) == 1:
        return kinds.pop()
    found = Counter(kind for file in files for kind in map(kind_of, file.images) if kind is not None)
    return found.most_common(1)[0][0] if found else None


def _ontology(path: Path, files: list[CvatFile]) -> tuple[Ontology | None, bool]:
    """The labels that are classes, in order; and whether the only one says that a cell is a cell."""
    shapes = [shape for file in files for image in file.images for shape in image]
    used = (shape.get("label", "").strip() for shape in shapes if shape.tag not in ("skeleton", "points", *OTHERS))
    listed = [label.name for file in files for label in file.labels if label.type not in ("skeleton", "points")]
    names = tuple(dict.fromkeys([*listed, *(name for name in used if name)]))
    if (path / FILE).is_file():
        return found_ontology(path, names), False
    if not names:
        return None, True
    several = any(len({tag.get("label") for tag in image.iterfind("tag")}) > 1 for f in files for image in f.images)
    only_tags = {kind_of(image) for file in files for image in file.images} <= {"classes", None}
    try:
        return Ontology(names, multi=several and only_tags), [name.lower() for name in names] == [CELL]
    except InvalidDocument as error:
        raise InvalidDocument(error.what, where=str(files[0].path), remedy="Rename the label.") from error


def _left_out(cvat: CvatFile) -> list[Skipped]:
    """Shapes that are no cells, and tracks: by kind, with how many there are."""
    found = Counter(shape.tag for image in cvat.images for shape in image if shape.tag in OTHERS)
    rows = [Skipped(cvat.path, f"{count} x {tag}: no outline of a cell") for tag, count in sorted(found.items())]
    if cvat.tracks:
        rows.append(Skipped(cvat.path, f"{len(cvat.tracks)} tracks of a video: export them as CVAT for images 1.1"))
    return rows
