"""Crowds of mixed skill, one poor reader among them: what the hub makes of their readings, beside a plain vote.

Readings are fused and settled by ``backend.consensus.kinds``, as in the hub; the sceptic's vote and the scores are
those of the rehearsal. Everything is generated, so that the truth is exact; choices between
fusions were made on other seeds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import django
import numpy as np

# The kinds name a model in their scene, so Django must be set up; no database is touched, and none is started.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings.test")
os.environ.setdefault("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
django.setup()

from backend.consensus.evidence import Evidence  # noqa: E402
from backend.consensus.kinds.contract import Decision, Elsewhere, Fused, ItemReading, Region, Scene  # noqa: E402
from backend.consensus.kinds.registry import KINDS  # noqa: E402
from backend.imaging.models import Image  # noqa: E402
from backend.rehearsal.kinds.contract import Option, Submission  # noqa: E402
from backend.rehearsal.kinds.registry import get_kind  # noqa: E402
from backend.rehearsal.pool import Case, Pool  # noqa: E402
from cellcommons.classes import Ontology  # noqa: E402
from cellcommons.edits import inflate  # noqa: E402
from cellcommons.images.data import ImageData  # noqa: E402
from cellcommons.kinds.given import Given  # noqa: E402
from cellcommons.kinds.semantic_segmentation import class_raster, semantic_map  # noqa: E402
from cellcommons.links import detections_of, links_of  # noqa: E402
from cellcommons.measures.bootstrap import bootstrap_interval  # noqa: E402
from cellcommons.reading import Reading  # noqa: E402
from cellcommons.store import ObjectStore  # noqa: E402
from cellcommons.synthetic.annotator import ErrorModel, simulate_reading, skilled  # noqa: E402
from cellcommons.synthetic.cells import generate_cells  # noqa: E402
from cellcommons.synthetic.class_annotator import ClassErrorModel, simulate_classes  # noqa: E402
from cellcommons.synthetic.failure_annotator import MODELS as MARKERS  # noqa: E402
from cellcommons.synthetic.failure_annotator import FailureModel, annotate_failures  # noqa: E402
from cellcommons.synthetic.failures import plant_failures  # noqa: E402
from cellcommons.synthetic.lineage_annotator import LineageErrorModel, simulate_linking, skilled_linker  # noqa: E402
from cellcommons.synthetic.movies import generate_movie  # noqa: E402
from cellcommons.synthetic.pixel_annotator import PixelErrorModel, simulate_map  # noqa: E402
from cellcommons.synthetic.semantic import TISSUE, generate_tissue  # noqa: E402
from tests.bench.result import Goal, Result  # noqa: E402

SEEDS = range(48)
CROWDS = {3: ("poor", "practised", "expert"), 5: ("poor", "practised", "practised", "practised", "expert")}
CLASSES = Ontology(("RBC", "WBC", "platelet", "debris"))
Person = Any


@dataclass(frozen=True)
class Scenario:
    """One kind of label.

    Attributes:
        name: in the figures. task: of the hub. cases: seed -> images with their truth.
        person: level -> how they err. reads: one person reads one case.
    """

    name: str
    task: str
    cases: Callable[[int], list[Case]]
    person: Callable[[str, int], Person]
    reads: Callable[[Case, Person, np.random.Generator], Reading]


@dataclass(frozen=True)
class Bare(Scene):
    """A scene whose companions lie in memory."""

    laid: Given | None = field(default=None, repr=False)

    @property
    def given(self) -> Given:  # type: ignore[override]
        assert self.laid is not None
        return self.laid


def run() -> Result:
    """48 seeds, each with its own truth and people; crowds of 3 and of 5; between two and three minutes of CPU."""
    figures: dict[str, Any] = {"seeds": len(SEEDS), "crowds": {str(n): "+".join(who) for n, who in CROWDS.items()}}
    goals = []
    began = time.process_time()
    for scenario in SCENARIOS:
        for count, levels in CROWDS.items():
            name = f"{scenario.name}_{count}"
            rows = [one_crowd(scenario, levels, seed) for seed in SEEDS]
            figures |= summary(name, rows)
            goals += [
                Goal(f"{name}_{over}_low95", at_least=1e-9)
                for over in ("over_mean", "over_majority", "fused_over_majority")
            ]
    figures["cpu_seconds"] = round(time.process_time() - began, 1)
    return Result("consensus", figures, goals)


def summary(name: str, rows: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Means over the seeds, and paired differences with 95 % intervals over the seeds."""
    figures: dict[str, Any] = {f"{name}_{key}": round(float(np.mean([r[key] for r in rows])), 5) for key in rows[0]}
    for one, other in (("settled", "mean"), ("settled", "majority"), ("fused", "majority")):
        found = bootstrap_interval([r[one] - r[other] for r in rows], lambda some: float(np.mean(some)), seed=0)
        stem = f"{name}_over_{other}" if one == "settled" else f"{name}_fused_over_{other}"
        figures |= {stem: round(found.value, 5), f"{stem}_low95": round(found.low, 5)}
        figures[f"{stem}_high95"] = round(found.high, 5)
    return figures


def one_crowd(scenario: Scenario, levels: Sequence[str], seed: int) -> dict[str, float]:
    """Scores of one crowd over its images.

    ``held``: the hub's consensus with nothing where a dispute is open. ``fused``: each dispute given to the option that
    most readers speak for, without an expert. ``settled``: to the option closest to the truth, by an expert.
    """
    kind, rules = KINDS[scenario.task], get_kind(scenario.task)
    cases = scenario.cases(seed)
    people = [scenario.person(level, 100 * seed + k) for k, level in enumerate(levels)]
    said = {
        case.name: [
            ItemReading(
                f"{case.name}-{k}", f"reader-{k}", scenario.reads(case, who, np.random.default_rng([seed, n, k]))
            )
            for k, who in enumerate(people)
        ]
        for n, case in enumerate(cases)
    }
    ontology = cases[0].given.get("ontology")
    pool = Pool("", scenario.task, {case.name: case for case in cases}, (), ontology)
    plain = rules.majority(pool, {case.name: [_submitted(case, one) for one in said[case.name]] for case in cases})
    scores: dict[str, list[float]] = {"majority": [], "held": [], "fused": [], "settled": [], "disputes": []}
    each = []
    for case in cases:
        scene = _scene(scenario.task, case, said if kind.context else {})
        fused = kind.fuse(scene, said[case.name])

        def score(reading: Reading, case: Case = case) -> float:
            return rules.score_reading(case, case.truth, reading)

        def best(region: Region, case: Case = case) -> int:
            options = [_option(index, row, region) for index, row in enumerate(region.columns(0)["options"])]
            return int(np.argmax([rules.score_option(case, case.truth, region.box, one) for one in options]))

        each.append([score(one.reading) for one in said[case.name]])
        scores["majority"].append(score(plain[case.name]))
        scores["held"].append(score(fused.reading))
        scores["fused"].append(score(_settled(scenario.task, scene, fused, lambda region: 0)))
        scores["settled"].append(score(_settled(scenario.task, scene, fused, best)))
        scores["disputes"].append(float(len(fused.regions)))
    own = np.mean(each, axis=0)
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    return {"mean": float(own.mean()), "best": float(own.max()), **means}


def _settled(task: str, scene: Scene, fused: Fused, choose: Callable[[Region], int]) -> Reading:
    decisions = []
    for index, region in enumerate(fused.regions):
        row = region.columns(index)
        chosen = row["options"][choose(region)]
        shape = region.box[2] - region.box[0], region.box[3] - region.box[1]
        labels = None if chosen["labels"] is None else inflate(chosen["labels"], shape)
        decisions.append(Decision(f"decision-{index}", region.box, row["options"], labels, chosen["values"] or {}))
    if not decisions:
        return fused.reading
    return KINDS[task].settle(scene, fused.reading, Evidence((), fused.cells), decisions)[0]


def _scene(task: str, case: Case, elsewhere: dict[str, list[ItemReading]]) -> Scene:
    image = Image(axes="yx", shape=list(case.shape), pixel_size_um={})
    others = tuple(
        Elsewhere(name, one.reader, one.reading.values)
        for name, readings in elsewhere.items()
        if name != case.name
        for one in readings
    )
    store = cast(ObjectStore, None)  # what would be read from it is laid out
    laid = Given(case.shape, detections=case.given.get("detections"), boxes=case.given.get("boxes"))
    return Bare(store, task, image, {}, case.given.get("ontology"), others, laid)


def _submitted(case: Case, one: ItemReading) -> Submission:
    return Submission(case.name, one.reader, 0.0, 0.0, 0, False, one.reading, case.truth)


def _option(index: int, row: dict[str, Any], region: Region) -> Option:
    shape = region.box[2] - region.box[0], region.box[3] - region.box[1]
    return Option(index, None if row["labels"] is None else inflate(row["labels"], shape), row["values"] or {})


def _cells(seed: int) -> list[Case]:
    found = [generate_cells(1000 * seed + n, height=192, width=192).labels for n in range(2)]
    return [Case(f"field {n}", "", "", Reading(labels), labels.shape) for n, labels in enumerate(found)]


def _outliner(level: str, seed: int) -> ErrorModel:
    if level == "poor":
        return replace(skilled(seed, level="novice"), miss=0.25, merge=0.15, split=0.12, spurious=0.1, boundary_px=2.5)
    return skilled(seed, level=level)  # type: ignore[arg-type]


def _classified(seed: int) -> list[Case]:
    rng = np.random.default_rng([seed, 1])
    cases = []
    for image in range(10):
        names = rng.choice(CLASSES.names, size=20, p=(0.6, 0.2, 0.15, 0.05)).tolist()
        values: dict[str, Any] = {str(n): [name] for n, name in enumerate(names, start=1)}
        boxes = {n: (0, 8 * n, 8, 8 * n + 8) for n in range(1, 21)}
        given = {"ontology": CLASSES, "boxes": boxes}
        cases.append(Case(f"field {image}", "", "", Reading(None, values), (8, 200), given))
    return cases


def _classifier(level: str, seed: int) -> ClassErrorModel:
    wobble = float(np.random.default_rng(seed).uniform(-0.04, 0.04))
    if level == "poor":
        return ClassErrorModel(accuracy=0.5 + wobble, habit=0.2)
    return ClassErrorModel(accuracy={"practised": 0.78, "expert": 0.93}[level] + wobble)


def _classifies(case: Case, model: ClassErrorModel, rng: np.random.Generator) -> Reading:
    keys = list(case.truth.values)
    made = simulate_classes(tuple(tuple(case.truth.values[key]) for key in keys), CLASSES, model, rng)  # type: ignore[arg-type]
    return Reading(None, {key: list(names) for key, names in zip(keys, made.classes, strict=True)})


def _tissue(seed: int) -> list[Case]:
    found = [generate_tissue(1000 * seed + n, height=160, width=160).truth for n in range(3)]
    return [
        Case(f"field {n}", "", "", Reading(class_raster(t)), t.data.shape, {"ontology": TISSUE})
        for n, t in enumerate(found)
    ]


def _painter(level: str, seed: int) -> PixelErrorModel:
    vary = float(np.exp(np.random.default_rng(seed).normal(0, 0.2)))
    return {
        "poor": PixelErrorModel(confuse=0.35 * vary, miss=0.2, boundary_px=4.0 * vary),
        "practised": PixelErrorModel(confuse=0.06 * vary, miss=0.05, boundary_px=1.5 * vary),
        "expert": PixelErrorModel(confuse=0.02, miss=0.02, boundary_px=0.8 * vary),
    }[level]


def _paints(case: Case, model: PixelErrorModel, rng: np.random.Generator) -> Reading:
    return Reading(class_raster(simulate_map(semantic_map(case.truth.labels, TISSUE), model, rng).reading))


def _movie(seed: int) -> list[Case]:
    movie = generate_movie(seed, density="hard", frames=16, height=192, width=192).truth
    detections, links = detections_of(movie)
    # Named as the detections are, so that readings need no translation.
    given = {"movie": movie, "detections": movie.data}
    del detections, links
    return [Case("movie", "", "", Reading(None, links_of(movie.edges())), movie.data.shape[1:], given)]


def _linker(level: str, seed: int) -> LineageErrorModel:
    if level == "poor":
        model = skilled_linker(seed, level="novice")
        return replace(model, miss=0.12, false_link=0.3, swap=0.06, missed_division=0.5)
    return skilled_linker(seed, level=level)  # type: ignore[arg-type]


def _links(case: Case, model: LineageErrorModel, rng: np.random.Generator) -> Reading:
    return Reading(None, links_of(simulate_linking(case.given["movie"], model, rng).edges))


def _failures(seed: int) -> list[Case]:
    found = []
    for n in range(6):
        flat = ImageData(np.zeros((1, 256, 256), np.uint16), "cyx", ("target",))
        failed = plant_failures(flat, seed=1000 * seed + n, count=4, radius=(8, 24)).failed
        found.append(Case(f"field {n}", "", "", Reading(failed.astype(np.uint32)), failed.shape))
    return found


def _marker(level: str, seed: int) -> FailureModel:
    vary = float(np.exp(np.random.default_rng(seed).normal(0, 0.2)))
    model = MARKERS["novice"] if level == "poor" else MARKERS[level]  # type: ignore[index]
    model = replace(model, miss=0.4, spurious=6.0, margin_px=5.0, loose_px=4.0) if level == "poor" else model
    return replace(model, miss=model.miss * vary, margin_px=model.margin_px * vary)


def _marks(case: Case, model: FailureModel, rng: np.random.Generator) -> Reading:
    made = annotate_failures(case.truth.labels > 0, model, seed=int(rng.integers(2**31)))
    return Reading(made.marked.astype(np.uint32))


SCENARIOS = (
    Scenario(
        "instances",
        "instance_segmentation",
        _cells,
        _outliner,
        lambda case, who, rng: Reading(simulate_reading(case.truth.labels, who, rng).labels),
    ),
    Scenario("classes", "classification", _classified, _classifier, _classifies),
    Scenario("pixels", "semantic_segmentation", _tissue, _painter, _paints),
    Scenario("links", "tracking", _movie, _linker, _links),
    Scenario("failures", "augmented", _failures, _marker, _marks),
)
