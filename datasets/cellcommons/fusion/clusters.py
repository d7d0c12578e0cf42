"""Which cells of several readings are the same cell: clusters with at most one cell per reading.

Constrained agglomerative clustering over IoU, as Amgad et al. (NuCLS, GigaScience 2022) used for crowds of
pathologists, here with average linkage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cellcommons.labels import Labels
from cellcommons.matching import overlap_table

Box = tuple[int, int, int, int]
NodeMap = NDArray[np.int32]


@dataclass(frozen=True)
class Nodes:
    """Every cell of every reading, and which of them overlap.

    Attributes:
        reading, cell, area: reading index, id in that reading, and pixels of each node, shape (n,).
        trace: a number that depends on a node's pixels and on nothing else, shape (n,).
        boxes: half-open bounding boxes ``(y0, x0, y1, x1)``, one per node.
        maps: node index + 1 at each pixel of each reading, 0 for background; axes (reading, y, x).
        first, second, iou, containment: overlapping pairs of nodes of different readings, shape (k,).
    """

    reading: NDArray[np.int64]
    cell: NDArray[np.int64]
    area: NDArray[np.int64]
    trace: NDArray[np.float64]
    boxes: list[Box] = field(repr=False)
    maps: NodeMap = field(repr=False)
    first: NDArray[np.int64] = field(repr=False)
    second: NDArray[np.int64] = field(repr=False)
    iou: NDArray[np.float64] = field(repr=False)
    containment: NDArray[np.float64] = field(repr=False)

    def key(self, node: int) -> tuple[float, ...]:
        """Order of a node by its geometry alone, so that neither ids nor the order of readers decide anything."""
        return (*self.boxes[node], float(self.trace[node]))


def collect_nodes(readings: Sequence[Labels]) -> Nodes:
    """List the cells of ``readings`` (at least one, all of one shape) and their overlaps."""
    reading, cell, area, trace, boxes = [], [], [], [], []
    scrambled = _scrambled(readings[0].size)
    maps = np.zeros((len(readings), *readings[0].shape), dtype=np.int32)
    offsets = [0]
    for index, labels in enumerate(readings):
        table = overlap_table(labels, labels)
        offset, count = offsets[-1], table.ids_a.size
        maps[index] = _indexed(labels, table.ids_a, offset)
        # Slices are None below the first index of this reading.
        for rows, cols in ndimage.find_objects(maps[index], max_label=offset + count)[offset:] if count else ():
            boxes.append((rows.start, cols.start, rows.stop, cols.stop))
        reading.append(np.full(count, index))
        cell.append(table.ids_a.astype(np.int64))
        area.append(table.areas_a)
        trace.append(np.bincount(maps[index].ravel(), weights=scrambled, minlength=offset + count + 1)[offset + 1 :])
        offsets.append(offset + count)
    first, second, iou, containment = [], [], [], []
    for a, b in combinations(range(len(readings)), 2):
        table = overlap_table(readings[a], readings[b])
        first.append(table.rows + offsets[a])
        second.append(table.cols + offsets[b])
        iou.append(table.iou)
        containment.append(table.containment)
    none: list[NDArray[np.float64]] = [np.zeros(0)]
    return Nodes(
        reading=np.concatenate(reading).astype(np.int64),
        cell=np.concatenate(cell),
        area=np.concatenate(area),
        trace=np.concatenate(trace),
        boxes=boxes,
        maps=maps,
        first=np.concatenate(first or none).astype(np.int64),
        second=np.concatenate(second or none).astype(np.int64),
        iou=np.concatenate(iou or none),
        containment=np.concatenate(containment or none),
    )


def _scrambled(size: int) -> NDArray[np.float64]:
    """A fixed pseudo-random integer below 2^32 per pixel: sums of up to 2^21 of them are exact (Knuth, TAOCP 6.4)."""
    return ((np.arange(size, dtype=np.uint64) * np.uint64(2_654_435_761)) % np.uint64(2**32)).astype(np.float64)


def _indexed(labels: Labels, ids: NDArray[np.uint32], offset: int) -> NodeMap:
    """Node index + 1 at each pixel, 0 for background."""
    if ids.size == 0:
        return np.zeros(labels.shape, dtype=np.int32)
    top = int(ids[-1])
    if top > 8 * labels.size + (1 << 20):
        sparse = np.searchsorted(ids, labels) + 1 + offset
        return np.where(labels == 0, 0, sparse).astype(np.int32)
    lookup = np.zeros(top + 1, dtype=np.int32)
    lookup[ids] = np.arange(1, ids.size + 1) + offset
    return lookup[labels]


def cluster_nodes(nodes: Nodes, *, threshold: float = 0.5) -> list[tuple[int, ...]]:
    """Group nodes into clusters of at most one cell per reading and average IoU > ``threshold``.

    Strictly above, because at exactly 0.5 a cell may be half of another, which is a split and not the same cell.

    Every node is in exactly one cluster. Clusters are sorted by geometry, so the order of readings changes nothing.
    """
    n = nodes.reading.size
    strong = nodes.iou > threshold
    graph = coo_matrix((np.ones(int(strong.sum())), (nodes.first[strong], nodes.second[strong])), shape=(n, n))
    count, component = connected_components(graph, directed=False)
    members: list[list[int]] = [[] for _ in range(count)]
    for node, name in enumerate(component.tolist()):
        members[name].append(node)
    strong_pairs = np.bincount(component[nodes.first[strong]], minlength=count).tolist()
    readings = nodes.reading.tolist()
    ious: dict[tuple[int, int], float] | None = None
    clusters: list[tuple[int, ...]] = []
    for group, pairs in zip(members, strong_pairs, strict=True):
        size = len(group)
        if pairs == size * (size - 1) // 2 and len({readings[m] for m in group}) == size:
            clusters.append(tuple(group))
            continue
        if ious is None:
            listed = zip(nodes.first.tolist(), nodes.second.tolist(), nodes.iou.tolist(), strict=True)
            ious = {(a, b): value for a, b, value in listed}
        clusters.extend(_agglomerate(group, nodes, ious, threshold))
    return sorted(clusters, key=lambda cluster: sorted(nodes.key(m) for m in cluster))


def _agglomerate(
    group: list[int], nodes: Nodes, ious: dict[tuple[int, int], float], threshold: float
) -> list[tuple[int, ...]]:
    """Join the closest two clusters without a common reading until none are close enough."""
    clusters: list[tuple[int, ...]] = [(node,) for node in group]
    while True:
        best: tuple[float, list[tuple[float, ...]], int, int] | None = None
        for a, b in combinations(range(len(clusters)), 2):
            joined = clusters[a] + clusters[b]
            if len({int(nodes.reading[m]) for m in joined}) < len(joined):
                continue
            values = sorted(ious.get((min(i, j), max(i, j)), 0.0) for i in clusters[a] for j in clusters[b])
            # Sorted and rounded: sums in another order must not break ties another way.
            linkage = round(sum(values) / len(values), 9)
            if linkage > threshold:
                candidate = (-linkage, sorted(nodes.key(m) for m in joined), a, b)
                best = candidate if best is None or candidate < best else best
        if best is None:
            return clusters
        _, _, a, b = best
        clusters[a] += clusters[b]
        del clusters[b]
