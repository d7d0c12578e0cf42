"""From decoded samples (rows, columns, samples) to channels: gray, colour, alpha."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellcommons.axes import PixelSize
from cellcommons.images.data import UNKNOWN_SIZE, ImageData, Pixels

RGB_NAMES = ("red", "green", "blue")


def from_samples(pixels: Pixels, metadata: dict[str, Any], pixel_size: PixelSize = UNKNOWN_SIZE) -> ImageData:
    """An image from samples of shape (y, x) or (y, x, 1..4): gray, gray + alpha, RGB or RGBA.

    Alpha is dropped; where it was not opaque, ``metadata['alpha']`` says so. Red, green and blue that are equal
    everywhere become the one channel ``intensity``.
    """
    samples = pixels[..., None] if pixels.ndim == 2 else pixels
    notes = dict(metadata)
    if samples.shape[-1] in (2, 4):
        alpha, samples = samples[..., -1], samples[..., :-1]
        if not (alpha == np.iinfo(alpha.dtype).max).all():
            notes["alpha"] = "dropped; it was not opaque everywhere"
    return channels_from_rgb(np.ascontiguousarray(np.moveaxis(samples, -1, 0)), "cyx", notes, pixel_size)


def channels_from_rgb(data: Pixels, axes: str, metadata: dict[str, Any], pixel_size: PixelSize) -> ImageData:
    """An image whose c axis holds one gray channel or red, green and blue."""
    position = axes.index("c")
    if data.shape[position] == 3:
        red, green, blue = (np.take(data, i, axis=position) for i in range(3))
        if not (np.array_equal(red, green) and np.array_equal(red, blue)):
            return ImageData(data, axes, RGB_NAMES, pixel_size, rgb=True, metadata=metadata)
        data = np.ascontiguousarray(np.expand_dims(red, position))
        metadata = {**metadata, "rgb_collapsed": "red, green and blue were equal; kept once"}
    return ImageData(data, axes, ("intensity",), pixel_size, metadata=metadata)
