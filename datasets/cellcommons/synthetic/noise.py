"""Noisy versions of clean images, by a stated model of the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument

Array = NDArray[Any]


@dataclass(frozen=True)
class NoiseModel:
    """Poisson-Gaussian noise (Foi et al. 2008, "Practical Poissonian-Gaussian noise modeling", IEEE TIP 17(10)).

    A pixel of clean value v above ``offset`` gathers ``photons * (v - offset)`` photons on average; what is recorded
    is their number in the clean image's unit, plus the reading's noise. So the variance is
    ``(v - offset) / photons + read ** 2``.

    Attributes:
        photons: per unit of pixel value; fewer are noisier. 0: no shot noise.
        read: standard deviation of the reading, in units of pixel value.
        offset: pixel value of no light.
    """

    photons: float = 1.0
    read: float = 2.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite([self.photons, self.read, self.offset]).all() and self.photons >= 0 and self.read >= 0):
            raise InvalidDocument("photons and read are finite and at least 0", where="NoiseModel")

    def variance(self, clean: Array) -> NDArray[np.float64]:
        """Variance of the noise at each pixel of a clean image, in pixel values squared."""
        shot = np.maximum(clean.astype(np.float64) - self.offset, 0) / self.photons if self.photons else 0.0
        return np.asarray(shot + np.full(clean.shape, self.read**2))


def add_noise(clean: Array, model: NoiseModel, *, seed: int, clip: bool = True) -> Array:
    """A noisy version of ``clean`` (any axes); equal arguments give equal bytes.

    Args:
        clip: integers are rounded and clipped to their type, as a camera does. False: float32 is returned, unclipped,
            so that the noise has mean 0 everywhere.

    Returns:
        ``clean``'s dtype, or float32.

    Raises:
        InvalidDocument: NaN or infinity in ``clean``.
    """
    values = clean.astype(np.float64)
    if not np.isfinite(values).all():
        raise InvalidDocument("a clean image holds NaN or infinity")
    random = np.random.default_rng(seed)
    light = np.maximum(values - model.offset, 0)
    seen = random.poisson(light * model.photons) / model.photons if model.photons else light
    noisy = model.offset + seen + random.normal(0, 1, clean.shape) * model.read
    if not clip or clean.dtype.kind == "f":
        return noisy.astype(np.float32 if not clip else clean.dtype)
    bounds = np.iinfo(clean.dtype)
    return np.asarray(np.clip(np.rint(noisy), bounds.min, bounds.max).astype(clean.dtype))
