"""Releases: say what is in one, export."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cellcommons.errors import NotFound
from cellcommons.exports import export_release
from cellcommons.folder import ReleaseFolder
from cellcommons.manifest import Manifest


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
