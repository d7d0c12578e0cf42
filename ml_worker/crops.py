"""Training crops: balanced over strata, augmented on the fly, the same for the same seed and step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cellcommons.errors import InvalidDocument
from ml_worker.samples import Sample
from ml_worker.targets.flows import flow_targets


@dataclass(frozen=True)
class CropConfig:
    """What a batch is made of.

    Attributes:
        size: pixels along y and x. batch: crops per step.
        balance: a stratum of n images is drawn with weight n ** (1 - balance): 0 follows the images, 1 gives every
            stratum the same share.
        on_cells: share of crops centred on a random cell rather than anywhere.
        scale: crops are zoomed by up to this factor either way.
        invert: chance that bright and dark change places; above 0 it costs short runs much, see docs/models.md.
    """

    size: int = 128
    batch: int = 12
    balance: float = 0.75
    on_cells: float = 0.7
    scale: float = 1.5
    invert: float = 0.0

    def __post_init__(self) -> None:
        if self.size % 16 or not 32 <= self.size <= 1024 or self.batch < 2 or self.scale < 1:
            raise InvalidDocument(
                "crops want a size of 32 to 1024 in steps of 16, a batch of at least 2, a scale of at least 1",
                where="config:crops",
            )
        if not all(0 <= value <= 1 for value in (self.balance, self.on_cells, self.invert)):
            raise InvalidDocument("balance, on_cells and invert lie in 0..1", where="config:crops")


@dataclass(frozen=True)
class Batch:
    """Crops on their way into the network.

    Attributes:
        planes: float32 ``(b, 3, y, x)``.
        targets: float32 ``(b, 5, y, x)``, see ``targets.flows.flow_targets``.
        known: float32 ``(b, y, x)``, 0 where the crop passes the image's border and nothing is known.
    """

    planes: Tensor
    targets: Tensor
    known: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        return Batch(self.planes.to(device), self.targets.to(device), self.known.to(device))


class CropSampler:
    """Draws batches from samples; batch ``step`` depends on the seed and the step alone, so that a resumed run agrees.

    Raises:
        InvalidDocument: no samples.
    """

    def __init__(self, samples: Sequence[Sample], config: CropConfig, *, seed: int) -> None:
        if not samples:
            raise InvalidDocument("there is no labelled image to train on", remedy="Add images to the train split.")
        self.config, self.seed = config, seed
        self._planes = [torch.from_numpy(sample.planes) for sample in samples]
        self._targets = [torch.from_numpy(flow_targets(sample.labels)) for sample in samples]
        self._cells = [_cell_pixels(sample) for sample in samples]
        strata: dict[str, list[int]] = {}
        for index, sample in enumerate(samples):
            strata.setdefault(sample.stratum, []).append(index)
        weights = np.zeros(len(samples))
        for members in strata.values():
            weights[members] = len(members) ** -config.balance
        self.weights = weights / weights.sum()

    def batch(self, step: int) -> Batch:
        """The crops of one step."""
        random = np.random.default_rng([self.seed, step])
        picks = random.choice(len(self._planes), self.config.batch, p=self.weights)
        planes, targets, known = zip(*(self._crop(int(pick), random) for pick in picks), strict=True)
        return Batch(augment(torch.cat(planes), random, self.config.invert), torch.cat(targets), torch.cat(known))

    def _crop(self, pick: int, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        size = self.config.size
        height, width = self._planes[pick].shape[1:]
        pixels = self._cells[pick]
        if len(pixels) and random.random() < self.config.on_cells:
            centre = pixels[random.integers(len(pixels))] + random.uniform(-size / 4, size / 4, 2)
        else:
            centre = random.uniform((0, 0), (height, width))
        angle = random.uniform(0, 2 * np.pi) if random.random() < 0.5 else random.integers(4) * np.pi / 2
        zoom = float(np.exp(random.uniform(-1, 1) * np.log(self.config.scale)))
        flip = -1.0 if random.random() < 0.5 else 1.0
        # Maps crop coordinates (y, x) to image coordinates: rotation, flip of x, division by zoom.
        turn = np.array([[np.cos(angle), -np.sin(angle) * flip], [np.sin(angle), np.cos(angle) * flip]]) / zoom
        # Keep the crop over the image: its middle stays half a crop away from the border where the image allows.
        margin = np.minimum(size / 2 / zoom, np.array([height, width]) / 2)
        centre = np.clip(centre, margin, np.array([height, width]) - margin)
        grid = sampling_grid(size, turn, centre, height, width)
        known = ((grid >= -1) & (grid <= 1)).all(-1).float()
        planes = functional.grid_sample(
            self._planes[pick][None], grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )
        targets = functional.grid_sample(
            self._targets[pick][None], grid, mode="nearest", padding_mode="border", align_corners=False
        )
        back = torch.from_numpy(np.linalg.inv(turn)).float()
        targets[:, 2:4] = torch.einsum("ij,bjyx->biyx", back, targets[:, 2:4])
        targets[:, 4] = (targets[:, 4] * zoom).clamp_min(1.0)
        return planes, targets, known


def _cell_pixels(sample: Sample) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Up to 4096 foreground pixels ``(n, 2)``, evenly taken so that the table stays small."""
    pixels = np.argwhere(sample.labels)
    return pixels[:: max(1, len(pixels) // 4096)]


def sampling_grid(size: int, turn: np.ndarray, centre: np.ndarray, height: int, width: int) -> Tensor:
    """Sampling grid ``(1, size, size, 2)`` in grid_sample's x, y order and -1..1 units."""
    steps = np.arange(size) - (size - 1) / 2
    offsets = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1)
    places = offsets @ turn.T + centre + 0.5
    unit = np.stack([places[..., 1] * 2 / width - 1, places[..., 0] * 2 / height - 1], -1)
    return torch.from_numpy(unit).float()[None]


def augment(planes: Tensor, random: np.random.Generator, invert: float, *, pooled: bool = True) -> Tensor:
    """Change brightness, contrast, gamma, polarity, sharpness and noise, each crop by its own draw.

    Args:
        planes: ``(b, c, y, x)``.
        invert: chance of inversion.
        pooled: planes are mean, minimum and maximum over channels; an inversion therefore swaps the last two.
    """
    count = planes.shape[0]

    def draw(low: float, high: float) -> Tensor:
        return torch.from_numpy(random.uniform(low, high, (count, 1, 1, 1))).float()

    def some(chance: float) -> Tensor:
        return torch.from_numpy(random.random((count, 1, 1, 1)) < chance)

    inverted = 1 - (planes[:, [0, 2, 1]] if pooled else planes)
    planes = torch.where(some(invert), inverted, planes)
    gamma = torch.exp(draw(-0.5, 0.5))
    planes = torch.where(some(0.5), planes.clamp_min(0) ** gamma, planes)
    planes = planes * torch.exp(draw(-0.3, 0.3)) + draw(-0.15, 0.15)
    blurred = functional.avg_pool2d(functional.pad(planes, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    planes = torch.lerp(planes, blurred, torch.where(some(0.3), draw(0.2, 1.0), torch.zeros(1)))
    spread = torch.where(some(0.4), draw(0.0, 0.08), torch.zeros(1))
    noise = torch.from_numpy(random.standard_normal((count, 1, *planes.shape[2:]), dtype=np.float32))
    return planes + noise.expand(-1, planes.shape[1], -1, -1) * spread
