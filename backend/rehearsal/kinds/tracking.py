"""Cells linked through time: links lost, swapped and invented, divisions missed, by ``synthetic.lineage_annotator``."""

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
from backend.rehearsal.movies import generated_movies, track_of_detections
from backend.rehearsal.pool import (
    Ask,
    Case,
    Pool,
    Upload,
    count_of,
    has_truth,
    read_records,
    scan_entries,
    stratified,
    upload_of,
)
from cellcommons.discs import disc_movie
from cellcommons.errors import InvalidDocument
from cellcommons.layouts.contract import Entry, Record
from cellcommons.linking.contract import links_to_edges
from cellcommons.linking.features import measure_cells
from cellcommons.linking.overlap import MaskOverlap
from cellcommons.links import detections_of, edges_of_links, links_of, movie_of
from cellcommons.measures.tracking import TrackingScores, link_counts, pooled, tracking_scores
from cellcommons.points import PointTracks
from cellcommons.reading import Reading, Values
from cellcommons.synthetic.lineage_annotator import LineageErrorModel, simulate_linking, skilled_linker
from cellcommons.tracks import Edges, LabelMovie

USUAL = 8
FEWEST = 3
"""Movies without which there is no train, validation and test of whole movies."""


class Tracking(PlainKind):
    task = "tracking"
    score = "link_f1"
    paints = False
    answers = True

    def draw_pool(self, ask: Ask) -> Pool:
        """The folder's movies, and generated ones up to the number asked for."""
        entries = scan_entries(ask)
        wanted = ask.images or max(USUAL, len(entries))
        if wanted < FEWEST:
            raise InvalidDocument(
                f"{wanted} movies leave nothing to train, validate and test on",
                where=str(ask.root),
                remedy=f"Ask for --images {FEWEST} or more; generated movies fill up what the folder lacks.",
            )
        real = min(len(entries), wanted)
        count_of(replace(ask, images=real), len(entries), usual=real)
        chosen = stratified(entries, real, ask.seed)
        records = [(record, False) for record in read_records(ask, chosen)]
        uploads, notes = [_upload(ask, chosen)], []
        if wanted > real:
            made = generated_movies(wanted - real, seed=ask.seed, folder=ask.folder)
            uploads.append(made)
            theirs = replace(ask, layout=made.layout, root=made.root)
            records += [(record, True) for record in read_records(theirs, scan_entries(theirs))]
            notes.append(
                f"{real} of {wanted} movies are of the folder, the others generated (cellcommons.synthetic.movies)"
            )
        cases = {record.entry.name: _case(record, generated) for record, generated in records}
        held = tuple(record.entry.name for record, generated in records if not generated) if notes else ()
        return Pool(ask.layout, self.task, cases, tuple(uploads), notes=tuple(notes), into_test=held)

    def headline(self, pool: Pool) -> str:
        return "link_f1"

    def person(self, seed: int, pool: Pool) -> LineageErrorModel:
        return skilled_linker(seed)

    def wishes(self, desk: Desk, model: LineageErrorModel, rng: np.random.Generator) -> Iterator[Wish]:
        movie, tables = desk.case.given["movie"], desk.case.given["tables"]
        draft = _renamed(edges_of_links(desk.base.values), _inverse(tables)) if desk.draft else None
        simulated = simulate_linking(movie, model, rng, draft=draft)
        yield Wish(Reading(None, links_of(_renamed(simulated.edges, tables))), simulated.seconds)

    def score_reading(self, case: Case, truth: Reading, reading: Reading) -> float:
        return link_counts(edges_of_links(truth.values), edges_of_links(reading.values)).f1

    def score_option(self, case: Case, truth: Reading, box: tuple[int, int, int, int], option: Option) -> float:
        right = [option.values[key] == truth.values.get(key) for key in option.values]
        return float(np.mean(right)) if right else 0.0

    def majority(self, pool: Pool, submissions: Mapping[str, Sequence[Submission]]) -> dict[str, Reading]:
        """The parent that most readers gave each cell; of equals, none before the earliest."""
        fused = {}
        for image, readings in submissions.items():
            keys = {key for s in readings for key in s.reading.values}
            links: dict[str, str] = {}
            for key in sorted(keys):
                votes = Counter(s.reading.values.get(key, "") for s in readings)
                best, _ = min(votes.items(), key=lambda vote: (-vote[1], vote[0]))
                if best:
                    links[key] = best
            fused[image] = Reading(None, links)
        return fused

    def read_prediction(self, api: Api, row: Mapping[str, Any]) -> Reading:
        return Reading(None, read_values_over_http(api, row["zarr_url"]))

    def measure(self, pool: Pool, predicted: Mapping[str, Reading]) -> dict[str, Any]:
        """Links and divisions of all movies together, and those of the folder apart from those generated."""
        scores = {name: _scores(pool.cases[name], reading.values) for name, reading in predicted.items()}
        out = _summary(list(scores.values()))
        mixed = any(case.generated for case in pool.cases.values())
        for name, generated in (("of_the_folder", False), ("generated", True)):
            some = [score for image, score in scores.items() if pool.cases[image].generated == generated]
            if some and mixed:
                out[name] = {**_summary(some), "movies": len(some)}
        return out

    def baseline(self, pool: Pool, train: Sequence[str], test: Sequence[str]) -> dict[str, Any]:
        """Plain overlap on the same masks."""
        said = {}
        for name in test:
            cells = measure_cells(list(pool.cases[name].given["detections"]))
            said[name] = Reading(None, links_of(links_to_edges(cells, MaskOverlap().link(cells))))
        return {"method": "overlap", **self.measure(pool, said)}


def _upload(ask: Ask, entries: Sequence[Entry]) -> Upload:
    """The entries' own files; of a sequence whose truth is a folder of masks, that folder too."""
    upload = upload_of(ask, entries)
    masks = {path.parent for path in upload.paths if path.name == "man_track.txt"}
    return replace(upload, paths=(*upload.paths, *sorted(masks)))


def _case(record: Record, generated: bool) -> Case:
    entry, truth = record.entry, record.truth
    if isinstance(truth, PointTracks):
        # Spots become discs, as the hub makes them at import.
        movie = disc_movie(truth, (record.image.size("t"), *record.image.shape_yx))
    else:
        movie = has_truth(record, LabelMovie, task="tracking")
    detections, links = detections_of(movie)
    given = {"movie": movie, "detections": detections, "tables": track_of_detections(movie, detections)}
    shape = detections.shape[1], detections.shape[2]
    return Case(entry.name, entry.source, entry.stratum, Reading(None, links), shape, given, generated)


def _renamed(edges: Edges, tables: Sequence[NDArray[np.int64]]) -> Edges:
    """Links between other names of the same cells: ``tables[frame][id]``."""
    rows = [
        (frame, int(tables[frame][cell]), later, int(tables[later][child]))
        for frame, cell, later, child in edges.tolist()
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def _inverse(tables: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    inverse = []
    for table in tables:
        back = np.zeros(int(table.max(initial=0)) + 1, dtype=np.int64)
        back[table] = np.arange(table.size)
        inverse.append(back)
    return inverse


def _scores(case: Case, links: Values) -> TrackingScores:
    return tracking_scores(
        movie_of(case.given["detections"], case.truth.values), movie_of(case.given["detections"], links)
    )


def _summary(scores: Sequence[TrackingScores]) -> dict[str, Any]:
    total = pooled(scores)
    return {
        "link_f1": round(total.edges.f1, 4),
        "link_precision": round(total.edges.precision, 4),
        "link_recall": round(total.edges.recall, 4),
        "division_f1": round(total.divisions.f1, 4),
        "divisions": total.divisions.truth,
        "links": total.edges.truth,
    }
