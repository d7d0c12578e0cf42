"""Download a release, or a part of it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any

from cellcommons.client import Client
from cellcommons.commands.meter import Meter
from cellcommons.credentials import find_token
from cellcommons.selection import Selection
from cellcommons.signing import read_key


def download(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fetch and verify a release."""
    meter = Meter(sys.stderr)
    selection = Selection(
        split=arguments.split,
        images=tuple(arguments.images),
        query=arguments.query,
        labels_only=arguments.labels_only,
        no_images=arguments.no_images,
    )
    client = Client(arguments.hub, find_token(arguments.hub))
    try:
        done = client.download(
            arguments.reference,
            arguments.folder,
            jobs=arguments.jobs,
            progress=meter.show,
            repair=arguments.repair,
            sha256=arguments.sha256,
            cache=arguments.cache,
            key=read_key(arguments.key) if arguments.key else None,
            selection=selection or None,
        )
    finally:
        meter.end()
    return asdict(done)
