"""Folders in a published layout: list the layouts, guess, look inside, check every file, convert."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from cellcommons.commands.meter import Meter
from cellcommons.commands.pictures import convert_pictures, is_picture, picture_info, validate_pictures
from cellcommons.commands.releases import release_info
from cellcommons.errors import InvalidDocument, NotFound, UnknownLayout
from cellcommons.layouts.contract import Skipped, WritableLayout
from cellcommons.layouts.records import Records, read_layout
from cellcommons.layouts.registry import all_layouts, get_layout, guesses
from cellcommons.layouts.writing import write_layout

OME_ZARR = "ome-zarr"


def list_layouts(arguments: argparse.Namespace) -> dict[str, Any]:
    """Every layout: what it is, and (as JSON) what it carries."""
    if arguments.json:
        return {"layouts": [_layout_row(layout) for layout in all_layouts()]}
    return {"layouts": [_columns(layout.name, layout.task, layout.title) for layout in all_layouts()]}


def _columns(name: str, what: object, why: str) -> dict[str, Any]:
    return {"name": f"{name:<17}", "what": f"{what!s:<22}", "why": why}


def _layout_row(layout: Any) -> dict[str, Any]:
    row = {"name": layout.name, "task": layout.task, "title": layout.title, "writes": False}
    if isinstance(layout, WritableLayout):
        carries = layout.carries
        row |= {
            "writes": True,
            "labels": [kind.__name__ for kind in carries.truths],
            "images": list(carries.axes) if carries.images else [],
            "features": sorted(carries.features),
            "note": carries.note,
        }
    return row


def guess(arguments: argparse.Namespace) -> dict[str, Any]:
    """Which layouts a folder may follow, and why."""
    found = guesses(arguments.path)
    rows = [
        {"layout": one.layout.name, "likely": round(one.likely, 3), "reason": one.reason, "title": one.layout.title}
        for one in found
    ]
    fits = sum(one.likely > 0 for one in found)
    if not arguments.json:
        rows = [_columns(one.layout.name, f"{one.likely:.2f}", one.reason) for one in found]
    return {"layout": found[0].layout.name if fits else None, "guesses": rows[:fits], "not": rows[fits:]}


def info(arguments: argparse.Namespace) -> dict[str, Any]:
    """What a path holds: a release or manifest, an image, or a folder in a layout."""
    path: Path = arguments.path
    if arguments.layout is None and is_picture(path):
        return release_info(path) if path.suffix == ".json" else picture_info(path)
    if not path.exists():
        raise NotFound("no such file or folder", where=str(path))
    if (path / "release.json").is_file() and arguments.layout is None:
        return release_info(path)
    return _folder_info(read_layout(path, arguments.layout))


def _folder_info(records: Records) -> dict[str, Any]:
    entries = records.entries
    return {
        "layout": records.layout.name,
        "title": records.layout.title,
        "task": records.layout.task,
        "images": len(entries),
        "sources": len({entry.source for entry in entries}),
        "splits": dict(Counter(entry.split for entry in entries if entry.split)),
        "strata": dict(Counter(entry.stratum for entry in entries if entry.stratum)),
        "skipped": len(records.skipped),
        "reasons": dict(Counter(item.reason for item in records.skipped).most_common(20)),
        "names": [entry.name for entry in entries[:10]],
    }


def validate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Read everything; say what was found, read and skipped, and why, file by file."""
    path: Path = arguments.path
    if arguments.layout is None and is_picture(path):
        return validate_pictures(path)
    records = read_layout(path, arguments.layout)
    skipped = list(records.skipped)
    total, meter = len(records), Meter(sys.stderr)
    kinds: Counter[str] = Counter()
    try:
        read = 0
        for record in records.readable(skipped.append):
            read += 1
            kinds[type(record.truth).__name__ if record.truth is not None else "without labels"] += 1
            meter.count(read, total, "images")
    finally:
        meter.end()
    return {
        "layout": records.layout.name,
        "found": total + len(records.skipped),
        "read": read,
        "labels": dict(kinds),
        "skipped": _rows(skipped, path),
        "valid": not skipped,
    }


def convert(arguments: argparse.Namespace) -> dict[str, Any]:
    """An image to OME-Zarr, or a folder in one layout to another."""
    source: Path = arguments.source
    target = arguments.to
    if target in (None, OME_ZARR) and arguments.layout is None and is_picture(source):
        return convert_pictures(source, arguments.target, series=arguments.series)
    if target is None or target == OME_ZARR:
        raise InvalidDocument(
            "which layout is it to be written in?",
            where=str(source),
            remedy="Say --to LAYOUT, for example --to coco; `cellcommons layouts` lists them.",
        )
    layout, records = get_layout(target), read_layout(source, arguments.layout, limit=arguments.limit)
    if not isinstance(layout, WritableLayout):
        raise UnknownLayout("this layout is only read", where=target, remedy="Choose another: `cellcommons layouts`.")
    total, meter, skipped = len(records), Meter(sys.stderr), list(records.skipped)
    pictures = records.readable(skipped.append) if arguments.keep_going else iter(records)
    drop = [part.strip() for part in arguments.drop.split(",") if part.strip()]
    try:
        done = write_layout(
            layout, pictures, arguments.target, drop=drop, progress=lambda count: meter.count(count, total, "images")
        )
    finally:
        meter.end()
    return {
        "from": records.layout.name,
        "to": done.layout,
        "found": total + len(records.skipped),
        "written": done.images,
        "dropped": done.dropped,
        "skipped": _rows(skipped, source),
    }


def _rows(skipped: list[Skipped], path: Path) -> list[dict[str, str]]:
    return [
        {
            "where": str(item.path.relative_to(path)) if item.path.is_relative_to(path) else str(item.path),
            "reason": item.reason.replace(f"{path}/", ""),
        }
        for item in skipped
    ]
