"""Which classes a folder's labels may name: as stated in an ``ontology.json`` beside them, else as found."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from cellcommons.classes import Ontology, parse_ontology
from cellcommons.errors import InvalidDocument
from cellcommons.layouts.contract import Entry

FILE = "ontology.json"


def found_ontology(folder: Path, names: Iterable[str], *, multi: bool = False, ordinal: bool = False) -> Ontology:
    """The ontology of ``folder``: its ``ontology.json``, else the sorted ``names`` (as numbers if all are).

    Args:
        names: classes that the labels give, repeated as they come.
        multi, ordinal: of the ontology where no file states it.

    Raises:
        InvalidDocument: a class outside the stated ontology, a damaged file, or no class at all.
    """
    present = set(names)
    stated = folder / FILE
    if stated.is_file():
        try:
            ontology = parse_ontology(json.loads(stated.read_bytes()), where=str(stated))
        except ValueError as error:
            raise InvalidDocument(f"not JSON ({error})", where=str(stated)) from error
        for name in sorted(present):
            ontology.index(name, where=str(folder))
        return ontology
    if not present:
        raise InvalidDocument(
            "the labels name no class", where=str(folder), remedy=f"Name the classes in {FILE}, or add labels."
        )
    return Ontology(tuple(sorted(present, key=_in_order)), ordinal=ordinal, multi=multi)


def entry_ontology(entry: Entry) -> Ontology:
    """The ontology that the scan put into ``entry.metadata['ontology']``. Raises InvalidDocument."""
    return parse_ontology(entry.metadata.get("ontology"), where=entry.name)


def _in_order(name: str) -> tuple[bool, float, str]:
    """Numbers by value and first, then words."""
    try:
        return False, float(name), name
    except ValueError:
        return True, 0.0, name
