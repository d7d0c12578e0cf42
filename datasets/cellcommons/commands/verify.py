"""Verify a release: every byte, and how its splits came about."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cellcommons.client import Progress
from cellcommons.commands.meter import Meter
from cellcommons.credentials import find_token
from cellcommons.diff.places import opened_release
from cellcommons.errors import BadSignature, CellCommonsError, InvalidDocument
from cellcommons.folder import ReleaseFolder
from cellcommons.manifest import ObjectCount
from cellcommons.partial import PartialRelease
from cellcommons.release import Member, Release, open_release
from cellcommons.signing import check_signature, read_key
from cellcommons.split_checks import check_splits


def verify(arguments: argparse.Namespace) -> dict[str, Any]:
    """Check every byte of a release, and its split certificate; ``failures`` names what does not hold."""
    hub, token = arguments.hub, find_token(arguments.hub)
    key = read_key(arguments.key) if arguments.key else None
    meter = Meter(sys.stderr)
    with contextlib.ExitStack() as stack:
        stack.callback(meter.end)
        release = _verified(stack, arguments, token, meter, key)
        if isinstance(release, PartialRelease):
            return _part(release, key)
        parent = None
        if arguments.parent:
            parent = stack.enter_context(opened_release(arguments.parent, hub=hub, token=token))
        elif release.manifest.parent and release.store.exists(release.manifest.parent):
            parent = open_release(release.store, release.manifest.parent)
        splits = check_splits(
            release,
            parent=parent,
            quick=arguments.quick,
            progress=lambda done, images: meter.count(done, images, "images compared"),
        )
    manifest, counted = release.manifest, release.counted()
    return {
        "reference": manifest.reference,
        "manifest_sha256": release.digest,
        "objects": counted.count,
        "bytes": counted.bytes,
        "verified": True,
        "signed_by": key,
        "splits": {
            "certified": splits.certified,
            "pairs": splits.edges,
            "images_compared": splits.compared,
            "parent": splits.parent or ("not at hand" if manifest.parent else "none"),
        },
        "failures": [asdict(one) if arguments.json else {"line": one.line} for one in splits.failures],
        "valid": not splits.failures,
    }


def _part(release: PartialRelease, key: str | None) -> dict[str, Any]:
    """What was checked of a part, and what is not there; how images were split is told by all of them alone."""
    counted, here, cut = release.counted(), len(list(release.items())), release.check_cuts()
    told = {
        "cut_shards": cut,
        "cut_shards_checked": "against the sha256 they had when they came: those of the release cover whole shards",
    }
    return {
        "reference": release.manifest.reference,
        "manifest_sha256": release.digest,
        "selection": release.selection.line(),
        "objects": counted.count,
        "bytes": counted.bytes,
        "images": here,
        "absent": release.manifest.counts.images - here,
        "verified": True,
        **(told if cut else {}),
        "signed_by": key,
        "splits": "not checked, for this is a part of the release",
    }


def _verified(
    stack: contextlib.ExitStack, arguments: argparse.Namespace, token: str | None, meter: Meter, key: str | None
) -> Release:
    """The release, every byte of it checked. Raises as ``Release.verify``; BadSignature."""
    place = Path(arguments.release)
    if place.is_dir() and not (place / "manifest.json").is_file():
        folder = ReleaseFolder(place)
        release = folder.load()
        folder.verify(_shown(meter, release))
        signature = folder.signature()
        if key and signature is None:
            raise BadSignature("the manifest is not signed", where=release.manifest.reference)
        if key and signature:
            check_signature(signature, release.digest, {key})
        return release
    if key:
        raise InvalidDocument("a signature is checked of a download", where=str(place), remedy="Download it first.")
    release = stack.enter_context(opened_release(arguments.release, hub=arguments.hub, token=token))
    release.verify(_shown(meter, release))
    return release


def _shown(meter: Meter, release: Release) -> Callable[[Member], None]:
    """Progress in objects and bytes; the manifest comes first and is not one of the objects it counts."""
    total, seen = ObjectCount(0, 0), [-1, 0]
    with contextlib.suppress(CellCommonsError):  # what is wrong, and where, is for the check itself to say
        total = release.counted()

    def progress(member: Member) -> None:
        seen[1] += member.size if seen[0] >= 0 else 0
        seen[0] += 1
        meter.show(Progress(seen[0], total.count, seen[1], total.bytes, 0))

    return progress
