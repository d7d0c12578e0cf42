"""The report that a rehearsal prints."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from backend.rehearsal.loop import Loop, mean
from cellcommons.measures.detection import detection_scores


def make_report(loop: Loop, *, seconds: float) -> dict[str, Any]:
    """All that DESIGN asks of a rehearsal, as one JSON object.

    ``consensus_f1`` and the annotators' are means over images of F1 at IoU 0.5 against the truth;
    ``best_annotator`` is the person with the highest mean, beside the consensus on that person's own images, so that
    easy images favour neither.
    """
    consensus = loop.consensus()
    consensus_f1 = {name: detection_scores(loop.pool.truths[name], labels).f1_50 for name, labels in consensus.items()}
    by_person: dict[str, dict[str, float]] = defaultdict(dict)
    for reading in loop.readings:
        by_person[reading.person][reading.image] = reading.f1
    people = [
        {
            "person": person,
            "readings": len(scores),
            "f1": mean(scores.values()),
            "consensus_f1_same_images": mean(consensus_f1[image] for image in scores),
        }
        for person, scores in sorted(by_person.items())
    ]
    best = max(people, key=lambda row: row["f1"])
    last = loop.cards[-1]
    measures = loop.rounds[-1]["held_out"]
    return {
        "images": len(loop.pool.entries),
        "cells": sum(int(np.count_nonzero(np.unique(labels))) for labels in loop.pool.truths.values()),
        "annotations": len(loop.readings),
        "annotator_f1": mean(row["f1"] for row in people),
        "annotators": people,
        "best_annotator_f1": best["f1"],
        "best_annotator": best,
        "consensus_f1": mean(consensus_f1.values()),
        "disagreements": loop.expert.settled if loop.expert else 0,
        "releases": loop.releases,
        "rounds": loop.rounds,
        "model": {
            **measures,
            "name": last["name"],
            "measured_against": "truth of the last release's test split",
            "against_consensus": last["measures"],
            "otsu_watershed_against_consensus": last["baseline"],
        },
        "lost": sum(reading.lost for reading in loop.readings),
        "edits": sum(reading.edits for reading in loop.readings),
        "error_models": {person.name: vars(person.model) for person in loop.people},
        "seed": loop.plan.seed,
        "training_seconds": round(loop.training_seconds, 1),
        "hub_seconds": round(seconds - loop.training_seconds, 1),
        "seconds": round(seconds, 1),
    }


def as_table(report: dict[str, Any]) -> str:
    """The report for reading."""
    model = report["model"]
    annotators = f"annotators {report['annotator_f1']:.3f} (best {report['best_annotator_f1']:.3f})"
    lines = [
        "   ".join(f"{name} {report[name]}" for name in ("images", "annotations", "edits", "lost")),
        f"F1 at IoU 0.5 against the truth: {annotators}, consensus {report['consensus_f1']:.3f}",
    ]
    for row in report["rounds"]:
        work = f"{row['readings']} readings, {row['annotator_seconds']:.0f} simulated s"
        lines.append(f"round {row['round']} ({row['strategy']}): {work}, held-out F1 {row['held_out']['f1_50']:.3f}")
    for row in report["releases"]:
        size = f"{row['bytes']:,} bytes, {row['delta_bytes']:,} new"
        lines.append(f"{row['name']}  {row['manifest_sha256'][:16]}  {size}")
    lines.append(f"model {model['name']}: F1 {model['f1_50']:.3f}, by stratum {model['by_stratum']}")
    training, hub = report["training_seconds"], report["hub_seconds"]
    lines.append(f"{report['seconds']:.0f} s, of which training {training:.0f}, the hub {hub:.0f}")
    return "\n".join(lines)
