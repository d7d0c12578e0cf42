"""How an image is shown: contrast windows and channel colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellcommons.images.data import ImageData, Pixels

Colour = tuple[int, int, int]

GRAY: Colour = (255, 255, 255)
RGB: tuple[Colour, ...] = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
# Light enough to read on a dark bench, far enough apart to tell when they overlap.
STAINS: tuple[Colour, ...] = (
    (77, 141, 255),
    (64, 220, 132),
    (255, 99, 92),
    (255, 205, 94),
    (200, 121, 255),
    (77, 208, 225),
)
SAMPLE = 1 << 18


@dataclass(frozen=True)
class Window:
    """Intensities shown as black (``start``) and full (``end``), and the range they may move in (``low``, ``high``)."""

    start: float
    end: float
    low: float
    high: float

    def apply(self, plane: Pixels) -> Pixels:
        """``plane`` as float32 in 0..1; NaN becomes 0."""
        span = (self.end - self.start) or 1.0
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = (plane.astype(np.float32) - np.float32(self.start)) / np.float32(span)
        return np.asarray(np.clip(np.nan_to_num(scaled, nan=0.0, posinf=1.0, neginf=0.0), 0, 1), dtype=np.float32)


def _sampled(pixels: Pixels) -> Pixels:
    """About 2^18 values of ``pixels``, evenly spread: percentiles of more cost time and change nothing seen."""
    flat = pixels.reshape(-1)
    return flat[:: max(1, flat.size // SAMPLE)]


def channel_window(image: ImageData, channel: int, percentiles: tuple[float, float] = (0.35, 99.65)) -> Window:
    """The contrast window of one channel over all z and t."""
    pixels = np.take(image.data, channel, axis=image.axes.index("c"))
    extremes = (0.0, 1.0)
    if image.data.dtype.kind == "f":
        finite = pixels[np.isfinite(pixels)]
        extremes = (float(finite.min()), float(finite.max())) if finite.size else extremes
    return window_of(_sampled(pixels), extremes, image, percentiles)


def window_of(
    samples: Pixels, extremes: tuple[float, float], facts: ImageData, percentiles: tuple[float, float] = (0.35, 99.65)
) -> Window:
    """The contrast window of a channel of which only samples are at hand.

    Args:
        samples: every ``step``-th pixel, in any order, where ``step`` is the pixels of a channel over ``SAMPLE``.
        extremes: lowest and highest finite pixel of floating-point images; integers may take all values of their type.
    """
    values = samples[np.isfinite(samples)] if samples.dtype.kind == "f" else samples
    if not values.size:
        return Window(0.0, 1.0, 0.0, 1.0)
    low, high = extremes
    if facts.data.dtype.kind != "f":
        info = np.iinfo(facts.data.dtype)
        low, high = float(info.min), float(info.max)
    if facts.rgb and facts.data.dtype == np.uint8:
        return Window(0.0, 255.0, low, high)
    start, end = (float(v) for v in np.percentile(values.astype(np.float64), percentiles))
    if end <= start:
        start, end = float(values.min()), float(values.max())
    if end <= start:
        end = start + 1.0
    return Window(start, end, low, max(high, low + 1.0) if high <= low else high)


def channel_colours(image: ImageData) -> tuple[Colour, ...]:
    """One colour a channel: white for a single one, red-green-blue for a colour picture, else the stain palette."""
    if image.rgb:
        return RGB
    count = image.size("c")
    return (GRAY,) if count == 1 else tuple(STAINS[i % len(STAINS)] for i in range(count))


def hex_colour(colour: Colour) -> str:
    """``RRGGBB``, as OME-Zarr writes it."""
    return "{:02X}{:02X}{:02X}".format(*colour)
