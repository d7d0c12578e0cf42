"""What a release holds, counted: whole numbers only, so that counts follow from what changed, exactly.

Cards, manifests and pages say nothing about a release that is not counted here; so none of them has to read it all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from cellcommons.documents import Document
from cellcommons.errors import InvalidDocument
from cellcommons.indexes import SPLITS, ReleaseItem
from cellcommons.manifest import Counts
from cellcommons.tracks import Lineage

#: Agreement is summed in millionths: a sum of floats would depend on its order.
AGREEMENT_UNIT = 1_000_000


@dataclass(frozen=True)
class Summary(Document):
    """Split -> fact -> key -> number, nothing that is 0. Facts without keys have the key ``""``.

    Facts: ``images``, ``pixels``, ``cells`` (rows), ``area`` (of the rows), ``tracks``, ``divisions``, ``objects`` and
    ``bytes`` (listings and files of its trees, shared ones counted for each image); ``sources``; ``given`` (images with
    companions), ``drafts`` (images whose readings have to do with a prediction), ``agreed`` (rows with an agreement)
    and ``agreement`` (its sum, millionths); by key ``strata``, ``channels``, ``methods``, ``readings`` (how many an
    image has), ``people`` (images that each read), ``classes`` (rows that name it), ``class_area``, ``markers``,
    ``companions``.
    """

    KIND: ClassVar[str] = "cellcommons.release-summary/1"
    splits: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)

    def total(self, fact: str, split: str | None = None) -> int:
        """Of a fact, over all its keys, in one split or in all."""
        return sum(self.by_key(fact, split).values())

    def by_key(self, fact: str, split: str | None = None) -> Counter[str]:
        """Key -> number, in one split or in all."""
        found: Counter[str] = Counter()
        for name in SPLITS if split is None else (split,):
            found.update(self.splits.get(name, {}).get(fact, {}))
        return found

    def readings(self) -> int:
        """Readings of all images together."""
        return sum(int(key) * n for key, n in self.by_key("readings").items())

    def counts(self) -> Counts:
        """What the manifest says of it."""
        return Counts(
            images=self.total("images"),
            cells=self.total("cells"),
            readings=self.readings(),
            splits={split: self.total("images", split) for split in SPLITS},
            tracks=self.total("tracks"),
            divisions=self.total("divisions"),
        )

    def rows(self, table: str) -> int:
        """Rows of one of the indexes."""
        per_row = {"cells": "cells", "companions": "companions", "tracks": "tracks", "sources": "sources"}
        return self.total(per_row.get(table, "images"))

    def changed(
        self,
        *,
        without: Iterable[tuple[ReleaseItem, int, int]] = (),
        added: Iterable[tuple[ReleaseItem, int, int]] = (),
        sources: Counter[str] | None = None,
    ) -> Summary:
        """The summary of the release without some items and with others.

        Args:
            without, added: items with the objects and bytes of their trees. sources: split -> more sources, or fewer.

        Raises:
            InvalidDocument: something is taken away that is not there.
        """
        found = {(s, f, k): n for s, facts in self.splits.items() for f, keys in facts.items() for k, n in keys.items()}
        tally = Counter(found)
        for sign, items in ((-1, without), (1, added)):
            for item, objects, size in items:
                for fact, key, number in _facts(item, objects, size):
                    tally[item.split, fact, key] += sign * number
        for split, more in (sources or {}).items():
            tally[split, "sources", ""] += more
        splits: dict[str, dict[str, dict[str, int]]] = {}
        for (split, fact, key), number in tally.items():
            if number < 0:
                raise InvalidDocument("counts fall below nothing", where=f"{split}, {fact} {key}".strip())
            if number:
                splits.setdefault(split, {}).setdefault(fact, {})[key] = number
        return Summary(splits)


def _facts(item: ReleaseItem, objects: int, size: int) -> Iterator[tuple[str, str, int]]:
    origin = item.provenance
    agreed = [row.agreement for row in item.cells if row.agreement is not None]
    yield "images", "", 1
    yield "pixels", "", item.height * item.width
    yield "cells", "", len(item.cells)
    yield "area", "", sum(row.area for row in item.cells)
    yield "tracks", "", len(item.tracks)
    yield "divisions", "", len(Lineage(item.tracks).divisions)
    yield "objects", "", objects
    yield "bytes", "", size
    yield "given", "", bool(item.companions)
    yield "drafts", "", origin.prediction is not None
    yield "agreed", "", len(agreed)
    yield "agreement", "", sum(round(AGREEMENT_UNIT * value) for value in agreed)
    yield "strata", item.stratum, 1
    yield "channels", ", ".join(item.channels), 1
    yield "methods", origin.method, 1
    yield "readings", str(len(origin.annotations)), 1
    for fact, keys in (("people", origin.people), ("markers", item.markers), ("companions", item.companions)):
        for key in keys:
            yield fact, key, 1
    for row in item.cells:
        for name in row.classes:
            yield "classes", name, 1
            yield "class_area", name, row.area
