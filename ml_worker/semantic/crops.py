"""Training crops of semantic maps: drawn where somebody said something, and rare classes more often than they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cellcommons.errors import InvalidDocument
from ml_worker.crops import augment, sampling_grid
from ml_worker.semantic.samples import SemanticSample

MOST_PIXELS = 4096


@dataclass(frozen=True)
class SemanticCropConfig:
    """What a batch is made of.

    Attributes:
        size: pixels along y and x. batch: crops per step.
        balance: a stratum of n images is drawn with weight n ** (1 - balance); a class of n known pixels is aimed at
            with weight n ** (1 - balance).
        on_known: share of crops aimed at a known pixel of a drawn class rather than anywhere: what makes a few strokes
            an image enough.
        scale: crops are zoomed by up to this factor either way. invert: chance that bright and dark change places.
    """

    size: int = 128
    batch: int = 12
    balance: float = 0.75
    on_known: float = 0.8
    scale: float = 1.25
    invert: float = 0.0

    def __post_init__(self) -> None:
        if self.size % 16 or not 32 <= self.size <= 1024 or self.batch < 2 or self.scale < 1:
            raise InvalidDocument(
                "crops want a size of 32 to 1024 in steps of 16, a batch of at least 2, a scale of at least 1",
                where="config:crops",
            )
        if not all(0 <= value <= 1 for value in (self.balance, self.on_known, self.invert)):
            raise InvalidDocument("balance, on_known and invert lie in 0..1", where="config:crops")


@dataclass(frozen=True)
class SemanticBatch:
    """Crops on their way into the network: float32 ``(b, c, y, x)``; int64 ``(b, y, x)``, -1 where nothing is known."""

    planes: Tensor
    classes: Tensor


class SemanticSampler:
    """Draws batches; batch ``step`` depends on the seed and the step alone, so that a resumed run agrees.

    Args:
        samples: at least one, each with a known pixel. pooled: see ``ml_worker.crops.augment``.
    """

    def __init__(
        self, samples: Sequence[SemanticSample], config: SemanticCropConfig, *, pooled: bool, seed: int
    ) -> None:
        self.config, self.pooled, self.seed = config, pooled, seed
        self._planes = [torch.from_numpy(sample.planes) for sample in samples]
        # One more than the class, so that what lies outside the image is unknown too.
        self._classes = [torch.from_numpy(_raster(sample)) for sample in samples]
        self._known = [_known_pixels(sample) for sample in samples]
        strata: dict[str, list[int]] = {}
        for index, sample in enumerate(samples):
            strata.setdefault(sample.stratum, []).append(index)
        weights = np.zeros(len(samples))
        for members in strata.values():
            weights[members] = len(members) ** -config.balance
        self._weights = weights / weights.sum()
        totals = np.zeros(len(samples[0].truth.ontology))
        for sample in samples:
            totals += np.bincount(sample.truth.data.ravel(), minlength=256)[: totals.size]
        self._aims = np.where(totals > 0, np.maximum(totals, 1) ** (1 - config.balance), 0.0)

    def batch(self, step: int) -> SemanticBatch:
        """The crops of one step."""
        random = np.random.default_rng([self.seed, step])
        planes, classes = zip(*(self._crop(random) for _ in range(self.config.batch)), strict=True)
        return SemanticBatch(
            augment(torch.cat(planes), random, self.config.invert, pooled=self.pooled), torch.cat(classes)
        )

    def _crop(self, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        size = self.config.size
        pick, centre = self._aim(random)
        height, width = self._planes[pick].shape[1:]
        angle = random.uniform(0, 2 * np.pi) if random.random() < 0.5 else random.integers(4) * np.pi / 2
        zoom = float(np.exp(random.uniform(-1, 1) * np.log(self.config.scale)))
        flip = -1.0 if random.random() < 0.5 else 1.0
        turn = np.array([[np.cos(angle), -np.sin(angle) * flip], [np.sin(angle), np.cos(angle) * flip]]) / zoom
        # Keep the crop over the image, as far as the image allows.
        margin = np.minimum(size / 2 / zoom, np.array([height, width]) / 2)
        centre = np.clip(centre, margin, np.array([height, width]) - margin)
        grid = sampling_grid(size, turn, centre, height, width)
        planes = functional.grid_sample(
            self._planes[pick][None], grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )
        classes = functional.grid_sample(
            self._classes[pick][None, None], grid, mode="nearest", padding_mode="zeros", align_corners=False
        )
        return planes, classes[:, 0].long() - 1

    def _aim(self, random: np.random.Generator) -> tuple[int, NDArray[np.float64]]:
        """An image and where in it to look."""
        size = self.config.size
        if random.random() < self.config.on_known:
            wanted = int(random.choice(self._aims.size, p=self._aims / self._aims.sum()))
            chances = self._weights * [wanted in known for known in self._known]
            pick = int(random.choice(len(chances), p=chances / chances.sum()))
            pixels = self._known[pick][wanted]
            return pick, pixels[random.integers(len(pixels))] + random.uniform(-size / 4, size / 4, 2)
        pick = int(random.choice(len(self._weights), p=self._weights))
        return pick, random.uniform((0, 0), self._planes[pick].shape[1:])


def _raster(sample: SemanticSample) -> NDArray[np.float32]:
    """0 where unknown, k + 1 for class k."""
    return np.where(sample.truth.known, sample.truth.data.astype(np.float32) + 1, 0).astype(np.float32)


def _known_pixels(sample: SemanticSample) -> dict[int, NDArray[np.int64]]:
    """Class -> up to 4096 of its pixels ``(n, 2)``, evenly taken; classes that the image does not show are left out."""
    found = {}
    for place in np.flatnonzero(np.bincount(sample.truth.data.ravel(), minlength=256)[: len(sample.truth.ontology)]):
        pixels = np.argwhere(sample.truth.data == place)
        found[int(place)] = pixels[:: max(1, len(pixels) // MOST_PIXELS)]
    return found
