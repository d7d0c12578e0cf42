"""Who may have divided into whom: a mother and two later cells, judged together.

One daughter alone looks like a bad successor: half the area, off to one side. The pair gives it away: her middle lies
where the mother was, together they have her area, they are alike, and they lie about as far apart as they are wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cellcommons.linking.features import CellTable, Column, Rows
from cellcommons.linking.motion import NEIGHBOURS, Motion, Pairs


@dataclass(frozen=True)
class Triples:
    """Candidate divisions.

    Attributes:
        mother, first, second: rows of the table, int64, shape (k,).
        cost: negative log likelihood up to a constant, shape (k,).
        first_pair, second_pair: index of the pair mother -> first, mother -> second among the candidate pairs.
    """

    mother: Rows
    first: Rows
    second: Rows
    cost: Column
    first_pair: Rows
    second_pair: Rows


@dataclass(frozen=True)
class DivisionModel:
    """What daughters look like. Standard deviations are of natural logarithms unless said otherwise.

    Attributes:
        area: spread of the daughters' summed area against the mother's.
        likeness: spread of one daughter's area against the other's.
        apart: usual distance of the daughters' centres, as a multiple of the sum of their radii.
        apart_spread: its spread.
        middle: spread of their middle about the mother, as a share of her radius, besides the movie's own motion.
        rare: cost of dividing at all.
    """

    area: float = 0.25
    likeness: float = 0.25
    apart: float = 1.15
    apart_spread: float = 0.3
    middle: float = 0.25
    rare: float = 5.0


NUCLEI = DivisionModel()
"""Nuclei and rounded cells seen every few minutes."""


def division_costs(
    cells: CellTable, motion: Motion, model: DivisionModel, mother: Rows, first: Rows, second: Rows
) -> Column:
    """Cost of each triple, shape (k,); ``first`` and ``second`` lie one frame after ``mother``."""
    drift = motion.drift[cells.frame[mother]] if mother.size else np.zeros((0, 2))
    points = cells.points
    away = (points[first] + points[second]) / 2 - points[mother] - drift
    spread = np.hypot(motion.sigma, model.middle * cells.radius[mother])
    between = np.hypot(*(points[first] - points[second]).T) / (cells.radius[first] + cells.radius[second])
    together = np.log((cells.area[first] + cells.area[second]) / cells.area[mother])
    return np.asarray(
        0.5 * (away**2).sum(axis=1) / spread**2
        + 0.5 * (together / model.area) ** 2
        + 0.5 * (np.log(cells.area[first] / cells.area[second]) / model.likeness) ** 2
        + 0.5 * (np.log(np.maximum(between, 1e-3) / model.apart) / model.apart_spread) ** 2
        + model.rare
    )


def candidate_divisions(
    cells: CellTable, motion: Motion, pairs: Pairs, model: DivisionModel, *, most: float
) -> Triples:
    """Every two candidate successors of one cell that cost at most ``most`` as its daughters.

    Args:
        pairs: candidate links from each frame to the next, in order of the earlier cell.
    """
    begin = np.flatnonzero(np.concatenate([[True], np.diff(pairs.before) != 0])) if pairs.before.size else pairs.before
    count = np.diff(np.concatenate([begin, [pairs.before.size]]))
    ones: list[Rows] = []
    twos: list[Rows] = []
    for one, two in combinations(range(NEIGHBOURS), 2):
        both = begin[count > two]
        ones.append(both + one)
        twos.append(both + two)
    one_pair, two_pair = np.concatenate(ones), np.concatenate(twos)
    mother, first, second = pairs.before[one_pair], pairs.after[one_pair], pairs.after[two_pair]
    # Most triples fail on area alone, which is cheap to ask.
    plausible = np.abs(np.log((cells.area[first] + cells.area[second]) / cells.area[mother])) <= model.area * np.sqrt(
        2 * max(most - model.rare, 0.0)
    )
    mother, first, second = mother[plausible], first[plausible], second[plausible]
    cost = division_costs(cells, motion, model, mother, first, second)
    keep = cost <= most
    places = np.flatnonzero(plausible)[keep]
    return Triples(mother[keep], first[keep], second[keep], cost[keep], one_pair[places], two_pair[places])
