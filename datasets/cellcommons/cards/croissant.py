"""Croissant 1.1 metadata of a release: its files, and its tables as record sets.

Source: http://mlcommons.org/croissant/1.1.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from cellcommons.cards.citation import bibtex
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
from cellcommons.cards.licences import licence_url
from cellcommons.indexes import SCHEMAS
from cellcommons.manifest import Manifest

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
# The context that the specification gives, term by term: readers warn where one is missing.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{
        term: f"cr:{term}"
        for term in (
            "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject",
            "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5",
            "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate",
            "separator", "source", "subField", "transform",
        )
    },
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}  # fmt: skip
# What mlcroissant knows Parquet by.
_PARQUET = "application/x-parquet"
_SPLITS = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}
_KEYS: dict[str, tuple[str, ...]] = {
    "images": ("image",),
    "labels": ("image",),
    "splits": ("image",),
    "provenance": ("image",),
    "sources": ("source",),
}
_KEYS |= {"cells": ("image", "cell"), "companions": ("image", "kind"), "tracks": ("image", "track")}
_COLUMNS = {
    "image": "Id of the image.",
    "name": "Name of the image, for people.",
    "path": "File stem in a download: images/PATH.zarr and labels/PATH.zarr.",
    "tree": "sha256 of the listing of its files.",
    "source": "Donor, slide or experiment; lies in one split.",
    "stratum": "Kind of image.",
    "channels": "Names of the channels in order.",
    "height": "Rows, pixels.",
    "width": "Columns, pixels.",
    "cell": "Value in the label map; of a classification the subject, of tracking the track.",
    "y0": "First row.",
    "x0": "First column.",
    "y1": "Row after the last.",
    "x1": "Column after the last.",
    "area": "Pixels.",
    "agreement": "How far the readings agreed, 0 to 1; null where there was one.",
    "classes": "Names of its classes.",
    "split": "train, validation or test.",
}


def croissant(manifest: Manifest) -> dict[str, Any]:
    """The document, JSON-LD. Files are named relative to the folder of a download, with their sha256."""
    title = plain(manifest.title)
    tables = [name for name in SCHEMAS if name in manifest.indexes and manifest.indexes[name].rows]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": manifest.dataset,
        "alternateName": title or manifest.dataset,
        "description": describe(manifest),
        "conformsTo": CONFORMS_TO,
        "identifier": identifier(manifest),
        "url": identifier(manifest),
        "version": manifest.version,
        "datePublished": manifest.created[:10],
        "license": licence_url(manifest.licence),
        "creator": {"@type": "Organization", "name": creator(manifest)},
        "publisher": {"@type": "Organization", "name": PUBLISHER},
        "keywords": keywords(manifest),
        "inLanguage": "en",
        "isLiveDataset": False,
        "citeAs": "\n".join(bibtex(manifest.dataset, manifest.title, manifest.version, manifest.created)),
        "distribution": [
            *(_files_of(name) for name in tables),
            *(
                {
                    "@type": "cr:FileObject",
                    "@id": path,
                    "name": path,
                    "contentUrl": path,
                    "contentSize": f"{blob.size} B",
                    "encodingFormat": media_type(path),
                    "sha256": blob.sha256,
                }
                for path, blob in described_files(manifest).items()
            ),
        ],
        "recordSet": [_split_names(), *(_table(name) for name in tables)],
    }


def _files_of(name: str) -> dict[str, Any]:
    """The files of an index, one a part; the manifest names each with its sha256."""
    return {
        "@type": "cr:FileSet",
        "@id": f"{name}-files",
        "name": f"{name}-files",
        "description": f"The index {name}, a file a part.",
        "encodingFormat": _PARQUET,
        "includes": f"indexes/{name}/*.parquet",
    }


def _split_names() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "split_names",
        "name": "split_names",
        "description": "What the names of splits mean.",
        "dataType": "cr:Split",
        "key": {"@id": "split_names/name"},
        "field": [
            {"@type": "cr:Field", "@id": "split_names/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "split_names/url", "name": "url", "dataType": ["sc:URL", "cr:Split"]},
        ],
        "data": [{"split_names/name": name, "split_names/url": url} for name, url in _SPLITS.items()],
    }


def _table(name: str) -> dict[str, Any]:
    keys = [{"@id": f"{name}/{column}"} for column in _KEYS[name]]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"The index indexes/{name}/*.parquet.",
        "key": keys[0] if len(keys) == 1 else keys,
        "field": [_field(name, column) for column in SCHEMAS[name]],
    }


def _field(table: str, column: pa.Field) -> dict[str, Any]:
    several = pa.types.is_list(column.type)
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{table}/{column.name}",
        "name": column.name,
        "dataType": _data_type(column.type.value_type if several else column.type),
        "source": {"fileSet": {"@id": f"{table}-files"}, "extract": {"column": column.name}},
    }
    if text := _COLUMNS.get(column.name):
        field["description"] = text
    if several:
        field |= {"isArray": True, "arrayShape": "-1"}
    if column.name == "image" and table != "images":
        field["references"] = {"field": {"@id": "images/image"}}
    if (table, column.name) == ("splits", "split"):
        field |= {"dataType": ["sc:Text", "cr:Split"], "references": {"field": {"@id": "split_names/name"}}}
    return field


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Text"
