"""Kalman: each track is a state space of constant velocity; frame by frame, the best assignment of all tracks at once.

Position and velocity of a track follow x' = x + v with random accelerations (Bar-Shalom & Li, 1995); the expected
place and its uncertainty decide who may follow (global nearest neighbour). Tracks unseen for a frame coast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellcommons.linking.contract import Links, checked_links
from cellcommons.linking.divisions import NUCLEI, DivisionModel, candidate_divisions
from cellcommons.linking.features import CellTable, Rows
from cellcommons.linking.motion import NEIGHBOURS, Motion, Pairs, fit_motion, mutual_neighbours
from cellcommons.linking.packing import best_packing


@dataclass
class _Tracks:
    """The tracks alive: last row seen, frames unseen, state (k, 2 axes, position and velocity), covariance (k, 2, 2).

    Both axes share the covariance: they move and are seen with equal noise.
    """

    row: Rows
    unseen: NDArray[np.int64]
    state: NDArray[np.float64]
    spread: NDArray[np.float64]


@dataclass(frozen=True)
class KalmanFilter:
    """Fields in pixels are read from the movie where they are None.

    Attributes:
        process: standard deviation of the change of velocity per frame, pixels per frame.
        measured: standard deviation of a centroid, pixels.
        alone: cost of ending or beginning a track, in natural log units.
        coast: frames that a track may stay unseen.
        divisions: whether cells may divide.
    """

    name = "kalman"
    process: float | None = None
    measured: float | None = None
    alone: float = 9.0
    coast: int = 1
    divisions: bool = True
    model: DivisionModel = NUCLEI

    def link(self, cells: CellTable) -> Links:
        """One sweep over the frames."""
        found, drift = mutual_neighbours(cells)
        motion = fit_motion(cells, found, drift)
        starts = cells.starts
        tracks = self._born(cells, motion, np.arange(starts[0], starts[1]))
        parents: list[Rows] = []
        children: list[Rows] = []
        for frame in range(1, cells.n_frames):
            _predict(tracks, motion.drift[frame - 1], self.process or motion.sigma)
            here = np.arange(starts[frame], starts[frame + 1])
            track, seen, divides = self._assign(cells, motion, tracks, here)
            parents.append(tracks.row[track])
            children.append(seen)
            mothers = np.unique(track[divides])
            track, seen = track[~divides], seen[~divides]
            _update(tracks, track, cells.points[seen], self._noise(motion) ** 2)
            tracks.row[track] = seen
            tracks.unseen += 1
            tracks.unseen[track] = 0
            going = tracks.unseen <= self.coast
            going[mothers] = False  # daughters set out anew
            fresh = self._born(cells, motion, np.setdiff1d(here, seen))
            tracks = _Tracks(
                np.concatenate([tracks.row[going], fresh.row]),
                np.concatenate([tracks.unseen[going], fresh.unseen]),
                np.concatenate([tracks.state[going], fresh.state]),
                np.concatenate([tracks.spread[going], fresh.spread]),
            )
        if not parents:
            return checked_links(cells, [], [])
        return checked_links(cells, np.concatenate(parents), np.concatenate(children))

    def _noise(self, motion: Motion) -> float:
        return self.measured or max(0.3, motion.sigma / 3)

    def _born(self, cells: CellTable, motion: Motion, rows: Rows) -> _Tracks:
        """Tracks that begin at ``rows``, at rest, with the movie's spread of velocity."""
        state = np.zeros((rows.size, 2, 2))
        state[:, :, 0] = cells.points[rows]
        spread = np.zeros((rows.size, 2, 2))
        spread[:, 0, 0] = self._noise(motion) ** 2
        spread[:, 1, 1] = motion.sigma**2
        return _Tracks(rows, np.zeros(rows.size, dtype=np.int64), state, spread)

    def _assign(
        self, cells: CellTable, motion: Motion, tracks: _Tracks, here: Rows
    ) -> tuple[Rows, Rows, NDArray[np.bool_]]:
        """Best assignment of tracks to the cells of a frame: index of track, row of cell, whether as a daughter."""
        nothing = np.zeros(0, dtype=np.int64)
        k = tracks.row.size
        if not here.size or not k:
            return nothing, nothing, nothing.astype(np.bool_)
        variance = tracks.spread[:, 0, 0] + self._noise(motion) ** 2
        reach = max(np.sqrt(4 * self.alone * variance.max()), 2.5 * np.median(cells.radius[here]))
        wanted = list(range(1, min(NEIGHBOURS, here.size) + 1))
        apart, col = cells.trees[int(cells.frame[here[0]])].query(
            tracks.state[:, :, 0], k=wanted, distance_upper_bound=float(reach)
        )
        near = np.isfinite(apart)
        track = np.broadcast_to(np.arange(k)[:, None], near.shape)[near]
        seen = here[col[near]]
        # The log term keeps a track that has become vague from claiming everything around it.
        cost = 0.5 * apart[near] ** 2 / variance[track] + np.log(variance[track] / variance.min())
        area = np.log(cells.area[seen] / cells.area[tracks.row[track]]) / motion.area_sigma
        cost = cost + 3.0 * (1.0 - np.exp(-(area**2) / 6.0))
        slots = [np.column_stack([track, k + seen - here[0], np.full(track.size, -1)])]
        weights = [2 * self.alone - cost]
        if self.divisions:
            now = tracks.unseen[track] == 0
            pairs = Pairs(tracks.row[track[now]], seen[now], apart[near][now], np.ones(int(now.sum()), dtype=np.int64))
            triples = candidate_divisions(cells, motion, pairs, self.model, most=3 * self.alone)
            place = np.full(len(cells), -1, dtype=np.int64)
            place[tracks.row] = np.arange(k)
            first, second = k + triples.first - here[0], k + triples.second - here[0]
            slots.append(np.column_stack([place[triples.mother], first, second]))
            weights.append(3 * self.alone - triples.cost)
        table = np.concatenate(slots)
        taken = table[best_packing(table, np.concatenate(weights), k + here.size)]
        third = taken[:, 2] >= 0
        who = np.concatenate([taken[:, 0], taken[third, 0]])
        cell = np.concatenate([taken[:, 1], taken[third, 2]]) - k + here[0]
        return who, cell, np.concatenate([third, np.ones(int(third.sum()), dtype=np.bool_)])


def _predict(tracks: _Tracks, drift: NDArray[np.float64], process: float) -> None:
    """One frame ahead, in place."""
    tracks.state[:, :, 0] += tracks.state[:, :, 1] + drift
    a, b, d = tracks.spread[:, 0, 0], tracks.spread[:, 0, 1], tracks.spread[:, 1, 1]
    # F P F' + Q, with Q of an acceleration that is constant over the frame.
    new_a = a + 2 * b + d + process**2 / 4
    new_b = b + d + process**2 / 2
    new_d = d + process**2
    tracks.spread = np.stack([np.stack([new_a, new_b], axis=1), np.stack([new_b, new_d], axis=1)], axis=1)


def _update(tracks: _Tracks, track: Rows, points: NDArray[np.float64], noise: float) -> None:
    """Correct the tracks by the points they were seen at, in place."""
    spread = tracks.spread[track]
    gain = spread[:, 0, :] / (spread[:, 0, 0] + noise)[:, None]
    error = points - tracks.state[track][:, :, 0]
    tracks.state[track] += error[:, :, None] * gain[:, None, :]
    tracks.spread[track] = spread - gain[:, :, None] * spread[:, 0, None, :]
