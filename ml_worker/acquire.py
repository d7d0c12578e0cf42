"""What a model is unsure of: the figure by which a Round decides what people look at next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cellcommons.labels import Labels
from cellcommons.matching import match_overlaps, overlap_table
from cellcommons.measures.detection import detection_scores

Float = NDArray[np.float32]

# Below this entropy (in bits) a pixel is plain background or plain cell and says nothing about the image.
TRIVIAL = 0.1


def pixel_entropy(foreground: Float) -> Float:
    """Entropy of a foreground probability in bits, 0..1, same shape."""
    p = np.clip(foreground, 1e-6, 1 - 1e-6)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)), dtype=np.float32)


def image_uncertainty(foreground: Float, readings: Sequence[Labels]) -> float:
    """How unsure a model is of a whole image, 0..1.

    Half is how much its readings of the image disagree about cells: 1 - mean AP over IoU 0.5 to 0.9. The other half is
    how much of what it calls cell is doubtful: entropy summed over pixels, relative to the foreground's size, at most
    1. Both are relative to cells rather than pixels, so that a crowded image is not unsure merely by having more edges.

    Args:
        foreground: probability, yx.
        readings: label maps of the same image under transformations (mapped back); one alone leaves the entropy.
    """
    entropy = pixel_entropy(foreground)
    doubt = float(entropy[entropy > TRIVIAL].sum(dtype=np.float64))
    size = float(foreground.sum(dtype=np.float64))
    pixels = min(1.0, doubt / max(size, 1.0))
    pairs = [(readings[0], other) for other in readings[1:]]
    if not pairs:
        return pixels
    agreement = float(np.mean([detection_scores(a, b).mean_ap for a, b in pairs]))
    return float(np.clip(0.5 * (1 - agreement) + 0.5 * pixels, 0.0, 1.0))


def cell_certainty(labels: Labels, foreground: Float, readings: Sequence[Labels] = ()) -> dict[int, float]:
    """Cell id -> certainty 0..1: mean foreground probability within it, times its best IoU in each other reading.

    Args:
        labels: uint32, yx, ids 1..n. foreground: probability, yx. readings: further label maps of the same image.
    """
    index = labels.ravel().astype(np.int64)
    sizes = np.bincount(index)
    certainty = np.bincount(index, foreground.ravel(), sizes.size) / np.maximum(sizes, 1)
    for reading in readings:
        found = np.zeros(sizes.size)
        for cell, _, iou in match_overlaps(overlap_table(labels, reading), threshold=0.1).pairs:
            found[cell] = iou
        certainty *= found
    return {int(cell): round(float(certainty[cell]), 4) for cell in np.flatnonzero(sizes) if cell}
