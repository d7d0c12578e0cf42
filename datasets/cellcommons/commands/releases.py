"""Releases: download, say what is in one, export."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cellcommons.client import Client
from cellcommons.commands.meter import Meter
from cellcommons.credentials import find_token
from cellcommons.errors import NotFound
from cellcommons.exports import export_release
from cellcommons.folder import ReleaseFolder
from cellcommons.manifest import Manifest
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


def release_info(path: Path) -> dict[str, Any]:
    """What a downloaded release, or a manifest, holds."""
    if path.is_dir():
        release = ReleaseFolder(path).load()
        manifest, digest = release.manifest, release.digest
    elif path.is_file():
        manifest = Manifest.parse(path.read_bytes(), where=str(path))
        digest = manifest.digest
    else:
        raise NotFound("no such file or folder", where=str(path))
    return {
        "reference": manifest.reference,
        "title": manifest.title,
        "task": manifest.task,
        "licence": manifest.licence,
        "created": manifest.created,
        "manifest_sha256": digest,
        "parent": manifest.parent,
        **asdict(manifest.counts),
        "classes": (manifest.ontology or {}).get("names", []),
        "objects": manifest.objects.count,
        "bytes": manifest.objects.bytes,
    }


def export(arguments: argparse.Namespace) -> dict[str, Any]:
    """Write a release as another tool reads it."""
    release = ReleaseFolder(arguments.release).load()
    done = export_release(
        release,
        arguments.folder,
        layout=arguments.layout,
        split=arguments.split,
        channel=arguments.channel,
        drop=[part.strip() for part in arguments.drop.split(",") if part.strip()],
    )
    return {"reference": release.manifest.reference, **asdict(done)}
