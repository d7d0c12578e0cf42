"""How the cells of a movie move and change, estimated from the movie itself, and who may follow whom.

No method should need a person to type pixels per frame: scale, drift and persistence are read off robustly from
pairs of mutual nearest neighbours first, then from the links of a first pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellcommons.linking.contract import Links
from cellcommons.linking.features import CellTable, Column, Rows

MAD = 1.4826
"""Standard deviation of a Gaussian per median absolute deviation."""
RAYLEIGH = 1.1774
"""Median length of a 2-D Gaussian step per standard deviation of one axis."""
NEIGHBOURS = 6
"""Successors looked at for each cell."""
APART = 8.0
"""Most that the place of a pair can cost per share of its masks that does not overlap."""
SAMPLE = 300
"""Cells of a frame that are asked, at least, for drift and scale."""


@dataclass(frozen=True)
class Motion:
    """What is usual in one movie.

    Attributes:
        drift: common displacement from each frame to the next, float64, shape (n_frames - 1, 2), axes yx, pixels.
        sigma: standard deviation along one axis of what displacement remains per frame, pixels.
        persistence: share of a cell's last own displacement that it repeats, 0..1.
        area_sigma, light_sigma: standard deviation of the change of log area and of log intensity per frame.
        velocity: own displacement (drift taken out) of each row since its parent, per frame; 0 where it has none;
            float64, shape (n, 2), axes yx.
    """

    drift: NDArray[np.float64]
    sigma: float
    persistence: float
    area_sigma: float
    light_sigma: float
    velocity: NDArray[np.float64]

    def ahead(self, cells: CellTable, rows: Rows, gap: int) -> NDArray[np.float64]:
        """Where the cells of ``rows`` (all of one frame) are expected ``gap`` frames later, shape (k, 2), axes yx."""
        frame = int(cells.frame[rows[0]]) if rows.size else 0
        common = self.drift[frame : frame + gap].sum(axis=0)
        share = sum(self.persistence**step for step in range(1, gap + 1))
        here = np.column_stack([cells.y[rows], cells.x[rows]])
        return np.asarray(here + common + share * self.velocity[rows])


@dataclass(frozen=True)
class Pairs:
    """Candidate links of all frames.

    Attributes:
        before, after: rows of the table, int64, shape (k,).
        distance: from where the earlier cell was expected to the later cell, pixels, shape (k,).
        gap: frames between them, int64, shape (k,).
    """

    before: Rows
    after: Rows
    distance: Column
    gap: NDArray[np.int64]

    def chosen(self, which: NDArray[np.bool_]) -> Pairs:
        """Those pairs only."""
        return Pairs(self.before[which], self.after[which], self.distance[which], self.gap[which])


def mutual_neighbours(cells: CellTable) -> tuple[Links, NDArray[np.float64]]:
    """Pairs of consecutive frames that are each other's nearest, drift taken out, and that drift.

    Of very full frames an even part is asked: drift and scale need no more.

    Returns:
        The pairs as links, and the drift, shape (n_frames - 1, 2), axes yx.
    """
    starts, points, trees = cells.starts, cells.points, cells.trees
    drift = np.zeros((max(cells.n_frames - 1, 0), 2))
    parents: list[Rows] = [np.zeros(0, dtype=np.int64)]
    children: list[Rows] = [np.zeros(0, dtype=np.int64)]
    for frame in range(cells.n_frames - 1):
        n = int(starts[frame + 1] - starts[frame])
        if n == 0 or starts[frame + 2] == starts[frame + 1]:
            continue
        asked = starts[frame] + np.arange(0, n, max(1, n // SAMPLE), dtype=np.int64)
        for _ in range(2):  # the second time with the drift that the first one saw
            ahead = trees[frame + 1].query(points[asked] + drift[frame])[1] + starts[frame + 1]
            back = trees[frame].query(points[ahead] - drift[frame])[1] + starts[frame]
            row, col = asked[back == asked], ahead[back == asked]
            if row.size >= 5:
                drift[frame] = np.median(points[col] - points[row], axis=0)
        parents.append(row)
        children.append(col)
    source, target = np.concatenate(parents), np.concatenate(children)
    order = np.argsort(target)
    return Links(source[order], target[order]), drift


def fit_motion(cells: CellTable, links: Links, drift: NDArray[np.float64], *, persistence: bool = True) -> Motion:
    """Estimate what is usual from links that are mostly right.

    Divisions and links over gaps are left out. Few links give wide, safe values.
    """
    divided = np.bincount(links.parents, minlength=len(cells))[links.parents] > 1
    single = ~divided & (cells.frame[links.children] == cells.frame[links.parents] + 1)
    source, target = links.parents[single], links.children[single]
    velocity = np.zeros((len(cells), 2))
    own = cells.points[target] - cells.points[source] - drift[cells.frame[source]]
    velocity[target] = own
    radius = float(np.median(cells.radius)) if len(cells) else 1.0
    if source.size < 8:
        return Motion(drift, max(radius / 2, 1.0), 0.0, 0.2, 0.3, np.zeros((len(cells), 2)))
    share = 0.0
    residual = own
    moved = np.zeros(len(cells), dtype=np.bool_)
    moved[target] = True
    again = moved[source]
    if persistence and again.sum() >= 20:
        last = velocity[source[again]]
        # Least squares without the wildest tenth, which are wrong links.
        length = np.hypot(*(own[again] - last).T)
        calm = length <= np.quantile(length, 0.9)
        share = float(np.clip((own[again] * last)[calm].sum() / max((last**2)[calm].sum(), 1e-9), 0.0, 1.0))
        residual = own[again] - share * last
    # The median sits on wrong links only when half of them are wrong; the floor is the jitter of a mask's outline.
    sigma = max(float(np.median(np.hypot(*residual.T))) / RAYLEIGH, 0.3)
    if share == 0.0:
        velocity[:] = 0.0
    return Motion(
        drift,
        sigma,
        share,
        _spread(np.log(cells.area[target] / cells.area[source]), 0.05),
        _spread(_log_light(cells, source, target), 0.05),
        velocity,
    )


def candidate_pairs(
    cells: CellTable, motion: Motion, *, reach: float, gap: int = 1, sources: NDArray[np.bool_] | None = None
) -> Pairs:
    """The nearest few cells, ``gap`` frames later, of where each cell is expected, up to ``reach`` pixels.

    Args:
        sources: which rows to look ahead from, bool, shape (n,); all if None.
    """
    starts, trees = cells.starts, cells.trees
    found: list[tuple[Rows, Rows, Column]] = []
    for frame in range(cells.n_frames - gap):
        here = np.arange(starts[frame], starts[frame + 1])
        if sources is not None:
            here = here[sources[here]]
        tree = trees[frame + gap]
        if not here.size or not tree.n:
            continue
        wanted = list(range(1, min(NEIGHBOURS, tree.n) + 1))
        distance, col = tree.query(motion.ahead(cells, here, gap), k=wanted, distance_upper_bound=reach)
        near = np.isfinite(distance)
        row = np.broadcast_to(here[:, None], near.shape)[near]
        found.append((row, col[near] + starts[frame + gap], distance[near]))
    if not found:
        nothing = np.zeros(0, dtype=np.int64)
        return Pairs(nothing, nothing, np.zeros(0), nothing)
    before, after, apart = (np.concatenate(part) for part in zip(*found, strict=True))
    return Pairs(before.astype(np.int64), after.astype(np.int64), apart, np.full(before.size, gap, dtype=np.int64))


def pair_costs(cells: CellTable, motion: Motion, pairs: Pairs) -> Column:
    """Negative log likelihood, up to a constant, that each pair is one cell: displacement, area and intensity.

    Area and intensity are bounded: a mask that lost its half should not outweigh a cell that stayed in its place.
    """
    spread = motion.sigma * np.sqrt(pairs.gap)
    place = 0.5 * (pairs.distance / spread) ** 2
    # A large cell that moved far for this movie and still lies where it was has not become another.
    place = np.minimum(place, APART * (1.0 - mask_shares(cells, pairs)))
    area = np.log(cells.area[pairs.after] / cells.area[pairs.before]) / motion.area_sigma
    light = _log_light(cells, pairs.before, pairs.after) / motion.light_sigma
    return np.asarray(place + _bounded(area) + _bounded(light))


def mask_shares(cells: CellTable, pairs: Pairs) -> Column:
    """Pixels that the masks of each pair share, of the smaller one's area, 0..1, shape (k,); 0 where unknown.

    Only frames that follow each other are known.
    """
    shares = np.zeros(pairs.before.size)
    if cells.overlaps is None or not cells.overlaps.pixels.size:
        return shares
    n = len(cells)
    keys = cells.overlaps.before * n + cells.overlaps.after
    wanted = pairs.before * n + pairs.after
    place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    there = keys[place] == wanted
    smaller = np.minimum(cells.area[pairs.before[there]], cells.area[pairs.after[there]])
    shares[there] = cells.overlaps.pixels[place[there]] / smaller
    return shares


def _bounded(z: Column) -> Column:
    """Half a square, flattening out at 3."""
    return np.asarray(3.0 * (1.0 - np.exp(-(np.nan_to_num(z) ** 2) / 6.0)))


def _log_light(cells: CellTable, before: Rows, after: Rows) -> Column:
    """Change of log intensity; 0 where there is no image."""
    one, two = cells.intensity[before], cells.intensity[after]
    known = np.isfinite(one) & np.isfinite(two) & (one > 0) & (two > 0)
    change = np.zeros(before.size)
    change[known] = np.log(two[known] / one[known])
    return change


def _spread(values: Column, floor: float) -> float:
    return max(float(MAD * np.median(np.abs(values - np.median(values)))), floor)
