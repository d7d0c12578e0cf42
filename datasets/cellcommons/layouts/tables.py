"""The small CSV tables that may lie beside images: sources.csv and strata.csv."""

from __future__ import annotations

import csv
from pathlib import Path

from cellcommons.errors import InvalidDocument

_KEYS = ("id", "image", "name", "file")


def read_column(path: Path, column: str) -> dict[str, str]:
    """Map image name -> value of ``column``; empty if the file is absent.

    The name stands in a column called id, image, name or file.

    Raises:
        InvalidDocument: not UTF-8 CSV, a column is missing, or a name comes twice.
    """
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            header = reader.fieldnames or []
            key = next((k for k in _KEYS if k in header), None)
            if key is None or column not in header:
                raise InvalidDocument(
                    f"needs a column {column!r} and one of {', '.join(_KEYS)}; it has {', '.join(header) or 'none'}",
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
