"""laptrack (Jaqaman's linear assignment) and motile (an integer program on SCIP), on the tables our linkers read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import motile
import networkx
import numpy as np
from laptrack import LapTrack
from motile.constraints import MaxChildren, MaxParents
from motile.costs import EdgeSelectedCost, NodeAppearCost, NodeDisappearCost, NodeSelectedCost, NodeSplitCost

from cellcommons.linking.contract import Links, checked_links
from cellcommons.linking.features import CellTable
from cellcommons.linking.motion import candidate_pairs, fit_motion, mutual_neighbours


@dataclass(frozen=True)
class Laptrack:
    """Squared distances; gaps of one frame and splits allowed. ``cutoff``: pixels, for all three."""

    cutoff: float
    name = "laptrack"

    def link(self, cells: CellTable) -> Links:
        square = self.cutoff**2
        tracker = LapTrack(
            cutoff=square,
            gap_closing_cutoff=square,
            gap_closing_max_frame_count=1,
            splitting_cutoff=square,
            merging_cutoff=False,
        )
        starts = cells.starts
        frames = [cells.points[a:b] for a, b in pairwise(starts.tolist())]
        found = tracker.predict(frames)
        rows = [(starts[f] + i, starts[g] + j) for (f, i), (g, j) in found.edges]
        table = np.array(rows, dtype=np.int64).reshape(-1, 2)
        return checked_links(cells, table[:, 0], table[:, 1])


@dataclass(frozen=True)
class Motile:
    """The candidates and the motion that our global program estimates in its first pass; every cell kept.

    A split costs ``split``, whatever the daughters look like: motile's own costs judge nodes and edges one by one.
    """

    alone: float = 9.0
    split: float = 5.0
    name = "motile"

    def link(self, cells: CellTable) -> Links:
        links, drift = mutual_neighbours(cells)
        motion = fit_motion(cells, links, drift, persistence=False)
        reach = max(6 * motion.sigma, 2.5 * float(np.median(cells.radius)))
        pairs = candidate_pairs(cells, motion, reach=reach)
        graph = networkx.DiGraph()
        graph.add_nodes_from((row, {"t": frame}) for row, frame in enumerate(cells.frame.tolist()))
        cost = 0.5 * (pairs.distance / motion.sigma) ** 2
        for one, two, price in zip(pairs.before.tolist(), pairs.after.tolist(), cost.tolist(), strict=True):
            graph.add_edge(one, two, cost=price)
        solver = motile.Solver(motile.TrackGraph(graph))
        solver.add_cost(NodeSelectedCost(weight=0.0, attribute="t", constant=-1000.0))
        solver.add_cost(EdgeSelectedCost(weight=1.0, attribute="cost"))
        solver.add_cost(NodeAppearCost(constant=self.alone))
        solver.add_cost(NodeDisappearCost(constant=self.alone))
        solver.add_cost(NodeSplitCost(constant=self.split))
        solver.add_constraint(MaxParents(1))
        solver.add_constraint(MaxChildren(2))
        solver.solve()
        chosen = np.array(list(solver.get_selected_subgraph().edges), dtype=np.int64).reshape(-1, 2)
        return checked_links(cells, chosen[:, 0], chosen[:, 1])
