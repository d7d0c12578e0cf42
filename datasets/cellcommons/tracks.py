"""Lineages: which cell of one frame is which of the next, and who is whose daughter.

The model is that of the Cell Tracking Challenge (Ulman et al., Nature Methods 2017): a track is one cell seen in every
frame from its begin to its end; a parent is the track it came from. A mother with two or more daughters has divided;
a mother with one is the same cell, seen again after a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument

Movie = NDArray[np.uint32]
Nodes = NDArray[np.int64]
"""Cells in frames, shape (n, 2): frame, id. Sorted by frame, then id, each once."""
Edges = NDArray[np.int64]
"""Links, shape (m, 4): frame and id of the earlier cell, frame and id of the later."""


@dataclass(frozen=True, order=True)
class Track:
    """One cell over time.

    Attributes:
        id: its label in every frame, 1..2^32-1.
        begin, end: first and last frame, from 0, both included; it is seen in each frame between.
        parent: the track it came from, by division or after a gap; None where it was there first or came in.
    """

    id: int
    begin: int
    end: int
    parent: int | None = None


@dataclass(frozen=True, order=True)
class Division:
    """A cell that became several.

    Attributes:
        mother: her track. frame: the last frame she is whole in. daughters: their tracks, in order of id, at least two.
    """

    mother: int
    frame: int
    daughters: tuple[int, ...]


@dataclass(frozen=True)
class Lineage:
    """The tracks of one movie, in order of id.

    Raises:
        InvalidDocument: an id twice (with another parent: a cell with two parents), an id or frame out of range, an
            end before its begin, an unknown parent, tracks that descend from themselves, or a daughter seen before
            her mother's last frame has passed.
    """

    tracks: tuple[Track, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "tracks", tuple(sorted(self.tracks, key=lambda track: track.id)))
        _check_each(self.tracks)
        _check_parents({track.id: track for track in self.tracks})

    @cached_property
    def by_id(self) -> dict[int, Track]:
        """Track of each id."""
        return {track.id: track for track in self.tracks}

    @cached_property
    def daughters(self) -> dict[int, tuple[int, ...]]:
        """Children of each track that has any, in order of id; one child is a gap, more a division."""
        found: dict[int, list[int]] = {}
        for track in self.tracks:
            if track.parent is not None:
                found.setdefault(track.parent, []).append(track.id)
        return {mother: tuple(children) for mother, children in sorted(found.items())}

    @property
    def divisions(self) -> tuple[Division, ...]:
        """Every division, in order of mother."""
        return tuple(
            Division(mother, self.by_id[mother].end, children)
            for mother, children in self.daughters.items()
            if len(children) > 1
        )

    def nodes(self) -> Nodes:
        """Every cell in every frame, (frame, id)."""
        table = self._table()
        lengths = table[:, 2] - table[:, 1] + 1
        ids = np.repeat(table[:, 0], lengths)
        starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        frames = np.repeat(table[:, 1], lengths) + np.arange(ids.size) - starts
        return sorted_nodes(np.stack([frames, ids], axis=1))

    def edges(self) -> Edges:
        """Every link: within tracks from frame to frame, and from the last of a parent to the first of a child."""
        nodes = self.nodes()
        ends = {track.id: track.end for track in self.tracks}
        last = np.array([ends[i] for i in nodes[:, 1].tolist()], dtype=np.int64)
        going = nodes[nodes[:, 0] < last]
        within = np.column_stack([going, going[:, 0] + 1, going[:, 1]])
        across = [
            (ends[t.parent], t.parent, t.begin, t.id) for t in self.tracks if t.parent is not None
        ]  # a parent is known: checked on construction
        return sorted_edges(np.concatenate([within, np.array(across, dtype=np.int64).reshape(-1, 4)]))

    def rows(self) -> list[list[int | None]]:
        """The lineage as JSON: ``[id, begin, end, parent]`` per track, in order of id."""
        return [[t.id, t.begin, t.end, t.parent] for t in self.tracks]

    def _table(self) -> NDArray[np.int64]:
        return np.array([(t.id, t.begin, t.end) for t in self.tracks], dtype=np.int64).reshape(-1, 3)


@dataclass(frozen=True, eq=False)
class LabelMovie:
    """Masks of a movie, each cell labelled with its track.

    Attributes:
        data: uint32, axes tyx; 0 is background, every other value the id of a track.
        lineage: the tracks; each is in ``data`` in exactly the frames it says.
        pixel_size: micrometres. seconds_per_frame: None where unknown.

    Raises:
        InvalidDocument: ``data`` and ``lineage`` disagree; the message names the first frame and cell.
    """

    data: Movie = field(repr=False)
    lineage: Lineage
    pixel_size: PixelSize = field(default_factory=PixelSize)
    seconds_per_frame: float | None = None

    def __post_init__(self) -> None:
        if self.data.ndim != 3 or self.data.dtype != np.uint32:
            raise InvalidDocument(
                f"a label movie is uint32 with axes tyx, got {self.data.dtype} with {self.data.ndim} axes"
            )
        if self.seconds_per_frame is not None and not 0 < self.seconds_per_frame < np.inf:
            raise InvalidDocument(f"{self.seconds_per_frame} seconds per frame is no interval of time")
        _check_extent(self.lineage, self.data)
        _check_presence(movie_nodes(self.data), self.lineage.nodes())

    def nodes(self) -> Nodes:
        """Every cell in every frame, (frame, id)."""
        return self.lineage.nodes()

    def edges(self) -> Edges:
        """Every link between them."""
        return self.lineage.edges()


def lineage_from_rows(rows: Iterable[Sequence[int | None]], *, where: str = "") -> Lineage:
    """The lineage of ``[id, begin, end, parent]`` rows, as ``Lineage.rows`` gives them. Raises InvalidDocument."""
    tracks = []
    for row in rows:
        if len(row) != 4 or any(not _integer(v) for v in row[:3]) or not (row[3] is None or _integer(row[3])):
            raise InvalidDocument(f"{row!r} is not [id, begin, end, parent]", where=where)
        first, begin, end = (int(v) for v in row[:3] if v is not None)
        tracks.append(Track(first, begin, end, None if row[3] is None else int(row[3])))
    return Lineage(tuple(tracks))


def movie_nodes(data: Movie) -> Nodes:
    """Cells in each frame of ``data`` (uint32, tyx), as nodes."""
    found = []
    for frame, labels in enumerate(data):
        top = int(labels.max(initial=0))
        if top <= 8 * labels.size + (1 << 20):
            there = np.zeros(top + 1, dtype=np.bool_)  # many times faster than the sort inside np.unique
            there[labels.ravel()] = True
            ids = np.flatnonzero(there)
        else:
            ids = np.unique(labels).astype(np.int64)
        ids = ids[ids != 0]
        found.append(np.stack([np.full(ids.size, frame), ids], axis=1))
    return np.concatenate([*found, np.zeros((0, 2), dtype=np.int64)]).astype(np.int64)


def sorted_nodes(nodes: NDArray[np.integer]) -> Nodes:
    """``nodes`` (n, 2) in order of frame, then id, each once."""
    return _unique_rows(np.asarray(nodes, dtype=np.int64).reshape(-1, 2))


def sorted_edges(edges: NDArray[np.integer]) -> Edges:
    """``edges`` (m, 4) in order of the earlier cell, then the later, each once."""
    return _unique_rows(np.asarray(edges, dtype=np.int64).reshape(-1, 4))


def _unique_rows(table: NDArray[np.int64]) -> NDArray[np.int64]:
    ordered = table[np.lexsort(table.T[::-1])]
    if len(ordered) < 2:
        return ordered
    fresh = np.ones(len(ordered), dtype=np.bool_)
    fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return ordered[fresh]


def _integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _check_each(tracks: tuple[Track, ...]) -> None:
    for one, two in pairwise(tracks):
        if one.id == two.id:
            twice = "has two parents" if one.parent != two.parent else "is listed twice"
            raise InvalidDocument(
                f"it {twice}",
                where=f"track {one.id}",
                remedy="Keep one row per track; where two cells merge, end both tracks and begin a new one.",
            )
    for track in tracks:
        if not (0 < track.id < 2**32 and track.begin >= 0):
            raise InvalidDocument("ids lie in 1..2^32-1 and frames count from 0", where=f"track {track.id}")
        if track.end < track.begin:
            raise InvalidDocument(
                f"it ends in frame {track.end}, before its begin {track.begin}", where=f"track {track.id}"
            )


def _check_parents(by_id: dict[int, Track]) -> None:
    for track in by_id.values():
        if track.parent is not None and track.parent not in by_id:
            raise InvalidDocument(
                f"its parent {track.parent} is no track", where=f"track {track.id}", remedy="Add the parent or drop it."
            )
    settled: set[int] = set()
    for start in by_id:
        path: set[int] = set()
        here: int | None = start
        while here is not None and here not in settled:
            if here in path:
                raise InvalidDocument("it descends from itself", where=f"track {here}", remedy="Correct its parent.")
            path.add(here)
            here = by_id[here].parent
        settled |= path
    for track in by_id.values():
        if track.parent is not None and track.begin <= by_id[track.parent].end:
            raise InvalidDocument(
                f"it begins in frame {track.begin}, but its mother {track.parent} is there until frame "
                f"{by_id[track.parent].end}",
                where=f"track {track.id}",
                remedy="End the mother before her daughters begin.",
            )


def _check_extent(lineage: Lineage, data: Movie) -> None:
    """Before a table of all cells is made: a file may claim more of them than there is memory."""
    late = max(lineage.tracks, key=lambda track: track.end, default=None)
    if late is not None and late.end >= len(data):
        raise InvalidDocument(
            f"the lineage reaches frame {late.end}, the movie has {len(data)} frames", where=f"track {late.id}"
        )
    if sum(track.end - track.begin + 1 for track in lineage.tracks) > data.size:
        raise InvalidDocument("the lineage has more cells than the movie has pixels")


def _check_presence(seen: Nodes, said: Nodes) -> None:
    seen_keys, said_keys = seen[:, 0] << 32 | seen[:, 1], said[:, 0] << 32 | said[:, 1]
    for keys, others, what in (
        (said_keys, seen_keys, "the lineage has it here, the masks have not"),
        (seen_keys, said_keys, "the masks have it here, the lineage has not"),
    ):
        odd = np.setdiff1d(keys, others)
        if odd.size:
            raise InvalidDocument(
                what,
                where=f"frame {int(odd[0] >> 32)}, cell {int(odd[0] & 0xFFFFFFFF)}",
                remedy=f"{odd.size} cells disagree. A cell that comes back after a gap is a new track with a parent.",
            )
