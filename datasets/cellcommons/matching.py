"""Cell matching, once, for consensus, evaluation and release diffs.

Everything starts from the sparse table of overlaps between two label maps of one image.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cellcommons.errors import MismatchedShapes
from cellcommons.labels import Labels


@dataclass(frozen=True)
class Overlaps:
    """The overlapping pairs of cells of two label maps, as a sparse (coordinate) table.

    Attributes:
        ids_a, ids_b: sorted ids of the cells of each map, shapes (n_a,) and (n_b,).
        areas_a, areas_b: their areas in pixels, int64, same shapes.
        rows, cols: indices into ``ids_a`` and ``ids_b`` of the k overlapping pairs, sorted by (row, column).
        intersections: pixels that each pair shares, int64, shape (k,); never 0.
    """

    ids_a: NDArray[np.uint32]
    ids_b: NDArray[np.uint32]
    areas_a: NDArray[np.int64]
    areas_b: NDArray[np.int64]
    rows: NDArray[np.int64] = field(repr=False)
    cols: NDArray[np.int64] = field(repr=False)
    intersections: NDArray[np.int64] = field(repr=False)

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each overlapping pair, shape (k,), in (0, 1]."""
        unions = self.areas_a[self.rows] + self.areas_b[self.cols] - self.intersections
        return np.asarray(self.intersections / unions, dtype=np.float64)

    @property
    def containment(self) -> NDArray[np.float64]:
        """Intersection over the smaller area of each pair, shape (k,), in (0, 1]: high for merges and splits too."""
        smaller = np.minimum(self.areas_a[self.rows], self.areas_b[self.cols])
        return np.asarray(self.intersections / smaller, dtype=np.float64)


@dataclass(frozen=True)
class Matching:
    """A one-to-one matching of the cells of two label maps.

    Attributes:
        pairs: ``(id_a, id_b, iou)`` in order of ``id_a``.
        only_a, only_b: sorted ids of the cells left unmatched.
    """

    pairs: tuple[tuple[int, int, float], ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]


def overlap_table(a: Labels, b: Labels) -> Overlaps:
    """Count the pixels shared by every cell of ``a`` with every cell of ``b``.

    Works on runs of constant ``(a, b)`` in raster order, so the cost follows the length of the outlines rather than
    the number of pixels, and neither sparse nor large ids cost anything.

    Args:
        a, b: label maps of one shape, axes yx.

    Raises:
        MismatchedShapes: the shapes differ.
    """
    if a.shape != b.shape:
        raise MismatchedShapes(f"label maps of shapes {a.shape} and {b.shape} cannot be compared")
    flat_a, flat_b = a.ravel(), b.ravel()
    changes = (flat_a[1:] != flat_a[:-1]) | (flat_b[1:] != flat_b[:-1])
    starts = np.flatnonzero(np.concatenate([np.full(min(1, flat_a.size), True), changes]))
    lengths = np.diff(starts, append=flat_a.size)
    ids_a, areas_a, rows = _compact(flat_a[starts], lengths)
    ids_b, areas_b, cols = _compact(flat_b[starts], lengths)
    both = (rows >= 0) & (cols >= 0)
    # Shifted by one because _compact drops 0.
    codes, intersections, _ = _compact(rows[both] * ids_b.size + cols[both] + 1, lengths[both])
    row, col = np.divmod(codes - 1, max(1, ids_b.size))
    return Overlaps(ids_a.astype(np.uint32), ids_b.astype(np.uint32), areas_a, areas_b, row, col, intersections)


def _compact(
    values: NDArray[np.integer[Any]], weights: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Sorted distinct non-zero values, the sum of weights of each, and each value's index among them (-1 for 0)."""
    top = int(values.max(initial=0))
    if top <= 8 * values.size + (1 << 20):
        # Dense counting is several times faster than the sort inside np.unique.
        sums = np.bincount(values, weights=weights, minlength=top + 1)
        sums[0] = 0
        distinct = np.flatnonzero(sums)
        index = np.full(top + 1, -1, dtype=np.int64)
        index[distinct] = np.arange(distinct.size)
        return distinct.astype(np.int64), sums[distinct].astype(np.int64), index[values]
    found, inverse = np.unique(values, return_inverse=True)
    sums = np.bincount(inverse, weights=weights, minlength=found.size)
    zero = int(found[0] == 0)
    return found[zero:].astype(np.int64), sums[zero:].astype(np.int64), inverse.astype(np.int64) - zero


def iou_pairs(a: Labels, b: Labels) -> list[tuple[int, int, float]]:
    """Every overlapping pair as ``(id_a, id_b, iou)``, sorted by ids. Raises MismatchedShapes."""
    table = overlap_table(a, b)
    return list(
        zip(table.ids_a[table.rows].tolist(), table.ids_b[table.cols].tolist(), table.iou.tolist(), strict=True)
    )


def match_cells(truth: Labels, prediction: Labels, *, threshold: float = 0.5) -> Matching:
    """Match cells one to one where IoU >= ``threshold`` (and > 0): most pairs first, then the highest sum of IoU.

    Above 0.5 a cell has at most one partner (Kirillov et al., Panoptic Segmentation, CVPR 2019), so an assignment
    problem is solved only where candidates compete.

    Raises:
        MismatchedShapes: the shapes differ.
    """
    return match_overlaps(overlap_table(truth, prediction), threshold=threshold)


def match_overlaps(table: Overlaps, *, threshold: float = 0.5) -> Matching:
    """As ``match_cells``, from a table already counted."""
    rows, cols, ious = matched_indices(table, threshold=threshold)
    free_a = np.ones(table.ids_a.size, dtype=np.bool_)
    free_b = np.ones(table.ids_b.size, dtype=np.bool_)
    free_a[rows] = False
    free_b[cols] = False
    pairs = zip(table.ids_a[rows].tolist(), table.ids_b[cols].tolist(), ious.tolist(), strict=True)
    return Matching(tuple(pairs), tuple(table.ids_a[free_a].tolist()), tuple(table.ids_b[free_b].tolist()))


def matched_indices(
    table: Overlaps, *, threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The matching as index arrays into ``ids_a`` and ``ids_b`` with IoU, sorted by the first."""
    iou = table.iou
    keep = iou >= threshold
    rows, cols, iou = table.rows[keep], table.cols[keep], iou[keep]
    n_a, n_b = table.ids_a.size, table.ids_b.size
    alone = (np.bincount(rows, minlength=n_a)[rows] == 1) & (np.bincount(cols, minlength=n_b)[cols] == 1)
    chosen = alone.copy()
    contested = np.flatnonzero(~alone)
    if contested.size:
        graph = coo_matrix(
            (np.ones(contested.size), (rows[contested], cols[contested] + n_a)), shape=(n_a + n_b, n_a + n_b)
        )
        component = connected_components(graph, directed=False)[1][rows[contested]]
        for name in np.unique(component):
            edges = contested[component == name]
            chosen[edges[_assign(rows[edges], cols[edges], iou[edges])]] = True
    return rows[chosen], cols[chosen], iou[chosen]


def _assign(rows: NDArray[np.int64], cols: NDArray[np.int64], iou: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of the edges of the best assignment in one connected component."""
    row_names, row = np.unique(rows, return_inverse=True)
    col_names, col = np.unique(cols, return_inverse=True)
    gain = np.zeros((row_names.size, col_names.size))
    # A further pair outweighs any sum of IoU, as in the matching of StarDist (Schmidt et al., MICCAI 2018).
    gain[row, col] = 1.0 + iou / (2.0 * min(gain.shape))
    assigned = np.zeros(gain.shape, dtype=np.bool_)
    assigned[linear_sum_assignment(gain, maximize=True)] = True
    return np.flatnonzero(assigned[row, col])
