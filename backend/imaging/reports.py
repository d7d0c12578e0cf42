"""What became of each file of an import, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from django.db.models import QuerySet

from backend.imaging.models import ImportedFile

COLUMNS = ("file", "outcome", "kind", "reason", "remedy", "image")
# A cell that begins so would be a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(files: QuerySet[ImportedFile]) -> Iterator[str]:
    """The heading and one line a file, read from the database in pieces."""
    yield _line(COLUMNS)
    for row in files.iterator(chunk_size=2000):
        image = str(row.image_id) if row.image_id else ""
        yield _line((row.name, row.outcome, row.kind, row.reason, row.remedy, image))


def _line(cells: tuple[str, ...]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells)
    return buffer.getvalue()
