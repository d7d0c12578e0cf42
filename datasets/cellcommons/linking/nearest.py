"""Nearest neighbour: the closest pairs first, each cell once. The floor that every other method has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellcommons.linking.contract import Links, checked_links
from cellcommons.linking.features import CellTable, Column, Rows
from cellcommons.linking.motion import candidate_pairs, fit_motion, mutual_neighbours


@dataclass(frozen=True)
class NearestNeighbour:
    """Greedy by distance between centroids, the common drift taken out.

    Attributes:
        max_distance: pixels from one frame to the next; None: read from the movie.
        divisions: whether a cell left over may become the second daughter of the nearest cell.
    """

    name = "nearest"
    max_distance: float | None = None
    divisions: bool = True

    def link(self, cells: CellTable) -> Links:
        """Closest first; then the cells left over, to the nearest that has one successor."""
        links, drift = mutual_neighbours(cells)
        motion = fit_motion(cells, links, drift, persistence=False)
        reach = self.max_distance or max(6 * motion.sigma, 2 * float(np.median(cells.radius)) if len(cells) else 1.0)
        pairs = candidate_pairs(cells, motion, reach=reach)
        taken = closest_first(pairs.before, pairs.after, pairs.distance, len(cells))
        parents, children = pairs.before[taken], pairs.after[taken]
        if self.divisions:
            free = np.ones(len(cells), dtype=np.bool_)
            free[children] = False
            with_one = np.bincount(parents, minlength=len(cells)) == 1
            left = free[pairs.after] & with_one[pairs.before]
            source, target = pairs.before[left], pairs.after[left]
            second = closest_first(source, target, pairs.distance[left], len(cells))
            parents = np.concatenate([parents, source[second]])
            children = np.concatenate([children, target[second]])
        return checked_links(cells, parents, children)


def closest_first(before: Rows, after: Rows, distance: Column, n: int) -> NDArray[np.bool_]:
    """Which pairs a greedy choice takes, smallest distance first, each row once on each side. Bool, shape (k,)."""
    taken = np.zeros(before.size, dtype=np.bool_)
    open_ = np.lexsort((after, before, distance))
    while open_.size:
        # A pair that comes first for both of its cells is what the greedy choice would reach next for them.
        first_before = np.full(n, -1, dtype=np.int64)
        first_after = np.full(n, -1, dtype=np.int64)
        first_before[before[open_[::-1]]] = open_[::-1]
        first_after[after[open_[::-1]]] = open_[::-1]
        won = open_[(first_before[before[open_]] == open_) & (first_after[after[open_]] == open_)]
        taken[won] = True
        used_before, used_after = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        used_before[before[won]] = True
        used_after[after[won]] = True
        open_ = open_[~used_before[before[open_]] & ~used_after[after[open_]]]
    return taken
