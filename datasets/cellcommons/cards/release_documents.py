"""The cards of a release that machines read, written from its manifest alone."""

from __future__ import annotations

import json
from typing import Any

from cellcommons.cards.citation import citation_file
from cellcommons.cards.croissant import croissant
from cellcommons.cards.datacite import datacite
from cellcommons.cards.ro_crate import NAME, ro_crate
from cellcommons.manifest import Manifest

DOCUMENTS = ("croissant.json", "datacite.json", NAME, "CITATION.cff")


def release_documents(manifest: Manifest) -> dict[str, bytes]:
    """File name in a download -> bytes. Equal manifests give equal bytes.

    They follow from what the manifest says before it names them, so that they can be written again from the sealed one
    and compared.
    """
    return {
        "croissant.json": _json(croissant(manifest)),
        "datacite.json": _json(datacite(manifest)),
        NAME: _json(ro_crate(manifest)),
        "CITATION.cff": citation_file(manifest).encode(),
    }


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
