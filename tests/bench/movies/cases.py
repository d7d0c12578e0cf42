"""Movies to link, with masks as a perfect, a good and a poor segmenter would leave them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cellcommons.linked import relabelled
from cellcommons.matching import overlap_table
from cellcommons.synthetic.annotator import wobbled
from cellcommons.tracks import Edges, LabelMovie, Movie, movie_nodes, sorted_edges

MISSING, BORDER = 0.03, 32


@dataclass(frozen=True)
class Case:
    """Masks whose ids mean nothing beyond their frame, uint32 tyx, and the true links between them."""

    data: Movie
    edges: Edges


def exact_case(movie: LabelMovie, seed: int) -> Case:
    """The movie with ids drawn anew in every frame."""
    rng = np.random.default_rng([seed, 7])
    nodes = movie.nodes()
    ids = np.concatenate([rng.permutation(int(n)) + 1 for n in np.bincount(nodes[:, 0], minlength=len(movie.data))])
    new = {(frame, old): name for (frame, old), name in zip(nodes.tolist(), ids.tolist(), strict=True)}
    edges = [(a, new[a, i], b, new[b, j]) for a, i, b, j in movie.edges().tolist()]
    return Case(relabelled(movie.data, nodes, ids), sorted_edges(np.array(edges)))


def segmented_case(case: Case, seed: int) -> Case:
    """The border cut off and cells missing; links lead from what is left to what is left, over one frame at most."""
    rng = np.random.default_rng([seed, 8])
    data = case.data[:, BORDER:-BORDER, BORDER:-BORDER].copy()
    for labels in data:
        ids = np.unique(labels)
        labels[np.isin(labels, ids[(ids > 0) & (rng.random(ids.size) < MISSING)])] = 0
    left = {tuple(node) for node in movie_nodes(data).tolist()}
    parent = {(b, j): (a, i) for a, i, b, j in case.edges.tolist()}
    edges = []
    for child in left:
        mother = parent.get(child)
        if mother is not None and mother not in left:
            mother = parent.get(mother)
        if mother is not None and mother in left:
            edges.append((*mother, *child))
    return Case(data, sorted_edges(np.array(edges)))


@dataclass(frozen=True)
class Damage:
    """What a poor segmenter does to exact masks.

    Attributes:
        missed: chance that a cell is not found in a frame. merged: chance that a cell becomes one mask with a neighbour
            that touches it or lies within two pixels. wobble: how far an outline is off, pixels (standard deviation).
    """

    missed: float = 0.05
    merged: float = 0.05
    wobble: float = 1.0


POOR = Damage()


def degraded_case(case: Case, seed: int, damage: Damage = POOR) -> Case:
    """The case after ``damage``; each mask stands for the true cell that it shares most pixels with."""
    rng = np.random.default_rng([seed, 9])
    data = np.zeros_like(case.data)
    owner: dict[tuple[int, int], tuple[int, int]] = {}
    for frame, exact in enumerate(case.data):
        labels = exact.copy()
        ids = np.unique(labels[labels > 0])
        labels[np.isin(labels, ids[rng.random(ids.size) < damage.missed])] = 0
        for cell in ids[rng.random(ids.size) < damage.merged].tolist():
            near = labels[ndimage.binary_dilation(labels == cell, iterations=2)]
            others = np.unique(near[(near > 0) & (near != cell)])
            if others.size and (labels == cell).any():
                labels[labels == cell] = rng.choice(others)
        data[frame] = wobbled(labels, damage.wobble, rng)
        table = overlap_table(data[frame], exact)
        for row in range(table.ids_a.size):
            mine = table.rows == row
            if mine.any():
                best = table.cols[mine][np.argmax(table.intersections[mine])]
                # A true cell stands for one mask at most: the first in order of id.
                owner.setdefault((frame, int(table.ids_b[best])), (frame, int(table.ids_a[row])))
    parent = {(b, j): (a, i) for a, i, b, j in case.edges.tolist()}
    edges = []
    for cell, mask in owner.items():
        mother = parent.get(cell)
        if mother is not None and mother not in owner:
            mother = parent.get(mother)
        if mother is not None and mother in owner:
            edges.append((*owner[mother], *mask))
    return Case(data, sorted_edges(np.array(edges)))
