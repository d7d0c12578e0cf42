"""A simulated person who marks where a predicted image is wrong, by a stated model.

The model: each failure is overlooked with some probability, marked loosely (the brush is larger than the failure and
never in the same place twice), and now and then something that is right is marked as wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy import ndimage

from cellcommons.errors import InvalidDocument
from cellcommons.labels import Mask

Level = Literal["novice", "practised", "expert"]


@dataclass(frozen=True)
class FailureModel:
    """How one person marks.

    Attributes:
        miss: probability of overlooking a failure.
        spurious: marks on what is right, per 100,000 pixels.
        margin_px: how far beyond the failure a mark reaches on average. loose_px: standard deviation of that, from
            mark to mark, and of the mark's displacement along y and x.
        seconds_per_image, seconds_per_mark: of work.
    """

    miss: float = 0.15
    spurious: float = 1.0
    margin_px: float = 2.0
    loose_px: float = 1.5
    seconds_per_image: float = 6.0
    seconds_per_mark: float = 2.5

    def __post_init__(self) -> None:
        if not 0 <= self.miss <= 1:
            raise InvalidDocument("miss is a probability", where="FailureModel.miss")
        rest = (self.spurious, self.margin_px, self.loose_px, self.seconds_per_image, self.seconds_per_mark)
        if not all(0 <= value < float("inf") for value in rest):
            raise InvalidDocument("rates, pixels and seconds are finite and at least 0", where="FailureModel")


MODELS: dict[Level, FailureModel] = {
    "novice": FailureModel(miss=0.3, spurious=4.0, margin_px=3.0, loose_px=2.5, seconds_per_mark=2.0),
    "practised": FailureModel(),
    "expert": FailureModel(miss=0.05, spurious=0.3, margin_px=1.0, loose_px=0.8, seconds_per_mark=4.0),
}


@dataclass(frozen=True)
class FailureReading:
    """One person's marks.

    Attributes:
        marked: bool, yx. marks: how many were made. seconds: spent.
    """

    marked: Mask = field(repr=False)
    marks: int
    seconds: float


def annotate_failures(failures: Mask, model: FailureModel, *, seed: int) -> FailureReading:
    """Mark the connected regions of ``failures`` (bool, yx: where the prediction is wrong in truth).

    Equal arguments give equal marks.

    Raises:
        InvalidDocument: not a bool mask with axes yx.
    """
    if failures.ndim != 2 or failures.dtype != np.bool_:
        raise InvalidDocument("failures are bool with axes yx")
    random = np.random.default_rng(seed)
    regions, count = ndimage.label(failures, structure=np.ones((3, 3)))
    marked = np.zeros_like(failures)
    marks = 0
    for region in range(1, count + 1):
        if random.random() >= model.miss:
            marked |= _loose(regions == region, model, random)
            marks += 1
    rows, columns = np.indices(failures.shape)
    for _ in range(int(random.poisson(model.spurious * failures.size / 100_000))):
        y, x = random.uniform((0, 0), failures.shape)
        radius = random.uniform(3, 9)
        marked |= (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        marks += 1
    return FailureReading(marked, marks, model.seconds_per_image + marks * model.seconds_per_mark)


def _loose(region: Mask, model: FailureModel, random: np.random.Generator) -> Mask:
    """The region as a hand marks it: larger by the margin, and beside itself."""
    reach = max(0.0, model.margin_px + random.normal() * model.loose_px)
    wide = ndimage.distance_transform_edt(~region) <= reach
    shift = random.normal(size=2) * model.loose_px
    return np.asarray(ndimage.shift(wide.astype(np.uint8), shift, order=0) > 0)
