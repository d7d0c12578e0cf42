"""OME-Zarr images with labels beside them: read in versions 0.1 to 0.5, written as 0.5.

Source: https://ngff.openmicroscopy.org/0.5 (Moore et al. 2021, https://doi.org/10.1038/s41592-021-01326-w). Labels lie
in ``labels`` of an image, with classes as ``properties`` and ``colors``. What the specification has no place for is
kept in a group ``cellcommons`` (``ome_zarr_folders``), so that this layout carries everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cellcommons.classes import CellBoxes, CellClasses, ImageClasses
from cellcommons.errors import CellCommonsError, UnknownLayout
from cellcommons.images.ngff import ome_attributes
from cellcommons.images.ome_zarr_reader import is_zarr
from cellcommons.images.readers import open_image
from cellcommons.keypoints import Keypoints
from cellcommons.labels import LabelMap
from cellcommons.layouts.carries import FEATURES, Carries
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ome_zarr_folders import (
    attributes_of,
    inside,
    known_entry,
    label_names,
    own_document,
    read_group,
    write_group,
)
from cellcommons.layouts.used import is_file_name
from cellcommons.overlapping import OverlappingCells
from cellcommons.pairs import ImagePair
from cellcommons.points import PointTracks
from cellcommons.readings import Readings
from cellcommons.semantic import SemanticMap
from cellcommons.tracks import LabelMovie

MAX_DEPTH = 3


class OmeZarr:
    """Each image of each OME-Zarr folder, with its labels.

    An image with several labels, of which nothing says more, is several entries: ``NAME`` with the first, and
    ``NAME.LABEL`` with each other. Labels along time are not told to be tracks, so they are named in
    ``metadata['labels_not_read']``; what is written here comes back with its lineage.
    """

    name = "ome_zarr"
    title = "OME-Zarr images with labels"
    task = "instance_segmentation"
    carries = Carries(
        (
            *(LabelMap, OverlappingCells, CellClasses, CellBoxes, ImageClasses, SemanticMap, Keypoints),
            *(LabelMovie, PointTracks, ImagePair, Readings),
        ),
        axes=("cyx", "czyx", "tcyx", "tczyx"),
        features=frozenset(FEATURES),
        note="OME-Zarr 0.5, sharded, with pyramids; what that has no place for is kept in a group `cellcommons`.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        found = [folder for folder in zarr_folders(path) if _kind(folder) == "image"]
        return (0.85, f"{len(found)} OME-Zarr images") if found else (0.0, "no OME-Zarr image")

    def scan(self, path: Path) -> Scan:
        entries: list[Entry] = []
        skipped: list[Skipped] = []
        found = 0
        for folder in zarr_folders(path):
            kind = _kind(folder)
            found += kind == "image"
            if kind != "image":
                skipped.append(Skipped(folder, "a plate: its layout is hcs" if kind == "plate" else kind))
                continue
            try:
                entries += _entries(folder)
            except CellCommonsError as error:
                skipped.append(Skipped(folder, error.line()))
        if not found:
            raise UnknownLayout(
                "no OME-Zarr image here", where=str(path), remedy="Point to the folder that holds NAME.zarr."
            )
        named = uniquely_named(entries, path)
        return Scan(tuple(sorted(named, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        folder = entry.paths[0]
        image, truth = read_group(folder, entry.part, entry.metadata.get("label", ""), where=entry.name)
        return Record(entry, image, truth, folder)

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """``NAME.zarr`` for each record; ``image-00001.zarr`` where a name is none for a file."""
        for number, record in enumerate(records, start=1):
            name = record.entry.name if is_file_name(record.entry.name) else f"image-{number:05d}"
            write_group(folder / f"{name}.zarr", record)


def zarr_folders(path: Path) -> list[Path]:
    """Roots of zarr hierarchies: ``path``, or those up to three folders below it; none within another, no links."""
    if not path.is_dir():
        return []
    found: list[Path] = []
    todo = [(path, 0)]
    while todo:
        folder, depth = todo.pop(0)
        try:
            if is_zarr(folder):
                found.append(folder)
            elif depth < MAX_DEPTH:
                below = [
                    f for f in folder.iterdir() if f.is_dir() and not f.is_symlink() and not f.name.startswith(".")
                ]
                todo += [(f, depth + 1) for f in sorted(below)]
        except OSError:
            continue
    return sorted(found)


def called(folder: Path) -> str:
    """What people call the image in ``folder``."""
    return folder.name.removesuffix(".zarr").removesuffix(".ome") or folder.name


def labels_of(group: Path, document: dict[str, Any], *, where: str) -> tuple[list[str], list[str]]:
    """Labels to read as truths, and those that are not read as they lie along time. Raises as ``label_names``."""
    if document.get("truth") is not None:
        return [], []
    labels: list[str] = []
    timed: list[str] = []
    for name in label_names(group, where=where):
        said = ome_attributes(attributes_of(inside(group, f"labels/{name}"), "", where=where))
        scales = said.get("multiscales")
        axes = scales[0].get("axes") if isinstance(scales, list) and scales and isinstance(scales[0], dict) else None
        listed = axes if isinstance(axes, list) else []
        kinds = [axis.get("type") or axis.get("name") if isinstance(axis, dict) else axis for axis in listed]
        (timed if "time" in kinds or "t" in kinds else labels).append(name)
    return labels, timed


def entries_of(entry: Entry, group: Path) -> list[Entry]:
    """``entry`` for the image in ``group``, once for each of its labels. Raises as ``label_names``."""
    document = own_document(group, where=entry.name)
    entry = known_entry(entry, document)
    labels, timed = labels_of(group, document, where=entry.name)
    metadata = {**entry.metadata, **({"labels_not_read": timed} if timed else {})}
    found = []
    for number, label in enumerate(labels or [""]):
        told = {**metadata, "label": label, **_properties(group, label, entry.name)} if label else metadata
        name = f"{entry.name}.{label}" if number else entry.name
        found.append(Entry(name, entry.paths, entry.source, entry.stratum, told, entry.split, entry.part))
    return found


def _properties(group: Path, label: str, where: str) -> dict[str, Any]:
    """Names of what others noted of single ids, which is not read."""
    said = ome_attributes(attributes_of(inside(group, f"labels/{label}"), "", where=where)).get("image-label")
    listed = said.get("properties") if isinstance(said, dict) else None
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    names = sorted({str(name)[:80] for row in rows[:1000] for name in row} - {"label-value"})
    return {"label_properties_not_read": names} if names else {}


def uniquely_named(entries: list[Entry], root: Path) -> list[Entry]:
    """Names as they are where each is unique, else with the path of their folder below ``root``."""
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.name] = counts.get(entry.name, 0) + 1
    return [entry if counts[entry.name] == 1 else _by_path(entry, root) for entry in entries]


def _by_path(entry: Entry, root: Path) -> Entry:
    above = entry.paths[0].relative_to(root).parent.as_posix()
    name = f"{above}/{entry.name}" if above != "." else f"{entry.name}/{entry.part}"
    source = entry.source if entry.metadata.get("source_known") else name
    return Entry(name, entry.paths, source, entry.stratum, entry.metadata, entry.split, entry.part)


def _kind(folder: Path) -> str:
    """``image``, ``plate``, or why it is neither."""
    try:
        said = ome_attributes(attributes_of(folder, "", where=folder.name))
    except CellCommonsError as error:
        return error.line()
    if "multiscales" in said or "bioformats2raw.layout" in said:
        return "image"
    return "plate" if "plate" in said else "a zarr folder without OME metadata of an image"


def _entries(folder: Path) -> list[Entry]:
    name = called(folder)
    with open_image(folder, name=folder.name) as file:
        series = [image.name for image in file.images]
    found = []
    for one in series:
        title = name if len(series) == 1 else f"{name}/{one}"
        entry = Entry(title, (folder,), name, metadata={"source_known": False}, part=one)
        found += entries_of(entry, inside(folder, one) if one else folder)
    return found
