"""Pairs cut into tiles, in the layout they came in, so that a field or two make a dataset with sources to part.

Where a folder has three sources or more, each field is cut and its tiles keep its source. Where it has fewer, a field
is cut into bands of rows, and each band is a source of its own: rows are held out, not cultures; the report says so.
Between bands some rows are left out: bands that adjoin show one field, and the hub would keep them in one split.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import imagecodecs
import numpy as np

from backend.rehearsal.pool import Ask, Upload
from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.paired import Paired
from cellcommons.pairs import ImagePair

SIDE, BANDS, SOURCES, GAP = 256, 5, 3, 16
"""Tile side in pixels; bands of rows of a field that must part itself; sources that need no such parting; rows left out
between bands."""


def alike(entries: Sequence[Entry]) -> tuple[list[Entry], tuple[str, ...]]:
    """The largest group of entries of one input and one set of markers, most planes first; and what was left out."""
    groups: dict[tuple[object, ...], list[Entry]] = {}
    for entry in entries:
        told = entry.metadata
        key = (told.get("z_planes", 1), str(told.get("channel", "")), tuple(told.get("markers", ())))
        groups.setdefault(key, []).append(entry)
    best = max(groups, key=lambda key: (len(groups[key]), key[0]))
    left = [entry.name for key, group in groups.items() if key != best for entry in group]
    return groups[best], tuple(f"left out, for it has other channels: {name}" for name in left)


def cut_pairs(ask: Ask, records: Sequence[Record]) -> tuple[Upload, str]:
    """Write tiles of ``records`` below ``ask.folder`` in the layout of ``ask``; the upload, and a note that says how.

    Raises:
        InvalidDocument: a layout of pairs that is not known here.
    """
    banded = len({record.entry.source for record in records}) < SOURCES
    folder = ask.folder / "tiles"
    folder.mkdir()
    rows: list[tuple[str, str]] = []
    for record in records:
        height, width = record.image.shape_yx
        tall = (height - GAP * (BANDS - 1)) // BANDS if banded else SIDE
        across = max(1, width // SIDE)
        for band in range(BANDS if banded else max(1, height // SIDE)):
            for column in range(across):
                y0, x0 = band * (tall + GAP if banded else tall), column * (width // across)
                y1 = y0 + tall if banded or height >= 2 * SIDE else height
                box = (y0, x0, min(y1, height), x0 + width // across)
                source = f"{record.entry.source} rows {y0}-{box[2] - 1}" if banded else record.entry.source
                rows.append((_write_tile(ask.layout, record, box, band, column, folder), source))
    if ask.layout == "paired":
        with (folder / "sources.csv").open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows([("name", "source"), *rows])
    parted = "bands of rows, each a source of its own" if banded else "tiles that keep their field's source"
    fields = Counter(record.entry.source for record in records)
    note = f"{len(records)} fields of {len(fields)} sources were cut into {len(rows)} tiles: {parted}"
    return Upload(ask.layout, folder, (folder,), len(rows)), note


def _write_tile(
    layout: str, record: Record, box: tuple[int, int, int, int], band: int, column: int, folder: Path
) -> str:
    """Write one tile; its name."""
    y0, x0, y1, x1 = box
    assert isinstance(record.truth, ImagePair)
    image, target = (
        ImageData(np.ascontiguousarray(one.data[..., y0:y1, x0:x1]), one.axes, one.channels, one.pixel_size, one.rgb)
        for one in (record.image, record.truth.target)
    )
    if layout == "paired":
        name = f"{record.entry.name}-{band}-{column}"
        entry = Entry(name, (), record.entry.source)
        Paired().write([Record(entry, image, ImagePair.of(image, target), record.original)], folder)
        return name
    if layout == "isl":
        planes = [*image.data.reshape(-1, *image.shape_yx), *target.data]
        for path, plane in zip(record.entry.paths, planes, strict=True):
            # The place becomes part of condition and well, which the layout takes for source and name.
            name = re.sub(r"condition-([^,]+)", rf"condition-\1_rows{y0}-{y1 - 1}", path.name)
            name = re.sub(r"well-([^,]+)", rf"well-\1_columns{x0}-{x1 - 1}", name)
            (folder / name).write_bytes(imagecodecs.png_encode(np.ascontiguousarray(plane)))
        return name
    raise InvalidDocument(
        f"pairs in the layout {layout!r} cannot be cut into tiles", remedy="Use the layouts isl or paired."
    )
