"""Generated discs: images whose truth is known, for the worker's tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

# Small arrays gain nothing from more threads, and tests run side by side.
torch.set_num_threads(1)

Discs = Callable[..., tuple[NDArray[np.uint8], NDArray[np.uint32]]]


@pytest.fixture(scope="session")
def discs() -> Discs:
    """``discs(size, count, seed, channels, dark)`` -> image uint8 cyx, labels uint32 yx."""

    def make(
        size: int = 96, count: int = 8, seed: int = 0, channels: int = 1, dark: bool = False
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
        random = np.random.default_rng(seed)
        rows, columns = np.indices((size, size))
        labels = np.zeros((size, size), dtype=np.uint32)
        placed = 0
        for _ in range(50 * count):
            radius = random.uniform(5, 10)
            y, x = random.uniform(0, size, 2)
            disc = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
            if disc.sum() < 40 or labels[disc].any():
                continue
            placed += 1
            labels[disc] = placed
            if placed == count:
                break
        bright = np.where(labels > 0, 160.0, 40.0) + random.normal(0, 6, labels.shape)
        bright = 255 - bright if dark else bright
        image = np.stack([np.clip(bright * (1 - 0.2 * c), 0, 255) for c in range(channels)])
        return image.astype(np.uint8), labels

    return make
