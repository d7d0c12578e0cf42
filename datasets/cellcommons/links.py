"""Links: a lineage as answers, one per cell of a movie: which cell before it, it comes from.

Keys and values are nodes, ``"frame:id"``: child -> parent. A cell without an answer begins a track; a parent with one
child goes on (over a gap, where frames lie between), one with several divides. So a cell with two parents cannot be
said at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument
from cellcommons.linked import linked_movie, relabelled
from cellcommons.tracks import Edges, LabelMovie, Movie, Nodes, movie_nodes, sorted_edges

_NODE = re.compile(r"(0|[1-9][0-9]{0,8}):([1-9][0-9]{0,9})")


def node_key(frame: int, cell: int) -> str:
    """``"frame:id"``."""
    return f"{frame}:{cell}"


def parse_node(text: object, *, where: str = "") -> tuple[int, int]:
    """(frame, id) of ``"frame:id"``. Raises InvalidDocument."""
    found = _NODE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InvalidDocument(f"{text!r} is not a cell", where=where, remedy='Write "frame:id", for example "3:17".')
    return int(found[1]), int(found[2])


def links_of(edges: Edges) -> dict[str, str]:
    """The links that ``edges`` (m, 4: frame, id -> later frame, id) say, child -> parent."""
    return {node_key(later, child): node_key(frame, cell) for frame, cell, later, child in edges.tolist()}


def edges_of_links(links: Mapping[str, object]) -> Edges:
    """The reverse of ``links_of``.

    Raises:
        InvalidDocument: a key or value that is no cell, or a daughter before her mother.
    """
    rows = []
    for child, parent in links.items():
        later, cell = parse_node(child, where="links")
        frame, mother = parse_node(parent, where=f"links {child}")
        check_order(frame, later, where=child)
        rows.append((frame, mother, later, cell))
    return sorted_edges(np.array(rows, dtype=np.int64).reshape(-1, 4))


def check_order(frame: int, later: int, *, where: str = "") -> None:
    """Refuse a link that does not lead forward in time. Raises InvalidDocument."""
    if frame >= later:
        raise InvalidDocument(
            f"the cell is in frame {later}, its parent in frame {frame}: a parent comes before her daughters",
            where=where,
            remedy="Link a cell to one of an earlier frame.",
        )


def movie_of(
    detections: Movie,
    links: Mapping[str, object],
    *,
    pixel_size: PixelSize | None = None,
    seconds_per_frame: float | None = None,
) -> LabelMovie:
    """Detections (uint32, tyx, ids unique within a frame) as the tracks that ``links`` make of them.

    Raises:
        InvalidDocument: a link names a cell that the detections have not, or leads backwards.
    """
    return linked_movie(detections, edges_of_links(links), pixel_size=pixel_size, seconds_per_frame=seconds_per_frame)


def detections_of(movie: LabelMovie) -> tuple[Movie, dict[str, str]]:
    """Masks without identity, and the links that give it back.

    The cells of each frame are numbered 1..n in raster order of their first pixel, so that ids say nothing about time.
    """
    nodes = movie.nodes()
    fresh = np.zeros(len(nodes), dtype=np.int64)
    for frame, labels in enumerate(movie.data):
        here = np.flatnonzero(nodes[:, 0] == frame)
        ids, first = np.unique(labels, return_index=True)
        order = first[np.isin(ids, nodes[here, 1])]  # in order of id, as the nodes are
        rank = np.empty(here.size, dtype=np.int64)
        rank[np.argsort(order, kind="stable")] = np.arange(1, here.size + 1)
        fresh[here] = rank
    edges = movie.edges()
    renumbered = np.column_stack(
        [edges[:, 0], _renamed(nodes, fresh, edges[:, :2]), edges[:, 2], _renamed(nodes, fresh, edges[:, 2:])]
    )
    return relabelled(movie.data, movie_nodes(movie.data), fresh), links_of(sorted_edges(renumbered))


def _renamed(nodes: Nodes, fresh: np.ndarray[tuple[int, ...], np.dtype[np.int64]], cells: Nodes) -> Nodes:
    keys, wanted = nodes[:, 0] << 32 | nodes[:, 1], cells[:, 0] << 32 | cells[:, 1]
    return np.asarray(fresh[np.searchsorted(keys, wanted)])
