"""A comparison as parquet: images, cells and tracks, for pandas, duckdb and the like."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cellcommons.diff.result import ReleaseDiff

_TEXT = pa.string()


def _list(kind: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("item", kind, nullable=False))


_IMAGE = ["image", "name", "kind"]
_SIDES = [f"{name}_{side}" for name in ("split", "source", "stratum") for side in ("before", "after")]
SCHEMAS: dict[str, pa.Schema] = {
    "images": pa.schema(
        [
            *((name, _TEXT) for name in _IMAGE),
            ("what", _list(_TEXT)),
            *((name, _TEXT) for name in _SIDES),
            *((name, pa.int32()) for name in ("cells_before", "cells_after", "changes")),
        ]
    ),
    "cells": pa.schema(
        [
            ("image", _TEXT), ("kind", _TEXT), ("before", _list(pa.uint32())), ("after", _list(pa.uint32())),
            ("iou", pa.float64()), *((name, pa.int32()) for name in ("y0", "x0", "y1", "x1")),
            ("area_before", pa.int64()), ("area_after", pa.int64()),
            ("classes_before", _list(_TEXT)), ("classes_after", _list(_TEXT)),
        ]
    ),
    "tracks": pa.schema(
        [
            ("image", _TEXT), ("kind", _TEXT), ("frame", pa.int32()), ("before", _list(_TEXT)), ("after", _list(_TEXT)),
        ]
    ),
}  # fmt: skip


def diff_tables(diff: ReleaseDiff) -> dict[str, pa.Table]:
    """``images``, ``cells`` and ``tracks``, one row a change; equal diffs give equal tables."""
    rows: dict[str, list[dict[str, Any]]] = {
        "images": [asdict(row) for row in diff.images],
        "cells": [{**asdict(row), **dict(zip(("y0", "x0", "y1", "x1"), row.box, strict=True))} for row in diff.cells],
        "tracks": [asdict(row) for row in diff.tracks],
    }
    return {name: pa.Table.from_pylist(_plain(rows[name], schema), schema=schema) for name, schema in SCHEMAS.items()}


def parquet_files(diff: ReleaseDiff) -> dict[str, bytes]:
    """The tables as the bytes of parquet files, ``images.parquet`` and so on."""
    files = {}
    for name, table in diff_tables(diff).items():
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, version="2.6", compression="zstd", compression_level=6, data_page_version="1.0")
        files[f"{name}.parquet"] = bytes(sink.getvalue().to_pybytes())
    return files


def write_parquet(diff: ReleaseDiff, folder: Path) -> list[str]:
    """Write the tables into ``folder``, made where it is not there; return the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = parquet_files(diff)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return sorted(files)


def _plain(rows: Iterable[dict[str, Any]], schema: pa.Schema) -> list[dict[str, Any]]:
    """The columns of ``schema`` alone, tuples as lists."""
    return [
        {name: list(row[name]) if isinstance(row[name], tuple) else row[name] for name in schema.names} for row in rows
    ]
