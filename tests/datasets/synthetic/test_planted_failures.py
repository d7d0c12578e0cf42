"""Failures planted in an image: where they are stated, and nowhere else."""

import numpy as np
import pytest

from cellcommons.errors import InvalidDocument
from cellcommons.synthetic.failures import KINDS, plant_failures
from cellcommons.synthetic.pairs import generate_pair


@pytest.fixture(scope="module")
def target():
    return generate_pair(1, height=128, width=144).pair.target


def test_only_the_stated_places_change(target):
    made = plant_failures(target, seed=3, count=3)
    changed = (made.image.data != target.data).any(axis=0)
    assert changed.any()
    assert not (changed & ~made.failed).any()
    assert changed.sum() > 0.3 * made.failed.sum()
    assert [planted.kind for planted in made.planted] == list(KINDS)
    assert made.image.data.dtype == target.data.dtype
    for planted in made.planted:
        assert made.failed[planted.centre]


def test_equal_seeds_plant_the_same(target):
    one, two, other = (plant_failures(target, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.image.data, two.image.data)
    assert one.planted == two.planted != other.planted


def test_none_leaves_the_image_as_it_is(target):
    made = plant_failures(target, seed=0, count=0)
    np.testing.assert_array_equal(made.image.data, target.data)
    assert not made.failed.any()


def test_a_frame_that_holds_no_disc_is_refused(target):
    with pytest.raises(InvalidDocument):
        plant_failures(target, seed=0, radius=(30, 64))
