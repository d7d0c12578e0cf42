"""Download a release, or a part of it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cellcommons.client import Client
from cellcommons.commands.meter import Meter
from cellcommons.credentials import find_token
from cellcommons.download_settings import DownloadSettings
from cellcommons.selection import Selection
from cellcommons.signing import read_key
from cellcommons.versions import parse_reference


def download(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fetch and verify a release."""
    meter = Meter(sys.stderr)
    selection = Selection(
        split=arguments.split,
        images=tuple(arguments.images),
        query=arguments.query,
        labels_only=arguments.labels_only,
        no_images=arguments.no_images,
        channels=tuple(arguments.channel),
        roi=arguments.roi,
    )
    settings = DownloadSettings(
        jobs=arguments.jobs,
        progress=meter.show,
        repair=arguments.repair,
        packs=not arguments.no_packs,
        sha256=arguments.sha256,
        cache=arguments.cache,
        key=read_key(arguments.key) if arguments.key else None,
        selection=selection or None,
    )
    client = Client(arguments.hub, find_token(arguments.hub))
    try:
        done = client.download(arguments.reference, arguments.folder or _folder(arguments.reference), settings)
    finally:
        meter.end()
    return asdict(done)


def _folder(reference: str) -> Path:
    """``slug-version`` in the working folder, as the version was asked for, so that the same command goes on there."""
    name, wanted = parse_reference(reference)
    return Path(f"{name.partition('/')[2]}-{'.'.join(map(str, wanted))}")
