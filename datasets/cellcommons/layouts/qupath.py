"""QuPath: objects of an image as GeoJSON beside it, ``NAME.geojson``, ``NAME.json`` or either with ``.gz``."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.classes import Ontology, parse_ontology
from cellcommons.errors import CellCommonsError, InvalidDocument, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.images.readers import read_image
from cellcommons.keypoints import Keypoints
from cellcommons.labels import Cell, Mask
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import FILE, found_ontology
from cellcommons.layouts.pictures import write_picture
from cellcommons.layouts.plain import short_names
from cellcommons.layouts.qupath_geojson import (
    QuPathFile,
    QuPathObject,
    looks_like_geojson,
    polygon,
    read_geojson,
    write_geojson,
)
from cellcommons.layouts.roi_outlines import Drawing, pieces_of
from cellcommons.layouts.roi_pairs import any_below, files_below
from cellcommons.layouts.tables import FILES, read_tables, write_tables
from cellcommons.overlapping import OverlappingCells

REGION, IGNORE = "Region*", "Ignore*"
"""QuPath's own classes. Annotations of the first say where somebody looked, those of the second where nobody did."""
POINT = "point"
_GUESSED = 64
_ENDINGS = (".geojson", ".json", ".geojson.gz", ".json.gz")
_ID = uuid.UUID("6f0d4f6e-59b6-5f43-9c0a-0f5f3b1c7f51")


class QuPath:
    """Images with QuPath's GeoJSON beside them.

    Detections and cells are the cells (``outline="nucleus"``: the nuclei of cells); where a file has neither, its
    annotations are. Annotations called ``Region*`` or ``Ignore*`` are no cells but say what was looked at. A file of
    points alone gives landmarks: a point's class is the landmark, its name the object. What is left out (other
    annotations, lines, points beside outlines, other planes, outlines without a pixel) is counted in the metadata.
    """

    name = "qupath"
    title = "QuPath (GeoJSON beside each image)"
    task = "instance_segmentation"
    carries = Carries(
        truths=(OverlappingCells, Keypoints),
        features=features(
            "source",
            "stratum",
            "split",
            "pixel_size",
            "channel_names",
            "wavelengths",
            "ids",
            "overlaps",
            "outlines",
            "holes",
            "pieces",
            "classes",
            "unclassified",
            "class_order",
            "ordinal",
            "annotated",
            "object_names",
            "subpixel",
        ),
        note="cells are detections; Region* annotations say what was looked at; points are landmarks",
    )

    def __init__(self, outline: str = "cell") -> None:
        if outline not in ("cell", "nucleus"):
            raise ValueError("outline is cell or nucleus")
        self.outline = outline

    def guess(self, path: Path) -> tuple[float, str]:
        some = sorted(any_below(path, _named), key=lambda file: ".geojson" not in file.name.lower())[:_GUESSED]
        found = [file for file in some if looks_like_geojson(file)]
        return (0.9, f"{len(found)} files of GeoJSON") if found else (0.0, "no GeoJSON")

    def scan(self, path: Path) -> Scan:
        there = files_below(path) if path.is_dir() else None
        outlines = [file for file in there.others if _named(file) and looks_like_geojson(file)] if there else []
        if there is None or not outlines:
            raise UnknownLayout("no GeoJSON here, so this is not the qupath layout", where=str(path))
        tables, names = read_tables(path), short_names(path, there.images)
        partner: dict[Path, list[Path]] = {}
        skipped = []
        for file in outlines:
            image = there.image_of(file.parent, {_stem(file)})
            if image is None:
                skipped.append(Skipped(file, f"no image, or several, called {_stem(file)} beside it"))
            else:
                partner.setdefault(image, []).append(file)
        entries = []
        for image in there.images:
            found = partner.get(image, [])
            if len(found) > 1:
                skipped += [Skipped(file, f"one of {len(found)} files of {image.name}") for file in found]
                continue
            entry = Entry(names[image], (image, *found), "", "", {"folder": str(path)})
            entries.append(tables.applied(entry, image.name))
        known = {*outlines, path / FILE}
        skipped += [
            Skipped(file, "neither an image nor GeoJSON")
            for file in there.others
            if file not in known and file.name not in FILES
        ]
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        image = read_image(entry.paths[0])
        if len(entry.paths) == 1:
            return Record(entry, image, None, entry.paths[0])
        if image.axes != "cyx":
            raise InvalidDocument(
                f"outlines in a plane do not say which cells they are in an image of axes {image.axes}",
                where=entry.name,
                remedy="Export single planes with their objects.",
            )
        path, folder = entry.paths[1], Path(entry.metadata["folder"])
        try:
            truth, notes = self._truth(read_geojson(path), image, folder, path.name)
        except CellCommonsError as error:
            raise type(error)(error.what, where=error.where or path.name, remedy=error.remedy) from error
        return Record(replace(entry, metadata={**entry.metadata, **notes}), image, truth, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``."""
        entries = []
        for record in records:
            write_picture(folder, record)
            entries.append(record.entry)
            path = folder / f"{record.entry.name}.geojson"
            if isinstance(record.truth, OverlappingCells):
                _write_cells(path, record.truth)
            elif isinstance(record.truth, Keypoints):
                _write_points(path, record.truth)
        write_tables(folder, entries)

    def _truth(
        self, file: QuPathFile, image: ImageData, folder: Path, where: str
    ) -> tuple[OverlappingCells | Keypoints, dict[str, Any]]:
        here = [one for one in file.objects if one.plane == (0, 0)]
        chosen, regions, ignored, left = _sorted_out(here)
        notes: dict[str, Any] = {"other_planes": len(file.objects) - len(here), "left_out": left}
        drawing = Drawing(image.shape_yx)
        annotated = _annotated(drawing, regions, ignored, where)
        points = [one for one in here if len(one.points)]
        if not chosen and (points or "landmarks" in file.notes):
            return _landmarks(points, file.notes, image, annotated, where), notes
        notes["left_out"] = left + len(points)
        cells: list[Cell] = []
        classes: dict[int, tuple[str, ...]] = {}
        said = [one.number for one in chosen]
        numbered = None not in said and len(set(said)) == len(said)
        for place, one in enumerate(chosen, start=1):
            pieces = one.nucleus if self.outline == "nucleus" and one.kind == "cell" else one.pieces
            number = one.number if numbered and one.number else place
            cell = drawing.cell(number, pieces, where=f"{where}, cell {place}")
            if cell is None:
                notes["empty_outlines"] = notes.get("empty_outlines", 0) + 1
                continue
            cells.append(cell)
            if one.path_class:
                classes[cell.id] = (one.path_class,)
        ontology = _ontology(file.notes, folder, classes)
        size = image.pixel_size
        return OverlappingCells(tuple(cells), image.shape_yx, size, classes, ontology, annotated=annotated), notes


def _named(path: Path) -> bool:
    return path.name.lower().endswith(_ENDINGS)


def _stem(path: Path) -> str:
    return next(path.name[: -len(ending)] for ending in _ENDINGS[::-1] if path.name.lower().endswith(ending))


def _sorted_out(objects: list[QuPathObject]) -> tuple[list[QuPathObject], list[QuPathObject], list[QuPathObject], int]:
    """The cells, the regions that were looked at and those that were not, and how many objects are none of these."""
    kinds = Counter(one.kind for one in objects if one.pieces)
    wanted = ("detection", "cell") if kinds["detection"] + kinds["cell"] else ("annotation",)
    chosen: list[QuPathObject] = []
    regions: list[QuPathObject] = []
    ignored: list[QuPathObject] = []
    left = 0
    for one in objects:
        if one.kind == "annotation" and one.path_class in (REGION, IGNORE) and one.pieces:
            (regions if one.path_class == REGION else ignored).append(one)
        elif one.pieces and one.kind in wanted:
            chosen.append(one)
        elif not len(one.points):
            left += 1
    return chosen, regions, ignored, left


def _annotated(drawing: Drawing, regions: list[QuPathObject], ignored: list[QuPathObject], where: str) -> Mask | None:
    if not regions and not ignored:
        return None
    mask = np.full(drawing.shape, not regions, dtype=np.bool_)
    for one in (*regions, *ignored):
        found = drawing.cell(1, one.pieces, where=f"{where}, {one.path_class}")
        if found is not None:
            y0, x0, y1, x1 = found.box
            mask[y0:y1, x0:x1][found.mask] = one.path_class == REGION
    return mask


def _ontology(notes: dict[str, Any], folder: Path, classes: dict[int, tuple[str, ...]]) -> Ontology | None:
    """As the file says that was written here, else as ``ontology.json`` says or the classes found; None without any."""
    if "ontology" in notes:
        return parse_ontology(notes["ontology"])
    if not classes and not (folder / FILE).is_file():
        return None
    return found_ontology(folder, (name for names in classes.values() for name in names))


def _landmarks(
    points: list[QuPathObject], notes: dict[str, Any], image: ImageData, annotated: Mask | None, where: str
) -> Keypoints:
    """Points of one name are one object, those without a name each an object of their own."""
    found: list[tuple[str, str, tuple[float, float]]] = []
    for one in points:
        kind = one.path_class or POINT
        found += [(one.name if len(one.points) == 1 else "", kind, (y, x)) for y, x in (one.points - 0.5).tolist()]
    once = {key for key, times in Counter((name, kind) for name, kind, _ in found).items() if times == 1 and key[0]}
    said = notes.get("landmarks")
    listed = [kind for kind in said if isinstance(kind, str)] if isinstance(said, list) else []
    landmarks = list(dict.fromkeys([*listed, *sorted({kind for _, kind, _ in found})]))
    taken = {name for name, kind, _ in found if (name, kind) in once}
    objects: dict[str, dict[str, tuple[float, float]]] = {}
    free = 1
    for name, kind, place in found:
        if (name, kind) not in once:
            while str(free) in taken:
                free += 1
            name = str(free)
            taken.add(name)
        objects.setdefault(name, {})[kind] = place
    if len(objects) * len(landmarks) > 10_000_000:
        raise InvalidDocument("more landmarks than anybody places", where=where)
    positions = np.full((len(objects), len(landmarks), 2), np.nan)
    for row, placed in enumerate(objects.values()):
        for kind, place in placed.items():
            positions[row, landmarks.index(kind)] = place
    size = image.pixel_size
    return Keypoints(positions, tuple(landmarks), tuple(objects), image.shape_yx, None, size, annotated)


def _feature(path: Path, key: str, kind: str, geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    given = {name: value for name, value in properties.items() if value}
    if "classification" in given:
        given["classification"] = {"name": given["classification"]}
    identity = str(uuid.uuid5(_ID, f"{path.stem}/{key}"))  # QuPath wants one of every object
    return {"type": "Feature", "id": identity, "geometry": geometry, "properties": {"objectType": kind, **given}}


def _regions(path: Path, annotated: Mask | None) -> list[dict[str, Any]]:
    if annotated is None:
        return []
    if not annotated.any():  # nowhere: all of it is ignored
        height, width = annotated.shape
        whole = [[np.array([[0, 0], [0, width], [height, width], [height, 0]], dtype=np.float64)]]
        return [_feature(path, "region", "annotation", polygon(whole), classification=IGNORE, isLocked=True)]
    return [_feature(path, "region", "annotation", polygon(pieces_of(annotated)), classification=REGION, isLocked=True)]


def _write_cells(path: Path, truth: OverlappingCells) -> None:
    listed = _regions(path, truth.annotated)
    for cell in truth.cells:
        geometry = polygon(pieces_of(cell.mask, cell.box[:2]))
        classes = ": ".join(truth.classes.get(cell.id, ()))
        number = {"cell": str(cell.id)}
        listed.append(_feature(path, str(cell.id), "detection", geometry, classification=classes, metadata=number))
    write_geojson(path, listed, {"ontology": truth.ontology.document()} if truth.ontology else {})


def _write_points(path: Path, truth: Keypoints) -> None:
    listed = _regions(path, truth.annotated)
    for row, name in enumerate(truth.objects):
        for column, kind in enumerate(truth.landmarks):
            y, x = truth.positions[row, column].tolist()
            if truth.placed[row, column]:
                point = {"type": "Point", "coordinates": [x + 0.5, y + 0.5]}
                listed.append(_feature(path, f"{name}/{kind}", "annotation", point, name=name, classification=kind))
    write_geojson(path, listed, {"landmarks": list(truth.landmarks)})
