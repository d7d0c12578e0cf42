"""Images as the network sees them: normalised, any number of channels folded into three planes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.labels import Labels

Float = NDArray[np.float32]

PLANES = 3
LOW, HIGH = 1.0, 99.8
# Percentiles of large images are taken on at most about this many pixels, on a regular grid.
PERCENTILE_PIXELS = 1 << 18


@dataclass(frozen=True)
class Sample:
    """One labelled image ready for training.

    Attributes:
        name: for people and error lines.
        planes: float32, axes cyx with c = 3, see ``channel_planes``.
        labels: uint32, axes yx; 0 background.
        stratum: kind of image; sampling is balanced over it.
    """

    name: str
    planes: Float = field(repr=False)
    labels: Labels = field(repr=False)
    stratum: str = ""

    def __post_init__(self) -> None:
        if self.planes.shape[1:] != self.labels.shape:
            raise MismatchedShapes(
                f"image {self.planes.shape[1:]} and labels {self.labels.shape} differ in size", where=self.name
            )


def normalise(image: NDArray[np.generic], *, where: str = "") -> Float:
    """Scale each channel so that its 1st and 99.8th percentiles become 0 and 1, clipped to [-0.5, 1.5].

    Args:
        image: integer or float, axes cyx. NaN and infinity count as the channel's low end. A constant channel is 0.

    Raises:
        InvalidDocument: not three axes, or empty.
    """
    if image.ndim != 3 or 0 in image.shape:
        raise InvalidDocument(f"expected an image with axes cyx, got shape {image.shape}", where=where)
    result = np.zeros(image.shape, dtype=np.float32)
    step = max(1, int((image.shape[1] * image.shape[2] / PERCENTILE_PIXELS) ** 0.5))
    for channel, out in zip(image, result, strict=True):
        values = channel.astype(np.float32)
        finite = np.isfinite(values)
        if not finite.any():
            continue
        sparse = values[::step, ::step][finite[::step, ::step]]
        if not sparse.size:
            sparse = values[finite]
        low, high = np.percentile(sparse, (LOW, HIGH))
        if high <= low:
            # A few bright pixels on a flat ground: fall back to the full range.
            low, high = float(values[finite].min()), float(values[finite].max())
        if high > low:
            np.clip((np.where(finite, values, low) - low) / (high - low), -0.5, 1.5, out=out)
    return result


def channel_planes(image: NDArray[np.generic], *, where: str = "") -> Float:
    """An image of any number of channels as three planes: mean, minimum and maximum over its normalised channels.

    One release may hold gray images beside colour and six-channel ones, and a model should read an image whose channel
    count it never met. These planes do not depend on how many channels there are or in which order they come, cost the
    same for each, and keep what separates stained nuclei from their surroundings: brightness, and saturation (the gap
    between maximum and minimum). What they lose is which channel was which.

    Args:
        image: axes cyx, see ``normalise``.

    Returns:
        float32, axes cyx with c = 3.
    """
    channels = normalise(image, where=where)
    # A constant channel says nothing and would pull the minimum down.
    speaking = channels[[bool(channel.any()) for channel in channels]]
    if not len(speaking):
        return np.zeros((PLANES, *channels.shape[1:]), dtype=np.float32)
    return np.stack([speaking.mean(0), speaking.min(0), speaking.max(0)]).astype(np.float32)
