"""The small CSV tables that may lie beside the images of any layout: sources.csv, strata.csv and splits.csv.

Each has two columns, name and the value: ``source``, ``stratum`` or ``split``. They harm no other reader, so layouts
whose own format has no place for these facts keep them here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cellcommons.errors import CannotCarry, InvalidDocument
from cellcommons.layouts.contract import Entry

SOURCES, STRATA, SPLITS = "sources.csv", "strata.csv", "splits.csv"
FILES = frozenset({SOURCES, STRATA, SPLITS})
_COLUMNS = {SOURCES: "source", STRATA: "stratum", SPLITS: "split"}
_KEYS = ("id", "image", "name", "file")
# What people call the three parts of a published split.
_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class Tables:
    """What the tables of one folder say: name -> value, without those that say nothing.

    Attributes:
        sources, strata: any text. splits: ``train``, ``validation`` or ``test``.
    """

    sources: Mapping[str, str] = field(default_factory=dict)
    strata: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[str, str] = field(default_factory=dict)

    def applied(self, entry: Entry, *aliases: str) -> Entry:
        """``entry`` with what the tables say of its name, or else of one of ``aliases`` (a file's name, a path).

        A table decides over what the entry says. ``metadata['source_known']`` is true where the table names a source;
        an entry that has no source at all is its own.
        """
        names = (entry.name, *aliases)
        source, stratum, split = (_first(table, names) for table in (self.sources, self.strata, self.splits))
        known = bool(source) or entry.metadata.get("source_known", False)
        return replace(
            entry,
            source=source or entry.source or entry.name,
            stratum=stratum or entry.stratum,
            split=split or entry.split,
            metadata={**entry.metadata, "source_known": known},
        )


def _first(table: Mapping[str, str], names: Iterable[str]) -> str:
    return next((table[name.strip()] for name in names if name.strip() in table), "")


def read_tables(folder: Path) -> Tables:
    """The tables in ``folder``; a missing one says nothing.

    Raises:
        InvalidDocument: as ``read_column`` does, or a split that is none of train, validation and test.
    """
    found = {file: read_column(folder / file, column) for file, column in _COLUMNS.items()}
    splits = {name: parse_split(value, where=str(folder / SPLITS)) for name, value in found[SPLITS].items()}
    return Tables(*({n: v for n, v in table.items() if v} for table in (found[SOURCES], found[STRATA], splits)))


def parse_split(text: str, *, where: str = "") -> str:
    """``train``, ``validation`` or ``test`` from what people call them; empty for empty. Raises InvalidDocument."""
    name = text.strip().lower()
    if name and name not in _SPLITS:
        raise InvalidDocument(
            f"{text!r} is no part of a split", where=where, remedy="Write train, validation or test, or leave it empty."
        )
    return _SPLITS.get(name, "")


def is_split(text: str) -> bool:
    """Whether ``text``, a folder's name for example, names a part of a split."""
    return text.strip().lower() in _SPLITS


def write_tables(folder: Path, entries: Iterable[Entry]) -> None:
    """Write those tables that have something to say about ``entries``, into ``folder``.

    Every field is quoted, so that commas, quotes and line breaks in a name stay in it; white space around a value is
    not kept. A source that nobody stated (each image its own) is not written.

    Raises:
        CannotCarry: a name or value that UTF-8 cannot hold.
    """
    rows: dict[str, list[tuple[str, str]]] = {file: [] for file in _COLUMNS}
    for entry in entries:
        if entry.source and entry.metadata.get("source_known", entry.source != entry.name):
            rows[SOURCES].append((entry.name, entry.source))
        if entry.stratum:
            rows[STRATA].append((entry.name, entry.stratum))
        if entry.split:
            rows[SPLITS].append((entry.name, entry.split))
    for file, found in rows.items():
        if found:
            write_rows(folder / file, ("name", _COLUMNS[file]), found)


def write_rows(path: Path, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    """Write a CSV table: UTF-8, every text quoted, lines ended by one line feed. Raises CannotCarry."""
    try:
        with path.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
    except UnicodeEncodeError as error:
        raise CannotCarry(f"{error.object!r} is no text that UTF-8 can hold", where=path.name) from error


def read_rows(path: Path) -> list[dict[str, str]]:
    """A CSV table with a header, row by row: column -> text without white space around it, empty where it is missing.

    Raises:
        InvalidDocument: not UTF-8 CSV, no header, a column twice, or a row with more fields than the header.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.reader(handle)
            header = [name.strip() for name in next(reader, [])]
            twice = sorted({name for name in header if name and header.count(name) > 1})
            if not any(header) or twice:
                fault = f"column {twice[0]!r} is there twice" if twice else "it has no header"
                raise InvalidDocument(fault, where=str(path))
            rows = []
            for row in reader:
                if not any(cell.strip() for cell in row):
                    continue
                if any(cell.strip() for cell in row[len(header) :]):
                    raise InvalidDocument(
                        f"{len(row)} fields for {len(header)} columns", where=f"{path}, line {reader.line_num}"
                    )
                row += [""] * (len(header) - len(row))
                rows.append({name: cell.strip() for name, cell in zip(header, row, strict=False) if name})
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidDocument(f"not a UTF-8 CSV table ({error})", where=str(path)) from error
    return rows


def read_column(path: Path, column: str, *, keys: tuple[str, ...] = _KEYS) -> dict[str, str]:
    """Map image name -> value of ``column``; empty if the file is absent.

    Args:
        keys: what the column of the names may be called: id, image, name or file where nothing else is said.

    Raises:
        InvalidDocument: not UTF-8 CSV, a column is missing, or a name comes twice.
    """
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            header = reader.fieldnames or []
            key = next((k for k in keys if k in header), None)
            if key is None or column not in header:
                raise InvalidDocument(
                    f"needs a column {column!r} and one of {', '.join(keys)}; it has {', '.join(header) or 'none'}",
                    where=str(path),
                )
            values: dict[str, str] = {}
            for row in reader:
                name = (row[key] or "").strip()
                if name in values:
                    raise InvalidDocument(f"{name!r} is listed twice", where=f"{path}, line {reader.line_num}")
                values[name] = (row[column] or "").strip()
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidDocument(f"not a UTF-8 CSV table ({error})", where=str(path)) from error
    return values
