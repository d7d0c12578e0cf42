"""Where a predicted image is wrong: the marks of several people, fused into regions.

People mark failures loosely: they agree that something is wrong here, less on its outline. So a region is voted on as a
whole, by who marked its core, and its outline is then what most of those who marked it share.

Weights from the marks themselves: Langerak et al., "Label fusion in atlas-based segmentation using a selective and
iterative method for performance level estimation (SIMPLE)", IEEE TMI 29:2000-2008, 2010, here in one step and against
the others only, so that nobody is measured by their own marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.labels import Labels, Mask, cells

Box = tuple[int, int, int, int]
BAND = 0.05
OUTLINE = 2 / 3
LEAST_WEIGHT = 0.05


@dataclass(frozen=True)
class FailureRegion:
    """One region that somebody marked.

    Attributes:
        box: half-open ``(y0, x0, y1, x1)`` of its extent. area: pixels of its extent.
        support: share of the weight that marked its core, 0..1. readings: who marked it, by index.
        settled: True: a failure; False: overruled; None: disputed.
    """

    box: Box
    area: int
    support: float
    readings: tuple[int, ...]
    settled: bool | None


@dataclass(frozen=True)
class FailureMap:
    """The consensus of several people's marks on one predicted image.

    Attributes:
        share: float32, yx: share of the weight that marked each pixel.
        labels: settled failures, uint32, yx, ids 1..n in raster order of their first pixel.
        disputed: the same for regions that are neither settled nor overruled.
        regions: settled, disputed and overruled, in raster order.
        agreement: mean over pairs of people of the Dice of their marks (1 where neither marked anything).
    """

    share: NDArray[np.float32] = field(repr=False)
    labels: Labels = field(repr=False)
    disputed: Labels = field(repr=False)
    regions: tuple[FailureRegion, ...]
    agreement: float


def fuse_failures(
    marks: Sequence[Mask], *, weights: Sequence[float] | None = None, quorum: float = 0.5, tolerance: int = 3
) -> FailureMap:
    """Fuse marks of one predicted image.

    1. Pixels carry the share of the weight that marked them. Marks that overlap are one region, cut between the places
       where the share is highest, unless those lie within ``2 * tolerance`` pixels of one another.
    2. A region's support is the weight of who marked at least half of its core (its pixels of highest share).
    3. Support above ``quorum + 0.05`` settles it, below ``quorum - 0.05`` overrules it, between them it is disputed.
    4. Its extent is where at least two thirds of its supporters' weight lies, or its core if that is nowhere: brushes
       are wider than failures, so half would draw most regions too large.

    Args:
        marks: bool masks, axes yx, of one shape; all False where a person saw nothing wrong.
        weights: of each person, above 0; equal if None.

    Raises:
        InvalidDocument: no marks, not bool, weights that do not fit, a quorum outside 0..1, a tolerance below 0.
        MismatchedShapes: the masks differ in shape.
    """
    share_of = _checked(marks, weights, quorum, tolerance)
    stack = np.stack(marks)
    share = np.tensordot(share_of, stack, axes=1)
    basins = _basins(share, tolerance)
    labels, disputed = np.zeros(share.shape, dtype=np.uint32), np.zeros(share.shape, dtype=np.uint32)
    found: list[FailureRegion] = []
    for cell in cells(basins):
        y0, x0, y1, x1 = cell.box
        window, inside = share[y0:y1, x0:x1], cell.mask
        core = inside & (window >= window[inside].max() - 1e-9)
        marked = stack[:, y0:y1, x0:x1]
        readings = np.flatnonzero(marked[:, core].mean(axis=1) >= 0.5)
        if share_of[readings].sum() < window[core].max() - 1e-9:
            # A core of several pieces, each of other people: the first piece stands for it.
            readings = np.flatnonzero(marked[:, core][:, 0])
        support = float(share_of[readings].sum())
        own = np.tensordot(share_of[readings], marked[readings], axes=1)
        extent = inside & (own >= OUTLINE * support - 1e-9)
        extent = extent if extent.any() else core
        rows, columns = np.nonzero(extent)
        box = (y0 + int(rows.min()), x0 + int(columns.min()), y0 + int(rows.max()) + 1, x0 + int(columns.max()) + 1)
        settled = True if support > quorum + BAND + 1e-9 else False if support < quorum - BAND - 1e-9 else None
        target = {True: labels, None: disputed}.get(settled)
        if target is not None:
            target[y0:y1, x0:x1][extent] = int(target.max()) + 1
        found.append(FailureRegion(box, int(extent.sum()), support, tuple(int(r) for r in readings), settled))
    return FailureMap(share.astype(np.float32), labels, disputed, tuple(found), _agreement(stack))


def peer_weights(marks: Sequence[Mask]) -> tuple[float, ...]:
    """What each person's marks weigh: their Dice with the share of the others who marked each pixel, 0.05 at least.

    Equal for two people, who cannot tell which of them errs, and where nobody marked what another did.

    Args:
        marks: as of ``fuse_failures``.

    Raises:
        InvalidDocument, MismatchedShapes: as ``fuse_failures``.
    """
    _checked(marks, None, 0.5, 0)
    if len(marks) < 3:
        return (1.0,) * len(marks)
    total = np.sum(marks, axis=0, dtype=np.float64)
    weights = []
    for mark in marks:
        others = (total - mark) / (len(marks) - 1)
        either = float(others.sum()) + int(np.count_nonzero(mark))
        weights.append(2 * float(others[mark].sum()) / either if either else 1.0)
    return tuple(max(LEAST_WEIGHT, weight) for weight in weights)


def marker_skill(marks: Sequence[Mask], consensus: FailureMap) -> tuple[float, ...]:
    """Dice of each person's marks with the settled failures, disputed pixels left out; 1 where both are empty."""
    counted, truth = consensus.disputed == 0, consensus.labels > 0
    return tuple(_dice(mask & counted, truth & counted) for mask in marks)


def _basins(share: NDArray[np.float64], tolerance: int) -> Labels:
    """Each marked pixel's region, ids in raster order."""
    marked = share > 0
    if not marked.any():
        return np.zeros(share.shape, dtype=np.uint32)
    # Rounded, so that sums taken in another order make no plateaus of their own.
    peaks = local_maxima(np.pad(share.round(9), 1))[1:-1, 1:-1] & marked  # type: ignore[no-untyped-call]
    if tolerance:
        peaks = ndimage.distance_transform_edt(~peaks) <= tolerance
    seeds, _ = ndimage.label(peaks & marked, structure=np.ones((3, 3)))
    found = watershed(-share, seeds, mask=marked, connectivity=2)  # type: ignore[no-untyped-call]
    ids, first = np.unique(found[marked], return_index=True)
    order = np.zeros(int(ids.max()) + 1, dtype=np.uint32)
    order[ids[np.argsort(first, kind="stable")]] = np.arange(1, ids.size + 1)
    return np.asarray(np.where(marked, order[found], 0), dtype=np.uint32)


def _agreement(stack: NDArray[np.bool_]) -> float:
    pairs = [(a, b) for a in range(len(stack)) for b in range(a + 1, len(stack))]
    return float(np.mean([_dice(stack[a], stack[b]) for a, b in pairs])) if pairs else 1.0


def _dice(first: Mask, second: Mask) -> float:
    total = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    return 2 * int(np.count_nonzero(first & second)) / total if total else 1.0


def _checked(
    marks: Sequence[Mask], weights: Sequence[float] | None, quorum: float, tolerance: int
) -> NDArray[np.float64]:
    """Each person's share of the weight."""
    if not marks:
        raise InvalidDocument("a fusion needs at least one person's marks")
    if len({mark.shape for mark in marks}) > 1:
        raise MismatchedShapes(f"marks of shapes {[mark.shape for mark in marks]} cannot be fused")
    if any(mark.ndim != 2 or mark.dtype != np.bool_ for mark in marks):
        raise InvalidDocument("marks are bool with axes yx")
    if not 0 < quorum < 1 or tolerance < 0:
        raise InvalidDocument(f"the quorum {quorum} lies between 0 and 1, the tolerance {tolerance} is at least 0")
    raw = np.ones(len(marks)) if weights is None else np.asarray(weights, dtype=np.float64)
    if raw.shape != (len(marks),) or not np.all(np.isfinite(raw)) or not np.all(raw > 0):
        raise InvalidDocument(
            f"weights {weights!r} do not give each of {len(marks)} people a positive weight",
            remedy="Leave a person out rather than weigh them 0.",
        )
    return np.asarray(raw / raw.sum())
