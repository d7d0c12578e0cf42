"""Tables of image files as CellProfiler takes and gives them, and as the Broad Bioimage Benchmark Collection has them.

Source: BBBC021 (https://bbbc.broadinstitute.org/BBBC021), Caie et al., Molecular Cancer Therapeutics 2010, and Ljosa et
al., Nature Methods 2012. ``BBBC021_v1_image.csv`` has a row for each site with ``Image_FileName_<channel>`` and
``Image_PathName_<channel>``, plate, well, replicate, compound and concentration; ``BBBC021_v1_moa.csv`` (compound,
concentration, moa) the mechanism of action of some treatments. CellProfiler's own LoadData tables have the same columns
without ``Image_``: ``FileName_DNA``, ``PathName_DNA``, ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Site``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from cellcommons.classes import ImageClasses
from cellcommons.errors import CannotCarry, InvalidDocument, UnknownLayout
from cellcommons.images.data import PlatePosition
from cellcommons.images.writers import write_tiff
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.channels import one_channel, stack_channels
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.ontologies import Classes, entry_ontology, found_ontology
from cellcommons.layouts.tables import read_rows, read_tables, write_rows, write_tables

TABLE = "image.csv"
_FILE, _PATH = re.compile(r"(?:Image_)?FileName_(.+)", re.I), re.compile(r"(?:Image_)?PathName_(.+)", re.I)
_HEAD = r"(?:Image_)?(?:Metadata_)?"
_FACTS = {
    "plate": rf"{_HEAD}Plate(?:_.+|Name)?",
    "well": rf"{_HEAD}Well(?:_.+|Name|Position)?",
    "row": rf"{_HEAD}(?:Well)?Row",
    "column": rf"{_HEAD}(?:Well)?Col(?:umn)?",
    "site": rf"{_HEAD}(?:Site|Field|FieldOfView)",
    "replicate": rf"{_HEAD}Replicate",
    "compound": rf"{_HEAD}Compound",
    "concentration": rf"{_HEAD}Concentration",
    "moa": rf"{_HEAD}(?:MOA|Class)",
    "control": rf"{_HEAD}(?:Control|Controls|Control_?type|pert_type)",
    "name": rf"{_HEAD}Name",
}
_WELL = re.compile(r"([A-Za-z]{1,2})[-_]?(\d{1,3})", re.ASCII)


@dataclass(frozen=True)
class _Row:
    """One image of the table: its channels' files as the table names them, and what else it says."""

    files: tuple[tuple[str, str, str], ...]
    facts: dict[str, str]
    number: int


class Bbbc:
    """One image of several channels a site, at its place on the plate; truth is the mechanism of action, or control.

    Channels are called as the columns are, in their order. A mechanism is in a column of the image table or in a
    ``*moa*.csv``, joined by compound and concentration; where a folder has neither, a column of controls gives the
    classes. A row that says nothing of them has no truth. The source is the compound, which must not straddle a split,
    else the plate; the tables beside may say otherwise. ``metadata`` keeps compound, concentration, replicate, control
    and site.

    Files are looked for below the folder: by the path that the table names, as far as it fits, else by name alone where
    one file has it. An image without a well has no place on the plate.
    """

    name = "bbbc"
    title = "Table of image files by channel and well (BBBC021, CellProfiler LoadData)"
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
        note="All images have the same channels.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        try:
            table = _table(path)
        except OSError as error:
            return 0.0, str(error)
        return (0.93, f"{table.name} names image files") if table else (0.0, "no CSV with columns FileName_CHANNEL")

    def scan(self, path: Path) -> Scan:
        table = _table(path)
        if table is None:
            raise UnknownLayout(
                "no CSV here has columns FileName_CHANNEL, so this is not the bbbc layout",
                where=str(path),
                remedy="Point to the folder that holds the table of images, or choose another layout.",
            )
        rows, moa, tables = _rows(table), _mechanisms(path), read_tables(path)
        classes = [_class(row.facts, moa) for row in rows]
        ontology = found_ontology(path, (one for one in classes if one)) if any(classes) else None
        below = _below(path)
        names = _names(rows)
        entries, skipped = [], []
        for row, name, said in zip(rows, names, classes, strict=True):
            found = [_found(path, below, folder, file) for _, folder, file in row.files]
            missing = [file for (_, _, file), one in zip(row.files, found, strict=True) if one is None]
            if missing or not found:
                why = f"{missing[0]} is not here" if missing else "it names no file"
                skipped.append(Skipped(table, f"row {row.number}: {why}"))
                continue
            facts = row.facts
            place = _position(facts, where=f"{table}, row {row.number}")
            metadata: dict[str, Any] = {"channels": [channel for channel, _, _ in row.files]}
            metadata |= {
                key: facts[key] for key in ("compound", "concentration", "replicate", "control", "site") if facts[key]
            }
            metadata["source_known"] = bool(facts["compound"] or facts["plate"])
            if place is not None:
                metadata["position"] = [place.row, place.column, place.field, place.plate]
            if said and ontology is not None:
                metadata |= {"class": said, "ontology": ontology.document()}
            source = facts["compound"] or facts["plate"]
            entry = Entry(name, tuple(file for file in found if file), source, "", metadata)
            entries.append(tables.applied(entry))
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        told = entry.metadata
        image = stack_channels(entry.paths, tuple(told["channels"]))
        if "position" in told:
            image = replace(image, position=PlatePosition(*told["position"]))
        truth = ImageClasses((told["class"],), entry_ontology(entry)) if "class" in told else None
        return Record(entry, image, truth, entry.paths[0], entry.paths)

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``."""
        classes, entries = Classes(), []
        rows: list[tuple[object, ...]] = []
        channels: tuple[str, ...] = ()
        (folder / "images").mkdir()
        for record in records:
            image, entry, place = record.image, record.entry, record.image.position
            channels = channels or image.channels
            odd = len(set(channels)) < len(channels) or not all(name and name == name.strip() for name in channels)
            if image.channels != channels or odd:
                raise CannotCarry("all images of a table have the same channels, each of one name", where=entry.name)
            files = []
            for number in range(len(channels)):
                files += [f"{entry.name}_w{number + 1}.tif", "images"]
                write_tiff(folder / "images" / files[-2], one_channel(image, number))
            said = ""
            if isinstance(record.truth, ImageClasses):
                classes.add(record.truth.ontology)
                said = record.truth.classes[0]
            well = ("", "", "") if place is None else (place.plate, place.well, place.field or "")
            told = tuple(
                str(entry.metadata.get(key, "")) for key in ("compound", "concentration", "replicate", "control")
            )
            rows.append((entry.name, *files, *well, *told, said))
            source_is_told = entry.source in (told[0], "" if told[0] else well[0])
            entries.append(replace(entry, source="") if source_is_told else entry)
        header = [f"Image_{half}Name_{channel}" for channel in channels for half in ("File", "Path")]
        facts = ("Plate", "Well", "Site", "Compound", "Concentration", "Replicate", "Control", "MOA")
        head = ("Image_Metadata_Name", *header, *(f"Image_Metadata_{fact}" for fact in facts))
        write_rows(folder / TABLE, head, rows)
        classes.write(folder)
        write_tables(folder, entries)


def _table(path: Path) -> Path | None:
    """The first CSV of ``path`` whose header names files of channels."""
    for file in sorted(path.glob("*.csv")) if path.is_dir() else ():
        with file.open("rb") as handle:
            head = handle.readline(1 << 16).decode("utf-8", "replace").lstrip("\ufeff")
        if any(_FILE.fullmatch(name.strip().strip('"')) for name in head.split(",")):
            return file
    return None


def _rows(table: Path) -> list[_Row]:
    rows = []
    for number, row in enumerate(read_rows(table), start=1):
        paths = {match[1]: row[name] for name in row if (match := _PATH.fullmatch(name))}
        named = [(match[1], row[name]) for name in row if (match := _FILE.fullmatch(name))]
        files = tuple((channel, paths.get(channel, ""), file) for channel, file in named if file)
        facts = {}
        for fact, pattern in _FACTS.items():
            given = [row[name] for name in row if re.fullmatch(pattern, name, re.I)]
            # A table that has a column of mechanisms says of each image that it has one or none.
            if given or fact != "moa":
                facts[fact] = next((value for value in given if value), "")
        rows.append(_Row(files, facts, number))
    return rows


def _names(rows: list[_Row]) -> list[str]:
    """What the table calls the images, else plate, well and site, else the first channel's file; each once."""
    names = []
    for row in rows:
        facts = row.facts
        well = _well(facts)
        place = [facts["plate"], well, f"s{facts['site']}" if facts["site"] else ""]
        names.append(facts["name"] or (" ".join(part for part in place if part) if well else ""))
    times = Counter(names)
    for number, row in enumerate(rows):
        if (not names[number] or times[names[number]] > 1) and row.files:
            names[number] = PurePosixPath(row.files[0][2].replace("\\", "/")).stem
    times = Counter(names)
    return [name if times[name] == 1 else f"{name} row {row.number}" for name, row in zip(names, rows, strict=True)]


def _mechanisms(path: Path) -> dict[tuple[str, float], str]:
    """(compound, concentration) -> mechanism of action, of every ``*moa*.csv``. Raises InvalidDocument."""
    found: dict[tuple[str, float], str] = {}
    for file in sorted(path.glob("*[mM][oO][aA]*.csv")):
        for number, row in enumerate(read_rows(file), start=1):
            known = {key.lower(): value for key, value in row.items()}
            if not {"compound", "moa"} <= set(known):
                raise InvalidDocument("it needs columns compound, concentration and moa", where=str(file))
            dose = _number(known.get("concentration", ""), where=f"{file}, row {number}")
            found[known["compound"], dose] = known["moa"]
    return found


def _class(facts: dict[str, str], moa: dict[tuple[str, float], str]) -> str:
    if "moa" in facts:
        return facts["moa"]
    if moa:
        return moa.get((facts["compound"], _number(facts["concentration"], where=facts["compound"])), "")
    return facts["control"]


def _number(text: str, *, where: str) -> float:
    """A concentration; 0 where none is given. Raises InvalidDocument."""
    try:
        value = float(text or 0)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e12:
        raise InvalidDocument(f"concentration {text!r} is no number from 0", where=where)
    return round(value, 6)


def _well(facts: dict[str, str]) -> str:
    """The well as the table has it; a row that is a number becomes a letter."""
    row = facts["row"]
    if row.isascii() and row.isdecimal() and len(row) < 3 and 0 < int(row) <= 26:
        row = chr(ord("A") + int(row) - 1)
    return facts["well"] or f"{row}{facts['column']}"


def _position(facts: dict[str, str], *, where: str) -> PlatePosition | None:
    """Raises InvalidDocument for a well or site that is none."""
    well = _well(facts)
    if not well:
        return None
    parts, site = _WELL.fullmatch(well), facts["site"]
    if parts is None or (site and not re.fullmatch(r"\d{1,6}", site, re.ASCII)):
        raise InvalidDocument(f"well {well!r}, site {site!r} is no place on a plate", where=where)
    # Some number sites from 0; a field is counted from 1, so that one has none.
    field = int(site) if site and int(site) else None
    return PlatePosition(parts[1].upper(), int(parts[2]), field, facts["plate"])


def _below(path: Path) -> dict[str, list[Path]]:
    """File name -> the files of that name below ``path``; links that lead out are not among them."""
    home, found = path.resolve(), dict[str, list[Path]]()
    for file in sorted(path.rglob("*")):
        if file.is_file() and not (file.is_symlink() and not file.resolve().is_relative_to(home)):
            found.setdefault(file.name, []).append(file)
    return found


def _found(path: Path, below: dict[str, list[Path]], folder: str, file: str) -> Path | None:
    """The file that the table names, whatever machine its path is of: the one whose folders agree longest."""
    said = [part for part in re.split(r"[/\\]+", f"{folder}/{file}") if part]
    candidates = below.get(said[-1], []) if said else []
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    agreeing = []
    for one in candidates:
        pairs = list(zip(reversed(one.relative_to(path).parts), reversed(said), strict=False))
        agreeing.append(next((count for count, (ours, theirs) in enumerate(pairs) if ours != theirs), len(pairs)))
    best = [one for one, count in zip(candidates, agreeing, strict=True) if count == max(agreeing)]
    return best[0] if len(best) == 1 else None
