"""What needs no network: the class of a pixel by its brightness, smoothed over a few distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellcommons.classes import Ontology
from cellcommons.semantic import SemanticMap
from ml_worker.logistic import Floats, Logistic, fit_logistic
from ml_worker.samples import Float
from ml_worker.semantic.samples import SemanticSample

SIGMAS = (1.0, 3.0, 9.0)
MOST_PIXELS = 2000
"""Per class and image, drawn for the fit."""
_BLOCK = 1 << 18


@dataclass(frozen=True)
class PixelBaseline:
    """A logistic regression on smoothed intensities."""

    ontology: Ontology
    regression: Logistic = field(repr=False)

    def classes(self, planes: Float) -> SemanticMap:
        """The class of every pixel of planes (cyx), as ``semantic_planes`` gives them."""
        features = smoothed(planes)
        flat = features.reshape(len(features), -1)
        said = np.empty(flat.shape[1], dtype=np.uint8)
        for begin in range(0, said.size, _BLOCK):
            block = flat[:, begin : begin + _BLOCK].T.astype(np.float64)
            said[begin : begin + _BLOCK] = self.regression.chances(block).argmax(1)
        return SemanticMap(said.reshape(planes.shape[1:]), self.ontology)


def fit_pixels(samples: Sequence[SemanticSample], ontology: Ontology, *, seed: int) -> PixelBaseline:
    """Fit to known pixels of the samples, at least one of which has any.

    Args:
        seed: of the pixels that are drawn.
    """
    random = np.random.default_rng(seed)
    rows: list[Floats] = []
    places: list[NDArray[np.int64]] = []
    for sample in samples:
        features = smoothed(sample.planes)
        for place in range(len(ontology)):
            found = np.flatnonzero(sample.truth.data.ravel() == place)
            if found.size > MOST_PIXELS:
                found = random.choice(found, MOST_PIXELS, replace=False)
            rows.append(features.reshape(len(features), -1)[:, found].T.astype(np.float64))
            places.append(np.full(found.size, place))
    targets = np.eye(len(ontology), dtype=np.bool_)[np.concatenate(places)]
    return PixelBaseline(ontology, fit_logistic(np.concatenate(rows), targets))


def smoothed(planes: Float) -> Float:
    """``(len(SIGMAS) * c, y, x)``: each plane through Gaussians of ``SIGMAS`` pixels."""
    return np.stack([ndimage.gaussian_filter(plane, sigma) for plane in planes for sigma in SIGMAS])
