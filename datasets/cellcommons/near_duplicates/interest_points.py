"""Interest points of a plane and what surrounds each: what two crops of one field have in common.

A point is where the difference of two Gaussians (Lowe 2004, "Distinctive image features from scale-invariant
keypoints", at one scale a level) is largest in absolute value within 12 pixels, so whether it is one depends on nothing
farther away, and a crop of the field has the same points. Its surroundings of 25 x 25 pixels are described by the
lowest cosine terms, each by its frequency's weight and all by their norm, so that brightness and contrast do not
matter; turned or mirrored, the terms change places and signs and nothing else.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from cellcommons.near_duplicates.dihedral import TRANSFORMS, turned
from cellcommons.near_duplicates.planes import Plane

REACH = 12
_STEP = 3
_SIDE = 2 * REACH // _STEP + 1
_FINE, _COARSE = 1.5, 3.0
_OVER_NOISE = 2.0
_MOST = 5
FREQUENCIES = tuple((u, v) for u in range(_MOST + 1) for v in range(_MOST + 1) if 1 <= u + v <= _MOST)
TERMS = len(FREQUENCIES)
_WEIGHTS = np.array([np.hypot(u, v) for u, v in FREQUENCIES], dtype=np.float32)


def interest_points(plane: Plane) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Where they are (n, 2: y, x) and the terms of their surroundings (n, 20), of norm 127; none nearer than 12 pixels
    to the border."""
    fine = ndimage.gaussian_filter(plane, _FINE)
    response = np.abs(fine - ndimage.gaussian_filter(plane, _COARSE))
    level = float(np.abs(plane).max())
    # Twice the usual response: flat ground has points too, but they say nothing. Rounding errors are no response.
    least = max(_OVER_NOISE * float(np.median(response)), 1e-5 * level)
    is_point = (response == ndimage.maximum_filter(response, size=2 * REACH + 1)) & (response > least)
    is_point[:REACH] = is_point[-REACH:] = False
    is_point[:, :REACH] = is_point[:, -REACH:] = False
    points = np.argwhere(is_point)
    around = np.arange(-REACH, REACH + 1, _STEP)
    patches = fine[points[:, 0, None, None] + around[:, None], points[:, 1, None, None] + around]
    cosines = fft.dctn(patches, axes=(1, 2), norm="ortho")
    terms = np.stack([cosines[:, u, v] for u, v in FREQUENCIES], axis=1) * _WEIGHTS
    norm = np.linalg.norm(terms, axis=1, keepdims=True)
    keep = norm[:, 0] > 0
    unit = np.rint(127 * terms[keep] / norm[keep])
    return points[keep].astype(np.int64), unit.astype(np.int8)


@cache
def _turns() -> NDArray[np.float32]:
    """(8, 20, 20): ``terms @ _turns()[g]`` are the terms of the surroundings turned by ``g``."""
    found = np.zeros((TRANSFORMS, TERMS, TERMS), dtype=np.float32)
    for number, (u, v) in enumerate(FREQUENCIES):
        alone = np.zeros((_SIDE, _SIDE))
        alone[u, v] = 1
        patch = fft.idctn(alone, norm="ortho")
        for transform in range(TRANSFORMS):
            cosines = fft.dctn(turned(patch, transform), norm="ortho")
            found[transform, number] = np.rint([cosines[place] for place in FREQUENCIES])
    return found


def turned_terms(terms: NDArray[np.int8], transform: int) -> NDArray[np.float32]:
    """The terms of the same points in the plane turned by ``transform`` (``dihedral``)."""
    return np.asarray(terms.astype(np.float32) @ _turns()[transform])
