"""The table of cells, against regionprops and by its contract."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import regionprops

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.linking.features import measure_cells, table_of_points
from cellcommons.synthetic.movies import generate_movie


def test_columns_equal_regionprops() -> None:
    movie = generate_movie(1, frames=3, height=96, width=120)
    cells = measure_cells(movie.truth.data, movie.image[:, 0])
    row = 0
    for frame, labels in enumerate(movie.truth.data):
        for region in regionprops(labels, intensity_image=movie.image[frame, 0]):
            assert (cells.frame[row], cells.id[row]) == (frame, region.label)
            assert (cells.y[row], cells.x[row]) == pytest.approx(region.centroid)
            assert tuple(cells.box[row]) == region.bbox
            assert cells.area[row] == region.area
            assert cells.intensity[row] == pytest.approx(region.intensity_mean)
            # skimage's axes are four standard deviations of points, not of squares, and its angle runs from the rows.
            assert 16 * (cells.major[row] ** 2 - 1 / 12) == pytest.approx(region.axis_major_length**2)
            assert 16 * (cells.minor[row] ** 2 - 1 / 12) == pytest.approx(region.axis_minor_length**2)
            turned = (cells.angle[row] - (np.pi / 2 - region.orientation)) % np.pi
            assert min(turned, np.pi - turned) == pytest.approx(0, abs=1e-6)
            row += 1
    assert row == len(cells)


def test_overlaps_count_shared_pixels() -> None:
    one, two = np.zeros((8, 8), dtype=np.uint32), np.zeros((8, 8), dtype=np.uint32)
    one[1:4, 1:4], two[2:5, 1:4], two[6, 6] = 7, 4, 9
    cells = measure_cells([one, two])
    assert cells.overlaps is not None
    assert cells.overlaps.before.tolist() == [0]
    assert cells.overlaps.after.tolist() == [1]
    assert cells.overlaps.pixels.tolist() == [6]
    assert np.isnan(cells.intensity).all()


def test_empty_frames_keep_their_place() -> None:
    blank = np.zeros((5, 6), dtype=np.uint32)
    cell = blank.copy()
    cell[2, 3] = 5
    cells = measure_cells([blank, cell, blank])
    assert cells.frame.tolist() == [1]
    assert cells.n_frames == 3
    assert cells.starts.tolist() == [0, 0, 1, 1]
    assert cells.rows(np.array([1]), np.array([5])).tolist() == [0]
    with pytest.raises(InvalidDocument, match="frame 1, id 6"):
        cells.rows(np.array([1]), np.array([6]))


def test_bad_movies_are_refused() -> None:
    blank = np.zeros((5, 6), dtype=np.uint32)
    with pytest.raises(InvalidDocument):
        measure_cells([])
    with pytest.raises(MismatchedShapes, match="frame 1"):
        measure_cells([blank, blank.T.copy()])
    with pytest.raises(MismatchedShapes):
        measure_cells([blank], [np.zeros((4, 4))])
    with pytest.raises(InvalidDocument):
        table_of_points(np.array([2]), np.zeros(1), np.zeros(1), np.ones(1), n_frames=2, shape=(4, 4))
