"""Images large enough to be cut into parts."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np


def noise(path: Path, side: int, seed: int) -> Path:
    """A PNG of 2 bytes a pixel that compresses to nothing less."""
    pixels = np.random.default_rng(seed).integers(0, 65_535, (side, side), dtype=np.uint16)
    path.write_bytes(imagecodecs.png_encode(pixels, level=1))
    return path
