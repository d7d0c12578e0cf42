"""Pictures that only decode as a whole (PNG, JPEG), held in memory behind the same face as lazy ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cellcommons.images.data import ImageData
from cellcommons.images.lazy import ImageFile, LazyImage, declared


def held_file(format: str, image: ImageData, path: Path) -> ImageFile:
    """An open file of one image that is decoded already. Its pixels are handed out without a copy."""
    facts = replace(image, data=declared(image.data.shape, image.data.dtype))
    plane = tuple(n if a in "cyx" else 1 for a, n in zip(image.axes, image.data.shape, strict=True))
    return ImageFile(format, (LazyImage("", facts, lambda region: image.data[region], plane),), parts=(path,))
