"""What every linker takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument
from cellcommons.linked import lineage_from_edges
from cellcommons.linking.features import CellTable, Rows
from cellcommons.tracks import Edges, Lineage, sorted_edges


def _no_rows() -> Rows:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Links:
    """Who is whose successor, as rows of one ``CellTable``.

    Attributes:
        parents, children: int64, shape (m,), sorted by child. No child has two parents, no parent more than two
            children (two children: a division), and a child lies in a later frame than its parent.
        merged_from, merged_into: int64, shape (k,): tracks that end where another cell, which has a parent already,
            takes their place. A lineage has no merges: these are hints that one mask holds two cells.
    """

    parents: Rows
    children: Rows
    merged_from: Rows = field(default_factory=_no_rows)
    merged_into: Rows = field(default_factory=_no_rows)

    def __len__(self) -> int:
        return int(self.parents.size)

    def dividing(self) -> Rows:
        """Rows of the parents with two children, sorted."""
        rows, counts = np.unique(self.parents, return_counts=True)
        return np.asarray(rows[counts == 2])


class Linker(Protocol):
    """One way to link cells. Its fields are its configuration; equal tables give equal links."""

    @property
    def name(self) -> str:
        """What people type."""

    def link(self, cells: CellTable) -> Links:
        """Link the cells of one movie.

        Raises:
            InvalidDocument: the table lacks what the method reads (overlap needs masks).
        """


def checked_links(cells: CellTable, parents: Rows | Sequence[int], children: Rows | Sequence[int]) -> Links:
    """Links in their normal order.

    Raises:
        InvalidDocument: a child with two parents, a parent with three children, or a child not after its parent.
    """
    source, target = np.asarray(parents, dtype=np.int64), np.asarray(children, dtype=np.int64)
    order = np.argsort(target, kind="stable")
    source, target = source[order], target[order]
    for fault, text in (
        (np.flatnonzero(np.diff(target) == 0), "two parents"),
        (np.flatnonzero(cells.frame[source] >= cells.frame[target]), "a parent that is not before it"),
    ):
        if fault.size:
            row = int(target[fault[0]])
            where = f"frame {int(cells.frame[row])}, id {int(cells.id[row])}"
            raise InvalidDocument(f"a cell has {text}", where=where)
    if source.size and int(np.bincount(source).max()) > 2:
        row = int(np.argmax(np.bincount(source)))
        where = f"frame {int(cells.frame[row])}, id {int(cells.id[row])}"
        raise InvalidDocument("a cell has more than two daughters", where=where)
    return Links(source, target)


def links_to_edges(cells: CellTable, links: Links) -> Edges:
    """The links as frame and id of the parent, frame and id of the child, int64, shape (m, 4)."""
    nodes = cells.nodes
    return sorted_edges(np.column_stack([nodes[links.parents], nodes[links.children]]))


def edges_to_links(cells: CellTable, edges: Edges) -> Links:
    """Rows of the table for edges of shape (m, 4). Raises InvalidDocument, also for a missing cell."""
    return checked_links(cells, cells.rows(edges[:, 0], edges[:, 1]), cells.rows(edges[:, 2], edges[:, 3]))


def links_to_lineage(cells: CellTable, links: Links) -> tuple[Lineage, NDArray[np.int64]]:
    """The tracks that links make, and the id of the track of every row, shape (n,)."""
    return lineage_from_edges(cells.nodes, links_to_edges(cells, links))
