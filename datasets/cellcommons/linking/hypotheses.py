"""What may have happened to the cells of a movie, described by numbers: links, divisions and links over gaps.

The learned linker (``learned``) judges each hypothesis from one row of numbers. Places are measured in steps usual for
the movie and in radii of the cells, sizes and light as logarithms of ratios, so that a model means the same at another
magnification, frame rate or exposure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cellcommons.linking.divisions import NUCLEI, Triples, candidate_divisions
from cellcommons.linking.features import CellTable, Column, Rows
from cellcommons.linking.global_program import GlobalProgram
from cellcommons.linking.motion import Motion, Pairs, candidate_pairs, fit_motion, mutual_neighbours, pair_costs

Table = NDArray[np.float32]

FAR = 10.0
"""A pair that is worse by more than this (``pair_costs``) than another one of both of its cells is no hypothesis."""
NEAREST_OVER_GAPS = 2
MOST_DIVISION = 30.0
LIMIT = 12.0

PAIR_FEATURES = (
    "steps",  # distance from where the earlier cell is expected, in usual steps of this movie
    "radii",  # the same in radii of the two cells
    "steps_beyond_nearest_onward",  # how much farther than the earlier cell's nearest candidate
    "steps_beyond_nearest_back",
    "cost",  # the global program's likelihood of the pair
    "cost_beyond_best_onward",  # against the best other hypothesis of the earlier cell
    "cost_beyond_best_back",
    "candidates_onward",
    "candidates_back",
    "area_change",  # log ratio, later to earlier
    "area_change_usual",  # the same in standard deviations of this movie
    "major_change",
    "minor_change",
    "turn",  # sine of the angle between the long axes, as far as they are long
    "roundness_before",
    "roundness_after",
    "area_before",  # log, against the median of the frame
    "area_after",
    "border_before",  # radii to the border, at most 4
    "border_after",
    "speed",  # the movie's usual step in median radii
    "persistence",
    "light_known",
    "light_change",
    "light_change_usual",
    "light_before",  # log, against the median of the frame
    "light_after",
    "mask_known",
    "mask_iou",
    "mask_share_before",
    "mask_share_after",
)
GAP_FEATURES = (*PAIR_FEATURES, "frames_missed", "direct_onward", "direct_back")
"""The last two: cost of the best direct link of either cell; LIMIT where there is none."""
DIVISION_FEATURES = (
    "cost",  # the global program's likelihood of the three
    "middle_steps",  # from the mother to the daughters' middle, in usual steps
    "middle_radii",
    "together",  # log of the daughters' area against the mother's
    "likeness",  # log ratio of the daughters' areas, the larger above
    "apart",  # log of their distance in sums of their radii
    "opposite",  # cosine between the ways from the mother to each: -1 for daughters to both sides
    "across",  # sine between the mother's long axis and the daughters' line, as far as she is long
    "first_cost",
    "second_cost",
    "rival_onward",  # cost of the best third candidate of the mother
    "rival_first",  # cost of the best other parent of the first, then of the second
    "rival_second",
    "mother_area",
    "mother_roundness",
    "border",
    "speed",
    "light_known",
    "mother_light",
    "daughters_light",
    "light_likeness",
    "mask_known",
    "mask_first",  # share of the daughter that lies in the mother
    "mask_second",
)


@dataclass(frozen=True)
class Hypotheses:
    """Candidates of one movie; row ``k`` of a table of features describes candidate ``k``.

    Attributes:
        pairs, pair_features: links into the next frame; float32, shape (k, len(PAIR_FEATURES)).
        gaps, gap_features: links over missed frames; as many columns as GAP_FEATURES.
        triples, division_features: divisions; as many columns as DIVISION_FEATURES. ``first_pair`` and ``second_pair``
            of the triples count among ``pairs``; -1 where that link is no hypothesis of its own.
    """

    pairs: Pairs
    gaps: Pairs
    triples: Triples
    pair_features: Table = field(repr=False)
    gap_features: Table = field(repr=False)
    division_features: Table = field(repr=False)


def movie_hypotheses(cells: CellTable, *, max_gap: int = 2) -> Hypotheses:
    """Every hypothesis worth judging. ``max_gap``: most frames from a cell to its next sighting; 1 allows no gap."""
    motion = _motion(cells)
    n = len(cells)
    reach = max(6 * motion.sigma, 2.5 * float(np.median(cells.radius)) if n else 1.0)
    pairs = candidate_pairs(cells, motion, reach=reach)
    costs = np.minimum(pair_costs(cells, motion, pairs), LIMIT)
    near = (costs <= _least(pairs.before, costs, n)[pairs.before] + FAR) | (
        costs <= _least(pairs.after, costs, n)[pairs.after] + FAR
    )
    triples = candidate_divisions(cells, motion, pairs, NUCLEI, most=MOST_DIVISION)
    seen = _Seen(cells, motion)
    divisions = _division_features(seen, pairs, costs, triples)
    over = _over_gaps(cells, motion, reach, max_gap)
    direct = _least(pairs.before, costs, n)[over.before], _least(pairs.after, costs, n)[over.after]
    gap_features = np.column_stack(
        [
            _pair_features(seen, over, np.minimum(pair_costs(cells, motion, over), LIMIT)),
            over.gap - 1,
            *(np.minimum(cost, LIMIT) for cost in direct),
        ]
    )
    kept = _pair_features(seen, pairs, costs)[near]
    place = np.where(near, np.cumsum(near) - 1, -1)
    triples = replace(triples, first_pair=place[triples.first_pair], second_pair=place[triples.second_pair])
    return Hypotheses(pairs.chosen(near), over, triples, kept, gap_features.astype(np.float32), divisions)


def _motion(cells: CellTable) -> Motion:
    """What is usual, read from a first pass without divisions, as the global program's second pass does."""
    links, drift = mutual_neighbours(cells)
    first = GlobalProgram(divisions=False, passes=1).link(cells) if len(cells) else links
    return fit_motion(cells, first, drift)


def _over_gaps(cells: CellTable, motion: Motion, reach: float, max_gap: int) -> Pairs:
    found = []
    for gap in range(2, max_gap + 1):
        over = candidate_pairs(cells, motion, reach=reach, gap=gap)
        # Candidates come nearest first for each earlier cell.
        begin = np.searchsorted(over.before, over.before)
        found.append(over.chosen(np.arange(over.before.size) - begin < NEAREST_OVER_GAPS))
    if not found:
        nothing = np.zeros(0, dtype=np.int64)
        return Pairs(nothing, nothing, np.zeros(0), nothing)
    return Pairs(
        *(np.concatenate([getattr(p, name) for p in found]) for name in ("before", "after", "distance", "gap"))
    )


class _Seen:
    """Columns of the table as the features ask for them, each computed once."""

    def __init__(self, cells: CellTable, motion: Motion) -> None:
        self.cells, self.motion = cells, motion
        height, width = cells.shape
        inside = np.minimum.reduce([cells.y, cells.x, height - 1 - cells.y, width - 1 - cells.x])
        self.radius = cells.radius
        self.border = np.clip(inside / np.maximum(self.radius, 1e-9), 0, 4)
        self.roundness = cells.minor / np.maximum(cells.major, 1e-9)
        self.area = self._against_frame(np.log(cells.area))
        with np.errstate(divide="ignore", invalid="ignore"):
            light = np.log(cells.intensity)
        self.has_light = np.isfinite(light)
        self.log_light = np.where(self.has_light, light, 0.0)
        self.light = np.where(self.has_light, self._against_frame(light), 0.0)
        self.speed = motion.sigma / float(np.median(self.radius)) if len(cells) else 0.0

    def _against_frame(self, values: Column) -> Column:
        middle = np.zeros(values.size)
        for begin, end in pairwise(self.cells.starts.tolist()):
            here = values[begin:end]
            known = here[np.isfinite(here)]
            middle[begin:end] = np.median(known) if known.size else 0.0
        return np.asarray(values - middle)

    def shared(self, before: Rows, after: Rows) -> Column:
        """Pixels that masks of consecutive frames share."""
        overlaps, n = self.cells.overlaps, len(self.cells)
        pixels = np.zeros(before.size)
        if overlaps is None or not overlaps.pixels.size:
            return pixels
        keys, wanted = overlaps.before * n + overlaps.after, before * n + after
        place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
        there = keys[place] == wanted
        pixels[there] = overlaps.pixels[place[there]]
        return pixels


def _pair_features(seen: _Seen, pairs: Pairs, costs: Column) -> Table:
    cells, motion, n = seen.cells, seen.motion, len(seen.cells)
    one, two = pairs.before, pairs.after
    steps = np.minimum(pairs.distance / (motion.sigma * np.sqrt(pairs.gap)), LIMIT)
    radii = np.minimum(pairs.distance / np.sqrt(seen.radius[one] * seen.radius[two]), LIMIT)
    area = np.log(cells.area[two] / cells.area[one])
    long = (1 - seen.roundness[one]) * (1 - seen.roundness[two])
    light = seen.has_light[one] & seen.has_light[two]
    change = np.where(light, seen.log_light[two] - seen.log_light[one], 0.0)
    masks = cells.overlaps is not None
    pixels = seen.shared(one, two)
    columns: tuple[NDArray[np.generic] | float, ...] = (
        steps,
        radii,
        steps - _least(one, steps, n)[one],
        steps - _least(two, steps, n)[two],
        costs,
        costs - _least_other(one, costs, n),
        costs - _least_other(two, costs, n),
        np.bincount(one, minlength=n)[one],
        np.bincount(two, minlength=n)[two],
        area,
        np.clip(area / motion.area_sigma, -LIMIT, LIMIT),
        np.log(np.maximum(cells.major[two], 0.3) / np.maximum(cells.major[one], 0.3)),
        np.log(np.maximum(cells.minor[two], 0.3) / np.maximum(cells.minor[one], 0.3)),
        np.abs(np.sin(cells.angle[two] - cells.angle[one])) * np.sqrt(np.maximum(long, 0)),
        seen.roundness[one],
        seen.roundness[two],
        seen.area[one],
        seen.area[two],
        seen.border[one],
        seen.border[two],
        seen.speed,
        motion.persistence,
        light,
        change,
        np.clip(change / motion.light_sigma, -LIMIT, LIMIT),
        seen.light[one],
        seen.light[two],
        (pairs.gap == 1) & masks,
        pixels / np.maximum(cells.area[one] + cells.area[two] - pixels, 1),
        pixels / cells.area[one],
        pixels / cells.area[two],
    )
    return _table(columns, one.size)


def _division_features(seen: _Seen, pairs: Pairs, costs: Column, triples: Triples) -> Table:
    cells, motion, n = seen.cells, seen.motion, len(seen.cells)
    mother, first, second = triples.mother, triples.first, triples.second
    drift = motion.drift[cells.frame[mother]] if mother.size else np.zeros((0, 2))
    points = cells.points
    to_first, to_second = (points[row] - points[mother] - drift for row in (first, second))
    middle = np.hypot(*((to_first + to_second) / 2).T)
    line = to_second - to_first
    length = np.maximum(np.hypot(*line.T), 1e-9)
    both = np.maximum(np.hypot(*to_first.T) * np.hypot(*to_second.T), 1e-9)
    axis = np.column_stack([np.sin(cells.angle[mother]), np.cos(cells.angle[mother])])
    across = np.abs(axis[:, 0] * line[:, 1] - axis[:, 1] * line[:, 0]) / length
    one, two = triples.first_pair, triples.second_pair
    light = seen.has_light[mother] & seen.has_light[first] & seen.has_light[second]
    shares = [seen.shared(mother, row) / cells.area[row] for row in (first, second)]
    columns: tuple[NDArray[np.generic] | float, ...] = (
        np.minimum(triples.cost, MOST_DIVISION),
        np.minimum(middle / motion.sigma, LIMIT),
        np.minimum(middle / seen.radius[mother], LIMIT),
        np.log((cells.area[first] + cells.area[second]) / cells.area[mother]),
        np.abs(np.log(cells.area[first] / cells.area[second])),
        np.log(np.maximum(length / (seen.radius[first] + seen.radius[second]), 1e-2)),
        (to_first * to_second).sum(axis=1) / both,
        across * (1 - seen.roundness[mother]),
        np.minimum(costs[one], costs[two]),
        np.maximum(costs[one], costs[two]),
        _best_third(pairs, costs, triples, n),
        _least_other(pairs.after, costs, n)[one],
        _least_other(pairs.after, costs, n)[two],
        seen.area[mother],
        seen.roundness[mother],
        seen.border[mother],
        seen.speed,
        light,
        np.where(light, seen.light[mother], 0.0),
        np.where(light, (seen.light[first] + seen.light[second]) / 2, 0.0),
        np.where(light, np.abs(seen.light[first] - seen.light[second]), 0.0),
        cells.overlaps is not None,
        np.maximum(*shares),
        np.minimum(*shares),
    )
    return _table(columns, mother.size)


def _table(columns: tuple[NDArray[np.generic] | float, ...], rows: int) -> Table:
    return np.column_stack([np.broadcast_to(np.asarray(c, dtype=np.float32), rows) for c in columns])


def _least(cell: Rows, values: Column, n: int) -> Column:
    """Of each cell, the least value among its hypotheses; LIMIT where it has none."""
    least = np.full(n, LIMIT)
    np.minimum.at(least, cell, values)
    return least


def _least_other(cell: Rows, values: Column, n: int) -> Column:
    """Of each hypothesis, the least value of another one of the same cell; LIMIT where there is none. Shape (k,)."""
    order = np.lexsort((values, cell))
    first = np.concatenate([[True], np.diff(cell[order]) != 0]) if cell.size else np.zeros(0, dtype=np.bool_)
    best, second = np.full(n, LIMIT), np.full(n, LIMIT)
    best[cell[order[first]]] = values[order[first]]
    follows = np.flatnonzero(np.concatenate([[False], first[:-1]]) & ~first) if cell.size else order
    second[cell[order[follows]]] = values[order[follows]]
    own_is_best = np.zeros(cell.size, dtype=np.bool_)
    own_is_best[order[first]] = True
    return np.where(own_is_best, second[cell], best[cell])


def _best_third(pairs: Pairs, costs: Column, triples: Triples, n: int) -> Column:
    """Of each triple, the least cost of a link of the mother to a third cell; LIMIT where there is none."""
    order = np.lexsort((costs, pairs.before))
    begin = np.searchsorted(pairs.before[order], np.arange(n))
    count = np.bincount(pairs.before, minlength=n)
    third = np.full(triples.mother.size, LIMIT)
    # Among the three cheapest links of the mother at least one leads to neither daughter.
    for place in (2, 1, 0):
        there = np.flatnonzero(count[triples.mother] > place)
        pair = order[begin[triples.mother[there]] + place]
        other = (pair != triples.first_pair[there]) & (pair != triples.second_pair[there])
        third[there[other]] = costs[pair[other]]
    return third
