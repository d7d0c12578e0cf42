"""Labels to tensors: foreground, normalised distance to the edge, and the way to the cell's centre."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellcommons.labels import Labels, outlines, relabel

Float = NDArray[np.float32]

# Planes of a target: foreground 0/1, distance 0..1, offset y, offset x (pixels), radius (pixels, 1 on background).
TARGET_PLANES = 5


def cell_centres(labels: Labels) -> Float:
    """The centre of each cell: of its pixels, the one nearest to its centroid, so that it always lies inside.

    Args:
        labels: uint32, yx, ids 1..n without gaps.

    Returns:
        float32 ``(n + 1, 2)``, y and x in pixels; row 0 is background and meaningless.
    """
    ys, xs = np.nonzero(labels)
    ids = labels[ys, xs].astype(np.int64)
    count = int(ids.max(initial=0)) + 1
    sizes = np.maximum(np.bincount(ids, minlength=count), 1)
    mean_y = np.bincount(ids, ys, count) / sizes
    mean_x = np.bincount(ids, xs, count) / sizes
    away = (ys - mean_y[ids]) ** 2 + (xs - mean_x[ids]) ** 2
    order = np.lexsort((away, ids))
    present, first = np.unique(ids[order], return_index=True)
    centres = np.zeros((count, 2), dtype=np.float32)
    centres[present, 0] = ys[order][first]
    centres[present, 1] = xs[order][first]
    return centres


def flow_targets(labels: Labels) -> Float:
    """Training targets of one label map (after Cellpose, Stringer et al. 2021, with vectors straight to the centre).

    The vectors keep their length in pixels: a pixel then finds its centre in a step or two where unit vectors need as
    many steps as the cell has pixels across, which is what makes decoding fast.

    Args:
        labels: uint32, yx.

    Returns:
        float32 ``(5, y, x)``: foreground; distance to the cell's edge, 1 at its deepest pixel; offset to its centre
        in y and x, in pixels; the radius of a disc of the cell's area, in pixels (1 on background).
    """
    compact = relabel(labels)
    inside = compact != 0
    targets = np.zeros((TARGET_PLANES, *labels.shape), dtype=np.float32)
    targets[4] = 1.0
    if not inside.any():
        return targets
    index = compact.astype(np.int64)
    count = int(index.max()) + 1
    edge = outlines(compact)
    distance = np.where(inside, ndimage.distance_transform_edt(~edge) + 1.0, 0.0) if edge.any() else inside * 1.0
    deepest = np.zeros(count)
    np.maximum.at(deepest, index[inside], distance[inside])
    centres = cell_centres(compact)
    rows, columns = np.indices(labels.shape, dtype=np.float32)
    radius = np.sqrt(np.bincount(index.ravel(), minlength=count) / np.pi)
    targets[0] = inside
    targets[1][inside] = (distance[inside] / deepest[index[inside]]).astype(np.float32)
    targets[2][inside] = (centres[index, 0] - rows)[inside]
    targets[3][inside] = (centres[index, 1] - columns)[inside]
    targets[4][inside] = np.maximum(radius[index[inside]], 1.0)
    return targets
