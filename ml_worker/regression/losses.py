"""What image regression minimises: absolute error, squared error, structural dissimilarity, in a stated mix."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from cellcommons.errors import InvalidDocument

WINDOW, SIGMA = 11, 1.5
# Values are in standard deviations of the channel; about this many of them span its range.
DATA_RANGE = 6.0


@dataclass(frozen=True)
class LossConfig:
    """Weights of the parts; at least one above 0.

    Attributes:
        l1: absolute error: the median, robust to a few bright pixels.
        mse: squared error: the mean, which PSNR and Pearson r reward.
        ssim: 1 - SSIM (Wang et al. 2004), Gaussian window of 11 pixels: structure, with little weight on brightness.
    """

    l1: float = 1.0
    mse: float = 0.0
    ssim: float = 0.0

    def __post_init__(self) -> None:
        weights = (self.l1, self.mse, self.ssim)
        if min(weights) < 0 or sum(weights) <= 0:
            raise InvalidDocument("loss weights are at least 0, and one is above 0", where="config:loss")


def regression_loss(output: Tensor, target: Tensor, weight: Tensor, config: LossConfig) -> Tensor:
    """The weighted sum of the parts over pixels of weight above 0; a scalar.

    Args:
        output, target: ``(b, c, y, x)`` in standard deviations. weight: ``(b, 1 or c, y, x)``.
    """
    output = output.float()
    weight = weight.expand_as(output)
    count = weight.sum().clamp_min(1)
    loss = output.new_zeros(())
    if config.l1:
        loss = loss + config.l1 * ((output - target).abs() * weight).sum() / count
    if config.mse:
        loss = loss + config.mse * ((output - target).square() * weight).sum() / count
    if config.ssim:
        # Unknown pixels are made equal on both sides, so that windows across the border learn from the known ones.
        loss = loss + config.ssim * (1 - ssim_map(output * weight, target * weight).mean())
    return loss


def ssim_map(first: Tensor, second: Tensor, *, data_range: float = DATA_RANGE) -> Tensor:
    """Structural similarity at each place where the window fits, ``(b, c, y - 10, x - 10)``.

    Constants K1 = 0.01 and K2 = 0.03 as in Wang et al. 2004, "Image quality assessment", IEEE TIP 13(4).
    """
    steps = torch.arange(WINDOW, dtype=first.dtype, device=first.device) - WINDOW // 2
    line = torch.exp(-(steps**2) / (2 * SIGMA**2))
    line = line / line.sum()
    channels = first.shape[1]

    def blurred(planes: Tensor) -> Tensor:
        across = functional.conv2d(planes, line.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
        return functional.conv2d(across, line.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)

    mean_a, mean_b = blurred(first), blurred(second)
    var_a = blurred(first * first) - mean_a**2
    var_b = blurred(second * second) - mean_b**2
    both = blurred(first * second) - mean_a * mean_b
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    return (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
