"""Denoising that looks at the image at hand: a copy of the network goes on learning from the noisy image itself.

What a network learnt from other images does not hold for every structure of a new one. The noisy image teaches more:
pixels on a grid are hidden, and each is predicted from its surroundings (Batson & Royer 2019, "Noise2Self"; see
``regression.blind_spot``). No clean image is needed, and none is looked at. Alone that would forget what clean images
taught; so the copy must also go on saying, of the image as it is, what the network said before (in all eight
positions, which is better than what it says in one): distillation as in Li & Hoiem 2016, "Learning without Forgetting".
The moments of batch norm stay as they were trained, since hidden and whole crops have different ones.

Noise that is correlated between pixels is learnt along with the structure; such images want 0 steps.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml_worker.device import autocast, device
from ml_worker.regression.blind_spot import BlindSpotConfig, grid_mask, hide, random_phase
from ml_worker.regression.network import RegressionNetwork

Float = NDArray[np.float32]
ADAPT_STEPS, MAX_ADAPT_STEPS = 150, 2000
"""For pairs of one light; found on three confocal images, see docs/augmented.md."""
MIN_SIDE, SIZE, BATCH = 32, 64, 8
LEARNING_RATE, WARMUP, CLIP, AVERAGE = 1e-3, 10, 5.0, 0.98


def adapted_network(
    network: RegressionNetwork,
    planes: Float,
    said: Float,
    *,
    steps: int,
    seed: int,
    seconds: float,
    on_step: Callable[[], None] | None = None,
) -> RegressionNetwork:
    """A copy of ``network`` that fits one noisy image better; ``network`` itself is left alone.

    The same seed gives the same copy, as long as ``seconds`` does not bind and torch keeps to one number of threads. A
    step costs the same whatever the image's size.

    Args:
        planes: the noisy image in the network's units, axes cyx, at least 32 pixels a side.
        said: what the network says of it, likewise.
        steps: at least 1. seconds: learning ends then at the latest, its rate falling in time.
        on_step: called before each step; may raise to stop.

    Returns:
        the running mean of the copy's weights, in evaluation mode.
    """
    learner = copy.deepcopy(network).eval()
    mean = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(learner.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
    noisy, held = torch.from_numpy(planes), torch.from_numpy(said)
    stride = network.config.stride
    size = max(stride, min(SIZE, *planes.shape[1:]) // stride * stride)
    blind = BlindSpotConfig()
    started = time.monotonic()
    for step in range(steps):
        if on_step:
            on_step()
        fraction = max(step / steps, (time.monotonic() - started) / seconds)
        if fraction >= 1:
            break
        random = np.random.default_rng([seed, step])
        image, before = _crops(noisy, held, size, random)
        mask = grid_mask((size, size), blind.spacing, random_phase(blind, random))
        hidden = hide(image, mask, blind, random)
        image, before, mask = image.to(device()), before.to(device()), mask.to(device())
        with autocast(bf16=True):
            guessed = learner(hidden.to(device()).contiguous(memory_format=torch.channels_last))
            whole = learner(image.contiguous(memory_format=torch.channels_last))
        count = mask.sum() * image.shape[0] * image.shape[1]
        loss = ((guessed.float() - image).square() * mask).sum() / count + (whole.float() - before).square().mean()
        for group in optimiser.param_groups:
            rate = LEARNING_RATE * min(1.0, (step + 1) / WARMUP)
            group["lr"] = rate * (0.5 + 0.5 * math.cos(math.pi * fraction))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(learner.parameters(), CLIP)
        if bool(torch.isfinite(norm)):
            optimiser.step()
            _average(mean, learner, min(AVERAGE, step / (step + 10)))
    return mean


def _crops(noisy: Tensor, held: Tensor, size: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """``BATCH`` crops of both images from the same places, turned by quarters and mirrored; axes bcyx."""
    height, width = noisy.shape[1:]
    crops = []
    for _ in range(BATCH):
        top, left = int(random.integers(height - size + 1)), int(random.integers(width - size + 1))
        quarters, mirror = int(random.integers(4)), bool(random.integers(2))
        both = [torch.rot90(one[:, top : top + size, left : left + size], quarters, (1, 2)) for one in (noisy, held)]
        crops.append([one.flip(2) if mirror else one for one in both])
    return torch.stack([one[0] for one in crops]), torch.stack([one[1] for one in crops])


@torch.no_grad()
def _average(mean: nn.Module, learner: nn.Module, decay: float) -> None:
    for kept, current in zip(mean.parameters(), learner.parameters(), strict=True):
        kept.lerp_(current, 1 - decay)
