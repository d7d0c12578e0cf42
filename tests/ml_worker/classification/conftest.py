"""Generated crops whose class, size or rank is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ml_worker.classification.samples import ClassSample

Shapes = Callable[..., list[ClassSample]]


@pytest.fixture(scope="session")
def shapes() -> Shapes:
    """``shapes(names, count, seed, side)``: ``count`` crops of each of disc, ring and stripes, and any sum of them."""
    rows, columns = np.indices((40, 40)) - 19.5
    radius = np.hypot(rows, columns)
    patterns = {
        "disc": radius < 9,
        "ring": (radius > 12) & (radius < 16),
        "stripes": (columns.astype(int) // 3) % 2 == 0,
    }

    def make(names: list[tuple[str, ...]], count: int = 12, seed: int = 0) -> list[ClassSample]:
        random = np.random.default_rng(seed)
        samples = []
        for number in range(count):
            for classes in names:
                shown = sum((patterns[name].astype(float) for name in classes), np.zeros((40, 40)))
                image = 40 + random.uniform(60, 90) * shown + random.normal(0, 12, shown.shape)
                pixels = np.clip(image, 0, 255).astype(np.uint8)[None]
                samples.append(ClassSample(f"{'+'.join(classes)}-{seed}-{number}", pixels, classes, f"s{seed}"))
        return samples

    return make


@pytest.fixture(scope="session")
def graded() -> Callable[..., list[ClassSample]]:
    """``graded(ranks, count, seed)``: discs whose radius grows with their rank, on a field of 64 pixels."""
    rows, columns = np.indices((64, 64)) - 31.5
    radius = np.hypot(rows, columns)

    def make(ranks: int = 5, count: int = 8, seed: int = 0) -> list[ClassSample]:
        random = np.random.default_rng(seed)
        samples = []
        for number in range(count):
            for rank in range(ranks):
                disc = radius < 4 + 4 * rank + random.uniform(-1, 1)
                pixels = np.clip(40 + 120 * disc + random.normal(0, 10, disc.shape), 0, 255).astype(np.uint8)
                samples.append(ClassSample(f"{rank}-{number}", pixels[None], (str(rank),), f"s{seed}"))
        return samples

    return make
