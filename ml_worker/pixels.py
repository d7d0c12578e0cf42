"""From the hub's images to the arrays that the network reads."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData


def image_cyx(image: ImageData, *, where: str = "") -> NDArray[Any]:
    """The pixels with axes cyx.

    Raises:
        InvalidDocument: the image is a stack or a movie.
    """
    for axis in "tz":
        if image.size(axis) > 1:
            raise InvalidDocument(
                f"the image has {image.size(axis)} steps along {axis}, and this model reads 2-D images",
                where=where,
                remedy="Use single planes.",
            )
    flat = tuple(0 if axis in "tz" else slice(None) for axis in image.axes)
    return image.data[flat]
