"""The report that a rehearsal prints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from backend.rehearsal.kinds.contract import Submission
from backend.rehearsal.loop import Loop, mean
from cellcommons.reading import Reading


def make_report(loop: Loop, *, seconds: float) -> dict[str, Any]:
    """All that a rehearsal has to say, as one JSON object.

    Scores of readings, consensus and majority are means over images of the kind's score against the truth;
    ``best_annotator`` is the person with the highest mean, beside the consensus on that person's own images, so that
    easy images favour neither.
    """
    kind, pool = loop.kind, loop.pool
    by_image: dict[str, list[Submission]] = defaultdict(list)
    for submission in loop.readings:
        by_image[submission.image].append(submission)
    consensus = _scores(loop, loop.consensus())
    majority = _scores(loop, kind.majority(pool, by_image))
    people = _people(loop, consensus)
    best = max(people, key=lambda row: row["score"])
    last, headline = loop.cards[-1], kind.headline(pool)
    report = {
        "task": pool.task,
        "layout": pool.layout,
        "images": len(pool.cases),
        "objects": sum(_objects(case.truth) for case in pool.cases.values()),
        "annotations": len(loop.readings),
        "score": kind.score,
        "headline": headline,
        "annotator_score": mean(row["score"] for row in people),
        "annotators": people,
        "best_annotator_score": best["score"],
        "best_annotator": best,
        "consensus_score": mean(consensus.values()),
        "majority_score": mean(majority.values()),
        "disagreements": loop.expert.settled if loop.expert else 0,
        "releases": loop.releases,
        "rounds": loop.rounds,
        "model": {
            **loop.rounds[-1]["held_out"],
            "name": last["name"],
            "measured_against": "truth of the last release's test split",
            "baseline": kind.baseline(pool, loop.split("train"), loop.split("test")),
            "against_consensus": last["measures"],
            "baseline_against_consensus": last["baseline"],
            "notes": last["notes"],
        },
        **kind.extras(loop.readings),
        "notes": [*pool.notes, *dict.fromkeys(loop.notes)],
        "lost": sum(reading.lost for reading in loop.readings),
        "edits": sum(reading.edits for reading in loop.readings),
        "error_models": {person.name: _stated(person.model) for person in loop.people},
        "seed": loop.plan.seed,
        "training_seconds": round(loop.training_seconds, 1),
        "hub_seconds": round(seconds - loop.training_seconds, 1),
        "seconds": round(seconds, 1),
    }
    if pool.task == "instance_segmentation":
        # The names under which the figures of this task have always been reported.
        report["cells"] = report["objects"]
        for name in ("annotator", "best_annotator", "consensus", "majority"):
            report[f"{name}_f1"] = report[f"{name}_score"]
        report["model"]["otsu_watershed_against_consensus"] = last["baseline"]
    return report


def _scores(loop: Loop, readings: Mapping[str, Reading]) -> dict[str, float]:
    truths, cases = loop.truths(), loop.pool.cases
    return {
        name: loop.kind.score_reading(cases[name], truths[name], reading)
        for name, reading in readings.items()
        if name in truths
    }


def _people(loop: Loop, consensus: Mapping[str, float]) -> list[dict[str, Any]]:
    by_person: dict[str, dict[str, float]] = defaultdict(dict)
    for reading in loop.readings:
        by_person[reading.person][reading.image] = reading.score
    return [
        {
            "person": person,
            "readings": len(scores),
            "score": mean(scores.values()),
            "consensus_score_same_images": mean(consensus[image] for image in scores),
        }
        for person, scores in sorted(by_person.items())
    ]


def _objects(truth: Reading) -> int:
    """Cells, classes, subjects, links or regions of one image."""
    painted = 0 if truth.raster is None else int(np.count_nonzero(np.unique(truth.raster)))
    return painted + len(truth.values)


def _stated(model: Any) -> dict[str, Any]:
    """An error model with its parts, as JSON."""
    return {key: vars(value) if hasattr(value, "__dict__") else value for key, value in vars(model).items()}


def as_table(report: dict[str, Any]) -> str:
    """The report for reading."""
    model, score, headline = report["model"], report["score"], report["headline"]
    annotators = f"annotators {report['annotator_score']:.3f} (best {report['best_annotator_score']:.3f})"
    plain = f"majority {report['majority_score']:.3f}"
    lines = [
        "   ".join(f"{name} {report[name]}" for name in ("task", "images", "annotations", "edits", "lost")),
        f"{score} against the truth: {annotators}, {plain}, consensus {report['consensus_score']:.3f}",
    ]
    for row in report["rounds"]:
        work = f"{row['readings']} readings, {row['annotator_seconds']:.0f} simulated s"
        held = f"held-out {headline} {row['held_out'][headline]:.3f}"
        lines.append(f"round {row['round']} ({row['strategy']}): {work}, {held}")
    for row in report["releases"]:
        size = f"{row['bytes']:,} bytes, {row['delta_bytes']:,} new"
        lines.append(f"{row['name']}  {row['manifest_sha256'][:16]}  {size}")
    lines.append(f"model {model['name']}: {headline} {model[headline]:.3f}, by stratum {model['by_stratum']}")
    lines += [f"note: {note}" for note in report["notes"]]
    training, hub = report["training_seconds"], report["hub_seconds"]
    lines.append(f"{report['seconds']:.0f} s, of which training {training:.0f}, the hub {hub:.0f}")
    return "\n".join(lines)
