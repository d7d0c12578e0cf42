"""Failure regions: marks of people, voted on region by region. Trials and preferences are counted, not fused.

From three readers on a vote weighs as much as its reader's marks are like those of the others
(docs/decisions/0013-skill-from-readings.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from backend.consensus.evidence import CellEvidence, Evidence, Support, evidence_rows, single_rows
from backend.consensus.kinds.contract import SINGLE, Decision, Fused, ItemReading, Option, Region, Scene
from backend.consensus.kinds.painting import cut, padded, settle_cells
from cellcommons.fusion.failures import FailureMap, FailureRegion, fuse_failures, peer_weights
from cellcommons.labels import Labels
from cellcommons.reading import Reading

PAD = 8
QUESTIONS = ("trial", "preference")


class Augmented:
    task = "augmented"
    context = 0

    def fuse(self, scene: Scene, readings: Sequence[ItemReading]) -> Fused:
        asked = _asked(readings)
        if len(readings) == 1:
            own = Reading(readings[0].reading.labels, asked)
            return Fused(own, single_rows(readings[0].annotation, scene.rows(own)), 1.0, SINGLE)
        marks = [one.reading.labels > 0 for one in readings]
        fusion = fuse_failures(marks, weights=peer_weights(marks))
        fused = Reading(fusion.labels, asked)
        settled = [region for region in fusion.regions if region.settled]
        agreement = {number: region.support for number, region in enumerate(settled, start=1)}
        support = {
            number: tuple(_support(readings[at], fusion.labels, number, region) for at in region.readings)
            for number, region in enumerate(settled, start=1)
        }
        rows = evidence_rows(scene.rows(fused), agreement=agreement, support=support)
        method = "vote" if len(readings) < 3 else "weighted-vote"
        return Fused(fused, rows, fusion.agreement, method, _regions(fusion, readings, scene.shape))

    def settle(
        self, scene: Scene, base: Reading, evidence: Evidence, decisions: Sequence[Decision]
    ) -> tuple[Reading, tuple[CellEvidence, ...]]:
        return settle_cells(scene, base, evidence, decisions)


def _asked(readings: Sequence[ItemReading]) -> dict[str, int]:
    """Question -> readers who answered it: marks beside an answer are failures of a prediction, not of the target."""
    answers = Counter(key for one in readings for key in QUESTIONS if key in one.reading.values)
    return dict(answers)


def _support(one: ItemReading, labels: Labels, number: int, region: FailureRegion) -> Support:
    """The reading's own region that covers most of the consensus region."""
    own = cut(one.reading.labels, region.box)[cut(labels, region.box) == number]
    return Support(one.annotation, int(np.argmax(np.bincount(own[own > 0]))) if own.any() else 0)


def _regions(fusion: FailureMap, readings: Sequence[ItemReading], shape: tuple[int, int]) -> tuple[Region, ...]:
    found = []
    for number, region in enumerate((r for r in fusion.regions if r.settled is None), start=1):
        box = padded(region.box, PAD, shape)
        marked = (cut(fusion.disputed, box) == number).astype(np.uint32)
        who = tuple(readings[at].annotation for at in region.readings)
        others = tuple(one.annotation for one in readings if one.annotation not in who)
        options = (Option(who, 1, marked), Option(others, 0, np.zeros_like(marked)))
        found.append(Region("failure", box, options if region.support >= 0.5 - 1e-9 else options[::-1]))
    return tuple(found)
