"""Pixels classified: regions confused, missed or left out, boundaries loose, by ``synthetic.pixel_annotator``.

A folder of outlined cells can be rehearsed too: its masks are reduced to background and nucleus, which they say without
doubt. The hub keeps the masks as they came; only the truth of the simulated eyes is reduced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from backend.rehearsal.kinds.contract import Desk, Option, Submission, Wish
from backend.rehearsal.kinds.painting import Box, Painted, cut, painted
from backend.rehearsal.pool import Ask, Case, Pool, count_of, read_records, scan_entries, stratified, upload_of
from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.fusion.semantic import fuse_semantic
from cellcommons.kinds.semantic_segmentation import class_raster, semantic_map
from cellcommons.labels import LabelMap, Labels
from cellcommons.layouts.contract import Record
from cellcommons.measures.semantic import pooled, semantic_scores
from cellcommons.reading import Reading
from cellcommons.semantic import SemanticMap
from cellcommons.synthetic.pixel_annotator import PixelErrorModel, simulate_map, skilled_pixels

USUAL = 24
NUCLEI = Ontology(("background", "nucleus"))
RIM_PX = 2
"""Half the width in pixels of a difference between a draft and what is seen, below which it is left as it is."""


class SemanticSegmentation(Painted):
    task = "semantic_segmentation"
    score = "mean_dice"
    noun = "class"

    def draw_pool(self, ask: Ask) -> Pool:
        entries = scan_entries(ask)
        chosen = stratified(entries, count_of(ask, len(entries), usual=USUAL), ask.seed)
        cases, notes = {}, []
        ontology: Ontology | None = None
        for record in read_records(ask, chosen):
            truth = _classes_of(record)
            if ontology not in (None, truth.ontology):
                raise InvalidDocument("images of one folder name different classes", where=record.entry.name)
            ontology = truth.ontology
            entry, shape = record.entry, truth.data.shape
            cases[entry.name] = Case(
                entry.name, entry.source, entry.stratum, Reading(class_raster(truth)), shape, {"ontology": ontology}
            )
            if isinstance(record.truth, LabelMap) and not notes:
                notes.append("the masks of single nuclei were reduced to background and nucleus")
        return Pool(ask.layout, self.task, cases, (upload_of(ask, chosen),), ontology, tuple(notes))

    def headline(self, pool: Pool) -> str:
        return "mean_dice"

    def person(self, seed: int, pool: Pool) -> PixelErrorModel:
        return skilled_pixels(seed)

    def wishes(self, desk: Desk, model: PixelErrorModel, rng: np.random.Generator) -> Iterator[Wish]:
        """From scratch the person paints what they see; in a draft they repaint the regions that look wrong to them."""
        ontology = desk.case.given["ontology"]
        simulated = simulate_map(semantic_map(desk.case.truth.labels, ontology), model, rng)
        own = class_raster(simulated.reading)
        seconds = simulated.seconds
        if desk.draft:
            own, changed = _corrected(desk.base.labels, own)
            seconds *= 0.25 + 0.75 * changed
        yield Wish(Reading(own), seconds)

    def score_reading(self, case: Case, truth: Reading, reading: Reading) -> float:
        return _dice(case, truth.labels, reading.labels)

    def score_option(self, case: Case, truth: Reading, box: Box, option: Option) -> float:
        right, said = cut(truth.labels, box), painted(option.labels)
        known = right > 0
        return float((right == said)[known].mean()) if known.any() else 0.0

    def majority(self, pool: Pool, submissions: Mapping[str, Sequence[Submission]]) -> dict[str, Reading]:
        """The class that most readers gave each pixel."""
        fused = {}
        for image, readings in submissions.items():
            ontology = pool.cases[image].given["ontology"]
            maps = [semantic_map(s.reading.labels, ontology) for s in readings]
            fused[image] = Reading(class_raster(fuse_semantic(maps, method="majority").consensus))
        return fused

    def measure(self, pool: Pool, predicted: Mapping[str, Reading]) -> dict[str, Any]:
        """Pixels of all images pooled: mean over classes, and each class."""
        scores = []
        for name, reading in predicted.items():
            case = pool.cases[name]
            ontology = case.given["ontology"]
            scores.append(
                semantic_scores(semantic_map(case.truth.labels, ontology), semantic_map(reading.labels, ontology))
            )
        found = pooled(scores).measures() if scores else {}
        return {"mean_dice": 0.0} | {key: round(value, 4) for key, value in found.items() if value is not None}


def _classes_of(record: Record) -> SemanticMap:
    """The record's truth as classes. Raises InvalidDocument where it says nothing about every pixel."""
    if isinstance(record.truth, SemanticMap):
        return record.truth
    if isinstance(record.truth, LabelMap):
        return SemanticMap((record.truth.data > 0).astype(np.uint8), NUCLEI, pixel_size=record.image.pixel_size)
    raise InvalidDocument(
        f"its labels are {type(record.truth).__name__}, which give no class to every pixel",
        where=record.entry.name,
        remedy="Choose another --task, or a folder of class maps or masks.",
    )


def _dice(case: Case, truth: Labels, said: Labels) -> float:
    ontology = case.given["ontology"]
    return semantic_scores(semantic_map(truth, ontology), semantic_map(said, ontology)).mean_dice or 0.0


def _corrected(draft: Labels, own: Labels) -> tuple[Labels, float]:
    """The draft, repainted where it differs from what the person sees by more than a thin rim; and how much was."""
    differs = draft != own
    # What a small brush would swallow is not worth a stroke.
    redone = ndimage.binary_opening(differs, iterations=RIM_PX)
    return np.where(redone, own, draft).astype(np.uint32), float(redone.mean())
