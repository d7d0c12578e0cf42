"""The one plane by which an image is compared with others, and its halved levels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData, Pixels
from cellcommons.images.ome_zarr import open_image_tree
from cellcommons.images.pyramid import halve_mean
from cellcommons.store import ObjectStore

Plane = NDArray[np.float32]
#: Larger images are compared from the first halved level on that fits.
MAX_SIDE = 1024
MIN_SIDE = 48
LEVELS = 3


@dataclass(frozen=True)
class ComparedPlane:
    """Mean of an image's channels, middle z, first t: float32, axes yx.

    Attributes:
        pixels: at the level ``level``: halved that many times, so that a side has at most 1024 pixels.
        shape: rows and columns of the image itself.
    """

    pixels: Plane = field(repr=False)
    level: int
    shape: tuple[int, int]

    def levels(self) -> list[tuple[int, Plane]]:
        """At most three levels, each halved once more than the one before, while a side has 48 pixels or more."""
        found: list[tuple[int, Plane]] = []
        plane = self.pixels
        for number in range(self.level, self.level + LEVELS):
            if min(plane.shape) < MIN_SIDE:
                break
            found.append((number, plane))
            plane = halve_mean(plane)
        return found

    def at(self, level: int) -> Plane | None:
        """One of ``levels``, or None where it is not among them."""
        return next((plane for number, plane in self.levels() if number == level), None)


def compared_plane(image: ImageData, *, where: str = "") -> ComparedPlane:
    """Of an image in memory. Raises InvalidDocument where no pixel is a finite number."""
    planes = [image.plane(c=c, z=image.size("z") // 2) for c in range(image.size("c"))]
    plane, level = _mean(np.stack(planes), where), 0
    while max(plane.shape) > MAX_SIDE:
        plane, level = halve_mean(plane), level + 1
    return ComparedPlane(plane, level, image.shape_yx)


def stored_plane(store: ObjectStore, tree: str) -> ComparedPlane:
    """Of an image tree; of a large one only the level that fits is read.

    Raises:
        NotFound, DigestMismatch, InvalidDocument: as ``read_image_tree``; or no pixel is a finite number.
    """
    level, lazy = 0, open_image_tree(store, tree)
    shape = lazy.facts.shape_yx
    while max(lazy.facts.shape_yx) > MAX_SIDE:
        level += 1
        lazy = open_image_tree(store, tree, level)
    z = lazy.facts.size("z") // 2
    middle = {"t": slice(0, 1), "z": slice(z, z + 1)}
    sizes = zip(lazy.axes, lazy.shape, strict=True)
    region = lazy.region(tuple(middle.get(axis, slice(0, size)) for axis, size in sizes))
    return ComparedPlane(_mean(region.reshape(-1, *region.shape[-2:]), tree), level, shape)


def _mean(planes: Pixels, where: str) -> Plane:
    """Mean over the first axis; what is no finite number takes the least of those that are."""
    mean: Plane = planes.mean(axis=0, dtype=np.float64).astype(np.float32)
    finite = np.isfinite(mean)
    if not finite.any():
        raise InvalidDocument("no pixel of the image is a finite number", where=where)
    return mean if finite.all() else np.where(finite, mean, mean[finite].min())
