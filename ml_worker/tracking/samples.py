"""Movies as a linker's lesson: every hypothesis with whether it is true."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.linking.features import CellTable, measure_cells
from cellcommons.linking.hypotheses import Hypotheses, movie_hypotheses
from cellcommons.linking.motion import Pairs
from cellcommons.tracks import Edges, Movie, movie_nodes, sorted_edges

Truths = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class MovieSample:
    """One linked movie.

    Attributes:
        name: for people. cells: its detections, measured. edges: the true links between them, shape (m, 4).
        detections: uint32, tyx, ids unique within a frame. light: float32, tyx, see ``movie_light``; None if unknown.
    """

    name: str
    cells: CellTable = field(repr=False)
    edges: Edges = field(repr=False)
    detections: Movie = field(repr=False)
    light: NDArray[np.float32] | None = field(repr=False, default=None)


@dataclass(frozen=True, eq=False)
class Lesson:
    """Hypotheses of one movie; whether each is true, in their order."""

    hypotheses: Hypotheses
    link: Truths
    gap: Truths
    division: Truths


def movie_light(image: ImageData, *, where: str = "") -> NDArray[np.float32]:
    """Brightness of every frame, float32, tyx: the mean over channels and planes.

    Raises:
        InvalidDocument: no time axis.
    """
    if "t" not in image.axes:
        raise InvalidDocument(
            f"an image with axes {image.axes} is no movie", where=where, remedy="Tracking needs an axis t."
        )
    others = tuple(place for place, axis in enumerate(image.axes) if axis not in "tyx")
    return np.asarray(image.data.mean(axis=others, dtype=np.float32))


def movie_sample(name: str, detections: Movie, edges: Edges, light: NDArray[np.float32] | None) -> MovieSample:
    """Measure one movie.

    Raises:
        InvalidDocument: fewer than two frames, or a link names a cell that is not there.
        MismatchedShapes: detections and image differ.
    """
    if light is not None and light.shape != detections.shape:
        raise MismatchedShapes(f"detections of {detections.shape}, a movie of {light.shape}", where=name)
    if len(detections) < 2:
        raise InvalidDocument("a movie of one frame has nothing to link", where=name)
    cells = measure_cells(list(detections), None if light is None else list(light))
    cells.rows(edges[:, 0], edges[:, 1])
    cells.rows(edges[:, 2], edges[:, 3])
    return MovieSample(name, cells, sorted_edges(edges), detections, light)


def lesson(sample: MovieSample, *, max_gap: int) -> Lesson:
    """Every hypothesis of the movie, and whether the truth holds it."""
    cells, n = sample.cells, len(sample.cells)
    hypotheses = movie_hypotheses(cells, max_gap=max_gap)
    edges = sample.edges
    true = np.sort(cells.rows(edges[:, 0], edges[:, 1]) * n + cells.rows(edges[:, 2], edges[:, 3]))

    def told(pairs: Pairs) -> Truths:
        return np.isin(pairs.before * n + pairs.after, true)

    triples = hypotheses.triples
    both = np.isin(triples.mother * n + triples.first, true) & np.isin(triples.mother * n + triples.second, true)
    return Lesson(hypotheses, told(hypotheses.pairs), told(hypotheses.gaps), both)


def with_cells_lost(sample: MovieSample, share: float, *, seed: int) -> MovieSample:
    """The movie as a segmenter that misses cells would show it: each is gone from its frame with chance ``share``.

    Links lead from what is left to what is left, over one lost frame; where more are lost, a track begins anew.
    """
    rng = np.random.default_rng([seed, 11])
    data = sample.detections.copy()
    for labels in data:
        ids = np.unique(labels[labels > 0])
        labels[np.isin(labels, ids[rng.random(ids.size) < share])] = 0
    left = {tuple(node) for node in movie_nodes(data).tolist()}
    parent = {(later, child): (frame, cell) for frame, cell, later, child in sample.edges.tolist()}
    edges = []
    for child in sorted(left):
        mother = parent.get(child)
        if mother is not None and mother not in left:
            mother = parent.get(mother)
        if mother is not None and mother in left:
            edges.append((*mother, *child))
    table = np.array(edges, dtype=np.int64).reshape(-1, 4)
    return movie_sample(f"{sample.name}, cells lost", data, table, sample.light)
