"""Failures planted in an image of a pair, each stated: a place out of focus, one moved, one saturated."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from scipy import ndimage

from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.labels import Mask

FailureKind = Literal["blurred", "moved", "saturated"]
KINDS: tuple[FailureKind, ...] = ("blurred", "moved", "saturated")


@dataclass(frozen=True)
class PlantedFailure:
    """One failure: a disc of ``radius`` pixels about ``centre`` (row, column) in which the image is spoilt."""

    kind: FailureKind
    centre: tuple[int, int]
    radius: int


@dataclass(frozen=True)
class FailedImage:
    """An image with planted failures.

    Attributes:
        failed: bool, axes yx: where the image is not to be believed. planted: what was done where.
    """

    image: ImageData
    failed: Mask = field(repr=False)
    planted: tuple[PlantedFailure, ...]


def plant_failures(
    image: ImageData,
    *,
    seed: int,
    count: int = 2,
    radius: tuple[int, int] = (14, 26),
    blur: float = 5.0,
    moved_px: int = 9,
    gain: float = 6.0,
) -> FailedImage:
    """Spoil ``count`` discs of every channel; equal arguments give equal bytes.

    Args:
        image: axes cyx. radius: least and greatest, pixels.
        blur: standard deviation of the Gaussian of a blurred disc, pixels. moved_px: how far a moved disc's content is
            shifted along y and x. gain: of a saturated disc, which is cut off at the channel's 99.9th percentile.

    Raises:
        InvalidDocument: other axes than cyx, a negative count, or a frame that is narrower than the largest disc.
    """
    if image.axes != "cyx" or count < 0 or min(image.shape_yx) <= 2 * radius[1]:
        raise InvalidDocument(
            f"cannot plant {count} discs of up to {radius[1]} pixels in {image.axes} {image.shape_yx}"
        )
    random = np.random.default_rng([seed, 7])
    height, width = image.shape_yx
    rows, columns = np.indices((height, width))
    data, failed = image.data.copy(), np.zeros((height, width), dtype=np.bool_)
    planted = []
    for number in range(count):
        kind, size = KINDS[number % len(KINDS)], int(random.integers(radius[0], radius[1] + 1))
        y, x = (int(random.integers(size, side - size)) for side in (height, width))
        disc = (rows - y) ** 2 + (columns - x) ** 2 < size**2
        for channel, plane in enumerate(image.data.astype(np.float64)):
            if kind == "blurred":
                spoilt = ndimage.gaussian_filter(plane, blur)
            elif kind == "moved":
                spoilt = np.roll(plane, (moved_px, moved_px), axis=(0, 1))
            else:
                floor, ceiling = np.percentile(plane, (1, 99.9))
                spoilt = np.minimum(floor + gain * (plane - floor), ceiling)
            if data.dtype.kind in "ui":
                spoilt = np.clip(np.rint(spoilt), np.iinfo(data.dtype).min, np.iinfo(data.dtype).max)
            data[channel][disc] = spoilt.astype(data.dtype)[disc]
        failed |= disc
        planted.append(PlantedFailure(kind, (y, x), size))
    return FailedImage(replace(image, data=data), failed, tuple(planted))
