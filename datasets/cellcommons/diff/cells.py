"""What became of each cell of a label map, by overlap alone: ids of two releases mean nothing to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cellcommons.diff.changes import BORN, DIED, MERGED, RECLASSED, RESHAPED, SPLIT, Box, CellChange
from cellcommons.errors import InvalidDocument
from cellcommons.indexes import CellRow
from cellcommons.matching import Overlaps

PIECE = 10
"""A piece of a cell that split has at least one part in so many of its pixels; less is a nibble of a neighbour."""
SAME, KIN = 0.5, 0.1
"""IoU from which cells are the same; and, where most of the smaller lies within the larger (it grew), the least."""

Rows = Mapping[int, CellRow]


def cell_changes(image: str, table: Overlaps, before: Rows, after: Rows) -> list[CellChange]:
    """Every cell of ``table`` that changed.

    A cell has split where two or more cells, each lying in it by more than half, make up more than half of it (a cell
    belongs to the one that holds most of it: Matula et al., PLoS ONE 2015); merging is the reverse. The others are
    paired by IoU, best first, as ``match_cells`` pairs them above 0.5. Exchanging the releases exchanges born with
    died and split with merged, and nothing else.

    Args:
        table: of the label maps before and after.
        before, after: their cells by id.

    Raises:
        InvalidDocument: a label map holds a cell that its index has not.
    """
    for ids, rows in ((table.ids_a, before), (table.ids_b, after)):
        for cell in ids.tolist():
            if cell not in rows:
                raise InvalidDocument(f"the labels hold cell {cell}, the index cells does not", where=image)
    iou = table.iou
    ids_a, ids_b = table.ids_a.tolist(), table.ids_b.tolist()
    free_a, free_b = np.ones(len(ids_a), dtype=np.bool_), np.ones(len(ids_b), dtype=np.bool_)
    changes: list[CellChange] = []

    def row(kind: str, ones: Sequence[int], others: Sequence[int], overlap: float | None) -> None:
        changes.append(
            _change(image, kind, [before[ids_a[i]] for i in ones], [after[ids_b[i]] for i in others], overlap)
        )

    for ones, others, overlap in _families(table):
        free_a[ones], free_b[others] = False, False
        row(SPLIT if len(ones) == 1 else MERGED, ones, others, overlap)
    for i, j, overlap in _pairs(table, iou, free_a, free_b):
        if overlap < 1.0:
            row(RESHAPED, [i], [j], overlap)
        if before[ids_a[i]].classes != after[ids_b[j]].classes:
            row(RECLASSED, [i], [j], overlap)
    for i in np.flatnonzero(free_a).tolist():
        row(DIED, [i], [], None)
    for j in np.flatnonzero(free_b).tolist():
        row(BORN, [], [j], None)
    return changes


def subject_changes(image: str, before: Rows, after: Rows) -> list[CellChange]:
    """The same for rows that have boxes but no label map at hand: those of equal id and box are the same, the others
    are paired by the IoU of their boxes."""
    changes: list[CellChange] = []
    same = [key for key in before if key in after and before[key].box == after[key].box]
    lone_a, lone_b = ([key for key in rows if key not in set(same)] for rows in (before, after))
    pairs = [(key, key) for key in same]
    candidates = [
        (overlap, one, other)
        for one in lone_a
        for other in lone_b
        if (overlap := _box_iou(before[one].box, after[other].box)) >= SAME
    ]
    for overlap, one, other in sorted(candidates, key=lambda c: (-c[0], min(c[1:]), max(c[1:]))):
        if one in lone_a and other in lone_b:
            lone_a.remove(one)
            lone_b.remove(other)
            pairs.append((one, other))
            if overlap < 1.0:
                changes.append(_change(image, RESHAPED, [before[one]], [after[other]], overlap))
    for one, other in sorted(pairs):
        if before[one].classes != after[other].classes:
            overlap = _box_iou(before[one].box, after[other].box)
            changes.append(_change(image, RECLASSED, [before[one]], [after[other]], overlap))
    changes += [_change(image, DIED, [before[key]], [], None) for key in lone_a]
    changes += [_change(image, BORN, [], [after[key]], None) for key in lone_b]
    return changes


def all_replaced(image: str, before: Iterable[CellRow], after: Iterable[CellRow]) -> list[CellChange]:
    """Every cell died and every one was born: what is left to say where the images are of different shapes."""
    died = [_change(image, DIED, [row], [], None) for row in before]
    return died + [_change(image, BORN, [], [row], None) for row in after]


def paired_ids(table: Overlaps) -> dict[int, int]:
    """id before -> id after of the cells that are the same, reshaped or not."""
    free = (np.ones(table.ids_a.size, dtype=np.bool_), np.ones(table.ids_b.size, dtype=np.bool_))
    return {int(table.ids_a[i]): int(table.ids_b[j]) for i, j, _ in _pairs(table, table.iou, *free)}


def _families(table: Overlaps) -> list[tuple[list[int], list[int], float]]:
    """``(places before, places after, best IoU)`` of every split and merge."""
    shared = table.intersections
    areas_a, areas_b = table.areas_a[table.rows], table.areas_b[table.cols]
    pieces = (2 * shared > areas_b) & (PIECE * shared >= areas_a)
    origins = (2 * shared > areas_a) & (PIECE * shared >= areas_b)
    edges = _several(table.rows, shared, pieces, table.areas_a) | _several(table.cols, shared, origins, table.areas_b)
    found = np.flatnonzero(edges)
    if not found.size:
        return []
    n_a, n_b = table.ids_a.size, table.ids_b.size
    rows, cols, iou = table.rows[found], table.cols[found], table.iou[found]
    graph = coo_matrix((np.ones(found.size), (rows, cols + n_a)), shape=(n_a + n_b, n_a + n_b))
    names = connected_components(graph, directed=False)[1][rows]
    families = []
    for name in np.unique(names):
        here = names == name
        ones, others = np.unique(rows[here]).tolist(), np.unique(cols[here]).tolist()
        # Where several became several others, no one of them split or merged: pairs say it better.
        if min(len(ones), len(others)) == 1:
            families.append((ones, others, float(iou[here].max())))
    return families


def _several(
    places: NDArray[np.int64], shared: NDArray[np.int64], kept: NDArray[np.bool_], areas: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """The pairs of ``kept`` whose cell has two or more of them, which together make up more than half of it."""
    counts = np.bincount(places[kept], minlength=areas.size)
    covered = np.bincount(places[kept], weights=shared[kept], minlength=areas.size)
    return np.asarray(kept & ((counts >= 2) & (2 * covered > areas))[places])


def _pairs(
    table: Overlaps, iou: NDArray[np.float64], free_a: NDArray[np.bool_], free_b: NDArray[np.bool_]
) -> list[tuple[int, int, float]]:
    """``(place before, place after, IoU)`` of the cells that are the same, best IoU first; no longer free then."""
    alike = (iou >= SAME) | ((iou >= KIN) & (table.containment > 0.5))
    found = np.flatnonzero(alike & free_a[table.rows] & free_b[table.cols])
    rows, cols, overlaps = table.rows[found], table.cols[found], iou[found]
    ids_a, ids_b = table.ids_a[rows], table.ids_b[cols]
    # Ties are broken by the two ids whichever comes first, so that B against A gives the pairs of A against B.
    order = np.lexsort((np.maximum(ids_a, ids_b), np.minimum(ids_a, ids_b), -overlaps))
    pairs = []
    for i, j, overlap in zip(rows[order].tolist(), cols[order].tolist(), overlaps[order].tolist(), strict=True):
        if free_a[i] and free_b[j]:
            free_a[i], free_b[j] = False, False
            pairs.append((i, j, overlap))
    return pairs


def _change(
    image: str, kind: str, before: Sequence[CellRow], after: Sequence[CellRow], iou: float | None
) -> CellChange:
    return CellChange(
        image=image,
        kind=kind,
        before=tuple(row.id for row in before),
        after=tuple(row.id for row in after),
        iou=iou,
        box=hull([row.box for row in (*before, *after)]),
        area_before=sum(row.area for row in before),
        area_after=sum(row.area for row in after),
        classes_before=_classes(before),
        classes_after=_classes(after),
    )


def _classes(rows: Sequence[CellRow]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for row in rows for name in row.classes))


def hull(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all of ``boxes``, of which there is at least one."""
    y0, x0, y1, x1 = zip(*boxes, strict=True)
    return min(y0), min(x0), max(y1), max(x1)


def _box_iou(one: Box, other: Box) -> float:
    height = min(one[2], other[2]) - max(one[0], other[0])
    width = min(one[3], other[3]) - max(one[1], other[1])
    if height <= 0 or width <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return height * width / (sum(areas) - height * width)
