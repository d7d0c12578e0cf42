"""What must be true of a hub whatever was killed: asked of its rows, its store, and its public addresses."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cellcommons.client import Client
from cellcommons.download_settings import DownloadSettings
from cellcommons.errors import CellCommonsError
from cellcommons.folder import ReleaseFolder
from cellcommons.object_store import ObjectStore
from cellcommons.tree import load_tree
from cellcommons.versions import parse_version
from tests.faults.moments import rows
from tests.faults.people import Person

_HEX = re.compile(r"[0-9a-f]{64}")
#: Digests that are no names of objects: of a reading's content; what somebody says that a file has.
NO_OBJECTS = {("annotation_annotation", "reading_sha256"), ("imaging_upload", "sha256")}
PENDING = {
    "imports": "SELECT id::text, state FROM imaging_import WHERE state IN ('waiting', 'running', 'failed')",
    "publications": "SELECT id::text, state FROM releases_release WHERE state <> 'published'",
}


@dataclass
class Truths:
    """Checks of one hub. Objects that were found whole are not read again before ``everything``."""

    database: str
    store: ObjectStore
    url: str
    seen: set[str] = field(default_factory=set)
    verified: set[str] = field(default_factory=set)

    def after_point(self, person: Person, slug: str) -> list[str]:
        """What is wrong; nothing, if all is well."""
        self._wait_for_sweep()
        return [
            *self._acknowledged(person),
            *self._names_have_objects(),
            *self._trees_are_whole(),
            *self._versions(slug),
            *self._public(person, slug),
            *self._nothing_waits(),
        ]

    def everything(self) -> list[str]:
        """Read every object of the store."""
        wrong = []
        for digest in self.store.digests():
            try:
                self.store.get(digest)
            except CellCommonsError as error:
                wrong.append(f"object: {error.line()}")
        return wrong

    def _wait_for_sweep(self, patience: float = 60.0) -> None:
        """Repeated requests may have begun a second import: it is done, too, before the hub is judged."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and any(self._nothing_waits()):
            time.sleep(0.3)

    def _acknowledged(self, person: Person) -> Iterator[str]:
        known = person.known
        kept = dict(rows(self.database, "SELECT id::text, original_sha256 FROM imaging_image"))
        for key, digest in known.images.items():
            if kept.get(key) != digest:
                yield f"image {key} was acknowledged and is {'another' if key in kept else 'gone'}"
        originals = set(kept.values())
        for key, files in known.imports.items():
            yield from (f"{name} of import {key} is gone" for name, d in files.items() if d not in originals)
        edits = dict(rows(self.database, "SELECT uuid::text, assignment_id::text FROM annotation_edit"))
        for assignment, sent in known.edits.items():
            lost = [edit for edit in sent if edits.get(edit) != assignment]
            if lost:
                yield f"{len(lost)} acknowledged edits of assignment {assignment} are gone"
        annotations = {row[0] for row in rows(self.database, "SELECT id::text FROM annotation_annotation")}
        yield from (f"annotation {key} is gone" for key in known.annotations if key not in annotations)
        published = dict(rows(self.database, "SELECT id::text, manifest_sha256 FROM releases_release"))
        for key, digest in known.releases.items():
            if published.get(key) != digest:
                yield f"release {key} is not the one that was published"

    def _names_have_objects(self) -> Iterator[str]:
        columns = rows(
            self.database,
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND column_name LIKE '%%sha256' AND data_type IN ('character varying', 'character', 'text')",
        )
        for table, column in columns:
            if (table, column) in NO_OBJECTS:
                continue
            for (digest,) in rows(self.database, f'SELECT DISTINCT "{column}" FROM "{table}"'):
                if not digest or digest in self.seen or not _HEX.fullmatch(digest):
                    continue
                if self.store.exists(digest):
                    self.seen.add(digest)
                else:
                    yield f"{table}.{column} names {digest}, which is not in the store"

    def _trees_are_whole(self) -> Iterator[str]:
        named = rows(
            self.database,
            "SELECT tree_sha256 FROM imaging_image UNION SELECT labels_sha256 FROM annotation_annotation"
            " UNION SELECT labels_sha256 FROM consensus_consensus UNION SELECT tree_sha256 FROM imaging_companion",
        )
        for (tree,) in named:
            if not tree or f"tree {tree}" in self.seen:
                continue
            try:
                lost = [e.path for e in load_tree(self.store, tree).entries if self.store.size(e.sha256) != e.size]
            except CellCommonsError as error:
                yield f"tree {tree}: {error.line()}"
                continue
            if lost:
                yield f"tree {tree} lacks {lost}"
            self.seen.add(f"tree {tree}")

    def _versions(self, slug: str) -> Iterator[str]:
        found = rows(
            self.database,
            "SELECT r.major, r.minor, r.patch, r.id::text, r.parent_id::text FROM releases_release r"
            " JOIN imaging_dataset d ON d.id = r.dataset_id WHERE d.lab_id || '/' || d.slug = %s"
            " AND r.state = 'published'"
            " ORDER BY r.published_at",
            slug,
        )
        before, parent = None, None
        for major, minor, patch, key, of in found:
            now = (major, minor, patch)
            follows = (
                [(1, 0, 0)]
                if before is None
                else [(before[0] + 1, 0, 0), (before[0], before[1] + 1, 0), (*before[:2], before[2] + 1)]
            )
            if now not in follows or of != parent:
                yield f"{slug}: {now} does not follow {before}"
            before, parent = now, key

    def _public(self, person: Person, slug: str) -> Iterator[str]:
        """Whatever anyone can see is whole: downloaded from the public addresses and verified byte by byte."""
        for row in list(person.api.all("releases/", dataset=slug)):
            if row["state"] != "published" or row["manifest_sha256"] in self.verified:
                continue
            parse_version(row["version"])
            try:
                with tempfile.TemporaryDirectory(prefix="faults-") as folder:
                    Client(self.url).download(row["reference"], folder, DownloadSettings(sha256=row["manifest_sha256"]))
                    ReleaseFolder(Path(folder)).verify()
                self.verified.add(row["manifest_sha256"])
            except CellCommonsError as error:
                yield f"{row['reference']}: {error.line()}"

    def _nothing_waits(self) -> Iterator[str]:
        for what, query in PENDING.items():
            yield from (f"{what}: {key} is {state}" for key, state in rows(self.database, query))
