"""Pairs of images as the trainer takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument, MismatchedShapes

Array = NDArray[Any]


@dataclass(frozen=True)
class PairSample:
    """One registered pair ready for training.

    Attributes:
        name: for people and error lines.
        source: what the network reads, axes cyx, in the image's own units; z planes are channels here.
        target: what it shall say, axes cyx, in its own units; None for self-supervised denoising.
        stratum: kind of image; sampling is balanced over it.
        known: bool, axes yx: where the target can be trusted; None: everywhere.
    """

    name: str
    source: Array = field(repr=False)
    target: Array | None = field(repr=False, default=None)
    stratum: str = ""
    known: NDArray[np.bool_] | None = field(repr=False, default=None)

    def __post_init__(self) -> None:
        if self.source.ndim != 3 or 0 in self.source.shape:
            raise InvalidDocument(f"a source has axes cyx, this one shape {self.source.shape}", where=self.name)
        if self.known is not None and self.known.shape != self.source.shape[1:]:
            raise MismatchedShapes(
                f"the mask of known pixels {self.known.shape} and the source {self.source.shape[1:]} differ in size",
                where=self.name,
            )
        if self.target is None:
            return
        if self.target.ndim != 3 or self.target.shape[1:] != self.source.shape[1:] or not len(self.target):
            raise MismatchedShapes(
                f"source {self.source.shape} and target {self.target.shape} (axes cyx) differ in size",
                where=self.name,
                remedy="Register and crop the pair to one frame.",
            )
