"""Instance segmentation: fuse the label maps of several readers into one, and say what they could not settle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.fusion.clusters import Box, Nodes, cluster_nodes, collect_nodes
from cellcommons.fusion.disputes import DisputedRegion, describe_region, find_disputes
from cellcommons.fusion.votes import vote_pixels
from cellcommons.labels import Labels
from cellcommons.measures.detection import detection_scores

BAND = 0.05
"""Half width of the default band of support in which a cell is disputed rather than kept or dropped."""


@dataclass(frozen=True)
class FusedCell:
    """One settled cell.

    Attributes:
        id: its value in the fused label map. box: half-open ``(y0, x0, y1, x1)``. area: pixels.
        agreement: weighted mean over all readings of the IoU of their cell with the fused one (0 where they have none).
        support: reading index -> cell id in that reading.
    """

    id: int
    box: Box
    area: int
    agreement: float
    support: dict[int, int]


@dataclass(frozen=True)
class Dissent:
    """A reader's cell that the settled majority overruled (an extra, a merge or a split of their own)."""

    reading: int
    cell: int


@dataclass(frozen=True)
class Fusion:
    """The consensus of several readings of one image.

    Attributes:
        labels: the settled cells, uint32, axes yx, ids 1..n in raster order; disputed regions hold none of theirs.
        cells: one entry per id, in order.
        disagreements: what the readings could not settle, in raster order.
        dissents: cells overruled by a majority.
        agreement: mean F1 at IoU 0.5 over all pairs of readings; 1.0 for a single reading.
    """

    labels: Labels = field(repr=False)
    cells: list[FusedCell] = field(repr=False)
    disagreements: list[DisputedRegion]
    dissents: list[Dissent]
    agreement: float


def fuse_instances(
    readings: Sequence[Labels],
    *,
    weights: Sequence[float] | None = None,
    quorum: float = 0.5,
    ambiguous: tuple[float, float] | None = None,
) -> Fusion:
    """Fuse independent readings of one image, cell by cell and then pixel by pixel.

    1. Cells of different readings are clustered by IoU, one per reading (``clusters``). A reader who drew one cell
       where two others drew two forms a cluster of their own there, so structures compete by weight.
    2. A cluster whose readings carry more weight than the ambiguous band is settled. Others are overruled if "part of a
       settled cell" or "nothing there" carries more weight than all the cells that touch there together.
    3. What is in neither camp becomes a disputed region, with each distinct structure as an option; settled clusters in
       conflict with it join it (``disputes``).
    4. The extent of a settled cell is the weighted majority of its readings (``votes``).

    The order of readings, and the ids within them, change nothing but the indices reported.

    Args:
        readings: label maps, uint32, axes yx, one shape.
        weights: positive weight of each reading, e.g. the reader's skill; equal if None.
        quorum: share of the weight that settles a cell.
        ambiguous: ``(low, high)`` share, both included, within which a cell is disputed; quorum +- 0.05 if None.

    Raises:
        InvalidDocument: no readings, weights that do not fit, or a band that does not hold the quorum.
        MismatchedShapes: the readings differ in shape.
    """
    low, high = ambiguous if ambiguous is not None else (quorum - BAND, quorum + BAND)
    units = _checked(readings, weights, quorum, low, high)
    nodes = collect_nodes(readings)
    clusters = cluster_nodes(nodes)
    total = int(units.sum())
    support = np.array([units[nodes.reading[list(c)]].sum() for c in clusters], dtype=np.int64)
    kept = support / total > high + 1e-9
    regions = find_disputes(nodes, clusters, kept, units / total, low)
    settled = kept.copy()
    for members in regions:
        settled[sorted(members)] = False
    cluster_maps = _cluster_maps(nodes, clusters)
    labels, cells = _render_settled(nodes, clusters, cluster_maps, settled, units, support)
    standing = settled.copy()
    for members in regions:
        standing[sorted(members)] = True
    dissents = sorted(
        (int(nodes.reading[m]), int(nodes.cell[m]))
        for c, ok in zip(clusters, standing, strict=True)
        if not ok
        for m in c
    )
    return Fusion(
        labels=labels,
        cells=cells,
        disagreements=[describe_region(nodes, clusters, cluster_maps, members, units) for members in regions],
        dissents=[Dissent(reading, cell) for reading, cell in dissents],
        agreement=_pairwise_f1(nodes, len(readings)),
    )


def apply_settlement(labels: Labels, box: Box, choice: Labels) -> Labels:
    """Write the cells chosen for a disputed region into the consensus; return a new label map.

    Settled cells keep their ids and pixels; chosen cells get the next free ids and the pixels still free. A chosen
    cell that would lose more than half its pixels to a settled one is that cell drawn again, and is left out.

    Args:
        labels: the fused label map, uint32, yx.
        box: half-open ``(y0, x0, y1, x1)`` of the region.
        choice: the option's crop, or one drawn by the person who settles, uint32, yx, of the box's shape.

    Raises:
        InvalidDocument: the box leaves the image.
        MismatchedShapes: ``choice`` is not of the box's shape.
    """
    y0, x0, y1, x1 = box
    if not (0 <= y0 < y1 <= labels.shape[0] and 0 <= x0 < x1 <= labels.shape[1]):
        raise InvalidDocument(f"box {box} leaves the image of shape {labels.shape}")
    if choice.shape != (y1 - y0, x1 - x0):
        raise MismatchedShapes(f"a settlement of shape {choice.shape} does not fill box {box}")
    settled = labels.copy()
    window = settled[y0:y1, x0:x1]
    free = window == 0
    next_id = int(labels.max(initial=0)) + 1
    for cell in np.unique(choice[choice != 0]).tolist():
        mask = choice == cell
        if 2 * int(np.count_nonzero(mask & free)) >= int(np.count_nonzero(mask)):
            window[mask & free] = next_id
            next_id += 1
    return settled


def reader_skill(readings: Sequence[Labels], consensus: Labels) -> tuple[float, ...]:
    """F1 at IoU 0.5 of each reading against the consensus. Raises MismatchedShapes."""
    return tuple(detection_scores(consensus, reading, thresholds=(0.5,)).f1_50 for reading in readings)


def _checked(
    readings: Sequence[Labels], weights: Sequence[float] | None, quorum: float, low: float, high: float
) -> NDArray[np.int64]:
    """Integer weights, so that shares and ties are exact in any order of readings."""
    if not readings:
        raise InvalidDocument("a fusion needs at least one reading")
    if len({r.shape for r in readings}) > 1:
        raise MismatchedShapes(f"readings of shapes {[r.shape for r in readings]} cannot be fused")
    if any(r.ndim != 2 or r.dtype != np.uint32 for r in readings):
        raise InvalidDocument("a reading is uint32 with axes yx", remedy="Convert with cellcommons.labels.as_labels().")
    if not 0 <= low <= quorum <= high < 1:
        raise InvalidDocument(f"the ambiguous band ({low}, {high}) must hold the quorum {quorum} and lie within 0..1")
    raw = np.ones(len(readings)) if weights is None else np.asarray(weights, dtype=np.float64)
    if raw.shape != (len(readings),) or not np.all(np.isfinite(raw)) or not np.all(raw > 0):
        raise InvalidDocument(
            f"weights {weights!r} do not give each of {len(readings)} readings a positive weight",
            remedy="Leave a reading out rather than weigh it 0.",
        )
    units: NDArray[np.int64] = np.maximum(1, np.rint(raw / raw.max() * 1_000_000)).astype(np.int64)
    return units


def _cluster_maps(nodes: Nodes, clusters: list[tuple[int, ...]]) -> NDArray[np.int32]:
    """Cluster index + 1 at each pixel of each reading, 0 for background; axes (reading, y, x)."""
    lookup = np.zeros(nodes.reading.size + 1, dtype=np.int32)
    for index, members in enumerate(clusters, start=1):
        lookup[np.array(members) + 1] = index
    return lookup[nodes.maps]


def _render_settled(
    nodes: Nodes,
    clusters: list[tuple[int, ...]],
    cluster_maps: NDArray[np.int32],
    settled: NDArray[np.bool_],
    units: NDArray[np.int64],
    support: NDArray[np.int64],
) -> tuple[Labels, list[FusedCell]]:
    shown = np.concatenate([[False], settled])
    maps = np.where(shown[cluster_maps], cluster_maps, 0)
    fused = vote_pixels(maps, units, np.concatenate([[0], support]))
    present, first, areas = np.unique(fused, return_index=True, return_counts=True)
    order = np.argsort(first[present > 0], kind="stable")
    present, areas = present[present > 0][order], areas[present > 0][order]
    ids = np.zeros(len(clusters) + 1, dtype=np.uint32)
    ids[present] = np.arange(1, present.size + 1)
    labels = ids[fused]
    shared = [np.bincount(fused[fused == m], minlength=len(clusters) + 1) for m in maps]
    # find_objects cannot read a frame without pixels.
    slices = ndimage.find_objects(labels.astype(np.int32)) if present.size else []
    boxes = [(rows.start, cols.start, rows.stop, cols.stop) for rows, cols in slices]
    cells = []
    for index, (cluster, area) in enumerate(zip(present.tolist(), areas.tolist(), strict=True)):
        agreement = 0.0
        for node in clusters[cluster - 1]:
            reading = int(nodes.reading[node])
            both = int(shared[reading][cluster])
            agreement += int(units[reading]) * both / (area + int(nodes.area[node]) - both)
        votes = {int(nodes.reading[m]): int(nodes.cell[m]) for m in clusters[cluster - 1]}
        cells.append(FusedCell(index + 1, boxes[index], area, min(1.0, agreement / int(units.sum())), votes))
    return labels, cells


def _pairwise_f1(nodes: Nodes, count: int) -> float:
    """Mean F1 over the pairs of readings; above IoU 0.5 a cell has at most one partner, so pairs need no assignment."""
    if count < 2:
        return 1.0
    cells = np.bincount(nodes.reading, minlength=count)
    close = nodes.iou > 0.5
    pairs = nodes.reading[nodes.first[close]] * count + nodes.reading[nodes.second[close]]
    both = np.bincount(pairs, minlength=count * count).reshape(count, count)
    a, b = np.triu_indices(count, 1)
    drawn = cells[a] + cells[b]
    return float(np.where(drawn > 0, 2 * both[a, b] / np.maximum(drawn, 1), 1.0).mean())
