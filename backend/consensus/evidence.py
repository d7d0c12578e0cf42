"""The evidence behind a consensus: for each cell, or what the task has in its place, who supports or decided it.

Kept as one JSON object per revision, so that everything published resolves to the annotations that made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from cellcommons.documents import Document
from cellcommons.indexes import CellRow


@dataclass(frozen=True)
class Support:
    """One cell of one reading: Annotation id and the cell's value in that reading (subject, class value or track)."""

    annotation: str
    cell: int


@dataclass(frozen=True)
class CellEvidence:
    """One cell, class, subject, track or failure region of a consensus; see ``cellcommons.kinds``.

    Attributes:
        id: its value in the consensus. box: half-open ``(y0, x0, y1, x1)``. area: pixels.
        agreement: 0..1 over all readings; None where there was one reading or an expert decided.
        support: what of the readings it was fused from.
        adjudication: id of the Adjudication that put it there, or None.
        classes: names within the campaign's ontology.
    """

    id: int
    box: tuple[int, int, int, int]
    area: int
    agreement: float | None
    support: tuple[Support, ...] = ()
    adjudication: str | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence(Document):
    """All cells of one consensus, in order of id, and the ids of the readings it was made of.

    Attributes:
        context: readings of the campaign's other images that told how far to trust each reader.
    """

    KIND: ClassVar[str] = "cellcommons.consensus-evidence/2"
    readings: tuple[str, ...]
    cells: tuple[CellEvidence, ...]
    context: int = 0


def evidence_rows(
    rows: Iterable[CellRow],
    *,
    agreement: Mapping[int, float] | None = None,
    support: Mapping[int, tuple[Support, ...]] | None = None,
) -> tuple[CellEvidence, ...]:
    """Rows of a reading as evidence, with the agreement on each and its support, by id."""
    found, behind = agreement or {}, support or {}
    return tuple(
        CellEvidence(
            row.id,
            row.box,
            row.area,
            round(found[row.id], 6) if row.id in found else None,
            behind.get(row.id, ()),
            classes=row.classes,
        )
        for row in rows
    )


def single_rows(annotation: str, rows: Iterable[CellRow]) -> tuple[CellEvidence, ...]:
    """Evidence of a consensus that is one reading as it stands."""
    return tuple(
        CellEvidence(row.id, row.box, row.area, None, (Support(annotation, row.id),), classes=row.classes)
        for row in rows
    )


def settled_rows(
    rows: Iterable[CellRow], base: Mapping[int, CellEvidence], decided: Mapping[int, str]
) -> tuple[CellEvidence, ...]:
    """Evidence after experts settled what was open.

    Args:
        rows: of the settled reading. base: evidence of what stood before, by the ids of now.
        decided: id -> Adjudication that made or changed it.
    """
    after = []
    for row in rows:
        kept = base.get(row.id)
        if kept is None:
            after.append(
                CellEvidence(row.id, row.box, row.area, None, adjudication=decided.get(row.id), classes=row.classes)
            )
        else:
            after.append(
                replace(
                    kept,
                    id=row.id,
                    box=row.box,
                    area=row.area,
                    classes=row.classes,
                    adjudication=decided.get(row.id, kept.adjudication),
                )
            )
    return tuple(after)
