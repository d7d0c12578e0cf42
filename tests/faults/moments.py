"""What the hub was at, at one instant: read from its rows and its store, and named once the work is done."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from cellcommons.errors import CellCommonsError
from cellcommons.manifest import Manifest
from cellcommons.object_store import ObjectStore


@dataclass(frozen=True)
class Moment:
    """``phase`` of the person; the newest import and release of the dataset; images; names of all objects."""

    phase: str
    record: tuple[str, int] | None
    release: tuple[str, str] | None
    images: int
    objects: frozenset[str]


def look(database: str, store: ObjectStore, slug: str, phase: str) -> Moment:
    """The hub as it is now; parts of it may be away."""
    record = release = None
    images = 0
    with suppress(psycopg.Error), psycopg.connect(database, connect_timeout=2) as link:
        record = link.execute(
            "SELECT i.state, i.imported FROM imaging_import i JOIN imaging_dataset d ON d.id = i.dataset_id"
            " WHERE d.lab_id || '/' || d.slug = %s ORDER BY i.created DESC LIMIT 1",
            [slug],
        ).fetchone()
        release = link.execute(
            "SELECT r.state, r.id::text FROM releases_release r JOIN imaging_dataset d ON d.id = r.dataset_id"
            " WHERE d.lab_id || '/' || d.slug = %s ORDER BY r.created DESC LIMIT 1",
            [slug],
        ).fetchone()
        found = link.execute(
            "SELECT count(*) FROM imaging_image i JOIN imaging_dataset d ON d.id = i.dataset_id"
            " WHERE d.lab_id || '/' || d.slug = %s",
            [slug],
        ).fetchone()
        images = found[0] if found else 0
    objects: frozenset[str] = frozenset()
    with suppress(CellCommonsError):
        objects = frozenset(store.digests())
    return Moment(phase, record, release, images, objects)


def name_upload(before: Moment, at: Moment) -> str:
    """The step of an upload that ``at`` was in."""
    if "archive" in at.phase or "import" in at.phase:
        if at.phase == "sending an archive":
            return "sending the archive" if at.objects == before.objects else "archive kept, not answered"
        state, imported = at.record or ("?", 0)
        if state == "waiting":
            return "import queued"
        if state == "running":
            kept = at.objects - before.objects
            return f"importing, {imported} rows" if imported or len(kept) < 2 else "importing, objects kept, no rows"
        return "import done, not yet told"
    if at.phase != "sending an image":
        return at.phase
    if at.images > before.images:
        return "image: rows written, not answered"
    return "image: objects kept, no row" if at.objects != before.objects else "image: received, being converted"


def name_publication(before: Moment, at: Moment, manifest: Manifest, digest: str) -> str:
    """The step of readings and publication that ``at`` was in; ``manifest`` is what was published in the end."""
    if not at.release or at.release == before.release:
        return at.phase
    state = at.release[0]
    if state == "draft":
        return "publication queued"
    if state == "published":
        return "published, not yet told"
    if digest in at.objects:
        return "sealing: manifest kept, not recorded"
    fresh = {name for name, blob in manifest.blobs().items() if blob.sha256 not in before.objects}
    there = {name for name in fresh if manifest.blobs()[name].sha256 in at.objects}
    if not there:
        return "sealing: reading images and cells"
    if not {name for name in fresh if name.startswith("indexes/")} <= there:
        return "sealing: some indexes kept"
    return "sealing: all indexes kept" if fresh - there else "sealing: all but the manifest kept"


def rows(database: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of one query."""
    with psycopg.connect(database, connect_timeout=5) as link:
        return link.execute(query, values).fetchall()  # type: ignore[arg-type]
