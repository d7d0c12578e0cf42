"""DataCite 4.5 metadata of a release, as JSON, ready for the day it gets a DOI.

Source: https://datacite-metadata-schema.readthedocs.io/en/4.5.
"""

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

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}


def _objects(required: list[str], **properties: Any) -> dict[str, Any]:
    described = {"type": "object", "required": required, "additionalProperties": False, "properties": properties}
    return {"type": "array", "minItems": 1, "uniqueItems": True, "items": described}


DATACITE_SCHEMA: dict[str, Any] = {
    "$comment": "What we write of DataCite 4.5: its mandatory properties and some recommended ones; a subset of it.",
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["creators", "titles", "publisher", "publicationYear", "types", "schemaVersion"],
    "properties": {
        "schemaVersion": {"const": "http://datacite.org/schema/kernel-4"},
        "creators": _objects(["name"], name=_TEXT, nameType={"enum": ["Organizational", "Personal"]}),
        "titles": _objects(["title"], title=_TEXT),
        "publisher": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {"name": _TEXT},
        },
        "publicationYear": {"type": "string", "pattern": "^[0-9]{4}$"},
        "types": {
            "type": "object",
            "required": ["resourceTypeGeneral"],
            "additionalProperties": False,
            "properties": {"resourceType": _TEXT, "resourceTypeGeneral": {"const": "Dataset"}},
        },
        "version": _TEXT,
        "language": _TEXT,
        "subjects": _objects(["subject"], subject=_TEXT),
        "dates": _objects(["date", "dateType"], date=_TEXT, dateType={"enum": ["Issued", "Created"]}),
        "alternateIdentifiers": _objects(
            ["alternateIdentifier", "alternateIdentifierType"],
            alternateIdentifier=_TEXT,
            alternateIdentifierType=_TEXT,
        ),
        "relatedIdentifiers": _objects(
            ["relatedIdentifier", "relatedIdentifierType", "relationType"],
            relatedIdentifier=_TEXT,
            relatedIdentifierType={"const": "URN"},
            relationType={"const": "IsNewVersionOf"},
        ),
        "descriptions": _objects(
            ["description", "descriptionType"], description=_TEXT, descriptionType={"const": "Abstract"}
        ),
        "rightsList": _objects(
            ["rights"],
            rights=_TEXT,
            rightsUri=_TEXT,
            rightsIdentifier=_TEXT,
            rightsIdentifierScheme={"const": "SPDX"},
            schemeUri=_TEXT,
        ),
        "formats": {"type": "array", "items": _TEXT, "uniqueItems": True},
        "sizes": {"type": "array", "items": _TEXT, "uniqueItems": True},
    },
}


def datacite(manifest: Manifest) -> dict[str, Any]:
    """The document; follows ``DATACITE_SCHEMA``. It holds no DOI: whoever registers one adds it."""
    licence = find_licence(manifest.licence)
    rights: dict[str, Any] = {"rights": licence.name if licence else manifest.licence}
    if licence:
        rights |= {
            "rightsUri": licence_url(licence.spdx),
            "rightsIdentifier": licence.spdx,
            "rightsIdentifierScheme": "SPDX",
            "schemeUri": "https://spdx.org/licenses/",
        }
    document: dict[str, Any] = {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "creators": [{"name": creator(manifest), "nameType": "Organizational"}],
        "titles": [{"title": plain(manifest.title) or manifest.dataset}],
        "publisher": {"name": PUBLISHER},
        "publicationYear": manifest.created[:4],
        "types": {"resourceType": "Labelled microscopy images", "resourceTypeGeneral": "Dataset"},
        "version": manifest.version,
        "language": "en",
        "subjects": [{"subject": word} for word in keywords(manifest)],
        "dates": [{"date": manifest.created[:10], "dateType": "Issued"}],
        "alternateIdentifiers": [
            {"alternateIdentifier": identifier(manifest), "alternateIdentifierType": "Cell Commons release"}
        ],
        "descriptions": [{"description": describe(manifest), "descriptionType": "Abstract"}],
        "rightsList": [rights],
        "formats": sorted({"OME-Zarr", *(media_type(path) for path in described_files(manifest))}),
        "sizes": [f"{manifest.counts.images} images", f"{manifest.counts.cells} labels"],
    }
    if manifest.parent:
        document["relatedIdentifiers"] = [
            {
                "relatedIdentifier": f"urn:cellcommons:manifest:sha256:{manifest.parent}",
                "relatedIdentifierType": "URN",
                "relationType": "IsNewVersionOf",
            }
        ]
    return document
