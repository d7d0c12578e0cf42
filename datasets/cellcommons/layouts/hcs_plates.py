"""Multi-well plates as OME-Zarr: ``PLATE.zarr/ROW/COLUMN/FIELD``, each field an image with labels.

Source: https://ngff.openmicroscopy.org/0.5 (plate and well metadata). A well is a source of its own unless stated, as
one treatment was given to one culture.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cellcommons.errors import AlreadyThere, CannotCarry, CellCommonsError, UnknownLayout
from cellcommons.images.data import PlatePosition
from cellcommons.images.ngff import ome_attributes
from cellcommons.images.readers import open_image
from cellcommons.images.tree_document import VERSION
from cellcommons.layouts.carries import Carries
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ome_zarr_folders import attributes_of, inside, read_group, write_group
from cellcommons.layouts.ome_zarr_images import OmeZarr, called, entries_of, uniquely_named, zarr_folders
from cellcommons.layouts.used import is_file_name

PLATE = "plate"


class Hcs:
    """Each field of each well of each plate, with its labels, as in ``ome_zarr``.

    An image that is written needs its place on a plate; a place is that of one image.
    """

    name = "hcs"
    title = "Multi-well plates as OME-Zarr (row, column, field)"
    task = "instance_segmentation"
    carries = Carries(
        OmeZarr.carries.truths,
        axes=OmeZarr.carries.axes,
        features=OmeZarr.carries.features,
        note="Every image needs its place on a plate.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        plates = [folder for folder in zarr_folders(path) if _plate(folder) is not None]
        return (0.95, f"{len(plates)} OME-Zarr plates") if plates else (0.0, "no OME-Zarr plate")

    def scan(self, path: Path) -> Scan:
        entries: list[Entry] = []
        skipped: list[Skipped] = []
        plates = 0
        for folder in zarr_folders(path):
            plate = _plate(folder)
            if plate is None:
                skipped.append(Skipped(folder, "no plate: its layout may be ome_zarr"))
                continue
            plates += 1
            try:
                with open_image(folder, name=folder.name) as file:
                    fields = [(image.name, image.facts.position) for image in file.images]
            except CellCommonsError as error:
                skipped.append(Skipped(folder, error.line()))
                continue
            title = str(plate.get("name") or called(folder))
            for path_within, place in fields:
                try:
                    entries += _field(folder, title, path_within, place)
                except CellCommonsError as error:
                    skipped.append(Skipped(folder / path_within, error.line()))
        if not plates:
            raise UnknownLayout("no OME-Zarr plate here", where=str(path), remedy="Point to the folder of PLATE.zarr.")
        named = uniquely_named(entries, path)
        return Scan(tuple(sorted(named, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        folder = entry.paths[0]
        image, truth = read_group(folder, entry.part, entry.metadata.get("label", ""), where=entry.name)
        return Record(entry, image, truth, folder)

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """``PLATE.zarr`` for each plate that the images name.

        Raises:
            CannotCarry: an image without a place on a plate. AlreadyThere: two images of one place.
        """
        plates: dict[str, _Written] = {}
        for record in records:
            place = record.image.position
            if place is None:
                raise CannotCarry(
                    "hcs holds images that have a place on a plate, and its place is not known",
                    where=record.entry.name,
                    remedy="Write it as ome_zarr.",
                )
            if place.plate not in plates:
                free = is_file_name(place.plate) and f"{place.plate}.zarr" not in {
                    p.folder.name for p in plates.values()
                }
                name = place.plate if free else f"{PLATE}-{len(plates) + 1}"
                plates[place.plate] = _Written(folder / f"{name}.zarr", place.plate)
            write_group(plates[place.plate].field(place, record.entry.name), record)
        for plate in plates.values():
            plate.describe()


@dataclass
class _Written:
    """A plate that is being written. ``wells``: (row, column) -> fields in the order in which they came."""

    folder: Path
    name: str
    wells: dict[tuple[str, int], list[str]] = field(default_factory=dict)

    def field(self, place: PlatePosition, name: str) -> Path:
        """The folder of one field. Raises AlreadyThere."""
        fields = self.wells.setdefault((place.row, place.column), [])
        path = str(len(fields)) if place.field is None else f"field{place.field}"
        if path in fields:
            raise AlreadyThere(
                f"two images of field {place.field} of {place.well} on plate {self.name!r}",
                where=name,
                remedy="Give each image a place of its own.",
            )
        fields.append(path)
        return self.folder / place.row / str(place.column) / path

    def describe(self) -> None:
        """Metadata of the plate and of its wells."""
        rows = sorted({row for row, _ in self.wells}, key=lambda row: (len(row), row))
        columns = sorted({column for _, column in self.wells})
        wells = [
            {"path": f"{row}/{column}", "rowIndex": rows.index(row), "columnIndex": columns.index(column)}
            for row, column in sorted(self.wells, key=lambda well: (len(well[0]), well))
        ]
        plate = {
            "version": VERSION,
            "rows": [{"name": row} for row in rows],
            "columns": [{"name": str(column)} for column in columns],
            "wells": wells,
            "field_count": max(len(fields) for fields in self.wells.values()),
            **({"name": self.name} if self.name else {}),
        }
        _write_group(self.folder, {"ome": {"version": VERSION, "plate": plate}})
        for row in rows:
            _write_group(self.folder / row, {})
        for (row, column), fields in self.wells.items():
            well = {"version": VERSION, "images": [{"path": path} for path in fields]}
            _write_group(self.folder / row / str(column), {"ome": {"version": VERSION, "well": well}})


def _write_group(folder: Path, attributes: dict[str, Any]) -> None:
    group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    (folder / "zarr.json").write_text(json.dumps(group, ensure_ascii=False), encoding="utf-8")


def _plate(folder: Path) -> dict[str, Any] | None:
    try:
        found = ome_attributes(attributes_of(folder, "", where=folder.name)).get("plate")
    except CellCommonsError:
        return None
    return found if isinstance(found, dict) else None


def _field(folder: Path, plate: str, path: str, place: PlatePosition | None) -> list[Entry]:
    """Entries of one field, called by plate, well and number."""
    well = place.well if place else re.sub(r"/[^/]*$", "", path).replace("/", "")
    number = place.field if place and place.field else path.rsplit("/", 1)[-1]
    metadata = {"source_known": False, "well": well}
    entry = Entry(f"{plate}-{well}-{number}", (folder,), f"{plate}-{well}", metadata=metadata, part=path)
    return entries_of(entry, inside(folder, path))
