"""Landmarks: named points of each object in an image."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument
from cellcommons.labels import Mask, checked_region


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Landmarks of the objects of one plane.

    Attributes:
        positions: float64, (objects, landmarks, 2): row and column in pixels, 0 at the centre of the first pixel; both
            NaN where the landmark was not placed.
        landmarks: names of the second axis, unique. objects: names of the first, unique, e.g. ``cell 3``.
        shape: rows and columns of the image. hidden: bool, (objects, landmarks): placed, though something covers it.
        pixel_size: micrometres. annotated: as for ``LabelMap``.

    Raises:
        InvalidDocument: names that repeat or do not fit the array, or a position that is infinite or half given.
    """

    positions: NDArray[np.float64] = field(repr=False)
    landmarks: tuple[str, ...]
    objects: tuple[str, ...]
    shape: tuple[int, int]
    hidden: NDArray[np.bool_] | None = field(default=None, repr=False)
    pixel_size: PixelSize = field(default_factory=PixelSize)
    annotated: Mask | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        wanted = (len(self.objects), len(self.landmarks), 2)
        if self.positions.shape != wanted or self.positions.dtype != np.float64:
            raise InvalidDocument(
                f"{wanted[0]} objects of {wanted[1]} landmarks need float64 positions of shape {wanted}, got "
                f"{self.positions.dtype} of {self.positions.shape}"
            )
        for names, what in ((self.landmarks, "landmark"), (self.objects, "object")):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice or not all(names):
                raise InvalidDocument(f"a {what} is named twice or not at all", where=twice[0] if twice else "")
        if (
            np.isinf(self.positions).any()
            or (np.isnan(self.positions[..., 0]) != np.isnan(self.positions[..., 1])).any()
        ):
            raise InvalidDocument("a position is infinite, or has a row and no column")
        hidden = np.zeros(wanted[:2], dtype=np.bool_) if self.hidden is None else self.hidden
        if hidden.shape != wanted[:2] or hidden.dtype != np.bool_:
            raise InvalidDocument(f"hidden is bool of shape {wanted[:2]}, got {hidden.dtype} of {hidden.shape}")
        object.__setattr__(self, "hidden", hidden & self.placed)
        object.__setattr__(self, "annotated", checked_region(self.annotated, self.shape))

    @property
    def placed(self) -> NDArray[np.bool_]:
        """(objects, landmarks): where somebody placed the landmark."""
        return np.asarray(~np.isnan(self.positions[..., 0]))
