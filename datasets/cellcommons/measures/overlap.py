"""Overlap measures: how well foreground and matched cells coincide, in pixels."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage

from cellcommons.errors import MismatchedShapes
from cellcommons.labels import Labels, Mask, cells
from cellcommons.matching import match_cells


@dataclass(frozen=True)
class OverlapScores:
    """Overlap of two label maps of one image.

    Attributes:
        pixel_iou: IoU of foreground (any cell) pixels.
        dice: Dice coefficient of foreground pixels.
        matched_iou: mean IoU of the cells matched at the threshold ("segmentation quality" of Kirillov et al. 2019);
            0.0 if none match, 1.0 if neither map holds a cell.
        boundary_distance: mean over matched cells of the average symmetric distance between their boundaries, pixels;
            None if none match.
    """

    pixel_iou: float
    dice: float
    matched_iou: float
    boundary_distance: float | None

    def measures(self) -> dict[str, float | None]:
        """Name -> value."""
        return asdict(self)


def overlap_scores(truth: Labels, prediction: Labels, *, threshold: float = 0.5) -> OverlapScores:
    """Score ``prediction`` against ``truth`` (uint32, yx, one shape); cells match at IoU >= ``threshold``.

    Raises:
        MismatchedShapes: the shapes differ.
    """
    matching = match_cells(truth, prediction, threshold=threshold)
    if matching.pairs:
        matched = float(np.mean([iou for _, _, iou in matching.pairs]))
    else:
        matched = 0.0 if matching.only_a or matching.only_b else 1.0
    distance = _mean_boundary_distance(truth, prediction, matching.pairs) if matching.pairs else None
    return OverlapScores(pixel_iou(truth, prediction), dice(truth, prediction), matched, distance)


def pixel_iou(truth: Labels | Mask, prediction: Labels | Mask) -> float:
    """IoU of the non-zero pixels; 1.0 if both are empty. Raises MismatchedShapes."""
    both, either, _ = _counts(truth, prediction)
    return both / either if either else 1.0


def dice(truth: Labels | Mask, prediction: Labels | Mask) -> float:
    """2 |A and B| / (|A| + |B|) of the non-zero pixels; 1.0 if both are empty. Raises MismatchedShapes."""
    both, _, total = _counts(truth, prediction)
    return 2 * both / total if total else 1.0


def boundary_distance(a: Mask, b: Mask) -> float:
    """Average symmetric boundary distance of two non-empty masks of one shape, in pixels.

    Each boundary pixel's distance to the other mask's boundary, averaged over the boundary pixels of both. Boundary
    pixels are those of the mask that touch (4-neighbour) what is outside it; the frame counts as outside.

    Raises:
        MismatchedShapes: the shapes differ, or a mask is empty.
    """
    if a.shape != b.shape or not a.any() or not b.any():
        raise MismatchedShapes(f"boundaries need two non-empty masks of one shape, got {a.shape} and {b.shape}")
    edge_a = a & ~ndimage.binary_erosion(a)
    edge_b = b & ~ndimage.binary_erosion(b)
    to_b = ndimage.distance_transform_edt(~edge_b)[edge_a]
    to_a = ndimage.distance_transform_edt(~edge_a)[edge_b]
    return float((to_b.sum() + to_a.sum()) / (to_b.size + to_a.size))


def _counts(a: Labels | Mask, b: Labels | Mask) -> tuple[int, int, int]:
    if a.shape != b.shape:
        raise MismatchedShapes(f"masks of shapes {a.shape} and {b.shape} cannot be compared")
    in_a, in_b = a != 0, b != 0
    both = int(np.count_nonzero(in_a & in_b))
    total = int(np.count_nonzero(in_a)) + int(np.count_nonzero(in_b))
    return both, total - both, total


def _mean_boundary_distance(a: Labels, b: Labels, pairs: tuple[tuple[int, int, float], ...]) -> float:
    boxes_a = {cell.id: cell.box for cell in cells(a)}
    boxes_b = {cell.id: cell.box for cell in cells(b)}
    distances = []
    for id_a, id_b, _ in pairs:
        (ay0, ax0, ay1, ax1), (by0, bx0, by1, bx1) = boxes_a[id_a], boxes_b[id_b]
        window = np.s_[min(ay0, by0) : max(ay1, by1), min(ax0, bx0) : max(ax1, bx1)]
        distances.append(boundary_distance(a[window] == id_a, b[window] == id_b))
    return float(np.mean(distances))
