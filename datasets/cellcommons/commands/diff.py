"""What changed between two releases: numbers, and on request pictures and parquet."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any

from cellcommons.commands.meter import Meter
from cellcommons.credentials import find_token
from cellcommons.diff.compare import diff_releases
from cellcommons.diff.pictures import write_pictures
from cellcommons.diff.places import opened_release
from cellcommons.diff.tables import write_parquet


def diff(arguments: argparse.Namespace) -> dict[str, Any]:
    """Compare two releases; ``same`` says whether anything differs."""
    token, hub = find_token(arguments.hub), arguments.hub
    meter = Meter(sys.stderr)
    with contextlib.ExitStack() as stack:
        before, after = (
            stack.enter_context(opened_release(place, hub=hub, token=token))
            for place in (arguments.before, arguments.after)
        )
        try:
            found = diff_releases(before, after, progress=lambda done, total: meter.count(done, total, "images"))
        finally:
            meter.end()
        result = found.summary()
        if arguments.pictures:
            result["pictures"] = write_pictures(before, after, found, Path(arguments.pictures))
    if arguments.parquet:
        result["parquet"] = write_parquet(found, Path(arguments.parquet))
    if arguments.json:
        return {**found.document(), **result}
    return _flat(result)


def _flat(summary: dict[str, Any]) -> dict[str, Any]:
    """The numbers a line each, those that are 0 left out."""
    lines: dict[str, Any] = {}
    for name, value in summary.items():
        if not isinstance(value, dict):
            lines[name] = value
            continue
        for key, found in value.items():
            if found not in (0, {}, [], None):
                lines[f"{name} {key}".replace("_", " ")] = found
    return lines
