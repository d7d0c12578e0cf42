"""Discs: masks for cells of which only a position and a radius are known, as a tracker of spots leaves them."""

from __future__ import annotations

import numpy as np

from cellcommons.errors import InvalidDocument
from cellcommons.points import PointTracks
from cellcommons.tracks import LabelMovie, Movie

DEFAULT_RADIUS = 5.0


def disc_movie(points: PointTracks, shape: tuple[int, int, int]) -> LabelMovie:
    """A disc for every spot: where two overlap, the nearer centre has the pixel. They are no outlines of cells.

    Args:
        points: two-dimensional spots; a radius that is unknown is taken for 5 pixels.
        shape: frames, rows and columns of the movie.

    Raises:
        InvalidDocument: spots of a stack, one that lies outside the movie, or two in one pixel.
    """
    nodes = points.lineage.nodes()
    if points.positions.shape[1] != 2:
        raise InvalidDocument("the spots lie in a stack; masks are drawn for movies of one plane")
    data: Movie = np.zeros(shape, dtype=np.uint32)
    nearest = np.full(shape[1:], np.inf)
    radii = np.where(np.isnan(points.radii), DEFAULT_RADIUS, np.maximum(points.radii, 1.0))
    for frame in range(shape[0]):
        nearest.fill(np.inf)
        for row in np.flatnonzero(nodes[:, 0] == frame):
            (y, x), radius = points.positions[row], radii[row]
            y0, x0 = max(0, int(np.floor(y - radius))), max(0, int(np.floor(x - radius)))
            y1, x1 = min(shape[1], int(np.ceil(y + radius)) + 1), min(shape[2], int(np.ceil(x + radius)) + 1)
            rows, columns = np.ogrid[y0:y1, x0:x1]
            away = (rows - y) ** 2 + (columns - x) ** 2
            mine = (away <= radius**2) & (away < nearest[y0:y1, x0:x1])
            data[frame, y0:y1, x0:x1][mine] = nodes[row, 1]
            nearest[y0:y1, x0:x1][mine] = away[mine]
    return LabelMovie(data, points.lineage, points.pixel_size, points.seconds_per_frame)
