"""The eight ways in which a picture may be turned by right angles and mirrored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Transform ``g`` mirrors left and right where ``g >= 4``, then turns by ``g % 4`` right angles, counterclockwise.
TRANSFORMS = 8


def turned(plane: NDArray[Any], transform: int) -> NDArray[Any]:
    """``plane`` (axes yx first) mirrored and turned; a view."""
    return np.rot90(plane[:, ::-1] if transform >= 4 else plane, transform % 4)


def turned_points(points: NDArray[np.int64], shape: tuple[int, int], transform: int) -> NDArray[np.int64]:
    """Where the pixels ``points`` (n, 2: y, x) of a plane of ``shape`` lie once it is turned."""
    y, x = points[:, 0], points[:, 1]
    height, width = shape
    if transform >= 4:
        x = width - 1 - x
    for _ in range(transform % 4):
        y, x = width - 1 - x, y
        height, width = width, height
    return np.stack([y, x], axis=1)
