"""Crops of pairs: source and target under the same turn, the same for the same seed and step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cellcommons.errors import InvalidDocument
from ml_worker.crops import sampling_grid


@dataclass(frozen=True)
class PairCropConfig:
    """What a batch is made of.

    Attributes:
        size: pixels along y and x, a multiple of 16. batch: crops per step.
        balance: as in ``ml_worker.crops.CropConfig``.
        turn: share of crops under any angle and zoom, interpolated. The rest is turned by quarters and mirrored, which
            moves pixels without mixing them: noise keeps its statistics, so denoising wants 0.
        scale: turned crops are zoomed by up to this factor either way.
        gain: sources are made brighter or fainter by up to this factor either way (about the scaling's zero).
        focus: sources are stacks, and their planes move by up to this many steps along z, the end planes repeated: the
            focus of the next field is never the same.
        same_gain: targets follow their source's gain; for denoising, where both are one light.
    """

    size: int = 128
    batch: int = 8
    balance: float = 0.5
    turn: float = 0.0
    scale: float = 1.15
    gain: float = 1.0
    focus: int = 0
    same_gain: bool = False

    def __post_init__(self) -> None:
        if self.size % 16 or not 32 <= self.size <= 1024 or self.batch < 1 or self.scale < 1 or self.gain < 1:
            raise InvalidDocument(
                "crops want a size of 32 to 1024 in steps of 16, a batch of at least 1, scale and gain of at least 1",
                where="config:crops",
            )
        if not 0 <= self.focus <= 16:
            raise InvalidDocument("focus lies in 0..16 planes", where="config:crops:focus")
        if not (0 <= self.balance <= 1 and 0 <= self.turn <= 1):
            raise InvalidDocument("balance and turn lie in 0..1", where="config:crops")


@dataclass(frozen=True)
class PairBatch:
    """Crops on their way into the network.

    Attributes:
        source: float32 ``(b, inputs, y, x)``. target: float32 ``(b, outputs, y, x)``.
        weight: float32 ``(b, 1 or outputs, y, x)``, 0 where a pixel does not count.
    """

    source: Tensor
    target: Tensor
    weight: Tensor


class PairSampler:
    """Draws batches of crops from scaled pairs; batch ``step`` depends on the seed and the step alone.

    Args:
        pairs: ``(source, target)`` float32 cyx in the network's units.
        strata: one per pair.
        known: one mask (bool, yx) per pair of where its target counts, None: everywhere. None: everywhere in all.

    Raises:
        InvalidDocument: no pairs, one smaller than a crop, or nothing known in any.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[np.ndarray, np.ndarray]],
        strata: Sequence[str],
        config: PairCropConfig,
        *,
        seed: int,
        known: Sequence[np.ndarray | None] | None = None,
    ) -> None:
        if not pairs:
            raise InvalidDocument("there is no pair to train on", remedy="Add pairs to the train split.")
        smallest = min(min(source.shape[1:]) for source, _ in pairs)
        if smallest < config.size:
            raise InvalidDocument(
                f"a pair of {smallest} pixels is smaller than crops of {config.size}",
                where="config:crops:size",
                remedy="Use smaller crops.",
            )
        self.config, self.seed = config, seed
        masks = known or [None] * len(pairs)
        if all(mask is not None and not mask.any() for mask in masks):
            raise InvalidDocument("every pixel of the training pairs is marked as a failure", where="train split")
        self._pairs = [(torch.from_numpy(source), torch.from_numpy(target)) for source, target in pairs]
        self._known = [None if mask is None else torch.from_numpy(mask).float()[None] for mask in masks]
        members: dict[str, int] = {}
        for name in strata:
            members[name] = members.get(name, 0) + 1
        # Within a stratum large images are drawn more often: every pixel counts the same.
        pixels = np.array([source[0].size for source, _ in pairs], dtype=np.float64)
        weights = pixels * np.array([members[name] ** -config.balance for name in strata])
        self._weights = weights / weights.sum()

    def batch(self, step: int) -> PairBatch:
        """The crops of one step."""
        random = np.random.default_rng([self.seed, step])
        picks = random.choice(len(self._pairs), self.config.batch, p=self._weights)
        crops = [self._crop(int(pick), random) for pick in picks]
        source, target, weight = (torch.stack(parts) for parts in zip(*crops, strict=True))
        if self.config.focus:
            planes = np.arange(source.shape[1])
            moves = random.integers(-self.config.focus, self.config.focus + 1, len(crops))
            source = torch.stack(
                [crop[np.clip(planes + move, 0, planes[-1])] for crop, move in zip(source, moves, strict=True)]
            )
        if self.config.gain > 1:
            spread = np.log(self.config.gain)
            gains = torch.from_numpy(np.exp(random.uniform(-spread, spread, (len(crops), 1, 1, 1)))).float()
            source = source * gains
            target = target * gains if self.config.same_gain else target
        return PairBatch(source, target, weight)

    def _crop(self, pick: int, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        source, target = self._pairs[pick]
        height, width = source.shape[1:]
        size = self.config.size
        if random.random() < self.config.turn:
            return self._turned(pick, random)
        top, left = int(random.integers(height - size + 1)), int(random.integers(width - size + 1))
        quarters, mirror = int(random.integers(4)), bool(random.integers(2))

        def cut(image: Tensor) -> Tensor:
            window = torch.rot90(image[:, top : top + size, left : left + size], quarters, (1, 2))
            return window.flip(2) if mirror else window

        known = self._known[pick]
        return cut(source), cut(target), torch.ones(1, size, size) if known is None else cut(known)

    def _turned(self, pick: int, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        source, target = self._pairs[pick]
        height, width = source.shape[1:]
        size = self.config.size
        angle = random.uniform(0, 2 * np.pi)
        zoom = float(np.exp(random.uniform(-1, 1) * np.log(self.config.scale)))
        flip = -1.0 if random.random() < 0.5 else 1.0
        turn = np.array([[np.cos(angle), -np.sin(angle) * flip], [np.sin(angle), np.cos(angle) * flip]]) / zoom
        extent = np.array([height, width])
        margin = np.minimum(size / 2 / zoom, extent / 2)
        centre = random.uniform(margin, extent - margin)
        grid = sampling_grid(size, turn, centre, height, width)
        inside = ((grid >= -1) & (grid <= 1)).all(-1).float()

        def cut(image: Tensor) -> Tensor:
            return functional.grid_sample(
                image[None], grid, mode="bilinear", padding_mode="reflection", align_corners=False
            )[0]

        known = self._known[pick]
        # A pixel mixed from known and unknown ones is not known.
        return cut(source), cut(target), inside if known is None else inside * (cut(known) > 0.999).float()
