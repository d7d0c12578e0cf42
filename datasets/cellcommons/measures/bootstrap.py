"""How sure a measure is: percentile bootstrap over images (Efron & Tibshirani, An Introduction to the Bootstrap, 1993).

Images, not cells, are drawn again: cells of one image share its staining and focus and are not independent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from cellcommons.errors import InvalidDocument

Item = TypeVar("Item")


@dataclass(frozen=True)
class Interval:
    """A measure with its confidence interval.

    Attributes:
        value: the measure on all images. low, high: ends of the interval. level: its coverage, e.g. 0.95.
    """

    value: float
    low: float
    high: float
    level: float


def bootstrap_interval(
    images: Sequence[Item],
    measure: Callable[[Sequence[Item]], float],
    *,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of ``measure`` over images drawn with replacement.

    Args:
        images: one entry per image, e.g. its ``DetectionScores``.
        measure: pools such entries, e.g. ``lambda scores: summed(scores).f1_50``.
        seed: of the draws; the same seed gives the same interval.

    Raises:
        InvalidDocument: no images, or ``level`` outside (0, 1).
    """
    if not images or not 0 < level < 1 or resamples < 1:
        raise InvalidDocument(
            f"a bootstrap needs images, resamples and a level within (0, 1), got {len(images)}, {resamples}, {level}"
        )
    draws = np.random.default_rng(seed).integers(0, len(images), size=(resamples, len(images)))
    values = [measure([images[i] for i in draw]) for draw in draws.tolist()]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(measure(images)), float(low), float(high), level)
