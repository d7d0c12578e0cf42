"""From links to lineages: tracks made of (frame, id) -> (frame, id) edges between the cells of frames.

Ids need to be unique within a frame only, as a segmenter gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument
from cellcommons.tracks import Edges, LabelMovie, Lineage, Movie, Nodes, Track, movie_nodes, sorted_edges, sorted_nodes


def lineage_from_edges(nodes: Nodes, edges: Edges) -> tuple[Lineage, NDArray[np.int64]]:
    """Tracks made of links.

    A cell with one link on, into the very next frame, goes on in its track; a link over a gap or one of several links
    on makes a new track with a parent.

    Args:
        nodes: (n, 2) frame, id. edges: (m, 4) frame, id -> later frame, id, among the nodes.

    Returns:
        The lineage, track ids 1.. in order of first frame, then of id there; and the track of each of
        ``sorted_nodes(nodes)``, shape (n,).

    Raises:
        InvalidDocument: a link from or to no node, or not forward in time; a cell with two parents.
    """
    nodes, edges = sorted_nodes(nodes), sorted_edges(edges)
    if len(nodes) and (nodes.min() < 0 or nodes[:, 1].max() >= 2**32):
        raise InvalidDocument("frames count from 0 and ids lie within 0..2^32-1")
    source, target = _places(nodes, edges[:, :2]), _places(nodes, edges[:, 2:])
    _check_links(nodes, edges, source, target)
    n = len(nodes)
    onward = np.bincount(source, minlength=n)
    stays = (onward[source] == 1) & (edges[:, 2] == edges[:, 0] + 1)
    # Here, for scipy takes long to import, and a download does without.
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components  # likewise

    joined = coo_matrix((np.ones(int(stays.sum())), (source[stays], target[stays])), shape=(n, n))
    component = connected_components(joined, directed=False)[1] if n else np.zeros(0, dtype=np.int64)
    # Nodes are in order of frame, so a component's first node is its track's first cell.
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.int64)
    rank[np.argsort(first)] = np.arange(1, first.size + 1)
    track = rank[inverse.reshape(-1)] if n else np.zeros(0, dtype=np.int64)
    begin, end = np.zeros(first.size + 1, dtype=np.int64), np.zeros(first.size + 1, dtype=np.int64)
    begin[track[::-1]] = nodes[::-1, 0]
    end[track] = nodes[:, 0]
    parents = dict(zip(track[target[~stays]].tolist(), track[source[~stays]].tolist(), strict=True))
    listed = zip(begin[1:].tolist(), end[1:].tolist(), strict=True)
    tracks = tuple(Track(i, b, e, parents.get(i)) for i, (b, e) in enumerate(listed, start=1))
    return Lineage(tracks), track


def lineage_as_named(nodes: Nodes, edges: Edges, names: NDArray[np.int64]) -> Lineage | None:
    """Tracks called by ``names``, where links and names agree; None where they do not.

    They agree where the cells of one name follow each other frame by frame, all linked, and other links lead from the
    last cell of a name to the first of another. So a file that numbers its tracks keeps their numbers.

    Args:
        nodes, edges: as for ``lineage_from_edges``. names: one of each of ``sorted_nodes(nodes)``, from 1; 0 is none.

    Raises:
        InvalidDocument: as ``lineage_from_edges``.
    """
    nodes, edges = sorted_nodes(nodes), sorted_edges(edges)
    source, target = _places(nodes, edges[:, :2]), _places(nodes, edges[:, 2:])
    _check_links(nodes, edges, source, target)
    if not len(nodes):
        return Lineage(())
    order = np.lexsort((nodes[:, 0], names))
    name, frame = names[order], nodes[order, 0]
    first = np.ones(len(nodes), dtype=np.bool_)
    first[1:] = name[1:] != name[:-1]
    if name[0] < 1 or name[-1] >= 2**32 or (np.diff(frame)[~first[1:]] != 1).any():
        return None
    starts = np.flatnonzero(first)
    stops = np.append(starts[1:], len(nodes)) - 1
    within = names[source] == names[target]
    begins, ends = np.zeros(len(nodes), dtype=np.bool_), np.zeros(len(nodes), dtype=np.bool_)
    begins[order[starts]], ends[order[stops]] = True, True
    if int(within.sum()) != len(nodes) - len(starts) or not (ends[source] & begins[target])[~within].all():
        return None
    if (edges[within, 2] != edges[within, 0] + 1).any():
        return None
    parents = dict(zip(names[target[~within]].tolist(), names[source[~within]].tolist(), strict=True))
    listed = zip(name[starts].tolist(), frame[starts].tolist(), frame[stops].tolist(), strict=True)
    return Lineage(tuple(Track(number, begin, end, parents.get(number)) for number, begin, end in listed))


def linked_movie(
    data: Movie, edges: Edges, *, pixel_size: PixelSize | None = None, seconds_per_frame: float | None = None
) -> LabelMovie:
    """Masks (uint32, tyx, ids unique within a frame) relabelled by the tracks that ``edges`` make of their cells.

    Raises:
        InvalidDocument: as ``lineage_from_edges``.
    """
    nodes = movie_nodes(data)
    lineage, track = lineage_from_edges(nodes, edges)
    return LabelMovie(relabelled(data, nodes, track), lineage, pixel_size or PixelSize(), seconds_per_frame)


def relabelled(data: Movie, nodes: Nodes, ids: NDArray[np.int64]) -> Movie:
    """``data`` with the id of each of its cells (``nodes`` as ``movie_nodes`` gives them) replaced by ``ids``."""
    out = np.zeros(data.shape, dtype=np.uint32)
    starts = np.searchsorted(nodes[:, 0], np.arange(len(data) + 1))
    for frame, labels in enumerate(data):
        here = slice(int(starts[frame]), int(starts[frame + 1]))
        old, new = nodes[here, 1], ids[here]
        if old.size == 0:
            continue
        if int(old[-1]) <= 8 * labels.size + (1 << 20):
            lookup = np.zeros(int(old[-1]) + 1, dtype=np.uint32)
            lookup[old] = new
            out[frame] = lookup[labels]
        else:
            place = np.minimum(np.searchsorted(old, labels), old.size - 1)
            out[frame] = np.where(labels == 0, 0, new[place])
    return out


def parents_of(nodes: Nodes, edges: Edges) -> NDArray[np.int64]:
    """Of each of ``sorted_nodes(nodes)``, the index of its parent among them, or -1; shape (n,).

    Raises:
        InvalidDocument: as ``lineage_from_edges``.
    """
    nodes, edges = sorted_nodes(nodes), sorted_edges(edges)
    source, target = _places(nodes, edges[:, :2]), _places(nodes, edges[:, 2:])
    _check_links(nodes, edges, source, target)
    parents = np.full(len(nodes), -1, dtype=np.int64)
    parents[target] = source
    return parents


def edges_of(nodes: Nodes, parents: NDArray[np.int64]) -> Edges:
    """The links that ``parents`` (as ``parents_of`` gives them) means."""
    linked = parents >= 0
    return sorted_edges(np.column_stack([nodes[parents[linked]], nodes[linked]]))


def _places(nodes: Nodes, cells: Nodes) -> NDArray[np.int64]:
    """Index of each cell among the nodes; -1 where it is none."""
    keys, wanted = nodes[:, 0] << 32 | nodes[:, 1], cells[:, 0] << 32 | cells[:, 1]
    if not len(keys):
        return np.full(len(wanted), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, place, -1).astype(np.int64)


def _check_links(nodes: Nodes, edges: Edges, source: NDArray[np.int64], target: NDArray[np.int64]) -> None:
    for place, side in ((source, 0), (target, 2)):
        if (place < 0).any():
            frame, cell = edges[np.flatnonzero(place < 0)[0], side : side + 2].tolist()
            raise InvalidDocument("a link names a cell that is not there", where=f"frame {frame}, cell {cell}")
    back = np.flatnonzero(edges[:, 2] <= edges[:, 0])
    if back.size:
        one, cell, two, other = edges[back[0]].tolist()
        raise InvalidDocument(
            "a link does not lead forward in time", where=f"frame {one}, cell {cell} -> frame {two}, cell {other}"
        )
    parents = np.bincount(target, minlength=len(nodes))
    if (parents > 1).any():
        frame, cell = nodes[np.flatnonzero(parents > 1)[0]].tolist()
        raise InvalidDocument(
            "a cell has two parents", where=f"frame {frame}, cell {cell}", remedy="Keep at most one link into a cell."
        )


def lineage_from_ids(nodes: Nodes, parents: Mapping[int, int] | None = None) -> tuple[Lineage, NDArray[np.int64]]:
    """Tracks of cells that carry one id through time, also over frames in which they are not seen.

    The frames before a first gap keep the id; each stretch after a gap gets a new id, and the stretch before as parent.

    Args:
        nodes: (n, 2) frame, id. parents: id of the mother of each daughter.

    Returns:
        The lineage, and the track of each of ``sorted_nodes(nodes)``, shape (n,).

    Raises:
        InvalidDocument: ``parents`` names a cell that is not there, or as ``Lineage``.
    """
    nodes = sorted_nodes(nodes)
    order = np.lexsort((nodes[:, 0], nodes[:, 1]))
    frame, cell = nodes[order].T
    fresh = np.ones(len(nodes), dtype=np.bool_)
    fresh[1:] = (cell[1:] != cell[:-1]) | (frame[1:] != frame[:-1] + 1)
    starts = np.flatnonzero(fresh)
    stops = np.append(starts[1:], len(nodes))[: len(starts)]
    newest = int(cell.max(initial=0))
    tracks, ids = [], np.zeros(len(nodes), dtype=np.int64)
    last: dict[int, int] = {}
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        name = int(cell[start])
        parent = last.get(name)
        if parent is None:
            ids[start:stop] = name
        else:
            newest += 1
            ids[start:stop] = newest
        last[name] = int(ids[start])
        tracks.append(Track(last[name], int(frame[start]), int(frame[stop - 1]), parent))
    mothers = dict(parents or {})
    strange = next((one for pair in mothers.items() for one in pair if one not in last), None)
    if strange is not None:
        raise InvalidDocument("it is named in a division, but is in no frame", where=f"cell {strange}")
    joined = tuple(replace(t, parent=last[mothers[t.id]]) if t.id in mothers else t for t in tracks)
    track = np.empty(len(nodes), dtype=np.int64)
    track[order] = ids
    return Lineage(joined), track
