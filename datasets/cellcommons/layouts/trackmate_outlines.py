"""TrackMate's spots that have outlines, as masks: what its detectors of objects (StarDist, Cellpose ...) write."""

from __future__ import annotations

import numpy as np

from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.layouts.roi_outlines import Drawing
from cellcommons.layouts.trackmate_xml import TrackMateFile
from cellcommons.tracks import LabelMovie, movie_nodes


def outlined_movie(session: TrackMateFile, *, where: str) -> tuple[LabelMovie, int] | None:
    """The spots as masks, the smaller on top where they overlap, and how many pixels were so decided.

    None where a spot has no outline, or one that leaves it no pixel: spots stay spots then.

    Raises:
        InvalidDocument: a corner that is no number within reach of an image. TooLarge: as for images.
    """
    tracks = session.tracks
    nodes = tracks.lineage.nodes()
    if session.outlines is None or (nodes[:, 0] >= session.frames).any():
        return None
    DEFAULT_LIMITS.check_declared("tcyx", (session.frames, 1, *session.shape_yx), 4, where=where)
    data = np.zeros((session.frames, *session.shape_yx), dtype=np.uint32)
    covered = 0
    starts = np.searchsorted(nodes[:, 0], np.arange(session.frames + 1))
    for frame, labels in enumerate(data):
        drawing = Drawing(session.shape_yx)  # its limit is for one frame
        rows = range(int(starts[frame]), int(starts[frame + 1]))
        drawn = [(drawing.cell(int(nodes[row, 1]), [[session.outlines[row]]], where=where)) for row in rows]
        found = [cell for cell in drawn if cell is not None]
        for cell in sorted(found, key=lambda cell: (-cell.area, cell.id)):
            y0, x0, y1, x1 = cell.box
            part = labels[y0:y1, x0:x1]
            covered += int(np.count_nonzero(part[cell.mask]))
            part[cell.mask] = cell.id
    if not np.array_equal(movie_nodes(data), nodes):
        return None
    return LabelMovie(data, tracks.lineage, tracks.pixel_size, tracks.seconds_per_frame), covered
