"""Classes of subjects: readers weighed by how they answer over the whole campaign; who stays unsure is asked about.

A single image tells little about its readers, so that what they said of the campaign's other images is fused with it
(docs/decisions/0011-classification-in-context.md).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from backend.consensus.evidence import CellEvidence, Evidence, Support, evidence_rows, settled_rows, single_rows
from backend.consensus.kinds.contract import SINGLE, Decision, Fused, ItemReading, Option, Region, Scene, grouped
from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.fusion.classes import ClassConsensus, ClassReading, Method, fuse_classes
from cellcommons.reading import Reading

CONTEXT = 400
"""Readings of other images that are fused along, newest first."""
MIN_SHARED = 20
"""Subjects that two or more readers have classified, below which heads are counted instead."""
SURE = 0.8
"""Posterior below which a subject is asked about. A majority needs more than half of the votes."""


class Classification:
    task = "classification"
    context = CONTEXT

    def fuse(self, scene: Scene, readings: Sequence[ItemReading]) -> Fused:
        assert scene.ontology is not None  # held by Postgres: campaign_has_its_classes
        if len(readings) == 1:
            own = readings[0].reading
            return Fused(own, single_rows(readings[0].annotation, scene.rows(own)), 1.0, SINGLE)
        for one in readings:
            scene.rows(one.reading)  # refuses subjects and classes that are not there
        votes = [ClassReading(subject, one.reader, tuple(v)) for one in readings for subject, v in _said(one)]
        if not votes:
            return Fused(Reading(None), (), 1.0, "majority")
        consensus, method, context = _consensus(votes, scene, scene.ontology)
        at = {name: place for place, name in enumerate(consensus.items)}
        certainty = consensus.certainty()
        values, sure, regions = {}, {}, []
        boxes = scene.given.subjects()
        for subject in sorted({vote.item for vote in votes}, key=int):
            place = at[subject]
            if not _is_sure(float(certainty[place]), method):
                regions.append(_region(subject, readings, boxes[int(subject)][0]))
                continue
            values[subject] = list(consensus.classes[place])
            sure[int(subject)] = float(certainty[place])
        fused = Reading(None, values)
        support = {
            int(subject): tuple(
                Support(one.annotation, int(subject)) for one in readings if one.reading.values.get(subject) == names
            )
            for subject, names in values.items()
        }
        rows = evidence_rows(scene.rows(fused), agreement=sure, support=support)
        return Fused(fused, rows, _agreement(readings), method, tuple(regions), context)

    def settle(
        self, scene: Scene, base: Reading, evidence: Evidence, decisions: Sequence[Decision]
    ) -> tuple[Reading, tuple[CellEvidence, ...]]:
        values, decided = dict(base.values), {}
        for decision in decisions:
            for subject, names in decision.values.items():
                if names is not None:  # else the expert could not tell either: it stays unclassified
                    values[subject] = names
                    decided[int(subject)] = decision.adjudication
        settled = Reading(None, values)
        return settled, settled_rows(scene.rows(settled), {cell.id: cell for cell in evidence.cells}, decided)


def _said(one: ItemReading) -> list[tuple[str, list[str]]]:
    return [(subject, list(names)) for subject, names in one.reading.values.items()]


def _consensus(votes: list[ClassReading], scene: Scene, ontology: Ontology) -> tuple[ClassConsensus, str, int]:
    """The fusion that the readings at hand allow, its name, and how many readings of other images are in it."""
    known = []
    used = 0
    for other in scene.elsewhere:
        try:
            found = [
                ClassReading(f"{other.item}/{subject}", other.reader, ontology.checked(names))
                for subject, names in other.values.items()
            ]
        except InvalidDocument:
            continue  # a reading that does not fit tells nothing, and must not keep this image from its consensus
        known += found
        used += bool(found)
    readers = Counter(vote.item for vote in (*votes, *known))
    if sum(count > 1 for count in readers.values()) < MIN_SHARED:
        return fuse_classes(votes, ontology, method="majority"), "majority", 0
    method: Method = "dawid_skene"
    return fuse_classes([*votes, *known], ontology, method=method), "dawid-skene", used


def _is_sure(certainty: float, method: str) -> bool:
    return round(certainty, 9) >= SURE if method == "dawid-skene" else round(certainty, 9) > 0.5


def _region(subject: str, readings: Sequence[ItemReading], box: tuple[int, int, int, int]) -> Region:
    answers = [
        (json.dumps(one.reading.values[subject]), one.annotation) for one in readings if subject in one.reading.values
    ]
    options = tuple(
        Option(who, len(json.loads(names)), values={subject: json.loads(names)})
        for names, who in grouped(answers).items()
    )
    return Region("class", box, options, keys=(subject,))


def _agreement(readings: Sequence[ItemReading]) -> float:
    """Share of the answers that two readers gave on the same subject in which they agree."""
    same = total = 0
    for one, other in combinations(readings, 2):
        shared = set(one.reading.values) & set(other.reading.values)
        total += len(shared)
        same += sum(one.reading.values[key] == other.reading.values[key] for key in shared)
    return same / total if total else 1.0
