"""The images of a release as parquet shards, one row an image, for each split a file a part at most.

Named as Hugging Face ``datasets`` names shards, so that ``load_dataset(folder)`` finds the splits of a download.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from cellcommons.indexes import SPLITS, ReleaseItem, parquet_bytes

_TEXTS = pa.list_(pa.field("item", pa.string(), nullable=False))
SCHEMA = pa.schema(
    [
        pa.field(name, kind, nullable=False)
        for name, kind in (
            ("image", pa.string()), ("name", pa.string()), ("image_path", pa.string()), ("labels_path", pa.string()),
            ("source", pa.string()), ("stratum", pa.string()), ("channels", _TEXTS), ("height", pa.int32()),
            ("width", pa.int32()), ("cells", pa.int32()), ("classes", _TEXTS),
        )
    ]
)  # fmt: skip


def write_shards(items: Sequence[ReleaseItem], number: int, count: int) -> dict[str, bytes]:
    """``data/train-00003-of-00008.parquet`` and so on -> bytes, of part ``number`` of ``count``.

    A split without images in it has no file. Columns as ``SCHEMA``: ``image_path`` and ``labels_path`` are stems below
    the folder of a download (``.zarr``, or ``.json`` of labels that are answers), ``cells`` counts the rows of the
    index of cells, ``classes`` are their names.
    """
    files: dict[str, bytes] = {}
    for split in SPLITS:
        chosen = [_row(item) for item in items if item.split == split]
        if chosen:
            files[f"data/{split}-{number:05d}-of-{count:05d}.parquet"] = parquet_bytes(chosen, SCHEMA)
    return files


def _row(item: ReleaseItem) -> dict[str, Any]:
    facts = {name: getattr(item, name) for name in ("image", "name", "source", "stratum", "height", "width")}
    return {
        **facts,
        "image_path": f"images/{item.path}",
        "labels_path": f"labels/{item.path}",
        "channels": list(item.channels),
        "cells": len(item.cells),
        "classes": sorted({name for row in item.cells for name in row.classes}),
    }
