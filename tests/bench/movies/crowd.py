"""A long movie of a crowd: 200 frames, 600 cells that become 2,000 tracks by division. Quick to make."""

from __future__ import annotations

import numpy as np

from cellcommons.tracks import LabelMovie, Lineage, Movie, Track

FRAMES = 200
FOUNDERS, DIVISIONS = 600, 700
SLOTS = 38
"""Cells live in slots of a square grid; a daughter takes the free slot next to her mother's."""
PITCH, CELL = 16, 12


def crowd_movie(seed: int = 0) -> LabelMovie:
    """Masks (uint32, tyx, 200 x 610 x 610) with 2,000 tracks; every cell is a disc that trembles in its slot."""
    rng = np.random.default_rng(seed)
    slots = np.zeros((FRAMES, SLOTS, SLOTS), np.uint32)
    here = np.zeros(SLOTS * SLOTS, np.uint32)
    here[rng.permutation(here.size)[:FOUNDERS]] = np.arange(1, FOUNDERS + 1)
    begin = dict.fromkeys(range(1, FOUNDERS + 1), 0)
    parent: dict[int, int | None] = dict.fromkeys(begin)
    end: dict[int, int] = {}
    due = np.sort(rng.integers(3, FRAMES - 3, DIVISIONS))
    for frame in range(FRAMES):
        for _ in range(int((due == frame).sum())):
            old_enough = [at for at in np.flatnonzero(here) if begin[int(here[at])] < frame - 2]
            place = int(rng.choice(old_enough))
            mother = int(here[place])
            end[mother] = frame - 1
            for at in (place, _nearest_free(here, place)):
                here[at] = len(begin) + 1
                begin[int(here[at])], parent[int(here[at])] = frame, mother
        slots[frame] = here.reshape(SLOTS, SLOTS)
    tracks = tuple(Track(one, begin[one], end.get(one, FRAMES - 1), parent[one]) for one in begin)
    return LabelMovie(_painted(slots, rng), Lineage(tracks))


def _nearest_free(here: np.ndarray[tuple[int, ...], np.dtype[np.uint32]], place: int) -> int:
    free = np.flatnonzero(here == 0)
    rows, columns = np.divmod(free, SLOTS)
    row, column = divmod(place, SLOTS)
    return int(free[np.argmin((rows - row) ** 2 + (columns - column) ** 2)])


def _painted(slots: Movie, rng: np.random.Generator) -> Movie:
    rows, columns = np.ogrid[:CELL, :CELL]
    disc = (rows - 5.5) ** 2 + (columns - 5.5) ** 2 <= 34
    side = SLOTS * PITCH + 2
    data = np.zeros((len(slots), side, side), np.uint32)
    trembling = rng.integers(0, 3, (*slots.shape, 2))
    for frame, row, column in zip(*np.nonzero(slots), strict=True):
        dy, dx = trembling[frame, row, column]
        y, x = row * PITCH + 1 + dy, column * PITCH + 1 + dx
        data[frame, y : y + CELL, x : x + CELL][disc] = slots[frame, row, column]
    return data
