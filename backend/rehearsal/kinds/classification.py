"""Classes named: looks alike, habits and slips, by ``cellcommons.synthetic.class_annotator``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.rehearsal.api import Api
from backend.rehearsal.arrays import read_values_over_http
from backend.rehearsal.kinds.contract import Desk, Option, PlainKind, Submission, Wish
from backend.rehearsal.pool import Ask, Case, Pool, count_of, read_records, scan_entries, stratified, upload_of
from cellcommons.classes import CellBoxes, CellClasses, ImageClasses, Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.fusion.classes import ClassReading, fuse_classes
from cellcommons.layouts.contract import Record
from cellcommons.measures.classification import ConfusionScores, confusion_scores, spearman
from cellcommons.reading import Reading, Values
from cellcommons.subjects import subjects_of
from cellcommons.synthetic.class_annotator import ClassErrorModel, simulate_classes, skilled_classes

USUAL = 40
GLANCE = 0.3
"""Share of the time for an answer that it takes to see that a draft's answer is right."""
ANCHORED = 0.3
"""Share of a draft's wrong answers that a person who would have answered otherwise leaves as they are."""


class Classification(PlainKind):
    task = "classification"
    score = "accuracy"
    paints = False
    answers = True

    def draw_pool(self, ask: Ask) -> Pool:
        entries = [entry for entry in scan_entries(ask) if entry.metadata.get("boxes") != 0]
        chosen = stratified(entries, count_of(ask, len(entries), usual=USUAL), ask.seed)
        cases = {}
        ontology: Ontology | None = None
        for record in read_records(ask, chosen):
            values, ontology = _said(record, ontology)
            entry = record.entry
            case = Case(entry.name, entry.source, entry.stratum, Reading(None, values), record.image.shape_yx)
            cases[entry.name] = replace(case, given={"ontology": ontology})
        assert ontology is not None
        pool = Pool(ask.layout, self.task, cases, (upload_of(ask, chosen),), ontology)
        return replace(pool, notes=_rare(pool))

    def headline(self, pool: Pool) -> str:
        return "spearman" if pool.ontology is not None and pool.ontology.ordinal else "macro_f1"

    def person(self, seed: int, pool: Pool) -> ClassErrorModel:
        return skilled_classes(seed, classes=len(pool.ontology or ()))

    def wishes(self, desk: Desk, model: ClassErrorModel, rng: np.random.Generator) -> Iterator[Wish]:
        ontology, truth = desk.case.given["ontology"], desk.case.truth.values
        keys = sorted(truth, key=int)
        simulated = simulate_classes(tuple(tuple(truth[key]) for key in keys), ontology, model, rng)
        said = {key: list(names) for key, names in zip(keys, simulated.classes, strict=True)}
        seconds = simulated.seconds
        if desk.draft:
            offered = desk.base.values
            for key in keys:
                wrong = key in offered and offered[key] != truth[key]
                if wrong and said[key] != offered[key] and rng.random() < ANCHORED:
                    said[key] = list(offered[key])
            kept = sum(said[key] == offered.get(key) for key in keys) / max(len(keys), 1)
            seconds *= 1 - (1 - GLANCE) * kept
        yield Wish(Reading(None, said), seconds)

    def score_reading(self, case: Case, truth: Reading, reading: Reading) -> float:
        right = [reading.values.get(key) == names for key, names in truth.values.items()]
        return float(np.mean(right)) if right else 1.0

    def score_option(self, case: Case, truth: Reading, box: tuple[int, int, int, int], option: Option) -> float:
        right = [option.values[key] == truth.values.get(key) for key in option.values]
        return float(np.mean(right)) if right else 0.0

    def majority(self, pool: Pool, submissions: Mapping[str, Sequence[Submission]]) -> dict[str, Reading]:
        """The class that most readers gave each subject."""
        fused = {}
        assert pool.ontology is not None
        for image, readings in submissions.items():
            votes = [
                ClassReading(key, s.person, tuple(names)) for s in readings for key, names in s.reading.values.items()
            ]
            found = fuse_classes(votes, pool.ontology, method="majority") if votes else None
            said = {key: list(names) for key, names in zip(found.items, found.classes, strict=True)} if found else {}
            fused[image] = Reading(None, said)
        return fused

    def read_prediction(self, api: Api, row: Mapping[str, Any]) -> Reading:
        return Reading(None, read_values_over_http(api, row["zarr_url"]))

    def measure(self, pool: Pool, predicted: Mapping[str, Reading]) -> dict[str, Any]:
        """Over all subjects of all images. Ranks are correlated too."""
        ontology = pool.ontology
        assert ontology is not None
        pairs = [(pool.cases[name].truth.values, reading.values) for name, reading in predicted.items()]
        if ontology.multi:
            return _several(pairs, ontology)
        truth, said, missing = _places(pairs, ontology)
        scores = confusion_scores(truth, said, ontology)
        found = {key: value for key, value in scores.measures().items() if value is not None}
        if ontology.ordinal and (rank := spearman(truth, said)) is not None:
            found["spearman"] = rank
        out: dict[str, Any] = {self.headline(pool): 0.0} | {key: round(float(value), 4) for key, value in found.items()}
        return out | {"subjects": int(truth.size), "unanswered": missing}

    def baseline(self, pool: Pool, train: Sequence[str], test: Sequence[str]) -> dict[str, Any]:
        """The class that is most frequent in the training images, given to everything."""
        counts = Counter(tuple(names) for name in train for names in pool.cases[name].truth.values.values())
        if not counts:
            return {}
        most = list(counts.most_common(1)[0][0])
        said = {name: Reading(None, dict.fromkeys(pool.cases[name].truth.values, most)) for name in test}
        return {"method": f"always {' and '.join(most) or 'none'}", **self.measure(pool, said)}


def _said(record: Record, known: Ontology | None) -> tuple[Values, Ontology]:
    """The truth as the hub keeps it: subject -> classes; boxes and cells are counted from 1 in raster order."""
    truth = record.truth
    if not isinstance(truth, ImageClasses | CellBoxes | CellClasses):
        raise InvalidDocument(
            f"its labels are {type(truth).__name__}, which name no classes",
            where=record.entry.name,
            remedy="Choose another --task, or a folder of classes.",
        )
    subjects = subjects_of(truth)
    if known not in (None, subjects.ontology):
        raise InvalidDocument("images of one folder name different classes", where=record.entry.name)
    return subjects.classes, subjects.ontology


def _places(
    pairs: Sequence[tuple[Values, Values]], ontology: Ontology
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Truth and prediction as places in the ontology; a subject without a prediction counts as wrong."""
    truth, said, missing = [], [], 0
    for right, answers in pairs:
        for key, (name,) in right.items():
            place = ontology.index(name)
            truth.append(place)
            given = answers.get(key) or []
            missing += not given
            said.append(ontology.index(given[0]) if given else (place + 1) % len(ontology))
    return np.array(truth, dtype=np.int64), np.array(said, dtype=np.int64), missing


def _several(pairs: Sequence[tuple[Values, Values]], ontology: Ontology) -> dict[str, Any]:
    """Of several classes at once: F1 of each class there or not, and its mean."""
    rows = [(ontology.vector(r[key]), ontology.vector(a.get(key) or [])) for r, a in pairs for key in r]
    truth, said = (np.array([row[side] for row in rows]) for side in (0, 1))
    yes = Ontology(("absent", "present"))
    each = {}
    for place, name in enumerate(ontology.names):
        scores: ConfusionScores = confusion_scores(
            truth[:, place].astype(np.int64), said[:, place].astype(np.int64), yes
        )
        if (f1 := scores.f1("present")) is not None:
            each[f"f1_{name}"] = round(f1, 4)
    return {"macro_f1": round(float(np.mean(list(each.values()))), 4) if each else 0.0, **each, "subjects": len(rows)}


def _rare(pool: Pool) -> tuple[str, ...]:
    """A note on classes that a split may well miss."""
    assert pool.ontology is not None
    images = Counter(
        name for case in pool.cases.values() for name in {n for v in case.truth.values.values() for n in v}
    )
    rare = [name for name in pool.ontology.names if images[name] < 3]
    return (f"in fewer than three images: {', '.join(rare)}",) if rare else ()
