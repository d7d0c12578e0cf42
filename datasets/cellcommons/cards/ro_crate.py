"""RO-Crate 1.2 metadata of a download (https://w3id.org/ro/crate/1.2): its folder is then an attached crate."""

from __future__ import annotations

from typing import Any

from cellcommons.cards.description import (
    PUBLISHER,
    creator,
    describe,
    described_files,
    identifier,
    keywords,
    media_type,
)
from cellcommons.cards.front_matter import plain
from cellcommons.cards.licences import find_licence, licence_url
from cellcommons.manifest import Manifest

NAME = "ro-crate-metadata.json"
_SPECIFICATION = "https://w3id.org/ro/crate/1.2"
_FOLDERS = {
    "images/": "The images, OME-Zarr 0.5",
    "labels/": "Their labels: OME-Zarr 0.5 label maps, or answers as JSON",
    "companions/": "What is given beside the images",
    "data/": "The images of each split as Parquet tables",
}


def ro_crate(manifest: Manifest) -> dict[str, Any]:
    """The metadata document, JSON-LD: the folder, its files with sha256 and size, its licence and who made it."""
    licence, licence_id = find_licence(manifest.licence), licence_url(manifest.licence)
    folders = {path: text for path, text in _FOLDERS.items() if path != "companions/" or _companions(manifest)}
    folders |= {
        f"indexes/{name}/": f"The release's table of {name}, as Parquet"
        for name, index in sorted(manifest.indexes.items())
        if index.rows
    }
    files = described_files(manifest)
    author = {"@id": "#contributors", "@type": "Organization", "name": creator(manifest)}
    publisher = {"@id": "#publisher", "@type": "Organization", "name": PUBLISHER}
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": plain(manifest.title) or manifest.dataset,
        "description": describe(manifest),
        "identifier": {"@id": identifier(manifest)},
        "version": manifest.version,
        "datePublished": manifest.created,
        "keywords": keywords(manifest),
        "license": {"@id": licence_id},
        "author": {"@id": author["@id"]},
        "publisher": {"@id": publisher["@id"]},
        "hasPart": [{"@id": path} for path in (*files, *folders)],
    }
    graph: list[dict[str, Any]] = [
        {
            "@id": NAME,
            "@type": "CreativeWork",
            "conformsTo": {"@id": _SPECIFICATION},
            "about": {"@id": "./"},
        },
        root,
        *(
            {
                "@id": path,
                "@type": "File",
                "name": path,
                "description": _about(path),
                "encodingFormat": media_type(path),
                "contentSize": str(blob.size),
                "sha256": blob.sha256,
            }
            for path, blob in files.items()
        ),
        *({"@id": path, "@type": "Dataset", "name": path, "description": text} for path, text in folders.items()),
        {
            "@id": licence_id,
            "@type": "CreativeWork",
            "name": licence.name if licence else manifest.licence,
            "description": f"Licence with the SPDX id {manifest.licence}",
        },
        {
            "@id": identifier(manifest),
            "@type": "PropertyValue",
            "propertyID": "Cell Commons release",
            "value": manifest.reference,
        },
        author,
        publisher,
    ]
    return {"@context": f"{_SPECIFICATION}/context", "@graph": graph}


def _companions(manifest: Manifest) -> bool:
    return manifest.indexes["companions"].rows > 0


def _about(path: str) -> str:
    about = {"README.md": "The dataset card", "splits.json": "How the splits were made", "summary.json": "Counts"}
    return about[path]
