"""The certificate of a split: what was compared and how, what was found, and what followed from it.

It holds what a release's indexes do not: the edges of the graph with their evidence, the parameters, and which sources
were free. The nodes are the rows of the indexes (image, source, stratum), pinned by the digest of the release's parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cellcommons.canonical import canonical_json, sha256_hex
from cellcommons.errors import InvalidDocument
from cellcommons.indexes import ReleaseItem
from cellcommons.near_duplicates.search import Pair, method
from cellcommons.placement import PLACEMENT
from cellcommons.splits import FRACTIONS, SplitResult, Staying, split_by_source

FORMAT = "cellcommons.split-certificate/3"


@dataclass(frozen=True)
class Certified:
    """A split, and what its certificate says but for the parts of the release, which are sealed after it."""

    split: SplitResult
    document: dict[str, Any]

    def sealed(self, parts_sha256: str) -> dict[str, Any]:
        """The certificate of the release whose manifest names these parts: its images, sources, strata, splits."""
        whole = {**self.document, "parts": parts_sha256}
        return {**whole, "digest": sha256_hex(canonical_json(whole))}


def certified_split(
    items: Sequence[tuple[str, str, str]],
    pairs: Iterable[Pair],
    *,
    fractions: Mapping[str, float] | None = None,
    seed: int = 0,
    locked: Mapping[str, str] | None = None,
    parent: str | None = None,
    classes: Mapping[str, Mapping[str, int]] | None = None,
    staying: Staying | None = None,
) -> Certified:
    """Split, and say how, so that anybody can do it again. Arguments and errors as ``split_by_source``.

    Args:
        pairs: of images of one field (``near_duplicates.find_pairs``). parent: manifest of the release before.
        staying: images besides ``items`` that stay where they are; the document is as if all had been given.
    """
    sources = {**(staying.image_sources if staying else {}), **{image: source for image, source, _ in items}}
    edges = sorted(pair for pair in pairs if pair.a in sources and pair.b in sources)
    split = split_by_source(
        items,
        near_duplicates=[edge.key for edge in edges],
        fractions=fractions,
        seed=seed,
        locked=locked,
        classes=classes,
        staying=staying,
    )
    free = {source for component in split.components for source in component} - set(locked or ())
    rows = split.table.values()
    count = {name: sum(row[name] for row in rows) for name in ("images", "sources", "components")}
    document: dict[str, Any] = {
        "format": FORMAT,
        "method": method(),
        "placement": PLACEMENT,
        "seed": seed,
        "fractions": {name: float((fractions or FRACTIONS).get(name, 0.0)) for name in FRACTIONS},
        "parent": parent,
        # A source that is not free was locked to the split it lies in, or to the one it was moved from.
        "free": sorted(free) if len(free) < count["sources"] else None,
        "moved_to_test": {
            source: {"from": before, "because": [list(e.key) for e in edges if source in (sources[e.a], sources[e.b])]}
            for source, before in sorted(split.moved.items())
        },
        "edges": [edge_row(edge) for edge in edges],
        "pairs": {kind: sum(edge.kind == kind for edge in edges) for kind in sorted({edge.kind for edge in edges})},
        **count,
        # Of those that were free to be placed: no share is exceeded by more than it.
        "largest_component": max(split.free, default=0),
        "joined": [list(component) for component in split.components if len(component) > 1],
        "splits": split.table,
    }
    return Certified(split, document)


def edge_row(pair: Pair) -> dict[str, Any]:
    """An edge as the certificate states it."""
    return {"a": pair.a, "b": pair.b, "kind": pair.kind, **pair.evidence}


def class_cells(items: Iterable[ReleaseItem]) -> dict[str, dict[str, int]]:
    """Image -> class -> cells, as ``certified_split`` balances them; images without any are left out."""
    counts: dict[str, dict[str, int]] = {}
    for item in items:
        for row in item.cells:
            for name in row.classes:
                held = counts.setdefault(item.image, {})
                held[name] = held.get(name, 0) + 1
    return counts


@dataclass(frozen=True)
class Certificate:
    """A certificate as it was read: the document, and its parts that are used again."""

    document: dict[str, Any]
    edges: tuple[Pair, ...]
    seed: int
    fractions: dict[str, float]
    parent: str | None
    free: frozenset[str] | None
    moved: dict[str, str]

    @property
    def intact(self) -> bool:
        """Whether it hashes to the digest that it states."""
        rest = {key: value for key, value in self.document.items() if key != "digest"}
        return bool(self.document.get("digest") == sha256_hex(canonical_json(rest)))

    def locks(self, splits: Mapping[str, str]) -> dict[str, str]:
        """Source -> split it was locked to, of sources that lie in ``splits`` (source -> split)."""
        if self.free is None:
            return {}
        return {source: self.moved.get(source, split) for source, split in splits.items() if source not in self.free}


def is_certificate(data: bytes) -> bool:
    """Whether ``data`` is JSON of the format that can be checked."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("format") == FORMAT


def parse_certificate(data: bytes, *, where: str = "") -> Certificate:
    """Read a certificate. Raises InvalidDocument where it is of another format or a field is not what it should be."""
    if not is_certificate(data):
        raise InvalidDocument("not a split certificate that can be checked", where=where)
    document = json.loads(data)
    try:
        return Certificate(
            document=document,
            edges=tuple(_edge(row) for row in document["edges"]),
            seed=int(document["seed"]),
            fractions={str(name): float(share) for name, share in document["fractions"].items()},
            parent=None if document["parent"] is None else str(document["parent"]),
            free=None if document["free"] is None else frozenset(map(str, document["free"])),
            moved={str(source): str(row["from"]) for source, row in document["moved_to_test"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidDocument(f"the split certificate is damaged ({error!r})", where=where) from error


def _edge(row: Mapping[str, Any]) -> Pair:
    evidence = {key: value for key, value in row.items() if key not in ("a", "b", "kind")}
    return Pair(str(row["a"]), str(row["b"]), str(row["kind"]), evidence)
