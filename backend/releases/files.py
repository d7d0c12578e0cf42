"""The files of a release that its manifest names: tables, cards, certificate. Images lie beside them as OME-Zarr."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from backend.core.storage import object_store
from backend.releases.models import Release
from cellcommons.parts import table_of
from cellcommons.release import open_release


@dataclass(frozen=True)
class NamedFile:
    """One file as a download has it. ``rows``: of a parquet index that is one file, else None."""

    path: str
    sha256: str
    bytes: int
    rows: int | None


def release_files(release: Release) -> Mapping[str, NamedFile]:
    """Path -> file, in order of path, of a published release."""
    return _files(release.manifest_sha256)


@lru_cache(maxsize=128)
def _files(manifest_sha256: str) -> Mapping[str, NamedFile]:
    release = open_release(object_store(), manifest_sha256)
    alone = {name: index.rows for name, index in release.manifest.indexes.items() if index.files == 1}
    named = dict(release.files())
    rows = {path: alone.get(table_of(path)) for path in named if path.startswith("indexes/")}
    return {path: NamedFile(path, named[path].sha256, named[path].size, rows.get(path)) for path in sorted(named)}
