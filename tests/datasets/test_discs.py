import numpy as np
import pytest

from cellcommons.discs import DEFAULT_RADIUS, disc_movie
from cellcommons.errors import InvalidDocument
from cellcommons.points import PointTracks
from cellcommons.tracks import Lineage, Track


def spots(positions, radii):
    lineage = Lineage((Track(1, 0, 1, None), Track(2, 1, 1, None)))
    return PointTracks(np.array(positions, float), np.array(radii, float), lineage)


def test_every_spot_has_a_disc_and_the_nearer_centre_has_the_pixel():
    movie = disc_movie(spots([[5, 5], [10, 10], [10, 16]], [2, 4, 4]), (2, 24, 24))
    assert np.count_nonzero(movie.data[0]) == 13  # pixels within 2 of a centre
    assert movie.data[1, 10, 12] == 1
    assert movie.data[1, 10, 14] == 2
    assert movie.lineage.by_id.keys() == {1, 2}


def test_an_unknown_radius_is_a_stated_one():
    movie = disc_movie(spots([[12, 12], [5, 5], [18, 18]], [np.nan, 1, 1]), (2, 24, 24))
    rows, columns = np.ogrid[:24, :24]
    assert np.count_nonzero(movie.data[0]) == np.count_nonzero(
        (rows - 12) ** 2 + (columns - 12) ** 2 <= DEFAULT_RADIUS**2
    )


def test_a_spot_outside_the_movie_is_refused():
    with pytest.raises(InvalidDocument, match="frame 1, cell 2"):
        disc_movie(spots([[5, 5], [10, 10], [90, 90]], [2, 2, 2]), (2, 24, 24))


def test_spots_of_a_stack_are_refused():
    lineage = Lineage((Track(1, 0, 0, None),))
    with pytest.raises(InvalidDocument, match="stack"):
        disc_movie(PointTracks(np.zeros((1, 3)), np.ones(1), lineage), (1, 9, 9))
