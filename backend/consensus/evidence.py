"""The evidence behind a consensus: for each cell, whose cells support it or which expert decided it.

Kept as one JSON object per revision, so that every published cell resolves to the annotations that made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from cellcommons.documents import Document
from cellcommons.fusion.instances import Fusion
from cellcommons.labels import Labels, cells


@dataclass(frozen=True)
class Support:
    """One cell of one reading: Annotation id and the cell's value in that label map."""

    annotation: str
    cell: int


@dataclass(frozen=True)
class CellEvidence:
    """One cell of a consensus.

    Attributes:
        id: its value in the consensus label map. box: half-open ``(y0, x0, y1, x1)``. area: pixels.
        agreement: 0..1 over all readings; None where there was one reading or an expert decided.
        support: the readings' cells that it was fused from.
        adjudication: id of the Adjudication that put it there, or None.
    """

    id: int
    box: tuple[int, int, int, int]
    area: int
    agreement: float | None
    support: tuple[Support, ...] = ()
    adjudication: str | None = None


@dataclass(frozen=True)
class Evidence(Document):
    """All cells of one consensus, in order of id, and the ids of the readings it was made of."""

    KIND: ClassVar[str] = "cellcommons.consensus-evidence/1"
    readings: tuple[str, ...]
    cells: tuple[CellEvidence, ...]


def single_evidence(annotation: str, labels: Labels) -> Evidence:
    """Evidence of a consensus that is one reading (uint32, yx) as it stands."""
    return Evidence(
        (annotation,),
        tuple(CellEvidence(c.id, c.box, c.area, None, (Support(annotation, c.id),)) for c in cells(labels)),
    )


def fused_evidence(annotations: Sequence[str], fusion: Fusion) -> Evidence:
    """Evidence of a fusion; ``annotations`` are the ids of its readings, in the order they were given to it."""
    return Evidence(
        tuple(annotations),
        tuple(
            CellEvidence(
                cell.id,
                cell.box,
                cell.area,
                round(cell.agreement, 6),
                tuple(Support(annotations[reading], theirs) for reading, theirs in sorted(cell.support.items())),
            )
            for cell in fusion.cells
        ),
    )


def settled_evidence(base: Evidence, labels: Labels, decided: dict[int, str]) -> Evidence:
    """Evidence after experts settled the open regions.

    Args:
        base: of the disputed revision. labels: the final label map, uint32, yx.
        decided: cell id -> id of the Adjudication that drew it.
    """
    before = {cell.id: cell for cell in base.cells}
    after = []
    for cell in cells(labels):
        # A settlement fills free pixels only, so a cell that was settled before is unchanged.
        kept = before.get(cell.id) if cell.id not in decided else None
        after.append(kept or CellEvidence(cell.id, cell.box, cell.area, None, adjudication=decided[cell.id]))
    return Evidence(base.readings, tuple(after))
