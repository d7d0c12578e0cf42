"""Denoising without clean images: hide pixels, and predict each from its surroundings alone.

Noise that is independent from pixel to pixel cannot be predicted from the neighbours, the structure can; so the best
prediction of a hidden noisy pixel is its clean value. Batson & Royer 2019, "Noise2Self" (J-invariance); Krull et al.
2019, "Noise2Void" (replacement by a neighbour). Noise that is correlated between pixels is not removed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cellcommons.errors import InvalidDocument


@dataclass(frozen=True)
class BlindSpotConfig:
    """How pixels are hidden.

    Attributes:
        spacing: one pixel in ``spacing`` along y and x is hidden at a time, on a grid.
        fill: what stands in its place: ``mean`` of its eight neighbours (weights 1 at an edge, 0.5 at a corner), or one
            random ``neighbour`` within two pixels.
    """

    spacing: int = 4
    fill: str = "mean"

    def __post_init__(self) -> None:
        if not 2 <= self.spacing <= 16 or self.fill not in ("mean", "neighbour"):
            raise InvalidDocument(
                "blind spots want a spacing of 2 to 16 and a fill 'mean' or 'neighbour'", where="config:blind_spot"
            )


def grid_mask(shape: tuple[int, int], spacing: int, phase: tuple[int, int]) -> Tensor:
    """Float32 ``(1, 1, y, x)``: 1 on the grid through ``phase`` (y, x), else 0."""
    mask = torch.zeros(1, 1, *shape)
    mask[:, :, phase[0] :: spacing, phase[1] :: spacing] = 1
    return mask


def hide(planes: Tensor, mask: Tensor, config: BlindSpotConfig, random: np.random.Generator) -> Tensor:
    """``planes`` ``(b, c, y, x)`` with the pixels of ``mask`` replaced; a replacement never uses its own pixel."""
    if config.fill == "mean":
        kernel = torch.tensor([[0.5, 1.0, 0.5], [1.0, 0.0, 1.0], [0.5, 1.0, 0.5]], device=planes.device)
        kernel = (kernel / kernel.sum()).expand(planes.shape[1], 1, 3, 3)
        padded = functional.pad(planes, (1, 1, 1, 1), mode="reflect")
        filled = functional.conv2d(padded, kernel.to(planes.dtype), groups=planes.shape[1])
    else:
        # One shift for all hidden pixels of a step: steps differ, which is what makes the draw random.
        steps = [(y, x) for y in range(-2, 3) for x in range(-2, 3) if (y, x) != (0, 0)]
        shift = steps[int(random.integers(len(steps)))]
        filled = torch.roll(planes, shift, (2, 3))
    return torch.where(mask > 0, filled, planes)


def random_phase(config: BlindSpotConfig, random: np.random.Generator) -> tuple[int, int]:
    """The grid's origin for one step."""
    y, x = random.integers(config.spacing, size=2)
    return int(y), int(x)
