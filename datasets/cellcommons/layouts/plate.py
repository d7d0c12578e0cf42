"""A multi-well plate, one TIFF a channel and well: ``ChannelN-II-R-CC.tif``, with a table ``*_Metadata.csv``.

Written after the SBS Bioimage CNT translocation plate in the CellProfiler examples (N the channel, II the image number,
R the row, CC the column). The table names each well by ``Row`` and ``Column`` and gives columns that end in ``Doses``
(a rank) and ``Controls`` (-1 negative, 0 sample, 1 positive).
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cellcommons.classes import ImageClasses
from cellcommons.errors import InvalidDocument, MismatchedShapes, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.images.readers import read_image
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import entry_ontology, found_ontology
from cellcommons.layouts.tables import read_column

_FILE = re.compile(r"Channel(?P<channel>\d{1,2})-(?P<number>\d{1,4})-(?P<row>[A-P])-(?P<column>\d{2})\.tiff?", re.I)
_CONTROLS = {"-1": "negative", "0": "sample", "1": "positive"}


class Plate:
    """Wells as images of several channels; truth is the dose, ordinal, where the table gives one.

    A well is one independent treatment and here one field, so the well is the source; ``Plate(source="row")`` keeps the
    replicate series of a row together instead, for a harder split. Channels are called ``Channel1`` ... unless a
    ``channels.csv`` (name, stain) names their stains. ``metadata`` holds ``well``, ``row``, ``column`` and ``control``
    (negative, sample or positive), which the experiment's design states.
    """

    name = "plate"
    title = "Multi-well plate (ChannelN-II-R-CC.tif and a metadata table of doses)"
    task = "classification"

    def __init__(self, *, source: Literal["well", "row"] = "well") -> None:
        self.source = source

    def guess(self, path: Path) -> tuple[float, str]:
        wells = _wells(path)
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
        stains = read_column(path / "channels.csv", "stain")
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
            known = table.get(well)
            if known and known["control"]:
                metadata["control"] = known["control"]
            paths = [files[channel] for channel in expected]
            if known and known["dose"] and ontology is not None:
                metadata["ontology"] = ontology.document()
                paths += _tables(path)
            source = well if self.source == "well" else f"row {row}"
            entries.append(Entry(well, tuple(paths), source, "", metadata))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        names = tuple(entry.metadata["channels"])
        planes: list[ImageData] = []
        for path in entry.paths[: len(names)]:
            image = read_image(path)
            if image.axes != "cyx" or image.size("c") != 1:
                raise MismatchedShapes(f"a channel's file holds one plane, not {image.axes}", where=str(path))
            if planes and (image.shape_yx != planes[0].shape_yx or image.data.dtype != planes[0].data.dtype):
                raise MismatchedShapes(
                    f"it is {image.data.dtype} of {image.shape_yx}, the well's first channel {planes[0].data.dtype} of "
                    f"{planes[0].shape_yx}",
                    where=str(path),
                    remedy="Export all channels of a well alike.",
                )
            planes.append(image)
        stacked = np.concatenate([image.data for image in planes])
        whole = ImageData(stacked, "cyx", names, planes[0].pixel_size, metadata=planes[0].metadata)
        if "ontology" not in entry.metadata:
            return Record(entry, whole, None, entry.paths[0])
        dose = _table(entry.paths[0].parent)[entry.metadata["well"]]["dose"]
        return Record(entry, whole, ImageClasses((dose,), entry_ontology(entry)), entry.paths[0])


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
    """Well -> dose and control as text, empty where not given. Raises InvalidDocument."""
    tables = _tables(path)
    if len(tables) > 1:
        raise InvalidDocument("more than one *_Metadata.csv", where=str(path), remedy="Keep the one of this plate.")
    if not tables:
        return {}
    where = str(tables[0])
    wells: dict[str, dict[str, str]] = {}
    try:
        with tables[0].open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            header = list(reader.fieldnames or [])
            if not {"Row", "Column"} <= set(header):
                raise InvalidDocument("it needs columns Row and Column", where=where)
            dose = next((name for name in header if name.lower().endswith("doses")), "")
            control = next((name for name in header if name.lower().endswith("controls")), "")
            for row in reader:
                well = _well(row, where=f"{where}, line {reader.line_num}")
                if well in wells:
                    raise InvalidDocument(f"well {well} is listed twice", where=f"{where}, line {reader.line_num}")
                sign = (row.get(control) or "").strip()
                if sign and sign not in _CONTROLS:
                    raise InvalidDocument(
                        f"control {sign!r} is none of -1, 0, 1", where=f"{where}, line {reader.line_num}"
                    )
                wells[well] = {"dose": (row.get(dose) or "").strip(), "control": _CONTROLS.get(sign, "")}
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidDocument(f"not a UTF-8 CSV table ({error})", where=where) from error
    return wells


def _well(row: dict[str, str], *, where: str) -> str:
    letter, column = (row["Row"] or "").strip().upper(), (row["Column"] or "").strip()
    if not re.fullmatch(r"[A-P]", letter) or not re.fullmatch(r"\d{1,2}", column):
        raise InvalidDocument(f"row {letter!r}, column {column!r} is no well", where=where)
    return f"{letter}{int(column):02d}"
