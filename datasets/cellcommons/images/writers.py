"""Write one image or label map as one file that every other program opens: OME-TIFF, or PNG where that can hold it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile

from cellcommons.errors import CannotCarry
from cellcommons.images.data import ImageData
from cellcommons.labels import Labels

PNG_TYPES = ("uint8", "uint16")


def write_tiff(path: Path, image: ImageData) -> None:
    """Write an OME-TIFF (deflate, tiled where large) that reads back with all that ``image`` says.

    Axes, channel names, pixel size, wavelengths, interval and colour go into the OME-XML; ``metadata`` and the place
    on a plate do not. Planes that are red, green and blue are stored as samples of one page.
    """
    metadata: dict[str, Any] = {"axes": image.axes.upper()}
    for axis in "yxz":
        size = getattr(image.pixel_size, axis)
        if size is not None:
            metadata |= {f"PhysicalSize{axis.upper()}": size, f"PhysicalSize{axis.upper()}Unit": "µm"}
    if image.seconds_per_frame is not None:
        metadata |= {"TimeIncrement": image.seconds_per_frame, "TimeIncrementUnit": "s"}
    data = image.data
    if image.rgb:
        data = np.moveaxis(data, image.axes.index("c"), -1)
        metadata["axes"] = image.axes.replace("c", "").upper() + "S"
    else:
        metadata["Channel"] = _channels(image)
    large = max(image.shape_yx) > 2048
    tifffile.imwrite(
        path,
        np.ascontiguousarray(data),
        ome=True,
        photometric="rgb" if image.rgb else "minisblack",
        compression="zlib",
        compressionargs={"level": 1},
        tile=(512, 512) if large else None,
        bigtiff=data.nbytes > 2 << 30,
        metadata=metadata,
    )


def _channels(image: ImageData) -> list[dict[str, Any]]:
    """One object a channel; a wavelength that is unknown is left out, not written as a word."""
    said = []
    for name, light in zip(image.channels, image.wavelengths, strict=True):
        one: dict[str, Any] = {"Name": name}
        for key, value in (("ExcitationWavelength", light.excitation), ("EmissionWavelength", light.emission)):
            if value is not None:
                one |= {key: value, f"{key}Unit": "nm"}
        said.append(one)
    return said


def write_png(path: Path, image: ImageData) -> None:
    """Write a PNG: one channel, or a colour picture, of 8 or 16 bits, axes cyx. Sizes and names are not in a PNG.

    Raises:
        CannotCarry: any other image.
    """
    one = image.size("c") == 1 and not image.rgb
    if image.axes != "cyx" or image.data.dtype.name not in PNG_TYPES or not (one or image.rgb):
        raise CannotCarry(
            f"a PNG holds one channel or a colour picture of 8 or 16 bits, not {image.data.dtype} {image.axes} of "
            f"{image.size('c')} channels",
            where=path.name,
            remedy="Write it as TIFF.",
        )
    pixels = image.plane() if one else np.moveaxis(image.data, 0, -1)
    path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels), level=1))


def write_label_tiff(path: Path, labels: Labels) -> None:
    """Write ids (uint32, any number of axes ending in yx) as a TIFF of 16 bits where they fit, else 32."""
    small = int(labels.max(initial=0)) < 1 << 16
    tifffile.imwrite(
        path,
        labels.astype(np.uint16 if small else np.uint32),
        photometric="minisblack",
        compression="zlib",
        metadata={"axes": "ZYX"[-labels.ndim :]} if labels.ndim <= 3 else None,
    )


def write_label_png(path: Path, labels: Labels) -> None:
    """Write ids (uint32, yx) as a gray PNG of 8 bits where they fit, else 16. Raises CannotCarry above 65535."""
    top = int(labels.max(initial=0))
    if top >= 1 << 16:
        raise CannotCarry(
            f"a PNG holds ids up to 65535, not {top}", where=path.name, remedy="Renumber the cells.", features=("ids",)
        )
    path.write_bytes(imagecodecs.png_encode(labels.astype(np.uint8 if top < 256 else np.uint16), level=1))
