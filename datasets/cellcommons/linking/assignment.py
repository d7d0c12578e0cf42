"""Linear assignment in two steps (Jaqaman et al., Nature Methods 2008).

First every frame is assigned to the next; then the segments that come out are joined: ends to starts over gaps, starts
to the middle of a segment (a split), ends to the middle of a segment (a merge), all in one assignment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellcommons.linking.contract import Links, checked_links
from cellcommons.linking.features import CellTable, Column, Rows
from cellcommons.linking.motion import Motion, Pairs, candidate_pairs, fit_motion, mutual_neighbours
from cellcommons.linking.packing import best_packing


@dataclass(frozen=True)
class LinearAssignment:
    """Costs are squared pixels, in splits and merges times how badly the areas add up.

    Attributes:
        max_distance: pixels a cell may move from one frame to the next; None: read from the movie.
        max_gap: most frames from a segment's end to the start that continues it; 1 closes no gap.
        splits, merges: whether segments may. A merge is reported, but gives no cell a second parent.
        alternative: cost of no link, as a multiple of the costs' ``percentile`` in the second step, of the largest
            allowed cost in the first.
    """

    name = "assignment"
    max_distance: float | None = None
    max_gap: int = 2
    splits: bool = True
    merges: bool = True
    alternative: float = 1.05
    percentile: float = 90.0

    def link(self, cells: CellTable) -> Links:
        """Frame to frame, then segment to segment."""
        found, drift = mutual_neighbours(cells)
        motion = fit_motion(cells, found, drift, persistence=False)
        reach = self.max_distance or max(6 * motion.sigma, 2 * float(np.median(cells.radius)) if len(cells) else 1.0)
        pairs = candidate_pairs(cells, motion, reach=reach)
        n = len(cells)
        chosen = _assigned(pairs.before, pairs.after, self.alternative * reach**2 - pairs.distance**2, n)
        parents, children = pairs.before[chosen], pairs.after[chosen]
        after, before = np.full(n, -1, dtype=np.int64), np.full(n, -1, dtype=np.int64)
        after[parents] = children
        before[children] = parents
        source, target, cost = self._segments(cells, motion, pairs, reach, after, before)
        if cost.size:
            nothing = self.alternative * float(np.percentile(cost, self.percentile))
            kept = _assigned(source, target, nothing - cost, n)
            source, target = source[kept], target[kept]
        merged = before[target] >= 0
        parents = np.concatenate([parents, source[~merged]])
        children = np.concatenate([children, target[~merged]])
        links = checked_links(cells, parents, children)
        return Links(links.parents, links.children, source[merged], target[merged])

    def _segments(
        self, cells: CellTable, motion: Motion, near: Pairs, reach: float, after: Rows, before: Rows
    ) -> tuple[Rows, Rows, Column]:
        """Candidates of the second step, ``near`` being those of the first: earlier row, later row, cost.

        Ends and starts have no neighbour on that side and middles have one, so one row is never both.
        """
        found: list[tuple[Rows, Rows, Column]] = []
        square = near.distance**2
        if self.splits:
            split = (after[near.before] >= 0) & (before[near.after] < 0)
            source, target = near.before[split], near.after[split]
            sisters = cells.area[after[source]] + cells.area[target]
            found.append((source, target, square[split] * _unlikeness(sisters / cells.area[source])))
        if self.merges:
            merge = (after[near.before] < 0) & (before[near.after] >= 0)
            source, target = near.before[merge], near.after[merge]
            both = cells.area[before[target]] + cells.area[source]
            found.append((source, target, square[merge] * _unlikeness(cells.area[target] / both)))
        for gap in range(2, self.max_gap + 1):
            over = candidate_pairs(cells, motion, reach=reach, gap=gap, sources=after < 0)
            over = over.chosen(before[over.after] < 0)
            found.append((over.before, over.after, over.distance**2))
        if not found:
            nothing = np.zeros(0, dtype=np.int64)
            return nothing, nothing, np.zeros(0)
        source, target, cost = (np.concatenate(part) for part in zip(*found, strict=True))
        return source, target, cost


def _assigned(source: Rows, target: Rows, weights: NDArray[np.float64], n: int) -> NDArray[np.bool_]:
    """The best one-to-one choice of pairs; only positive weights are taken."""
    slots = np.column_stack([source, n + target, np.full(source.size, -1, dtype=np.int64)])
    return best_packing(slots, weights, 2 * n)


def _unlikeness(ratio: Column) -> Column:
    """Factor on the cost by how much area is too much (linear) or missing (square), eq. 5 of the paper with area."""
    return np.where(ratio > 1, ratio, ratio**-2.0)
