"""From the order of dimensions in a file to the one that images have: t, c, z, y, x, always with c."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellcommons.axes import ORDER
from cellcommons.errors import InvalidDocument, UnreadableFile, WrongFormat
from cellcommons.images.data import ImageData, Pixels
from cellcommons.images.lazy import LazyImage, Region, declared
from cellcommons.images.limits import Limits
from cellcommons.images.pixel_types import as_kept, kept_type, without_all_nan

LETTERS = ORDER + "s"
_AGAIN = "Export or copy it again."
_NAME_THEM = "Name each dimension once, with t, c, z, y, x or s (samples of one pixel), and y and x among them."


@dataclass(frozen=True)
class Arrangement:
    """How a stored array becomes an image.

    Attributes:
        stored: one letter a dimension of the file, out of ``tczyxs`` in any order; s, the samples of one pixel (red,
            green, blue), becomes channels: all samples of the first channel, then of the second.
        shape: the stored sizes.
    """

    stored: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        named = len(self.stored) == len(self.shape) == len(set(self.stored)) and set(self.stored) <= set(LETTERS)
        if not named or not {"y", "x"} <= set(self.stored):
            raise WrongFormat(f"axes {self.stored!r} do not name the dimensions of {self.shape}", remedy=_NAME_THEM)

    def size(self, letter: str) -> int:
        """Stored length along ``letter``; 1 where the file lacks it."""
        return self.shape[self.stored.index(letter)] if letter in self.stored else 1

    @property
    def axes(self) -> str:
        """Axes of the image."""
        return "".join(a for a in ORDER if a in self.stored or a == "c")

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Sizes along ``axes``."""
        return tuple(self.size("c") * self.size("s") if a == "c" else self.size(a) for a in self.axes)

    def image_chunk(self, chunk: tuple[int, ...]) -> tuple[int, ...]:
        """A stored chunk's sizes along ``axes``, none larger than the image."""
        sizes = {a: max(1, min(c, n)) for a, c, n in zip(self.stored, chunk, self.shape, strict=True)}
        sizes["c"] = sizes.get("c", 1) * (self.size("s") if "c" in self.stored else sizes.get("s", 1))
        return tuple(sizes[a] for a in self.axes)

    def stored_region(self, region: Region) -> Region:
        """What to read of the file for a region of the image."""
        wanted = dict(zip(self.axes, region, strict=True))
        channels, samples = wanted["c"], self.size("s")
        parts = []
        for letter in self.stored:
            if letter == "c":
                parts.append(slice(channels.start // samples, -(-channels.stop // samples)))
            elif letter == "s":
                parts.append(slice(0, samples) if "c" in self.stored else channels)
            else:
                parts.append(wanted[letter])
        return tuple(parts)

    def arrange(self, pixels: Pixels, region: Region) -> Pixels:
        """Pixels read from ``stored_region(region)``, ordered as the image's ``region``."""
        order = "".join(a for a in "tcszyx" if a in self.stored)
        pixels = np.transpose(pixels, [self.stored.index(a) for a in order])
        if "c" in order and "s" in order:
            at = order.index("c")
            pixels = pixels.reshape(*pixels.shape[:at], -1, *pixels.shape[at + 2 :])
            channels = region[self.axes.index("c")]
            first = channels.start - channels.start // self.size("s") * self.size("s")
            pixels = pixels[(slice(None),) * at + (slice(first, first + channels.stop - channels.start),)]
        elif "c" not in order and "s" not in order:
            pixels = np.expand_dims(pixels, self.axes.index("c"))
        return pixels


def arranged_image(
    name: str,
    stored: Arrangement,
    dtype: np.dtype[Any],
    read: Callable[[Region], Pixels],
    chunk: tuple[int, ...],
    limits: Limits,
    *,
    where: str,
    settle: Callable[[ImageData], ImageData] | None = None,
    **facts: Any,
) -> LazyImage:
    """One image of a file that stores its dimensions in its own order.

    Args:
        name: what the file calls it. dtype: as stored. chunk: what the file gives cheaply, in stored order.
        read: ``read(region)`` decodes a region in stored order.
        settle: as of ``LazyImage``; NaN pixels are counted besides.
        facts: of ``ImageData``: channels, pixel_size, rgb, metadata and so on.

    Raises:
        TooLarge: planes, or their number, above ``limits``.
        WrongFormat: a kind of pixel that is not supported.
        UnreadableFile: there are no pixels.
    """
    shape = stored.image_shape
    if 0 in shape:
        raise UnreadableFile(f"it declares an image of shape {shape}, without pixels", where=where, remedy=_AGAIN)
    limits.check_planar(stored.axes, shape, where=where)
    kept = kept_type(dtype, where=where)

    def fetch(region: Region) -> Pixels:
        return as_kept(stored.arrange(read(stored.stored_region(region)), region), kept, where=where)

    def settled(image: ImageData) -> ImageData:
        image = without_all_nan(image, where=where)
        return settle(image) if settle else image

    try:
        told = ImageData(declared(shape, kept), stored.axes, **facts)
    except InvalidDocument as error:
        raise UnreadableFile(f"what it says of itself is damaged ({error.what})", where=where, remedy=_AGAIN) from error
    return LazyImage(name, told, fetch, stored.image_chunk(chunk), settled)
