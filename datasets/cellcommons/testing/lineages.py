"""Hypothesis strategies for lineages, label movies and readings of links."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from cellcommons.tracks import Edges, LabelMovie, Lineage, Track


@st.composite
def lineages(draw: st.DrawFn, *, max_tracks: int = 8, frames: int = 8) -> Lineage:
    """Valid lineages with divisions into two or more, gaps, cells that come and go; ids neither dense nor in order."""
    ids = draw(st.lists(st.integers(1, 2**32 - 1) | st.integers(1, 12), max_size=max_tracks, unique=True))
    tracks: list[Track] = []
    for name in ids:
        mothers = [track for track in tracks if track.end < frames - 1]
        mother = draw(st.sampled_from([None, *mothers]))
        begin = draw(st.integers(mother.end + 1 if mother else 0, frames - 1))
        end = draw(st.integers(begin, frames - 1))
        tracks.append(Track(name, begin, end, mother.id if mother else None))
    return Lineage(tuple(draw(st.permutations(tracks))))


@st.composite
def label_movies(draw: st.DrawFn, *, max_tracks: int = 6, frames: int = 6) -> LabelMovie:
    """Small movies, ``frames`` x 4 x up to 3 columns a track: each cell in columns of its own, up to four rows high."""
    lineage = draw(lineages(max_tracks=max_tracks, frames=frames))
    data = np.zeros((frames, 4, 3 * max(1, len(lineage.tracks))), dtype=np.uint32)
    for place, track in enumerate(lineage.tracks):
        for frame in range(track.begin, track.end + 1):
            height, width = draw(st.integers(1, 4)), draw(st.integers(1, 3))
            data[frame, :height, 3 * place : 3 * place + width] = track.id
    return LabelMovie(data, lineage)


@st.composite
def link_readings(draw: st.DrawFn, edges: Edges, *, max_readings: int = 4) -> list[Edges]:
    """Readings that each drew some of ``edges``."""
    readings = []
    for _ in range(draw(st.integers(1, max_readings))):
        kept = draw(st.lists(st.booleans(), min_size=len(edges), max_size=len(edges)))
        readings.append(edges[np.array(kept, dtype=np.bool_)])
    return readings
