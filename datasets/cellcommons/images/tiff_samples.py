"""From what a TIFF series stores to channels: samples, palettes, alpha, kinds of pixel, names."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tifffile

from cellcommons.errors import WrongFormat
from cellcommons.images.arrange import Arrangement
from cellcommons.images.blocks import blocks, grown
from cellcommons.images.channel_names import named_channels
from cellcommons.images.colour import RGB_NAMES
from cellcommons.images.data import ImageData, Pixels
from cellcommons.images.lazy import LazyImage, Region, declared
from cellcommons.images.limits import Limits
from cellcommons.images.pixel_types import as_kept, kept_type, without_all_nan
from cellcommons.images.tiff_metadata import Stated
from cellcommons.images.tiff_planes import Files, Planes, reads

ASSUMED_CHANNELS = 6
_NAME_AXES = (
    "Save it as OME-TIFF or ImageJ hyperstack, which name their axes, "
    "for example tifffile.imwrite(path, data, ome=True, metadata={'axes': 'ZYX'})."
)
_UNKNOWN_AXES = "QI"
_COLOUR = (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR, tifffile.PHOTOMETRIC.PALETTE)
_GLANCE = 4 << 20


@dataclass(eq=False)
class Samples:
    """One series as an image, region by region.

    Attributes:
        planes: what is stored. arrangement: of the samples that are kept, among the other dimensions.
        table: colours (3, entries) of a palette that is expanded; None where values are kept.
        alpha: whether a fourth sample is there that is dropped.
        seen_through: whether alpha was not opaque somewhere in what has been read so far.
    """

    planes: Any
    arrangement: Arrangement
    dtype: np.dtype[Any]
    name: str
    table: Pixels | None = None
    alpha: bool = False
    seen_through: bool = False

    def fetch(self, region: Region) -> Pixels:
        """As ``LazyImage.fetch``."""
        wanted = self.arrangement.stored_region(region)
        stored = wanted
        if "s" in self.arrangement.stored:
            at = self.arrangement.stored.index("s")
            if self.table is not None:
                stored = wanted[:at] + wanted[at + 1 :]
            elif self.alpha:
                # All samples of a pixel lie together or are few: alpha is looked at wherever colours are.
                stored = (*wanted[:at], slice(0, 4), *wanted[at + 1 :])
        pixels = self.planes.read(stored)
        if self.table is not None:
            pixels = np.moveaxis(self.table[wanted[at], pixels], 0, -1)
        elif self.alpha and "s" in self.arrangement.stored:
            opaque = np.take(pixels, 3, axis=at)
            top = np.iinfo(opaque.dtype).max if opaque.dtype.kind in "iu" else 1
            self.seen_through |= not bool((opaque == top).all())
            pixels = pixels[(slice(None),) * at + (wanted[at],)]
        return self.arrangement.arrange(as_kept(pixels, self.dtype, where=self.name), region)

    def settle(self, image: ImageData) -> ImageData:
        """As ``LazyImage.settle``: alpha that was not opaque, and pixels that are no numbers."""
        if self.seen_through:
            said = "the fourth sample was dropped; it was not opaque everywhere"
            image = replace(image, metadata={**image.metadata, "alpha": said})
        return without_all_nan(image, where=self.name)


class Whole:
    """A series that cannot be taken apart (its values are computed together): decoded at the first call, then held."""

    def __init__(self, series: Any) -> None:
        self._series, self._lock = series, threading.Lock()
        self._pixels: Pixels | None = None
        self.chunk = tuple(series.shape)

    def read(self, region: Region) -> Pixels:
        """One region of the series."""
        with self._lock:
            if self._pixels is None:
                self._pixels = np.asarray(self._series.asarray()).reshape(self._series.shape)
        return self._pixels[region]


def lazy_image(tiff: tifffile.TiffFile, series: Any, planes: Planes | Whole, stated: Stated, name: str) -> LazyImage:
    """One series as an image. Its name is the series'.

    Raises:
        WrongFormat: axes that cannot be told, or a kind of pixel that is not supported.
    """
    notes: dict[str, Any] = dict(stated.notes)
    stored = _named_axes(series.axes, series.shape, notes, name).lower()
    shape = tuple(int(n) for n in series.shape)
    dtype = kept_type(np.dtype(series.dtype), where=name)
    photometric = int(series.keyframe.photometric)
    table = None
    if photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        notes["min_is_white"] = "the file shows 0 as white; values are kept as stored"
    if photometric == tifffile.PHOTOMETRIC.PALETTE and not tiff.is_imagej and "s" not in stored:
        table = _palette(series.keyframe.colormap, notes)
        if table is not None:
            stored, shape, dtype = stored + "s", (*shape, 3), np.dtype(np.uint8)
    # ImageJ writes three stains as an RGB page and calls the mode composite: those are channels, not a colour picture.
    composite = tiff.is_imagej and (tiff.imagej_metadata or {}).get("mode") == "composite"
    rgb = "s" in stored and not composite and photometric in _COLOUR
    kept = shape
    alpha = rgb and table is None and shape[stored.index("s")] == 4
    if alpha:
        kept = _with_samples(stored, shape, 3)
    samples = Samples(planes, Arrangement(stored, kept), dtype, name, table, alpha)
    chunk = planes.chunk if table is None else (*planes.chunk, 3)
    count = samples.arrangement.image_shape[samples.arrangement.axes.index("c")]
    names: tuple[str, ...]
    if rgb and count == 3:
        if _is_gray(samples, chunk, dtype):
            samples.arrangement = Arrangement(stored, _with_samples(stored, kept, 1))
            notes["rgb_collapsed"] = "red, green and blue were equal; kept once"
            rgb, names = False, ("intensity",)
        else:
            names = RGB_NAMES
    else:
        told = stated.channels if len(stated.channels) == count else ()
        # ImageJ's composite of three samples a pixel: their places are all that is known of the stains.
        told = told or (RGB_NAMES if composite and "s" in stored and count == 3 else ())
        rgb, names = False, named_channels(told, count)
    arrangement = samples.arrangement
    light = stated.wavelengths if len(stated.wavelengths) == len(names) and not rgb else ()
    facts = ImageData(
        declared(arrangement.image_shape, dtype),
        arrangement.axes,
        names,
        stated.pixel_size,
        rgb=rgb,
        metadata=notes,
        wavelengths=light,
        seconds_per_frame=stated.seconds_per_frame,
        position=stated.position,
    )
    return LazyImage(series.name or "", facts, samples.fetch, arrangement.image_chunk(chunk), samples.settle)


def readable_planes(series: Any, files: Files, limits: Limits, name: str) -> Planes | Whole:
    """What reads ``series``. Raises TooLarge where it can only be read as a whole and is above the limit for that."""
    if reads(series):
        return Planes(series, files, name)
    limits.check_declared(series.axes, series.shape, np.dtype(series.dtype).itemsize, where=name)
    return Whole(series)


def _with_samples(stored: str, shape: tuple[int, ...], samples: int) -> tuple[int, ...]:
    return tuple(samples if a == "s" else n for a, n in zip(stored, shape, strict=True))


def _is_gray(samples: Samples, chunk: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Whether red, green and blue are equal everywhere; a colour picture tells at the first block or soon after."""
    arrangement = samples.arrangement
    step = grown(arrangement.image_chunk(chunk), arrangement.image_shape, _GLANCE // dtype.itemsize)
    c = arrangement.axes.index("c")
    step = tuple(3 if axis == c else n for axis, n in enumerate(step))
    for region in blocks(arrangement.image_shape, step):
        red, green, blue = np.moveaxis(samples.fetch(region), c, 0)
        if not (np.array_equal(red, green) and np.array_equal(red, blue)):
            return False
    return True


def _named_axes(axes: str, shape: tuple[int, ...], notes: dict[str, Any], name: str) -> str:
    """``axes`` with its unnamed dimension, if any, taken as channels where that is safe. Letters: TCZYXS."""
    unknown = [a for a in axes if a not in "TCZYXS"]
    if not unknown:
        return axes
    letter = unknown[0]
    size = shape[axes.index(letter)]
    only = len(unknown) == 1 and letter in _UNKNOWN_AXES and "C" not in axes and "S" not in axes
    if only and size <= ASSUMED_CHANNELS and axes.index(letter) == 0:
        notes["axes_assumed"] = f"the file does not name its first dimension; its {size} planes were taken as channels"
        return axes.replace(letter, "C")
    raise WrongFormat(
        f"the TIFF holds an array of shape {'x'.join(map(str, shape))} and does not say what its dimensions are",
        where=name,
        remedy=_NAME_AXES,
    )


def _palette(colormap: Any, notes: dict[str, Any]) -> Pixels | None:
    """A colour table (3, entries) of 8 bits; None for a ramp (a display LUT): there the indices are the intensities."""
    if colormap is None:
        return None
    table = np.asarray(colormap)
    step = np.arange(table.shape[1], dtype=np.float64) / max(1, table.shape[1] - 1)
    if all(np.abs(row - step * float(row.max())).max() <= 257 for row in table):
        notes["palette"] = "a one-colour ramp; the stored values were kept as intensities"
        return None
    notes["palette"] = "expanded to red, green and blue"
    return np.asarray((table >> 8).astype(np.uint8))
