"""Links between given cells: voted on, from three readers on by their rates of error; what stays unsure is asked about.

A movie has hundreds of links, so that it tells alone how its readers err (docs/decisions/0013-skill-from-readings.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from backend.consensus.evidence import CellEvidence, Evidence, Support, evidence_rows, settled_rows, single_rows
from backend.consensus.kinds.contract import SINGLE, Box, Decision, Fused, ItemReading, Option, Region, Scene
from backend.consensus.kinds.painting import padded
from cellcommons.fusion.lineages import DisputedEvent, LineageFusion, fuse_lineages
from cellcommons.linked import lineage_from_edges, parents_of
from cellcommons.links import edges_of_links, links_of, node_key, parse_node
from cellcommons.reading import Reading
from cellcommons.tracks import Movie, Nodes, movie_nodes

PAD = 12
SURE = 0.8
"""Probability below which a link is asked about."""
MANY = 3
"""Readers from which rates of error are believed; two cannot tell which of them errs."""
Ints = NDArray[np.int64]
Cell = tuple[int, int]


class Tracking:
    task = "tracking"
    context = 0

    def fuse(self, scene: Scene, readings: Sequence[ItemReading]) -> Fused:
        if len(readings) == 1:
            own = readings[0].reading
            return Fused(own, single_rows(readings[0].annotation, scene.rows(own)), 1.0, SINGLE)
        movie = scene.given.frame_movie()
        nodes = movie_nodes(movie)
        said = [edges_of_links(one.reading.values) for one in readings]
        few = len(readings) < MANY
        fusion = fuse_lineages(nodes, said) if few else fuse_lineages(nodes, said, method="em", quorum=SURE)
        links, questions = _questions(fusion, readings)
        boxes = _Boxes(movie)
        regions = tuple(_region(question, readings, fusion.weights, boxes) for question in questions)
        fused = Reading(None, links)
        asked = {key for question in questions for key in question.keys}
        agreement, support = _track_evidence(nodes, fused, readings, asked)
        rows = evidence_rows(scene.rows(fused), agreement=agreement, support=support)
        return Fused(fused, rows, fusion.agreement, "vote" if few else "em", regions)

    def settle(
        self, scene: Scene, base: Reading, evidence: Evidence, decisions: Sequence[Decision]
    ) -> tuple[Reading, tuple[CellEvidence, ...]]:
        values, by_child = dict(base.values), {}
        for decision in decisions:
            for child, parent in decision.values.items():
                values.pop(child, None)
                if parent is not None:
                    values[child] = parent
                by_child[child] = decision.adjudication
        settled = Reading(None, values)
        nodes = movie_nodes(scene.given.frame_movie())
        before, after = _tracks(nodes, base), _tracks(nodes, settled)
        kept = {cell.id: cell for cell in evidence.cells}
        carried = {now: kept[then] for now, then in _same_tracks(after, before).items() if then in kept}
        track_of = dict(zip(map(tuple, nodes.tolist()), after.tolist(), strict=True))
        decided = {track_of[parse_node(child)]: by_child[child] for child in sorted(by_child, reverse=True)}
        return settled, settled_rows(scene.rows(settled), carried, decided)


class _Question:
    """A disputed event whose keys no other question has."""

    def __init__(self, event: DisputedEvent, keys: tuple[str, ...], answers: dict[tuple[str | None, ...], list[int]]):
        self.event, self.keys, self.answers = event, keys, answers


def _questions(fusion: LineageFusion, readings: Sequence[ItemReading]) -> tuple[dict[str, str], list[_Question]]:
    """The settled links, and what is left to ask, each child in one question only.

    A child may be part of two disputes (claimed by two mothers): links are asked first, divisions about the rest.
    """
    links = links_of(fusion.edges)
    questions: list[_Question] = []
    taken: set[str] = set()
    for event in sorted(fusion.disagreements, key=lambda event: event.kind != "link"):
        if event.kind == "link":
            children = [node_key(event.frame, event.cell)]
        else:
            voted = {cell for option in event.options for cell in option.cells}
            mother = node_key(event.frame, event.cell)
            # A daughter that most readers give to another mother is settled, whatever becomes of this one.
            children = [key for key in (node_key(*cell) for cell in sorted(voted)) if links.get(key, mother) == mother]
        keys = tuple(child for child in children if child not in taken)
        answers: dict[tuple[str | None, ...], list[int]] = {}
        for at, one in enumerate(readings):
            said = tuple(one.reading.values.get(key) for key in keys)
            answers.setdefault(said, []).append(at)
        if len(answers) < 2:
            # All agree once what others ask is left out: nothing is open here.
            for key, parent in zip(keys, next(iter(answers)), strict=True):
                if parent is not None:
                    links[key] = parent
            continue
        taken |= set(keys)
        for key in keys:
            links.pop(key, None)
        questions.append(_Question(event, keys, answers))
    order = sorted(questions, key=lambda question: (question.event.frame, question.event.cell, question.event.kind))
    return links, order


def _region(question: _Question, readings: Sequence[ItemReading], weights: Sequence[float], boxes: _Boxes) -> Region:
    likely = {at: option.weight for option in question.event.options for at in option.readings}

    def rank(said: tuple[tuple[str | None, ...], list[int]]) -> tuple[float, tuple[str, ...]]:
        # A link's options have their probability; what becomes of a mother is voted on.
        weight = likely[said[1][0]] if question.event.kind == "link" else sum(weights[at] for at in said[1])
        return -round(weight, 9), tuple(parent or "" for parent in said[0])

    ranked = sorted(question.answers.items(), key=rank)
    options = tuple(
        Option(
            tuple(readings[at].annotation for at in who),
            sum(parent is not None for parent in said),
            values=dict(zip(question.keys, said, strict=True)),
        )
        for said, who in ranked
    )
    parents = {parent for said in question.answers for parent in said if parent is not None}
    concerned = [parse_node(node) for node in (*question.keys, *sorted(parents))]
    concerned.append((question.event.frame, question.event.cell))
    frame = parse_node(question.keys[0])[0]
    return Region(question.event.kind, boxes.around(concerned), options, question.keys, frame)


class _Boxes:
    """Boxes of the cells of a movie, frame by frame as they are asked for."""

    def __init__(self, movie: Movie) -> None:
        self._movie = movie
        self._frames: dict[int, list[tuple[slice, slice] | None]] = {}

    def around(self, cells: Sequence[Cell]) -> Box:
        """The box that holds all ``cells``, in whatever frames, with some room."""
        found = []
        for frame, cell in cells:
            if frame not in self._frames:
                self._frames[frame] = ndimage.find_objects(self._movie[frame].astype(np.int64))
            place = self._frames[frame][cell - 1]
            assert place is not None  # the cell is a node of this movie
            found.append((place[0].start, place[1].start, place[0].stop, place[1].stop))
        corners = np.array(found)
        low, high = corners[:, :2].min(axis=0).tolist(), corners[:, 2:].max(axis=0).tolist()
        height, width = self._movie.shape[1:]
        return padded((low[0], low[1], high[0], high[1]), PAD, (height, width))


def _tracks(nodes: Nodes, reading: Reading) -> Ints:
    """The track of each node, shape (n,)."""
    return lineage_from_edges(nodes, edges_of_links(reading.values))[1]


def _same_tracks(tracks: Ints, others: Ints) -> dict[int, int]:
    """Track -> the one of ``others`` that it shares most of its cells with, where it is more than half of both."""
    if not len(tracks):
        return {}
    pairs, counts = np.unique(np.stack([tracks, others], axis=1), axis=0, return_counts=True)
    own, theirs = np.bincount(tracks), np.bincount(others)
    share = counts / (own[pairs[:, 0]] + theirs[pairs[:, 1]] - counts)
    return {int(one): int(two) for (one, two), near in zip(pairs.tolist(), share.tolist(), strict=True) if near > 0.5}


def _track_evidence(
    nodes: Nodes, fused: Reading, readings: Sequence[ItemReading], asked: set[str]
) -> tuple[Mapping[int, float], Mapping[int, tuple[Support, ...]]]:
    """Of each track of the consensus: how many readings say of its cells where they come from as it does, mean over
    them, cells in question left out; and the readings' tracks that are the same but for less than half of the cells."""
    tracks = _tracks(nodes, fused)
    parents = parents_of(nodes, edges_of_links(fused.values))
    same = np.mean([parents_of(nodes, edges_of_links(one.reading.values)) == parents for one in readings], axis=0)
    counted = np.array([node_key(*node) not in asked for node in nodes.tolist()], dtype=np.bool_)
    total = np.bincount(tracks[counted], minlength=int(tracks.max(initial=0)) + 1)
    summed = np.bincount(tracks[counted], weights=same[counted], minlength=total.size)
    agreement = {track: float(summed[track] / total[track]) for track in range(1, total.size) if total[track]}
    support: dict[int, tuple[Support, ...]] = {}
    for one in readings:
        for track, theirs in _same_tracks(tracks, _tracks(nodes, one.reading)).items():
            support[track] = (*support.get(track, ()), Support(one.annotation, theirs))
    return agreement, support
