"""A person who marks each class with a few short brush strokes instead of painting all of it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from cellcommons.semantic import UNKNOWN, SemanticMap


def strokes(truth: SemanticMap, share: float, *, seed: int, width: int = 3, length: int = 24) -> SemanticMap:
    """``truth`` where strokes pass, unknown elsewhere, until ``share`` of the pixels are marked.

    Strokes start at random pixels, go straight, and stop at the border of their class, as a person's would; classes
    take turns, so that rare ones are marked too.
    """
    random = np.random.default_rng(seed)
    marked = np.zeros(truth.data.shape, dtype=bool)
    present = [place for place in range(len(truth.ontology)) if (truth.data == place).any()]
    turn = 0
    while marked.mean() < share:
        inside = truth.data == present[turn % len(present)]
        turn += 1
        pixels = np.argwhere(inside)
        place, angle = pixels[random.integers(len(pixels))].astype(float), random.uniform(0, 2 * np.pi)
        line = np.zeros_like(marked)
        for _ in range(length):
            row, column = np.rint(place).astype(int)
            if not (0 <= row < line.shape[0] and 0 <= column < line.shape[1] and inside[row, column]):
                break
            line[row, column] = True
            place += (np.sin(angle), np.cos(angle))
        marked |= ndimage.binary_dilation(line, np.ones((width, width))) & inside
    return SemanticMap(np.where(marked, truth.data, np.uint8(UNKNOWN)), truth.ontology)
