"""Images whose channels are files of their own: put together, and taken apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellcommons.errors import MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.images.readers import read_image


def stack_channels(paths: Iterable[Path], names: tuple[str, ...]) -> ImageData:
    """The image, axes cyx, whose channels are the one plane that each of ``paths`` holds; as many as ``names``.

    The pixel size is the first channel's.

    Raises:
        MismatchedShapes: a file of several planes, or one of another size or kind of pixel than the first.
        UnreadableFile, WrongFormat, TooLarge: as ``read_image``.
    """
    planes: list[ImageData] = []
    for path in paths:
        image = read_image(path)
        if image.axes != "cyx" or image.size("c") != 1:
            raise MismatchedShapes(
                f"a channel's file holds one plane, not {image.axes} of {image.size('c')} channels", where=str(path)
            )
        if planes and (image.shape_yx != planes[0].shape_yx or image.data.dtype != planes[0].data.dtype):
            raise MismatchedShapes(
                f"it is {image.data.dtype} of {image.shape_yx}, the first channel {planes[0].data.dtype} of "
                f"{planes[0].shape_yx}",
                where=str(path),
                remedy="Export all channels of an image alike.",
            )
        planes.append(image)
    return replace(
        planes[0],
        data=np.concatenate([image.data for image in planes]),
        channels=names,
        wavelengths=tuple(light for image in planes for light in image.wavelengths),
    )


def one_channel(image: ImageData, channel: int) -> ImageData:
    """One channel of an image with axes cyx, as an image."""
    part = slice(channel, channel + 1)
    return replace(
        image, data=image.data[part], channels=image.channels[part], wavelengths=image.wavelengths[part], rgb=False
    )
