"""Cells outlined: missed, merged, split, invented and wobbly, by ``cellcommons.synthetic.annotator``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from backend.rehearsal.kinds.contract import Desk, Option, Submission, Wish
from backend.rehearsal.kinds.painting import Box, Painted, cut, painted
from backend.rehearsal.pool import (
    Ask,
    Case,
    Pool,
    count_of,
    has_truth,
    read_records,
    scan_entries,
    stratified,
    upload_of,
)
from cellcommons.labels import LabelMap, outlines, relabel
from cellcommons.measures.detection import detection_scores, summed
from cellcommons.reading import Reading
from cellcommons.synthetic.annotator import ErrorModel, simulate_reading, skilled

USUAL = 60


class InstanceSegmentation(Painted):
    task = "instance_segmentation"
    score = "f1_50"

    def draw_pool(self, ask: Ask) -> Pool:
        entries = scan_entries(ask)
        chosen = stratified(entries, count_of(ask, len(entries), usual=USUAL), ask.seed)
        cases = {}
        for record in read_records(ask, chosen):
            entry, truth = record.entry, has_truth(record, LabelMap, task=self.task)
            shape = truth.data.shape
            cases[entry.name] = Case(entry.name, entry.source, entry.stratum, Reading(truth.data), shape)
        return Pool(ask.layout, self.task, cases, (upload_of(ask, chosen),))

    def headline(self, pool: Pool) -> str:
        return "f1_50"

    def person(self, seed: int, pool: Pool) -> ErrorModel:
        return skilled(seed)

    def wishes(self, desk: Desk, model: ErrorModel, rng: np.random.Generator) -> Iterator[Wish]:
        draft = desk.base.labels if desk.draft else None
        simulated = simulate_reading(desk.case.truth.labels, model, rng, draft=draft)
        yield Wish(Reading(simulated.labels), simulated.seconds)

    def score_reading(self, case: Case, truth: Reading, reading: Reading) -> float:
        return detection_scores(truth.labels, reading.labels).f1_50

    def score_option(self, case: Case, truth: Reading, box: Box, option: Option) -> float:
        return detection_scores(cut(truth.labels, box), painted(option.labels), thresholds=(0.5,)).f1_50

    def majority(self, pool: Pool, submissions: Mapping[str, Sequence[Submission]]) -> dict[str, Reading]:
        """Pixels that more than half of the readers put inside a cell, off its outline, are the parts that cells are;
        pixels that more than half gave to any cell go to the nearest part."""
        fused = {}
        for image, readings in submissions.items():
            drawn = [s.reading.labels for s in readings]
            inside = np.mean([(labels > 0) & ~outlines(labels) for labels in drawn], axis=0) > 0.5
            any_cell = np.mean([labels > 0 for labels in drawn], axis=0) > 0.5
            parts, _ = ndimage.label(inside)
            nearest = ndimage.distance_transform_edt(parts == 0, return_distances=False, return_indices=True)
            cells = np.where(any_cell, parts[tuple(nearest)], 0)
            fused[image] = Reading(relabel(cells.astype(np.uint32)))
        return fused

    def measure(self, pool: Pool, predicted: Mapping[str, Reading]) -> dict[str, Any]:
        """Pooled over cells, mean over images, and per stratum."""
        scores = {
            name: detection_scores(pool.cases[name].truth.labels, reading.labels) for name, reading in predicted.items()
        }
        pooled = summed(list(scores.values()))
        each = [score.f1_50 for score in scores.values()]
        return {
            "f1_50": round(pooled.f1_50, 4),
            "ap_50": round(pooled.ap_50, 4),
            "mean_ap": round(pooled.mean_ap, 4),
            "f1_50_mean_over_images": round(float(np.mean(each)), 4) if each else 0.0,
        }
