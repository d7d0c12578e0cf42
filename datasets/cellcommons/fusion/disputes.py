"""What several readings cannot settle: where no structure has a majority, and neither has "nothing there"."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cellcommons.fusion.clusters import Box, Nodes
from cellcommons.fusion.votes import vote_pixels
from cellcommons.labels import Labels, relabel

Kind = Literal["existence", "split", "extent"]
TOUCHING = 0.2
"""Overlap, as a share of the smaller cell, above which two clusters speak of the same place."""
CONFLICTING = 0.5
"""Overlap above which a settled cell cannot stand beside a disputed one."""
PAD = 2
"""Pixels of surroundings in a region's box; regions whose boxes meet are one region."""


@dataclass(frozen=True)
class Option:
    """One distinct structure that readers saw in a disputed region.

    Attributes:
        readings: indices of the readings that saw it.
        labels: their pixel majority, uint32, axes yx, of the region's box; ids 1..m; empty if they saw nothing.
    """

    readings: tuple[int, ...]
    labels: Labels = field(repr=False)


@dataclass(frozen=True)
class DisputedRegion:
    """A place for an expert to settle.

    Attributes:
        box: half-open ``(y0, x0, y1, x1)`` in the image.
        kind: ``existence`` (is there a cell), ``split`` (how many cells) or ``extent`` (as many, but not the same).
        options: the distinct structures, the one with most weight first. Their crops hold the disputed cells only,
            not settled neighbours.
    """

    box: Box
    kind: Kind
    options: list[Option]


def find_disputes(
    nodes: Nodes,
    clusters: list[tuple[int, ...]],
    kept: NDArray[np.bool_],
    weights: NDArray[np.float64],
    low: float,
) -> list[set[int]]:
    """Sets of cluster indices, one set per disputed region, in raster order.

    Where unsettled clusters touch, each reading says one of three things: there are separate cells here, this is part
    of a settled cell, or there is nothing. The place is disputed if the first carries the weight of the ambiguous band,
    or no less than either of the others; else it is overruled.

    Args:
        kept: whether each cluster's support is above the ambiguous band.
        weights: of each reading, summing to 1.
        low: lower end of the ambiguous band.
    """
    if kept.all():
        return []
    of_node = np.zeros(nodes.reading.size, dtype=np.int64)
    for index, members in enumerate(clusters):
        of_node[list(members)] = index
    first, second = of_node[nodes.first], of_node[nodes.second]
    touching = (nodes.containment >= TOUCHING) & (first != second)
    lost = touching & ~kept[first] & ~kept[second]
    regions: list[set[int]] = []
    overruled: list[set[int]] = []
    groups = _components(first[lost], second[lost], np.flatnonzero(~kept))
    covering = _covering_readings(nodes, first, second, kept)
    for group in groups:
        separate = {int(nodes.reading[m]) for c in group for m in clusters[c]}
        part = set().union(*(covering[c] for c in group)) - separate
        nothing = set(range(len(weights))) - separate - part
        # Summed in order of size, so that the order of readings cannot tip the balance.
        drawn, covered, empty = (sum(sorted(weights[r] for r in readers)) for readers in (separate, part, nothing))
        disputed = drawn >= min(low, max(covered, empty)) - 1e-9
        (regions if disputed else overruled).append(group)
    if not regions:
        return []
    _pull(regions, zip(*_pairs(first, second, nodes.containment >= CONFLICTING), strict=True), kept)
    taken = set().union(*regions)
    neighbours = defaultdict(set)
    for a, b in zip(*_pairs(first, second, touching), strict=True):
        neighbours[a].add(b)
        neighbours[b].add(a)
    for group in overruled:
        # A lone view of a cell that is now disputed belongs among the options.
        if meets := set().union(*(neighbours[c] for c in group)) & taken:
            next(region for region in regions if region & meets).update(group)
    return _merge_near(regions, nodes, clusters)


def describe_region(
    nodes: Nodes,
    clusters: list[tuple[int, ...]],
    cluster_maps: NDArray[np.int32],
    members: set[int],
    units: NDArray[np.int64],
) -> DisputedRegion:
    """The region's box, kind and options. ``cluster_maps`` holds cluster index + 1, axes (reading, y, x)."""
    box = _box(members, nodes, clusters, cluster_maps.shape[1:])
    window = cluster_maps[:, box[0] : box[2], box[1] : box[3]]
    inside = np.zeros(len(clusters) + 1, dtype=np.bool_)
    inside[[c + 1 for c in members]] = True
    window = np.where(inside[window], window, 0)
    seen: dict[int, set[int]] = {reading: set() for reading in range(len(cluster_maps))}
    for cluster in members:
        for node in clusters[cluster]:
            seen[int(nodes.reading[node])].add(cluster)
    same: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for reading, structure in seen.items():
        same[tuple(sorted(structure))].append(reading)
    ranked = sorted(same.items(), key=lambda item: (-int(units[item[1]].sum()), item[0]))
    options = []
    for drawn, readers in ranked:
        support = np.zeros(len(clusters) + 1, dtype=np.int64)
        support[[c + 1 for c in drawn]] = units[readers].sum()
        options.append(
            Option(tuple(readers), relabel(vote_pixels(window[readers], units[readers], support).astype(np.uint32)))
        )
    return DisputedRegion(box, _kind(nodes, clusters, members, seen), options)


def _kind(nodes: Nodes, clusters: list[tuple[int, ...]], members: set[int], seen: dict[int, set[int]]) -> Kind:
    inside = np.zeros(nodes.reading.size, dtype=np.int64)
    for cluster in members:
        inside[list(clusters[cluster])] = cluster + 1
    a, b = inside[nodes.first], inside[nodes.second]
    rivals = (a > 0) & (b > 0) & (a != b) & (nodes.containment >= TOUCHING)
    if not rivals.any():
        return "existence"
    # Only readers who drew one of the rival cells tell how many there are.
    contested = {int(c) - 1 for c in np.concatenate([a[rivals], b[rivals]])}
    counts = {len(structure & contested) for structure in seen.values() if structure & contested}
    return "split" if len(counts) > 1 else "extent"


def _covering_readings(
    nodes: Nodes, first: NDArray[np.int64], second: NDArray[np.int64], kept: NDArray[np.bool_]
) -> dict[int, set[int]]:
    """Unsettled cluster -> readings whose settled cell covers it."""
    covering: dict[int, set[int]] = defaultdict(set)
    covered = nodes.containment >= CONFLICTING
    for over, under, node in ((first, second, nodes.first), (second, first, nodes.second)):
        chosen = covered & kept[over] & ~kept[under]
        for cluster, reading in zip(under[chosen].tolist(), nodes.reading[node[chosen]].tolist(), strict=True):
            covering[cluster].add(reading)
    return covering


def _pairs(
    first: NDArray[np.int64], second: NDArray[np.int64], chosen: NDArray[np.bool_]
) -> tuple[list[int], list[int]]:
    return first[chosen].tolist(), second[chosen].tolist()


def _components(first: NDArray[np.int64], second: NDArray[np.int64], members: NDArray[np.int64]) -> list[set[int]]:
    """Connected sets among ``members`` by the given links."""
    a, b = np.searchsorted(members, first), np.searchsorted(members, second)
    graph = coo_matrix((np.ones(a.size), (a, b)), shape=(members.size, members.size))
    count, component = connected_components(graph, directed=False)
    groups: list[set[int]] = [set() for _ in range(count)]
    for member, name in zip(members.tolist(), component.tolist(), strict=True):
        groups[name].add(member)
    return groups


def _pull(regions: list[set[int]], conflicts: Iterable[tuple[int, int]], kept: NDArray[np.bool_]) -> None:
    """Move settled clusters that cannot stand beside a disputed one into its region."""
    region_of = {cluster: region for region in regions for cluster in region}
    for a, b in conflicts:
        for settled, disputed in ((a, b), (b, a)):
            if kept[settled] and not kept[disputed] and disputed in region_of:
                region_of[disputed].add(settled)


def _box(members: set[int], nodes: Nodes, clusters: list[tuple[int, ...]], shape: tuple[int, ...]) -> Box:
    boxes = np.array([nodes.boxes[m] for c in members for m in clusters[c]])
    y0, x0 = (boxes[:, :2].min(axis=0) - PAD).tolist()
    y1, x1 = (boxes[:, 2:].max(axis=0) + PAD).tolist()
    return max(0, y0), max(0, x0), min(shape[0], y1), min(shape[1], x1)


def _merge_near(regions: list[set[int]], nodes: Nodes, clusters: list[tuple[int, ...]]) -> list[set[int]]:
    """Join regions that share a cluster or whose boxes overlap, until none do; sort in raster order."""
    shape = nodes.maps.shape[1:]
    pending = [(_box(region, nodes, clusters, shape), set(region)) for region in regions]
    joined = True
    while joined:
        joined = False
        for (i, (a, left)), (j, (b, right)) in combinations(enumerate(pending), 2):
            if left & right or (a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]):
                both = left | right
                pending[i] = (_box(both, nodes, clusters, shape), both)
                del pending[j]
                joined = True
                break
    return [region for _, region in sorted(pending, key=lambda entry: (entry[0], sorted(entry[1])))]
