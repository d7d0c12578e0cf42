"""A comparison as a few files that a page shows: numbers, images and cells by rank, their pictures, parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cellcommons.canonical import canonical_json
from cellcommons.diff.pictures import ChangePicture
from cellcommons.diff.result import ReleaseDiff
from cellcommons.diff.tables import parquet_files

DOCUMENT = "diff.json"
IMAGES = 200


def report_files(diff: ReleaseDiff, pictures: Sequence[ChangePicture]) -> dict[str, bytes]:
    """path -> bytes: ``diff.json``, the parquet tables, and ``NNN.png`` of each picture by rank.

    ``diff.json`` names the manifests and holds the summary, the first ``IMAGES`` images by number of changes, and the
    pictured cells; everything else is in the tables.
    """
    tables = parquet_files(diff)
    names = {cell.image: cell.name for cell in diff.images}
    files = {f"{rank:03d}.png": picture.png for rank, picture in enumerate(pictures, start=1)}
    document: dict[str, Any] = {
        "kind": diff.KIND,
        "before_sha256": diff.before_sha256,
        "after_sha256": diff.after_sha256,
        "summary": diff.summary(),
        "images": [asdict(row) for row in sorted(diff.images, key=lambda row: (-row.changes, row.image))[:IMAGES]],
        "cells": [
            {**asdict(p.change), "name": names.get(p.change.image, ""), "frame": p.frame, "picture": name}
            for name, p in zip(files, pictures, strict=True)
        ],
        "tables": {name: len(data) for name, data in sorted(tables.items())},
    }
    return {DOCUMENT: canonical_json(document), **tables, **files}
