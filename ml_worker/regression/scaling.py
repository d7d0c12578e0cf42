"""Between an image's own units and the network's: one offset and one gain per channel, kept in the checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument, MismatchedShapes

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Scaling:
    """``network = (pixels - offset) / gain``, channel by channel.

    Attributes:
        offset, gain: in the image's units, one per channel; gains are above 0.
    """

    offset: tuple[float, ...]
    gain: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.offset) != len(self.gain) or not self.offset or min(self.gain, default=0.0) <= 0:
            raise InvalidDocument("a scaling has one offset and one gain above 0 per channel", where="scaling")

    def forward(self, image: NDArray[np.generic], *, where: str = "") -> Float:
        """Pixels (cyx, integer or float) to the network's units, float32.

        Raises:
            MismatchedShapes: another number of channels.
            InvalidDocument: NaN or infinity.
        """
        if image.ndim != 3 or len(image) != len(self.offset):
            raise MismatchedShapes(
                f"the model reads {len(self.offset)} channels with axes cyx, this image has shape {image.shape}",
                where=where,
                remedy="Give the channels (or z planes) that the model was trained on, in their order.",
            )
        values = image.astype(np.float32)
        if not np.isfinite(values).all():
            raise InvalidDocument("the image holds NaN or infinity", where=where)
        return np.asarray((values - self._column(self.offset)) / self._column(self.gain), dtype=np.float32)

    def backward(self, planes: Float) -> Float:
        """The network's units (cyx) back to pixels, float32."""
        return np.asarray(planes * self._column(self.gain) + self._column(self.offset), dtype=np.float32)

    def _column(self, values: tuple[float, ...]) -> Float:
        return np.asarray(values, dtype=np.float32)[:, None, None]


def fit_scaling(images: Sequence[NDArray[np.generic]], *, shared: bool = False) -> Scaling:
    """Mean and standard deviation of each channel over all ``images`` (cyx, one channel count).

    Args:
        shared: one offset and gain for all channels, so that their relative brightness stays (z planes of one stack).

    Raises:
        InvalidDocument: no images. MismatchedShapes: their channel counts differ.
    """
    if not images:
        raise InvalidDocument("there is no image to fit a scaling to")
    counts = {len(image) for image in images}
    if len(counts) > 1:
        raise MismatchedShapes(f"images with {sorted(counts)} channels cannot train one network")
    pixels = sum(image[0].size for image in images)
    total = sum(image.sum(axis=(1, 2), dtype=np.float64) for image in images)
    mean = np.asarray(total / pixels)
    spread = sum(((image.astype(np.float64) - mean[:, None, None]) ** 2).sum(axis=(1, 2)) for image in images)
    deviation = np.sqrt(np.asarray(spread / pixels))
    if shared:
        # Total variance: within the channels and between their means.
        deviation = np.full_like(deviation, np.sqrt((deviation**2).mean() + mean.var()))
        mean = np.full_like(mean, mean.mean())
    # A constant channel says nothing; a gain of 1 keeps it at 0.
    deviation = np.where(deviation > 0, deviation, 1.0)
    return Scaling(tuple(float(v) for v in mean), tuple(float(v) for v in deviation))
