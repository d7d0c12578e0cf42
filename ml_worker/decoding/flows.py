"""Network output to a label map: every foreground pixel walks to its cell's centre; those that meet are one cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure

from cellcommons.errors import InvalidDocument
from cellcommons.labels import Labels

Float = NDArray[np.float32]


@dataclass(frozen=True)
class DecodeConfig:
    """How tensors become cells.

    Attributes:
        threshold: foreground probability from which a pixel belongs to a cell.
        steps: times a pixel follows the flow from where it stands.
        min_votes: pixels that must meet within 3 x 3 for a centre to count.
        min_area: cells of fewer pixels are dropped.
    """

    threshold: float = 0.5
    steps: int = 4
    min_votes: int = 4
    min_area: int = 8

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1 or self.steps < 1 or self.min_votes < 1 or self.min_area < 0:
            raise InvalidDocument(
                "decoding wants 0 < threshold < 1, steps >= 1, min_votes >= 1, min_area >= 0", where="config:decode"
            )


def decode_flows(foreground: Float, flow: Float, config: DecodeConfig | None = None) -> Labels:
    """Cells from foreground and flow; the mask dynamics of Cellpose (Stringer et al. 2021) with full-length vectors.

    Args:
        foreground: probability, axes yx.
        flow: ``(2, y, x)``, pixels to the centre in y and x.

    Returns:
        uint32 label map, ids 1..n.
    """
    config = config or DecodeConfig()
    height, width = foreground.shape
    inside = foreground >= config.threshold
    ys, xs = np.nonzero(inside)
    if not ys.size:
        return np.zeros((height, width), dtype=np.uint32)
    start = ys * width + xs
    here = start
    flat_y, flat_x = flow[0].ravel(), flow[1].ravel()
    open_ground = inside.ravel()
    for _ in range(config.steps):
        row, column = here // width, here % width
        next_row = np.clip(np.rint(row + flat_y[here]).astype(np.int64), 0, height - 1)
        next_column = np.clip(np.rint(column + flat_x[here]).astype(np.int64), 0, width - 1)
        landed = next_row * width + next_column
        # Off the foreground the flow was never trained: there a pixel stops where it last stood on firm ground.
        here = np.where(open_ground[landed], landed, here)
    votes = np.bincount(here, minlength=height * width).reshape(height, width)
    crowded = ndimage.uniform_filter(votes.astype(np.float32), 3, mode="constant") * 9 >= config.min_votes - 0.5
    centres, _ = ndimage.label(crowded, structure=np.ones((3, 3)))
    labels = np.zeros(height * width, dtype=np.int64)
    labels[start] = centres.ravel()[here]
    return tidy_cells(labels.reshape(height, width), inside, config.min_area)


def tidy_cells(labels: NDArray[np.int64], inside: NDArray[np.bool_], min_area: int) -> Labels:
    """One piece per cell, no crumbs, no holes.

    Keeps the largest 4-connected piece of each id, drops those below ``min_area``, gives each remaining foreground
    pixel within 3 pixels of a cell to that cell, and fills background that one single cell encloses.

    Args:
        labels: axes yx, 0 where unassigned. inside: foreground, yx.

    Returns:
        uint32, ids 1..n.
    """
    pieces = measure.label(labels, background=0, connectivity=1)  # type: ignore[no-untyped-call]
    area = np.bincount(pieces.ravel())
    owner = np.zeros(area.size, dtype=np.int64)
    owner[pieces.ravel()] = labels.ravel()
    order = np.lexsort((-area, owner))
    largest = np.zeros(area.size, dtype=bool)
    _, first = np.unique(owner[order], return_index=True)
    largest[order[first]] = True
    keep = largest & (owner != 0) & (area >= min_area)
    keep[0] = False
    kept = np.where(keep[pieces], pieces, 0)
    loose = inside & (kept == 0)
    if kept.any() and loose.any():
        away, nearest = ndimage.distance_transform_edt(kept == 0, return_indices=True)
        adopted = loose & (away <= 3)
        kept[adopted] = kept[tuple(axis[adopted] for axis in nearest)]
    kept = _filled(kept)
    _, compact = np.unique(kept, return_inverse=True)
    compact = compact.reshape(kept.shape)
    return (compact if (kept == 0).any() else compact + 1).astype(np.uint32)


def _filled(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Background pieces with a single cell all round become part of it."""
    gaps = measure.label(labels == 0, connectivity=1)  # type: ignore[no-untyped-call]
    count = int(gaps.max()) + 1
    if count <= 2:
        return labels
    low = np.full(count, np.iinfo(np.int64).max)
    high = np.zeros(count, dtype=np.int64)
    for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:-1], np.s_[1:])):
        for gap, cell in ((gaps[here], labels[there]), (gaps[:, here], labels[:, there])):
            touching = (gap > 0) & (cell > 0)
            np.minimum.at(low, gap[touching], cell[touching])
            np.maximum.at(high, gap[touching], cell[touching])
    border = np.unique(np.concatenate([gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]]))
    high[border] = 0
    fill = np.where((low == high) & (high > 0), high, 0)
    fill[0] = 0
    return np.where(gaps > 0, fill[gaps], labels)
