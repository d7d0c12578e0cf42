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


class Classes:
    """The classes of a folder that is being written: those of each record in turn, in the order in which they come."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self._ordinal: set[bool] = set()
        self._multi: set[bool] = set()

    def add(self, ontology: Ontology) -> None:
        """Take in the classes of one record."""
        self._ordinal.add(ontology.ordinal)
        self._multi.add(ontology.multi)
        for name in ontology.names:
            self.names.setdefault(name, len(self.names))

    def ontology(self) -> Ontology | None:
        """All of them; None where there are none. Ranks only where every record has the same."""
        multi = True in self._multi
        return Ontology(tuple(self.names), self._ordinal == {True} and not multi, multi) if self.names else None

    def write(self, folder: Path) -> None:
        """Write ``ontology.json`` into ``folder``; nothing where there are no classes."""
        ontology = self.ontology()
        if ontology is not None:
            text = json.dumps(ontology.document(), ensure_ascii=False, indent=1)
            (folder / FILE).write_text(text + "\n", encoding="utf-8")
