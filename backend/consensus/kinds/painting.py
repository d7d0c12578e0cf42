"""What the tasks of separate regions share: an expert's cells fill what is still free."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.consensus.evidence import CellEvidence, Evidence, settled_rows
from backend.consensus.kinds.contract import Box, Decision, Scene
from cellcommons.fusion.instances import apply_settlement
from cellcommons.labels import Labels
from cellcommons.reading import Reading


def settle_cells(
    scene: Scene, base: Reading, evidence: Evidence, decisions: Sequence[Decision]
) -> tuple[Reading, tuple[CellEvidence, ...]]:
    """Write decided cells into ``base``, each with the Adjudication that drew it."""
    labels = base.labels
    decided: dict[int, str] = {}
    for decision in decisions:
        assert decision.labels is not None  # a decision of a painted task has pixels
        before = int(labels.max(initial=0))
        labels = apply_settlement(labels, decision.box, decision.labels)
        decided |= dict.fromkeys(range(before + 1, int(labels.max(initial=0)) + 1), decision.adjudication)
    settled = Reading(labels, base.values)
    return settled, settled_rows(scene.rows(settled), {cell.id: cell for cell in evidence.cells}, decided)


def count_cells(labels: Labels) -> int:
    """Distinct ids other than 0."""
    return int(np.count_nonzero(np.unique(labels)))


def padded(box: Box, pad: int, shape: tuple[int, int]) -> Box:
    """``box`` grown by ``pad`` pixels on each side, within ``shape``."""
    y0, x0, y1, x1 = box
    return max(0, y0 - pad), max(0, x0 - pad), min(shape[0], y1 + pad), min(shape[1], x1 + pad)


def cut(array: Labels, box: Box) -> Labels:
    """The part of ``array`` (yx) in ``box``."""
    return np.asarray(array[box[0] : box[2], box[1] : box[3]])
