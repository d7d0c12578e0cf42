"""Send files and folders to a dataset of a hub."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cellcommons.commands.meter import Meter
from cellcommons.credentials import VARIABLE, find_token, read_token
from cellcommons.download_settings import Progress
from cellcommons.errors import CellCommonsError, InvalidDocument
from cellcommons.packing import PackedFolder
from cellcommons.uploader import Arrival, Content, FileContent, Uploader


def upload(arguments: argparse.Namespace) -> dict[str, Any]:
    """Files become images; folders and zips become imports. What was cut off goes on; what is there is not sent."""
    token = read_token(arguments.token_file) if arguments.token_file else find_token(arguments.hub)
    if token is None:
        raise InvalidDocument("there is no token", where=arguments.hub, remedy=f"Set {VARIABLE}, or name --token-file.")
    given, unreadable = [], []
    for path in arguments.paths:
        try:
            given.append((_content(path), _fields(path, arguments)))
        except CellCommonsError as error:
            unreadable.append(Arrival(str(path), "failed", reason=error.what, remedy=error.remedy))
    meter = Meter(sys.stderr)

    def progress(done: Progress) -> None:
        share = 100 * done.bytes / max(1, done.bytes_total)
        text = f"{done.objects:,}/{done.objects_total:,} files  {done.bytes / 1e6:,.1f} MB  {share:.0f} %"
        meter.say(text, last=done.objects >= done.objects_total)

    uploader = Uploader(arguments.hub, token, dataset=arguments.dataset, jobs=arguments.jobs, progress=progress)
    try:
        arrivals = [*unreadable, *uploader.send(given)]
    finally:
        meter.end()
    return summary(arguments.dataset, arrivals, told=arguments.json)


def summary(dataset: str, arrivals: list[Arrival], *, told: bool) -> dict[str, Any]:
    """Counts, and what did not come in with the reason; every file where ``told``. ``complete``: all of it came in."""
    kept = [one for one in arrivals if one.state == "kept"]
    imports = [one.imported for one in kept if one.imported]
    return {
        "dataset": dataset,
        "complete": all(_came_in(one) for one in arrivals),
        "kept": len(kept),
        "already_there": sum(one.already_there for one in kept),
        "not_kept": len(arrivals) - len(kept),
        "images": sum(len(one.images) for one in kept) + sum(row["imported"] for row in imports),
        "bytes": sum(one.size for one in arrivals),
        "sent": sum(one.sent for one in arrivals),
        "files": [_row(one, told) for one in arrivals if told or not _came_in(one) or one.imported],
    }


def _came_in(one: Arrival) -> bool:
    return one.state == "kept" and (one.imported is None or one.imported["state"] == "finished") and not one.reason


def _row(one: Arrival, told: bool) -> dict[str, Any]:
    if not told:
        return {"name": one.name, "state": _said(one), "reason": one.reason, "remedy": one.remedy}
    row = {key: value for key, value in asdict(one).items() if key != "imported"}
    if one.imported is not None:
        names = ("state", "layout", "found", "imported", "skipped", "reasons")
        row["import"] = {name: one.imported[name] for name in names}
    return row


def _said(one: Arrival) -> str:
    done = one.imported
    if done is None:
        return one.state
    counts = f"{done['imported']:,} of {done['found']:,} came in" + (f" as {done['layout']}" if done["layout"] else "")
    why = [f"{row['count']:,} {row['outcome'].replace('_', ' ')}: {row['kind']}" for row in done["reasons"][:10]]
    return "; ".join([f"import {done['state']}, {counts}", *why])


def _content(path: Path) -> Content:
    return PackedFolder(path) if path.is_dir() else FileContent(path)


def _fields(path: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    if path.is_dir() or path.suffix.lower() == ".zip":
        return {"purpose": "import", "layout": arguments.layout or "auto", "limit": arguments.limit}
    if arguments.layout:
        raise InvalidDocument("a layout is of a folder or a zip", where=str(path), remedy="Name the folder.")
    return {"purpose": "image", "source": arguments.source, "stratum": arguments.stratum}
