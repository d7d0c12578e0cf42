"""Pairs of images of one field: what a microscope saw, and what a model shall say it would have seen another way."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isclose
from typing import Self

from cellcommons.axes import PixelSize
from cellcommons.errors import MismatchedShapes
from cellcommons.images.data import ImageData

# Files round pixel sizes; a thousandth moves the far edge of 1000 pixels by one.
SIZE_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class ImagePair:
    """The truth of an augmented-microscopy image: its counterpart, pixel for pixel.

    Attributes:
        target: real fluorescence, stain or clean image, any channels, 2-D (``cyx``) or a stack (``czyx``).
        source_shape: rows and columns of the image that it belongs to. source_pixel_size: that image's.

    Raises:
        MismatchedShapes: other rows and columns than the source, or another known pixel size.
    """

    target: ImageData = field(repr=False)
    source_shape: tuple[int, int]
    source_pixel_size: PixelSize = field(default_factory=PixelSize)

    def __post_init__(self) -> None:
        check_pair(self.source_shape, self.source_pixel_size, self.target.shape_yx, self.target.pixel_size)

    @classmethod
    def of(cls, source: ImageData, target: ImageData) -> Self:
        """Pair two images. Raises MismatchedShapes, see the class."""
        return cls(target, source.shape_yx, source.pixel_size)

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the target's channels."""
        return self.target.channels

    @property
    def pixel_size(self) -> PixelSize:
        """In-plane size: the target's where it states one, else the source's."""
        return self.target.pixel_size if self.target.pixel_size.known else self.source_pixel_size


def check_pair(
    shape: tuple[int, int], pixel_size: PixelSize, target_shape: tuple[int, int], target_pixel_size: PixelSize
) -> None:
    """Refuse a target of other rows and columns than its source, or of another known pixel size.

    Raises:
        MismatchedShapes: naming what differs.
    """
    if target_shape != shape:
        raise MismatchedShapes(
            f"the target is {target_shape} pixels (y, x), its source {shape}",
            remedy="Export both at one size; resampling a target makes new data of it.",
        )
    for axis in "yx":
        theirs, ours = getattr(target_pixel_size, axis), getattr(pixel_size, axis)
        if theirs is not None and ours is not None and not isclose(theirs, ours, rel_tol=SIZE_TOLERANCE):
            raise MismatchedShapes(
                f"the target's pixels are {theirs:g} micrometres along {axis}, its source's {ours:g}",
                remedy="Export both at one pixel size, or correct the size that is wrong.",
            )
