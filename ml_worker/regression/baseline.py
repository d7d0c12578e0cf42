"""The plain methods beside a trained network: ridge regression on smoothed planes, and a Gaussian filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellcommons.errors import MismatchedShapes
from ml_worker.regression.samples import PairSample

Float = NDArray[np.float32]
GAUSSIANS, GRADIENTS = (1.0, 2.0, 4.0, 8.0), (1.0, 3.0)
PENALTY = 100.0
# Pairs, rows and columns, and pixels that the regression is fitted to, at most.
PAIRS, SIDE, PIXELS = 8, 1024, 1 << 17


class Baseline(Protocol):
    """A plain method. ``name`` is for people."""

    name: str

    def predict(self, planes: NDArray[Any], check: Callable[[], None]) -> Float:
        """Planes (cyx) to channels (cyx, float32, the target's units). ``check`` may raise to stop."""
        ...


class GaussianBaseline:
    """What any viewer can do against noise."""

    name = "a Gaussian filter of sigma 1"

    def predict(self, planes: NDArray[Any], check: Callable[[], None]) -> Float:
        """See ``Baseline``."""
        check()
        return np.stack([ndimage.gaussian_filter(plane.astype(np.float32), 1.0) for plane in planes])


class RidgeBaseline:
    """Ridge regression (Hoerl & Kennard 1970) on each plane's Gaussians (1, 2, 4, 8 px) and gradient magnitudes (1, 3).

    Fitted on at most 8 pairs and 131,072 of their pixels, on a regular grid.

    Raises:
        MismatchedShapes: pairs with different channels.
    """

    name = "ridge regression on Gaussian features"

    def __init__(self, pairs: Sequence[PairSample]) -> None:
        taught = [pair for pair in pairs if pair.target is not None][:PAIRS]
        pixels = sum(min(SIDE, pair.source.shape[1]) * min(SIDE, pair.source.shape[2]) for pair in taught)
        step = max(1, int(np.ceil((pixels / PIXELS) ** 0.5)))
        wide, wanted = [], []
        for pair in taught:
            assert pair.target is not None
            window = np.s_[:SIDE, :SIDE]
            known = np.ones(pair.source.shape[1:], bool) if pair.known is None else pair.known
            keep = known[window][::step, ::step].ravel()
            planes = pair.source[:, :SIDE, :SIDE]
            wide.append(np.stack([f[::step, ::step].ravel()[keep] for f in _features(planes)], axis=1))
            wanted.append(pair.target[:, :SIDE, :SIDE][:, ::step, ::step].reshape(len(pair.target), -1).T[keep])
        if len({table.shape[1] for table in wide}) != 1 or len({table.shape[1] for table in wanted}) != 1:
            raise MismatchedShapes("pairs with different channels cannot fit one regression")
        table, truth = np.concatenate(wide).astype(np.float64), np.concatenate(wanted).astype(np.float64)
        self.mean = table.mean(axis=0)
        self.spread = np.where(table.std(axis=0) > 0, table.std(axis=0), 1.0)
        self.offset = truth.mean(axis=0)
        table = (table - self.mean) / self.spread
        self.weights = np.linalg.solve(
            table.T @ table + PENALTY * np.eye(table.shape[1]), table.T @ (truth - self.offset)
        )

    def predict(self, planes: NDArray[Any], check: Callable[[], None]) -> Float:
        """See ``Baseline``."""
        found = np.zeros((len(self.offset), *planes.shape[1:])) + self.offset[:, None, None]
        # One feature at a time: all of a stack's at once would take gigabytes.
        for feature, mean, spread, weight in zip(_features(planes), self.mean, self.spread, self.weights, strict=True):
            check()
            found += weight[:, None, None] * ((feature - mean) / spread)
        return np.asarray(found, dtype=np.float32)


def _features(planes: NDArray[Any]) -> Iterator[Float]:
    for plane in planes:
        values = plane.astype(np.float32)
        for sigma in GAUSSIANS:
            yield ndimage.gaussian_filter(values, sigma)
        for sigma in GRADIENTS:
            yield ndimage.gaussian_gradient_magnitude(values, sigma)
