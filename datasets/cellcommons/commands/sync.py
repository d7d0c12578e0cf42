"""Bring a download to another version, moving only what is new."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict, replace
from typing import Any

from cellcommons.client import Client
from cellcommons.commands.meter import Meter
from cellcommons.credentials import find_token
from cellcommons.download_settings import DownloadSettings
from cellcommons.folder import ReleaseFolder
from cellcommons.opening import HUB
from cellcommons.signing import read_key


def sync(arguments: argparse.Namespace) -> dict[str, Any]:
    """Bring a folder to the newest release that fits; with ``--dry-run`` only say what that would be."""
    place = ReleaseFolder(arguments.folder)
    named = arguments.hub or os.environ.get("CELLCOMMONS_HUB")
    hub = named or (place.record() or {}).get("hub") or HUB
    # A folder from somebody else may name any hub: only a token kept for that very one goes there.
    client = Client(hub, find_token(hub, named=bool(named)))
    wanted = {"channels": tuple(arguments.channel), "roi": arguments.roi}
    asked = {name: value for name, value in wanted.items() if value}
    meter = Meter(sys.stderr)
    settings = DownloadSettings(
        jobs=arguments.jobs,
        progress=meter.show,
        force=arguments.force,
        sha256=arguments.sha256,
        cache=arguments.cache,
        key=read_key(arguments.key) if arguments.key else None,
        selection=replace(place.selection(), **asked) if asked else None,
    )
    if arguments.dry_run:
        plan = client.plan(arguments.folder, arguments.reference, settings)
        return {**asdict(plan), "current": not plan.objects_to_move and plan.previous == plan.reference}
    try:
        done = client.sync(arguments.folder, arguments.reference, settings)
    finally:
        meter.end()
    result = asdict(done)
    if arguments.json:
        return result
    return {
        "release": f"{done.previous} -> {done.reference}" if done.changes else done.reference,
        "folder": done.folder,
        "changes": done.changes or ("nothing" if done.previous else "a first download"),
        "moved": f"{done.fetched:,} bytes",
        "reused": f"{done.reused:,} bytes",
    }
