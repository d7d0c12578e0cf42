"""Images with a class for some or all of their pixels, as the network sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.semantic import SemanticMap
from ml_worker.samples import Float, channel_planes, normalise


@dataclass(frozen=True)
class SemanticSample:
    """One image ready for training.

    Attributes:
        name: for people and error lines. planes: float32, axes cyx, see ``semantic_planes``.
        truth: classes, unknown where nobody said. stratum: kind of image; sampling is balanced over it.
    """

    name: str
    planes: Float = field(repr=False)
    truth: SemanticMap = field(repr=False)
    stratum: str = ""

    def __post_init__(self) -> None:
        if self.planes.shape[1:] != self.truth.data.shape:
            raise MismatchedShapes(
                f"image {self.planes.shape[1:]} and classes {self.truth.data.shape} differ in size", where=self.name
            )


def semantic_planes(image: NDArray[Any], channels: str, *, inputs: int = 0, where: str = "") -> Float:
    """An image as the network reads it.

    Args:
        image: axes cyx, integer or float.
        channels: ``pooled``: mean, minimum and maximum over the channels, for any number of them; ``own``: each channel
            by itself, stretched between its percentiles, in the order of training.
        inputs: planes that a trained network reads; 0: any.

    Raises:
        MismatchedShapes: own channels of another number than in training. InvalidDocument: not cyx, or empty.
    """
    if channels not in ("pooled", "own"):
        raise InvalidDocument("channels are 'pooled' or 'own'", where="config:channels")
    planes = channel_planes(image, where=where) if channels == "pooled" else normalise(image, where=where)
    if inputs and len(planes) != inputs:
        raise MismatchedShapes(
            f"the model reads {inputs} channels, this image has {len(planes)}",
            where=where,
            remedy="Give the channels that the model was trained on, in their order.",
        )
    return planes


def class_pixels(samples: Sequence[SemanticSample]) -> NDArray[np.int64]:
    """Known pixels of each class over all samples: int64, one value a class."""
    count = len(samples[0].truth.ontology)
    totals = [np.bincount(sample.truth.data.ravel(), minlength=256)[:count] for sample in samples]
    return np.asarray(np.sum(totals, axis=0), dtype=np.int64)
