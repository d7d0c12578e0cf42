"""Kinds of pixel: which are kept as they are, which are widened or narrowed without loss, which are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cellcommons.errors import UnreadableFile, WrongFormat
from cellcommons.images.data import DTYPES, ImageData, Pixels

_INSTEAD = {"bool": "uint8", "float16": "float32", "uint64": "uint32", "int64": "int32"}


def kept_type(dtype: np.dtype[Any], *, where: str) -> np.dtype[Any]:
    """The type, in this machine's byte order, that pixels stored as ``dtype`` are kept in. Raises WrongFormat."""
    name = dtype.newbyteorder("=").name
    kept = _INSTEAD.get(name, name)
    if kept not in DTYPES:
        raise WrongFormat(
            f"pixels of type {dtype} are not supported", where=where, remedy=f"Convert to one of {', '.join(DTYPES)}."
        )
    return np.dtype(kept)


def as_kept(pixels: Pixels, kept: np.dtype[Any], *, where: str) -> Pixels:
    """``pixels`` as ``kept``, exactly. Raises WrongFormat for 64-bit integers that do not fit."""
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize == 8 and pixels.size:
        info = np.iinfo(kept)
        if int(pixels.min()) < info.min or int(pixels.max()) > info.max:
            raise WrongFormat(
                "64-bit values do not fit 32 bits", where=where, remedy="Rescale to 16 or 32 bits and save again."
            )
    return pixels.astype(kept, copy=False)


def without_all_nan(image: ImageData, *, where: str) -> ImageData:
    """``image``, with the number of NaN and infinite pixels noted. Raises UnreadableFile where there are no others."""
    if image.data.dtype.kind != "f":
        return image
    bad = int(image.data.size - np.count_nonzero(np.isfinite(image.data)))
    if bad == image.data.size:
        raise UnreadableFile("every pixel is NaN or infinite", where=where, remedy="Export the image again.")
    return replace(image, metadata={**image.metadata, "nonfinite_pixels": bad}) if bad else image
