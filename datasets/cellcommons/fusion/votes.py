"""Which pixels belong to which cluster: weighted majority among the readings that saw the cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

REACH = 2
"""Half width in pixels of the window that settles a tied pixel."""


def vote_pixels(maps: NDArray[np.int32], weights: NDArray[np.int64], support: NDArray[np.int64]) -> NDArray[np.int32]:
    """Weighted pixel majority within each cluster; where clusters overlap, the one with more votes has the pixel.

    A pixel belongs to a cluster if readings with more than half of the cluster's weight put it there. At exactly
    half (two readings with two outlines) the votes around the pixel decide, which draws the line between the outlines:
    a local form of shape-based averaging (Rohlfing & Maurer, IEEE TIP 2007).

    Args:
        maps: cluster (1..n) at each pixel of each reading, 0 for none; axes (reading, y, x).
        weights: integer weight of each reading, so that sums are exact in any order.
        support: summed weight of the readings in each cluster, shape (n + 1,).

    Returns:
        The cluster at each pixel, 0 for none; axes yx.
    """
    fused: NDArray[np.int32] = maps[0].copy()
    differing = np.zeros(fused.shape, dtype=np.bool_)
    for other in maps[1:]:
        differing |= other != maps[0]
    # Where all readings agree there is nothing to count; that is most of the frame.
    pixels = np.flatnonzero(differing)
    seen = maps.reshape(len(maps), -1)[:, pixels].astype(np.int64)
    best = np.full(pixels.size, -1, dtype=np.int64)
    chosen = np.zeros(pixels.size, dtype=np.int32)
    for row in range(len(maps)):
        cluster = seen[row]
        # A cluster already counted for this pixel by an earlier reading has the same votes.
        fresh = (cluster > 0) & ~(seen[:row] == cluster).any(axis=0)
        votes = ((seen == cluster) * weights[:, None]).sum(axis=0)
        margin = 2 * votes - support[cluster]
        inside = fresh & (margin > 0)
        tied = np.flatnonzero(fresh & (margin == 0))
        if tied.size:
            inside[tied] = _neighbour_margin(maps, weights, support, pixels[tied], cluster[tied]) >= 0
        # More votes first; equal votes go to the earlier cluster, whose number comes from geometry.
        score = votes * (support.size + 1) - cluster
        better = inside & (score > best)
        better |= inside & (chosen == 0)
        best[better] = score[better]
        chosen[better] = cluster[better]
    fused.ravel()[pixels] = chosen
    return fused


def _neighbour_margin(
    maps: NDArray[np.int32],
    weights: NDArray[np.int64],
    support: NDArray[np.int64],
    pixels: NDArray[np.int64],
    cluster: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Votes for minus votes against ``cluster`` in the window around each pixel; outside the frame counts nothing."""
    height, width = maps.shape[1:]
    rows, cols = np.divmod(pixels, width)
    total = np.zeros(pixels.size, dtype=np.int64)
    for dy in range(-REACH, REACH + 1):
        for dx in range(-REACH, REACH + 1):
            y, x = rows + dy, cols + dx
            framed = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            near = maps[:, np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
            votes = ((near == cluster) * weights[:, None]).sum(axis=0)
            total += np.where(framed, 2 * votes - support[cluster], 0)
    return total
