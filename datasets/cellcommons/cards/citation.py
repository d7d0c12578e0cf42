"""How to cite a release: CITATION.cff 1.2.0 (https://citation-file-format.github.io) and BibTeX."""

from __future__ import annotations

import json
from typing import Any

from cellcommons.cards.description import creator, identifier, keywords
from cellcommons.cards.front_matter import plain
from cellcommons.cards.licences import find_licence
from cellcommons.manifest import Manifest

# The schema of CFF 1.2.0 lists the SPDX ids of 2021; these came later.
_YOUNGER = {"DL-DE-ZERO-2.0", "DL-DE-BY-2.0", "CDLA-Permissive-2.0"}
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
CITATION_SCHEMA: dict[str, Any] = {
    "$comment": "What we write of CFF 1.2.0; a subset of its published schema.",
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["cff-version", "message", "title", "authors", "type", "version", "date-released"],
    "properties": {
        "cff-version": {"const": "1.2.0"},
        "type": {"const": "dataset"},
        "message": _TEXT,
        "title": _TEXT,
        "version": _TEXT,
        "date-released": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
        "license": _TEXT,
        "keywords": {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True},
        "authors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": False,
                "properties": {"name": _TEXT},
            },
        },
        "identifiers": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["type", "value"],
                "additionalProperties": False,
                "properties": {"type": {"const": "other"}, "value": _TEXT, "description": _TEXT},
            },
        },
    },
}


def citation_file(manifest: Manifest) -> str:
    """``CITATION.cff``; follows ``CITATION_SCHEMA``."""
    licence = find_licence(manifest.licence)
    named = {"license": licence.spdx} if licence and licence.spdx not in _YOUNGER else {}
    fields: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use this dataset, please cite it, and the sources of its images, as below.",
        "type": "dataset",
        "title": plain(manifest.title) or manifest.dataset,
        "version": manifest.version,
        "date-released": manifest.created[:10],
        "authors": [{"name": creator(manifest)}],
        "identifiers": [
            {"type": "other", "value": identifier(manifest), "description": "Cell Commons release"},
        ],
        "keywords": keywords(manifest),
        **named,
    }
    return "".join(f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in fields.items())


def bibtex(name: str, title: str, version: str, created: str) -> list[str]:
    """Lines of a BibTeX entry."""
    safe = plain(title).replace("{", "").replace("}", "").replace("\\", "")
    return [
        f"@misc{{{name.replace('/', '_')}_{version},",
        f"  title = {{{safe}}},",
        f"  version = {{{version}}},",
        f"  year = {{{created[:4]}}},",
        f"  note = {{Cell Commons release {name}@{version}}}",
        "}",
    ]
