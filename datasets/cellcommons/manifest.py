"""The manifest: a few kilobytes that name everything a release holds; its sha256 is the release's identity."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from cellcommons.canonical import sha256_hex
from cellcommons.documents import Document
from cellcommons.errors import InvalidDocument, TooLarge
from cellcommons.versions import NAME, is_version

LIMIT = 16_000
INDEXES = ("images", "labels", "cells", "companions", "tracks", "splits", "provenance", "sources")
_NAME = re.compile(r"[a-z][a-z_]{0,31}")
_FILE = re.compile(r"croissant\.json|datacite\.json|ro-crate-metadata\.json|CITATION\.cff")
_HEX = re.compile(r"[0-9a-f]{64}")
_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}")


@dataclass(frozen=True)
class Blob:
    """One object: sha256 of its bytes, size in bytes."""

    sha256: str
    size: int

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.sha256) or self.size < 0:
            raise InvalidDocument("an object is named by 64 lower-case hex digits and a size", where=self.sha256[:80])


@dataclass(frozen=True)
class Index:
    """One parquet index: its rows, the files that hold them, one a part at most, and their bytes."""

    rows: int
    files: int
    bytes: int


@dataclass(frozen=True)
class Parts(Blob):
    """The listing that names each part's listing (``cellcommons.parts``), and the depth: parts are 2**depth at most."""

    depth: int


@dataclass(frozen=True)
class Counts:
    """How much a release holds: images, cells, readings (annotations), images per split, tracks and divisions."""

    images: int
    cells: int
    readings: int
    splits: dict[str, int]
    tracks: int = 0
    divisions: int = 0


@dataclass(frozen=True)
class ObjectCount:
    """Objects that the manifest leads to (itself not counted) and their bytes; shared ones count for each image."""

    count: int
    bytes: int


@dataclass(frozen=True)
class Manifest(Document):
    """One immutable release.

    Attributes:
        dataset: ``lab/slug``, owner and name. version: ``2.1.0``, from what changed since the parent; together the
            reference ``lab/slug@version``.
        parent: sha256 of the manifest this release follows, or None.
        created: ISO 8601 UTC to the second, ``2026-11-20T08:00:00Z``; given by the publisher, so that publishing the
            same release again gives the same bytes.
        licence: SPDX id, e.g. ``CC0-1.0``.
        task: one of ``cellcommons.kinds``.
        indexes: name -> parquet index; at least images, labels, cells, companions, tracks, splits, provenance, sources.
        shards: the images of each split as one table, for readers of Hugging Face ``datasets``.
        parts: names the files of indexes and shards. summary: counts of everything, see ``cellcommons.summary``.
        ontology: the classes as ``cellcommons.classes`` writes them, where the task has any.
        card: the dataset card (README.md). certificate: JSON that says how the splits were made.
        files: what else a download holds, by path: cards for machines.

    Raises:
        InvalidDocument: a field holds a bad value.
    """

    KIND: ClassVar[str] = "cellcommons.manifest/2"
    dataset: str
    title: str
    version: str
    parent: str | None
    created: str
    licence: str
    task: str
    indexes: dict[str, Index]
    shards: Index
    parts: Parts
    summary: Blob
    card: Blob
    certificate: Blob
    counts: Counts
    objects: ObjectCount
    ontology: dict[str, Any] | None = None
    files: dict[str, Blob] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checks = {
            "dataset": NAME.fullmatch(self.dataset) is not None,
            "title": len(self.title.strip()) > 0 and len(self.title) <= 300,
            "version": is_version(self.version),
            "parent": self.parent is None or _HEX.fullmatch(self.parent) is not None,
            "created": checked_time(self.created),
            "licence": _SPDX.fullmatch(self.licence) is not None,
            "task": bool(self.task),
            "indexes": set(INDEXES) <= set(self.indexes) and all(map(_NAME.fullmatch, self.indexes)),
            "files": all(map(_FILE.fullmatch, self.files)),
        }
        for name, good in checks.items():
            if not good:
                raise InvalidDocument(f"the manifest's {name} is not valid", where=f"{self.dataset[:64]}:{name}")

    def to_bytes(self) -> bytes:
        """Canonical JSON, below 16 kB. Raises TooLarge."""
        data = super().to_bytes()
        if len(data) >= LIMIT:
            raise TooLarge(f"a manifest stays below {LIMIT} bytes, this has {len(data)}", where=self.reference)
        return data

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON: the release's identity."""
        return sha256_hex(self.to_bytes())

    @property
    def reference(self) -> str:
        """``lab/slug@version``."""
        return f"{self.dataset}@{self.version}"

    def blobs(self) -> dict[str, Blob]:
        """Every file of a download that the manifest names itself; indexes and shards are named by the parts."""
        named = {"README.md": self.card, "splits.json": self.certificate, "summary.json": self.summary}
        return named | dict(sorted(self.files.items()))


def checked_time(text: str) -> bool:
    """Whether ``text`` is ISO 8601 UTC to the second: ``2026-11-20T08:00:00Z``."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ") == text
    except ValueError:
        return False
