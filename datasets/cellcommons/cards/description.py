"""What a release is, in a sentence and by name: what its machine-readable cards have in common."""

from __future__ import annotations

from cellcommons.cards.front_matter import plain
from cellcommons.indexes import SPLITS
from cellcommons.manifest import Blob, Manifest

PUBLISHER = "Cell Commons"
PARQUET = "application/vnd.apache.parquet"
_TYPES = {".parquet": PARQUET, ".json": "application/json", ".md": "text/markdown", ".cff": "application/yaml"}
_CELLS = {
    "semantic_segmentation": "regions of a class",
    "classification": "classified subjects",
    "tracking": "tracks",
    "augmented": "marked failures",
}


def describe(manifest: Manifest) -> str:
    """A sentence or two on what a release holds."""
    counts, task = manifest.counts, manifest.task.replace("_", " ")
    cells = _CELLS.get(manifest.task, "cells")
    parts = ", ".join(f"{counts.splits[name]} {name}" for name in SPLITS if counts.splits.get(name))
    read = f" They rest on {counts.readings} readings by people." if counts.readings else ""
    return (
        f"{plain(manifest.title)}: {counts.images} microscopy images with {counts.cells} {cells}, for {task}; "
        f"split by source into {parts}. Images and labels are OME-Zarr 0.5, tables are Parquet.{read}"
    )


def creator(manifest: Manifest) -> str:
    """Who made it: those who gave and read the images, whom a release names by pseudonym only."""
    return f"Contributors to {plain(manifest.title)}"


def identifier(manifest: Manifest) -> str:
    """A name that is the same wherever the release lies: ``urn:cellcommons:release:lab/slug@version``."""
    return f"urn:cellcommons:release:{manifest.reference}"


def keywords(manifest: Manifest) -> list[str]:
    """Words to be found by."""
    return ["biology", "microscopy", "cells", manifest.task.replace("_", " "), "OME-Zarr"]


def described_files(manifest: Manifest) -> dict[str, Blob]:
    """The single files that cards name, by path in a download: all but the cards themselves."""
    return {path: blob for path, blob in manifest.blobs().items() if path not in manifest.files}


def media_type(path: str) -> str:
    """Of a file of a download."""
    return next((kind for ending, kind in _TYPES.items() if path.endswith(ending)), "application/octet-stream")
