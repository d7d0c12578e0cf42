"""Batches of windows with their classes: balanced, turned and changed in light, the same for the same seed and step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cellcommons.errors import InvalidDocument
from ml_worker.classification.samples import Reading, ReadingConfig, window_extras


@dataclass(frozen=True)
class ClassCropConfig:
    """What a batch is made of.

    Attributes:
        batch: windows per step.
        balance: a class of n samples is drawn with weight n ** (1 - balance): 0 follows the samples, 1 gives every
            class the same share. A sample of several classes counts for its rarest.
        turn: any angle and mirror; without it, windows keep their orientation (fluorescence and smears have none).
        scale: zoomed by up to this factor either way. shift: moved by up to this share of the side.
        gain: each plane's brightness is multiplied by up to this factor either way. offset: added, up to this much.
        noise: deviation of added noise, at most. All in the network's units.
    """

    batch: int = 48
    balance: float = 1.0
    turn: bool = True
    scale: float = 1.2
    shift: float = 0.06
    gain: float = 1.15
    offset: float = 0.1
    noise: float = 0.05

    def __post_init__(self) -> None:
        if self.batch < 2 or not 0 <= self.balance <= 1 or self.scale < 1 or self.gain < 1:
            raise InvalidDocument(
                "crops want a batch of at least 2, a balance in 0..1, scale and gain of at least 1",
                where="config:crops",
            )
        if not 0 <= self.shift <= 0.5 or self.offset < 0 or self.noise < 0:
            raise InvalidDocument("shift lies in 0..0.5, offset and noise are not negative", where="config:crops")


@dataclass(frozen=True)
class ClassBatch:
    """Windows on their way into the network: ``(b, c, size, size)``, ``(b, extras)``, bool ``(b, classes)``."""

    planes: Tensor
    extras: Tensor
    targets: Tensor


class ClassSampler:
    """Draws batches; batch ``step`` depends on the seed and the step alone, so that a resumed run agrees.

    Args:
        readings: of the samples. targets: bool ``(samples, classes)``.
        reading: how images become windows.
    """

    def __init__(
        self,
        readings: Sequence[Reading],
        targets: NDArray[np.bool_],
        config: ClassCropConfig,
        *,
        reading: ReadingConfig,
        seed: int,
    ) -> None:
        self.config, self.reading, self.seed = config, reading, seed
        self._readings, self._targets = readings, torch.from_numpy(targets)
        self.weights = sampling_weights(targets, config.balance)

    def batch(self, step: int) -> ClassBatch:
        """The windows of one step."""
        random = np.random.default_rng([self.seed, step])
        picks = random.choice(len(self._readings), self.config.batch, p=self.weights).tolist()
        cut = [self._window(self._readings[pick].planes, random) for pick in picks]
        extras = [
            window_extras(window, self._readings[pick].side, self.reading)
            for pick, window in zip(picks, cut, strict=True)
        ]
        planes = augment_windows(torch.stack(cut), self.config, random)
        return ClassBatch(planes, torch.stack(extras), self._targets[picks])

    def _window(self, planes: Tensor, random: np.random.Generator) -> Tensor:
        size = self.reading.size
        top, left = (int(random.integers(length - size + 1)) for length in planes.shape[1:])
        return planes[:, top : top + size, left : left + size]


def sampling_weights(targets: NDArray[np.bool_], balance: float) -> NDArray[np.float64]:
    """Chance of each sample; samples without any class are a class of their own."""
    labelled = np.concatenate([targets, ~targets.any(1, keepdims=True)], axis=1)
    counts = labelled.sum(0)
    rarest = np.where(labelled, counts, np.inf).min(1)
    weights = rarest**-balance
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def augment_windows(planes: Tensor, config: ClassCropConfig, random: np.random.Generator) -> Tensor:
    """Turn, zoom, move and relight each window by its own draw; the border is mirrored."""
    count, channels = planes.shape[:2]
    angle = random.uniform(0, 2 * np.pi, count) if config.turn else np.zeros(count)
    mirror = np.where(random.random(count) < 0.5, -1.0, 1.0) if config.turn else np.ones(count)
    zoom = np.exp(random.uniform(-1, 1, count) * np.log(config.scale))
    turn = np.empty((count, 2, 3), dtype=np.float32)
    turn[:, 0, 0], turn[:, 0, 1] = np.cos(angle) / zoom, -np.sin(angle) / zoom
    turn[:, 1, 0], turn[:, 1, 1] = mirror * np.sin(angle) / zoom, mirror * np.cos(angle) / zoom
    # Units of affine_grid: the window reaches from -1 to 1.
    turn[:, :, 2] = random.uniform(-2 * config.shift, 2 * config.shift, (count, 2))
    grid = functional.affine_grid(torch.from_numpy(turn), list(planes.shape), align_corners=False)
    planes = functional.grid_sample(planes, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    gain = np.exp(random.uniform(-1, 1, (count, channels, 1, 1)) * np.log(config.gain)).astype(np.float32)
    offset = random.uniform(-config.offset, config.offset, (count, channels, 1, 1)).astype(np.float32)
    planes = planes * torch.from_numpy(gain) + torch.from_numpy(offset)
    if config.noise:
        spread = torch.from_numpy(random.uniform(0, config.noise, (count, 1, 1, 1)).astype(np.float32))
        planes = planes + spread * torch.from_numpy(random.standard_normal(planes.shape, dtype=np.float32))
    return planes
