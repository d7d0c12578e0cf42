"""Global program: links, divisions, gaps, comings and goings of a whole movie in one optimisation.

A minimum-cost flow with divisions in the manner of Padfield et al. (Medical Image Analysis 2011) and Schiegg et al.
(ICCV 2013), with every given mask kept, so that it is a weighted set packing (``packing``), exact on scipy's HiGHS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellcommons.linking.contract import Links, checked_links
from cellcommons.linking.divisions import NUCLEI, DivisionModel, candidate_divisions
from cellcommons.linking.features import CellTable, Column
from cellcommons.linking.motion import Motion, Pairs, candidate_pairs, fit_motion, mutual_neighbours, pair_costs
from cellcommons.linking.packing import best_packing

GOOD = 2.5
"""Cost below which a link of one pass is not put in question by gaps in the next."""

FAR = 6.0
"""A link that is worse by more than this than the best one of each of its cells is left out."""


@dataclass(frozen=True)
class GlobalProgram:
    """Fields are costs in natural log units (a step of one standard deviation costs 0.5).

    Attributes:
        alone: cost of a track that begins or ends inside the frame. at_border: the same at the border.
        max_gap: most frames from a cell to its next sighting; 1 allows no gap.
        missed: cost of each frame in which a cell was not seen.
        divisions: whether cells may divide.
        persistence: whether to expect a cell to keep some of its last displacement, as much as the movie shows.
        max_distance: most pixels per frame from where a cell is expected; None: read from the movie.
        passes: how often links are sought; the first finds the
            movie's motion without divisions.
    """

    name = "global-program"
    alone: float = 9.0
    at_border: float = 6.0
    max_gap: int = 2
    missed: float = 4.0
    divisions: bool = True
    persistence: bool = True
    max_distance: float | None = None
    passes: int = 2
    model: DivisionModel = NUCLEI

    def link(self, cells: CellTable) -> Links:
        """The links of the largest total likelihood."""
        links, drift = mutual_neighbours(cells)
        motion = fit_motion(cells, links, drift, persistence=False)
        for turn in range(max(self.passes, 1)):
            last = turn == max(self.passes, 1) - 1
            links = self._solve(cells, motion, links if turn else None, divisions=self.divisions and last)
            if not last:
                motion = fit_motion(cells, links, drift, persistence=self.persistence)
        return links

    def _solve(self, cells: CellTable, motion: Motion, before: Links | None, *, divisions: bool) -> Links:
        """One pass; ``before`` are the links of the one before, whose doubtful ends may be joined over gaps."""
        n = len(cells)
        edge = alone_costs(cells, motion, self.alone, self.at_border)
        reach = self.max_distance or max(6 * motion.sigma, 2.5 * float(np.median(cells.radius)) if n else 1.0)
        pairs = candidate_pairs(cells, motion, reach=reach)
        slots = [np.column_stack([pairs.before, n + pairs.after, np.full(pairs.before.size, -1)])]
        weights = [edge[pairs.before] + edge[pairs.after] - pair_costs(cells, motion, pairs)]
        if divisions:
            triples = candidate_divisions(cells, motion, pairs, self.model, most=3 * self.alone)
            gain = edge[triples.mother] + edge[triples.first] + edge[triples.second] - triples.cost
            # A division that weighs no more than one of its halves is never the better choice.
            first, second = weights[0][triples.first_pair], weights[0][triples.second_pair]
            better = gain > np.maximum(first, second)
            # Nor is one likely whose halves have good parents of their own.
            rival = _best_other(pairs, weights[0], n)
            better &= gain >= np.maximum(first + rival[triples.second_pair], second + rival[triples.first_pair]) - FAR
            slots.append(np.column_stack([triples.mother, n + triples.first, n + triples.second])[better])
            weights.append(gain[better])
        if before is not None:
            onward, came = _settled(cells, motion, before)
            for gap in range(2, self.max_gap + 1):
                over = candidate_pairs(cells, motion, reach=reach, gap=gap, sources=~onward)
                over = over.chosen(~came[over.after])
                slots.append(np.column_stack([over.before, n + over.after, np.full(over.before.size, -1)]))
                weights.append(
                    edge[over.before]
                    + edge[over.after]
                    - pair_costs(cells, motion, over)
                    - self.missed * (gap - 1)
                    - np.log(gap)  # the density of a wider Gaussian in two dimensions
                )
        plausible = _plausible(pairs, weights[0], n)
        slots[0], weights[0] = slots[0][plausible], weights[0][plausible]
        table, weight = np.concatenate(slots), np.concatenate(weights)
        taken = table[best_packing(table, weight, 2 * n)]
        third = taken[:, 2] >= 0
        parents = np.concatenate([taken[:, 0], taken[third, 0]])
        children = np.concatenate([taken[:, 1], taken[third, 2]]) - n
        return checked_links(cells, parents, children)


def alone_costs(cells: CellTable, motion: Motion, alone: float, at_border: float) -> Column:
    """Cost of a cell without predecessor, or without successor, shape (n,): cheap where it may have left the frame."""
    height, width = cells.shape
    inside = np.minimum.reduce([cells.y, cells.x, height - 1 - cells.y, width - 1 - cells.x]) - cells.radius
    return np.where(inside < 2 * motion.sigma, at_border, alone)


def _plausible(pairs: Pairs, weights: Column, n: int) -> NDArray[np.bool_]:
    """Links that are not far worse than another one for both of their cells."""
    onward, back = np.full(n, -np.inf), np.full(n, -np.inf)
    np.maximum.at(onward, pairs.before, weights)
    np.maximum.at(back, pairs.after, weights)
    return np.asarray((weights >= onward[pairs.before] - FAR) | (weights >= back[pairs.after] - FAR))


def _best_other(pairs: Pairs, weights: Column, n: int) -> Column:
    """Of each link, the largest weight of another link into the same cell; 0 where there is none above."""
    order = np.argsort(weights, kind="stable")
    best = np.full(n, -1, dtype=np.int64)
    best[pairs.after[order]] = order  # the last write stays: the heaviest
    second = np.zeros(n)
    others = np.flatnonzero(best[pairs.after] != np.arange(weights.size))
    np.maximum.at(second, pairs.after[others], weights[others])
    top = np.maximum(weights[best[pairs.after]], 0.0)
    return np.where(best[pairs.after] == np.arange(weights.size), second[pairs.after], top)


def _settled(cells: CellTable, motion: Motion, before: Links) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows whose link on, and whose link back, was single, direct and good in the last pass.

    Only the others are offered links over a gap. Whoever lost its cell for a frame often took a neighbour's, or was
    taken for a daughter, and must be free to go back.
    """
    single = np.bincount(before.parents, minlength=len(cells))[before.parents] == 1
    direct = cells.frame[before.children] == cells.frame[before.parents] + 1
    source, target = before.parents[single & direct], before.children[single & direct]
    ahead = motion.drift[cells.frame[source]] + motion.persistence * motion.velocity[source]
    apart = np.hypot(*(cells.points[target] - cells.points[source] - ahead).T)
    good = pair_costs(cells, motion, Pairs(source, target, apart, np.ones(source.size, dtype=np.int64))) < GOOD
    onward, came = np.zeros(len(cells), dtype=np.bool_), np.zeros(len(cells), dtype=np.bool_)
    onward[source[good]] = True
    came[target[good]] = True
    return onward, came
