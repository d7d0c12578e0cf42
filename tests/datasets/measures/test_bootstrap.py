"""Bootstrap intervals over images."""

from __future__ import annotations

import numpy as np
import pytest

from cellcommons.errors import InvalidDocument
from cellcommons.measures.bootstrap import bootstrap_interval


def test_the_interval_of_a_mean_covers_it_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        sample = rng.normal(0.7, 0.1, 40).tolist()
        interval = bootstrap_interval(sample, lambda v: float(np.mean(v)), seed=trial, resamples=200, level=0.9)
        assert interval.low <= interval.value <= interval.high
        covered += interval.low <= 0.7 <= interval.high
    assert 0.82 <= covered / 200 <= 0.96


def test_the_seed_decides() -> None:
    def take(seed: int) -> tuple[float, float]:
        interval = bootstrap_interval([0.1, 0.5, 0.9, 0.3], lambda v: float(np.mean(v)), seed=seed, resamples=50)
        return interval.low, interval.high

    assert take(1) == take(1)
    assert take(1) != take(2)


def test_one_image_has_no_spread() -> None:
    interval = bootstrap_interval([0.5], lambda v: float(np.mean(v)), seed=0)
    assert (interval.value, interval.low, interval.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(("images", "level"), [([], 0.95), ([1.0], 0.0), ([1.0], 1.0)])
def test_bad_questions(images: list[float], level: float) -> None:
    with pytest.raises(InvalidDocument):
        bootstrap_interval(images, lambda v: float(np.mean(v)), seed=0, level=level)
