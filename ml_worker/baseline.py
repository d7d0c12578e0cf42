"""What needs no training: Otsu's threshold and a watershed, the floor beside every model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

from cellcommons.labels import Labels, relabel
from ml_worker.samples import channel_planes

MIN_AREA = 20
MIN_DISTANCE = 5


def otsu_watershed(image: NDArray[np.generic]) -> Labels:
    """Cells by Otsu's threshold (1979) on the mean channel and a watershed of the distance to the edge.

    Cells are taken to be the smaller side of the threshold, so that dark cells on bright ground are found too.

    Args:
        image: axes cyx.

    Returns:
        uint32, yx, ids 1..n.
    """
    gray = ndimage.gaussian_filter(channel_planes(image)[0], 1.0)
    if float(np.ptp(gray)) == 0:
        return np.zeros(gray.shape, dtype=np.uint32)
    inside = gray > threshold_otsu(gray)  # type: ignore[no-untyped-call]
    if inside.mean() > 0.5:
        inside = ~inside
    distance = ndimage.distance_transform_edt(inside)
    peaks = peak_local_max(  # type: ignore[no-untyped-call]
        distance, min_distance=MIN_DISTANCE, labels=inside.astype(np.int32), exclude_border=False
    )
    seeds = np.zeros(gray.shape, dtype=np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    cells = watershed(-distance, seeds, mask=inside)  # type: ignore[no-untyped-call]
    areas = np.bincount(cells.ravel())
    cells = np.where(areas[cells] >= MIN_AREA, cells, 0)
    return relabel(cells.astype(np.uint32))
