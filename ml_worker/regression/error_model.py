"""How far off a prediction may be, pixel by pixel: what a model says of itself, and what its readings' spread adds.

The network reads an image in several positions (turned, mirrored); where the outputs differ it knows little. But a
confident network errs too: noise of the target grows with its brightness, and stays when all readings agree. So the
expected squared error is a sum of four terms, whose weights are fitted on pairs that the weights were not trained on:

    constant + spread^2 + brightness + brightness^2

with brightness above the channel's mean as predicted, all in standard deviations of the channel. Weights are at least 0
(Lawson & Hanson 1974), so that more of a term never means less error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from cellcommons.errors import InvalidDocument

Float = NDArray[np.float32]
TERMS = 4
# Squared errors of single pixels are too wild to fit; means over blocks are not.
BLOCK = 16


@dataclass(frozen=True)
class ErrorModel:
    """Weights of the four terms, one after the other, for each channel in turn.

    Attributes:
        weights: ``4 * channels`` numbers of at least 0.
    """

    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.weights or len(self.weights) % TERMS or min(self.weights) < 0:
            raise InvalidDocument("an error model has four weights of at least 0 per channel", where="error_model")

    def expected(self, planes: Float, spread: Float) -> Float:
        """Expected error (root mean square) at each pixel, in standard deviations of each channel.

        Args:
            planes, spread: prediction and the standard deviation of its readings, in the network's units (cyx).
        """
        table = np.asarray(self.weights, dtype=np.float32).reshape(-1, TERMS)
        if len(table) != len(planes):
            raise InvalidDocument(f"an error model of {len(table)} channels cannot judge {len(planes)}")
        found = [
            np.tensordot(row, _terms(one, apart), axes=1) for row, one, apart in zip(table, planes, spread, strict=True)
        ]
        return np.asarray(np.sqrt(np.stack(found)), dtype=np.float32)


def fit_error_model(
    planes: Sequence[Float], spreads: Sequence[Float], targets: Sequence[Float], known: Sequence[NDArray[np.bool_]]
) -> ErrorModel:
    """Fit to predictions whose truth is known, all in the network's units (cyx); ``known``: yx, where truth counts.

    Raises:
        InvalidDocument: no images.
    """
    if not planes:
        raise InvalidDocument("there is no pair to fit an error model to")
    weights: list[float] = []
    for channel in range(len(planes[0])):
        rows, wanted = [], []
        for said, apart, truth, mask in zip(planes, spreads, targets, known, strict=True):
            blocks, share = _blocks(_terms(said[channel], apart[channel]), mask)
            error, _ = _blocks((said[channel] - truth[channel])[None] ** 2, mask)
            keep = share > 0.5
            rows.append(blocks[:, keep].T)
            wanted.append(error[0, keep])
        table, errors = np.concatenate(rows).astype(np.float64), np.concatenate(wanted).astype(np.float64)
        weights += [float(w) for w in optimize.nnls(table, errors)[0]] if len(table) else [0.0, 1.0, 0.0, 0.0]
    return ErrorModel(tuple(weights))


def plain_error_model(channels: int) -> ErrorModel:
    """The spread alone, for a network that never saw a truth."""
    return ErrorModel((0.0, 1.0, 0.0, 0.0) * channels)


def _terms(plane: Float, spread: Float) -> Float:
    bright = np.maximum(plane, 0)
    return np.stack([np.ones_like(plane), spread**2, bright, bright**2])


def _blocks(stack: Float, mask: NDArray[np.bool_]) -> tuple[Float, Float]:
    """Means of each plane over the known pixels of every block, and the share of a block that is known."""
    ids = np.indices(mask.shape) // BLOCK
    flat = (ids[0] * (ids[1].max() + 1) + ids[1]).ravel()
    count = np.bincount(flat, minlength=int(flat.max()) + 1)
    inside = np.bincount(flat, mask.ravel(), len(count))
    sums = [np.bincount(flat, (plane * mask).ravel(), len(count)) for plane in stack]
    means = np.asarray(np.stack(sums) / np.maximum(inside, 1), dtype=np.float32)
    return means, np.asarray(inside / count, dtype=np.float32)
