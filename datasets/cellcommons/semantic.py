"""Semantic maps: one class per pixel, and "unknown" where nobody has said."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cellcommons.axes import PixelSize
from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.labels import Mask

Classes = NDArray[np.uint8]
UNKNOWN = 255
"""The value of a pixel without a class. Unknown is not background: background is a class like any other."""


@dataclass(frozen=True)
class SemanticMap:
    """A 2-D map of classes.

    Attributes:
        data: uint8, axes yx: the place of a class in ``ontology``, or ``unknown``.
        ontology: the classes, background among them where it is one; they exclude each other.
        unknown: the value that stands for "not said"; no class may have it.
        pixel_size: physical size of a pixel.
    """

    data: Classes = field(repr=False)
    ontology: Ontology
    unknown: int = UNKNOWN
    pixel_size: PixelSize = field(default_factory=PixelSize)

    def __post_init__(self) -> None:
        if self.data.ndim != 2 or self.data.dtype != np.uint8:
            raise InvalidDocument(
                f"a semantic map is uint8 with axes yx, got {self.data.dtype} with {self.data.ndim} axes"
            )
        if self.ontology.multi:
            raise InvalidDocument("classes of pixels exclude each other, so their ontology is not multi")
        if not len(self.ontology) <= self.unknown <= 255:
            raise InvalidDocument(
                f"{self.unknown} cannot mean unknown beside {len(self.ontology)} classes",
                remedy="Keep 255 for unknown, and at most 255 classes.",
            )
        stray = np.flatnonzero(np.bincount(self.data.ravel(), minlength=256)[len(self.ontology) :])
        outside = [int(v) + len(self.ontology) for v in stray if int(v) + len(self.ontology) != self.unknown]
        if outside:
            raise InvalidDocument(
                f"pixel value {outside[0]} is neither a class nor unknown ({self.unknown})",
                remedy=f"The classes are 0..{len(self.ontology) - 1}: {self.ontology.listed()}.",
            )

    @property
    def known(self) -> Mask:
        """Pixels that have a class: bool, axes yx."""
        return np.asarray(self.data != self.unknown)

    def mask(self, name: str) -> Mask:
        """Pixels of one class: bool, axes yx. Raises InvalidDocument for a class outside the ontology."""
        return np.asarray(self.data == self.ontology.index(name))

    def areas(self) -> dict[str, int]:
        """Pixels of each class, 0 included; unknown pixels are in none."""
        counts = np.bincount(self.data.ravel(), minlength=256)
        return {name: int(counts[place]) for place, name in enumerate(self.ontology.names)}
