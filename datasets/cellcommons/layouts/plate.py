"""A multi-well plate, one TIFF a channel and well: ``ChannelN-II-R-CC.tif``, with a table ``*_Metadata.csv``.

Written after the SBS Bioimage CNT translocation plate in the CellProfiler examples (N the channel, II the image number,
R the row, CC the column). The table names each well by ``Row`` and ``Column`` and gives columns that end in ``Doses``
(a rank) and ``Controls`` (-1 negative, 0 sample, 1 positive).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from cellcommons.classes import ImageClasses
from cellcommons.errors import CannotCarry, InvalidDocument, UnknownLayout
from cellcommons.images.data import PlatePosition
from cellcommons.images.writers import write_tiff
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.channels import one_channel, stack_channels
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import Classes, entry_ontology, found_ontology
from cellcommons.layouts.tables import read_column, read_rows, read_tables, write_rows, write_tables

_FILE = re.compile(r"Channel(?P<channel>\d{1,2})-(?P<number>\d{1,4})-(?P<row>[A-P])-(?P<column>\d{2})\.tiff?", re.I)
_CONTROLS = {"-1": "negative", "0": "sample", "1": "positive"}
_TABLE = "Plate_Metadata.csv"


class Plate:
    """Wells as images of several channels; truth is the dose, ordinal, where the table gives one.

    A well is one independent treatment and here one field, so the well is the source; ``Plate(source="row")`` keeps the
    replicate series of a row together instead, for a harder split. Channels are called ``Channel1`` ... unless a
    ``channels.csv`` (name, stain) names their stains. ``metadata`` holds ``well``, ``row``, ``column`` and ``control``
    (negative, sample or positive), which the experiment's design states. Columns ``Name``, ``Plate`` and ``Field`` of
    the table are ours, and hold what an image is called and where on which plate it is; else it is called by its well.

    Writing needs one image a well, all with the same channels. Classes of any kind are written as doses.
    """

    name = "plate"
    title = "Multi-well plate (ChannelN-II-R-CC.tif and a metadata table of doses)"
    task = "classification"
    carries = Carries(
        truths=(ImageClasses,),
        modes=("gray", "stains"),
        features=features(
            "source",
            "stratum",
            "split",
            "pixel_size",
            "channel_names",
            "wavelengths",
            "plate_position",
            "class_order",
            "ordinal",
        ),
        note="One image a well, all with the same channels; each needs its place on the plate, rows A to P.",
    )

    def __init__(self, *, source: Literal["well", "row"] = "well") -> None:
        self.source = source

    def guess(self, path: Path) -> tuple[float, str]:
        try:
            wells = _wells(path)
        except OSError as error:
            return 0.0, str(error)
        except InvalidDocument as error:
            return 0.9, str(error)
        if not wells:
            return 0.0, "no file called ChannelN-II-R-CC.tif"
        return 0.95, f"{len(wells)} wells"

    def scan(self, path: Path) -> Scan:
        wells = _wells(path)
        if not wells:
            raise UnknownLayout(
                "no file here is called ChannelN-II-R-CC.tif, so this is not the plate layout",
                where=str(path),
                remedy="Point to the folder that holds the TIFFs, or choose another layout.",
            )
        table = _table(path)
        doses = [row["dose"] for row in table.values() if row["dose"]]
        ontology = found_ontology(path, doses, ordinal=True) if doses else None
        stains, tables = read_column(path / "channels.csv", "stain"), read_tables(path)
        expected = sorted({channel for files in wells.values() for channel in files})
        entries, skipped = [], []
        for well, files in sorted(wells.items()):
            missing = [channel for channel in expected if channel not in files]
            if missing:
                skipped.append(Skipped(files[min(files)], f"well {well} lacks channel {missing[0]}"))
                continue
            row, column = well[0], int(well[1:])
            names = [stains.get(f"Channel{channel}") or f"Channel{channel}" for channel in expected]
            metadata: dict[str, Any] = {"source_known": True, "well": well, "row": row, "column": column}
            metadata["channels"] = names
            known = table.get(well, {})
            metadata |= {key: known[key] for key in ("control", "plate") if known.get(key)}
            if known.get("field"):
                metadata["field"] = int(known["field"])
            paths = [files[channel] for channel in expected]
            if known.get("dose") and ontology is not None:
                metadata["ontology"] = ontology.document()
                paths += _tables(path)
            source = well if self.source == "well" else f"row {row}"
            entries.append(tables.applied(Entry(known.get("name") or well, tuple(paths), source, "", metadata), well))
        twice = sorted({one.name for one in entries if sum(one.name == other.name for other in entries) > 1})
        if twice:
            raise InvalidDocument(f"two wells are called {twice[0]!r}", where=str(path))
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        told = entry.metadata
        names = tuple(told["channels"])
        files = entry.paths[: len(names)]
        whole = stack_channels(files, names)
        position = PlatePosition(told["row"], told["column"], told.get("field"), told.get("plate", ""))
        whole = replace(whole, position=position)
        if "ontology" not in told:
            return Record(entry, whole, None, files[0], files)
        table = entry.paths[len(names)]
        dose = _rows(table, table.stat().st_mtime_ns)[told["well"]]["dose"]
        return Record(entry, whole, ImageClasses((dose,), entry_ontology(entry)), files[0], files)

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``."""
        classes, entries = Classes(), []
        wells: dict[str, tuple[object, ...]] = {}
        channels: tuple[str, ...] = ()
        for number, record in enumerate(records, start=1):
            image, entry, place = record.image, record.entry, record.image.position
            if place is None or place.row > "P" or len(place.row) > 1 or place.column > 99:
                raise CannotCarry("its place on a plate, rows A to P, is not known", where=entry.name)
            if place.well in wells:
                raise CannotCarry(f"a second image of well {place.well}: plate holds one a well", where=entry.name)
            channels = channels or image.channels
            if image.channels != channels or len(set(channels)) < len(channels) or len(channels) > 99:
                raise CannotCarry("all images of a plate have the same channels, each of one name", where=entry.name)
            for channel in range(len(channels)):
                file = f"Channel{channel + 1}-{number:02d}-{place.row}-{place.column:02d}.tif"
                write_tiff(folder / file, one_channel(image, channel))
            dose = ""
            if isinstance(record.truth, ImageClasses):
                classes.add(record.truth.ontology)
                dose = record.truth.classes[0]
            sign = {said: sign for sign, said in _CONTROLS.items()}.get(str(entry.metadata.get("control")), "")
            field = "" if place.field is None else place.field
            wells[place.well] = (place.row, place.column, entry.name, place.plate, field, dose, sign)
            entries.append(entry)
        header = ("Row", "Column", "Name", "Plate", "Field", "Doses", "Controls")
        write_rows(folder / _TABLE, header, wells.values())
        stains = ((f"Channel{number}", name) for number, name in enumerate(channels, start=1))
        write_rows(folder / "channels.csv", ("name", "stain"), stains)
        classes.write(folder)
        write_tables(folder, entries)


def _wells(path: Path) -> dict[str, dict[int, Path]]:
    """Well, e.g. ``A05`` -> channel -> file."""
    wells: dict[str, dict[int, Path]] = {}
    for file in sorted(path.iterdir()) if path.is_dir() else ():
        parts = _FILE.fullmatch(file.name)
        if parts is None:
            continue
        well, channel = f"{parts['row'].upper()}{parts['column']}", int(parts["channel"])
        if channel in wells.setdefault(well, {}):
            raise InvalidDocument(f"well {well} has two files for channel {channel}", where=str(file))
        wells[well][channel] = file
    return wells


def _tables(path: Path) -> list[Path]:
    return sorted(path.glob("*_Metadata.csv"))


def _table(path: Path) -> dict[str, dict[str, str]]:
    """Well -> what the table says of it. Raises InvalidDocument."""
    tables = _tables(path)
    if len(tables) > 1:
        raise InvalidDocument("more than one *_Metadata.csv", where=str(path), remedy="Keep the one of this plate.")
    return _rows(tables[0], tables[0].stat().st_mtime_ns) if tables else {}


@lru_cache(maxsize=2)
def _rows(table: Path, _changed: int) -> dict[str, dict[str, str]]:
    """Well -> dose, control, name, plate and field as text, empty where not given; kept while wells are read."""
    wells: dict[str, dict[str, str]] = {}
    rows = read_rows(table)
    header = list(rows[0]) if rows else []
    if rows and not {"Row", "Column"} <= set(header):
        raise InvalidDocument("it needs columns Row and Column", where=str(table))
    dose = next((name for name in header if name.lower().endswith("doses")), "")
    control = next((name for name in header if name.lower().endswith("controls")), "")
    for number, row in enumerate(rows, start=1):
        where = f"{table}, row {number}"
        well = _well(row, where=where)
        if well in wells:
            raise InvalidDocument(f"well {well} is listed twice", where=where)
        sign, field = row.get(control, ""), row.get("Field", "")
        if sign and sign not in _CONTROLS:
            raise InvalidDocument(f"control {sign!r} is none of -1, 0, 1", where=where)
        if field and (not re.fullmatch(r"\d{1,6}", field, re.ASCII) or int(field) < 1):
            raise InvalidDocument(f"field {field!r} is no number from 1", where=where)
        wells[well] = {
            "dose": row.get(dose, ""),
            "control": _CONTROLS.get(sign, ""),
            "name": row.get("Name", ""),
            "plate": row.get("Plate", ""),
            "field": field,
        }
    return wells


def _well(row: dict[str, str], *, where: str) -> str:
    letter, column = row["Row"].upper(), row["Column"]
    if not re.fullmatch(r"[A-P]", letter) or not re.fullmatch(r"\d{1,2}", column, re.ASCII) or not int(column):
        raise InvalidDocument(f"row {letter!r}, column {column!r} is no well", where=where)
    return f"{letter}{int(column):02d}"
