"""Do the two images of a pair lie on one another? Shifts by cross-correlation, checked block by block.

A network trained on pairs that are off by a few pixels learns a blur. Images of different kinds (phase contrast and
fluorescence) share structure but no brightness, so what is correlated there is local contrast, not the pixels. One
plane against one marker is uncertain by two or three pixels; the mean contrast of a stack's planes against that of all
markers by about one, so whole images are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from cellcommons.errors import CellCommonsError, InvalidDocument, MismatchedShapes

Plane = NDArray[Any]
Status = Literal["registered", "shifted", "distorted", "unclear"]
CONTRAST_SIGMA = 3.0
BLOCKS = 3
MIN_SIDE = 64
MIN_CORRELATION = 0.15
# Of peaks between unrelated fields of 128 to 256 pixels one in ten stands this many standard deviations out.
CLEAR = 3.8
MAX_PLANES = 5
MAX_SIDE = 1024
MAX_SHIFT = 48
# Pixels of shift that pass: between images of one light, and between different kinds, where the estimate errs more.
SAME_TOLERANCE, CROSS_TOLERANCE = 1.5, 3.0


class Misregistered(CellCommonsError):
    """The two images of a pair do not lie on one another."""

    code = "misregistered"
    title = "The pair is not registered"


@dataclass(frozen=True)
class Registration:
    """How two images lie.

    Attributes:
        shift: (y, x) in pixels by which the second must be moved to lie on the first.
        residual: median distance in pixels of the blocks' shifts from their median; large where turned or scaled.
        before, after: Pearson r of what was compared, as the images lie and after the shift.
        blocks: blocks with enough contrast to be compared.
        status: ``unclear`` where too little structure is shared to tell.
    """

    shift: tuple[float, float]
    residual: float
    before: float
    after: float
    blocks: int
    status: Status


def register_pair(
    first: Plane, second: Plane, *, same_kind: bool = False, tolerance: float | None = None, where: str = ""
) -> Registration:
    """Estimate how ``second`` lies to ``first``.

    Args:
        first, second: one plane each (yx), or several planes of one field (cyx: z planes, markers), whose
            contrasts are averaged over at most 5 of them; of one size in y and x. Of large images the middle
            1024 pixels are compared.
        same_kind: the images show the same light (clean and noisy): pixels are compared, not local contrast.
        tolerance: pixels of shift that still count as registered; None: 1.5 for the same light, else 3.

    Raises:
        MismatchedShapes: the sizes differ. InvalidDocument: under 64 pixels a side, or neither yx nor cyx.
    """
    if first.shape[-2:] != second.shape[-2:]:
        raise MismatchedShapes(
            f"planes of {first.shape[-2:]} and {second.shape[-2:]} cannot lie on one another", where=where
        )
    if not {first.ndim, second.ndim} <= {2, 3} or min(first.shape[-2:]) < MIN_SIDE:
        raise InvalidDocument(f"registration wants yx planes of at least {MIN_SIDE} pixels a side", where=where)
    if tolerance is None:
        tolerance = SAME_TOLERANCE if same_kind else CROSS_TOLERANCE
    a, b = _contrast(first, same_kind), _contrast(second, same_kind)
    shift, clear = _shift(a, b)
    before, after = _correlation(a, b, (0.0, 0.0)), _correlation(a, b, shift)
    if after < before:
        # The parabola overshot: as they lie is then the better guess.
        shift, after = (0.0, 0.0), before
    found = _block_shifts(a, b)
    middle = tuple(float(np.median(axis)) for axis in zip(*found, strict=True)) if found else shift
    residual = float(np.median([np.hypot(y - middle[0], x - middle[1]) for y, x in found])) if found else 0.0
    status: Status = "registered"
    if len(found) >= BLOCKS and residual > max(2 * tolerance, 3.0):
        status = "distorted"
    elif clear < CLEAR or after < MIN_CORRELATION:
        status = "unclear"
    # A peak elsewhere that lies no better is noise of the estimate, not a shift of the images.
    elif float(np.hypot(*shift)) > tolerance and after > before + 0.01:
        status = "shifted"
    return Registration(shift, residual, before, after, len(found), status)


def check_registration(
    first: Plane, second: Plane, *, same_kind: bool = False, tolerance: float | None = None, where: str = ""
) -> Registration:
    """``register_pair``, refusing what would teach a blur; an ``unclear`` pair passes, and says so.

    Raises:
        Misregistered: shifted or distorted beyond ``tolerance``.
        MismatchedShapes, InvalidDocument: see ``register_pair``.
    """
    found = register_pair(first, second, same_kind=same_kind, tolerance=tolerance, where=where)
    y, x = found.shift
    if found.status == "shifted":
        raise Misregistered(
            f"the target lies {-y:+.1f} pixels along y and {-x:+.1f} along x from its source",
            where=where,
            remedy="Register the pair before import.",
        )
    if found.status == "distorted":
        raise Misregistered(
            f"parts of the target lie up to several pixels apart from their source (median {found.residual:.1f})",
            where=where,
            remedy="Correct rotation and scale before import.",
        )
    return found


def _contrast(planes: Plane, same_kind: bool) -> NDArray[np.float64]:
    """Mean of ``_compared`` over some planes, in the middle of the field."""
    stack = planes[None] if planes.ndim == 2 else planes
    picks = np.unique(np.linspace(0, len(stack) - 1, MAX_PLANES).round().astype(int))
    middle = tuple(slice(max(0, (n - MAX_SIDE) // 2), max(0, (n - MAX_SIDE) // 2) + MAX_SIDE) for n in stack.shape[1:])
    return np.asarray(np.mean([_compared(stack[pick][middle], same_kind) for pick in picks], axis=0))


def _compared(plane: Plane, same_kind: bool) -> NDArray[np.float64]:
    """What is correlated: the plane itself or its local contrast, its large-scale trend removed, ranks limited."""
    values = ndimage.gaussian_filter(plane.astype(np.float64), 1.0)
    if not same_kind:
        mean = ndimage.gaussian_filter(values, CONTRAST_SIGMA)
        values = np.sqrt(np.maximum(ndimage.gaussian_filter(values**2, CONTRAST_SIGMA) - mean**2, 0))
        values = np.log1p(values / max(float(np.median(values)), 1e-9))
    values = values - ndimage.gaussian_filter(values, 16.0)
    low, high = np.percentile(values, (0.5, 99.5))
    return np.asarray(np.clip(values, low, high))


def _shift(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[tuple[float, float], float]:
    """The shift of ``b`` under which the two correlate best, to a fraction of a pixel by a parabola at the peak; and by
    how many standard deviations the peak stands above the correlations at all shifts."""
    surface = _correlations(a, b)
    reach = [n // 2 for n in surface.shape]
    y, x = (int(i) for i in np.unravel_index(int(np.argmax(surface)), surface.shape))
    shift = (_vertex(surface[:, x], y) - reach[0], _vertex(surface[y], x) - reach[1])
    return shift, float((surface[y, x] - surface.mean()) / max(float(surface.std()), 1e-12))


def _correlations(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson r of the overlap at each shift of at most 48 pixels or a quarter of the side; no shift in the middle.

    Each overlap has a mean and deviation of its own (Lewis 1995, "Fast normalized cross-correlation"), so that bright
    cells that a shift pushes out of the frame neither draw nor repel the peak.
    """
    reach = [max(1, min(MAX_SHIFT, n // 4)) for n in a.shape]
    size = [fft.next_fast_len(n + r, real=True) for n, r in zip(a.shape, reach, strict=True)]
    first, second = a - a.mean(), b - b.mean()
    cross = fft.irfft2(fft.rfft2(first, size) * np.conj(fft.rfft2(second, size)), size)
    cross = np.roll(cross, reach, (0, 1))[: 2 * reach[0] + 1, : 2 * reach[1] + 1]
    steps = [np.arange(-r, r + 1) for r in reach]
    ours = [(np.maximum(0, d), np.minimum(n, n + d)) for d, n in zip(steps, a.shape, strict=True)]
    theirs = [(np.maximum(0, -d), np.minimum(n, n - d)) for d, n in zip(steps, a.shape, strict=True)]
    count = np.multiply.outer(*(end - begin for begin, end in ours)).astype(np.float64)
    sum_a, sum_b = _sums(first, ours), _sums(second, theirs)
    spread_a = np.maximum(_sums(first**2, ours) - sum_a**2 / count, 0)
    spread_b = np.maximum(_sums(second**2, theirs) - sum_b**2 / count, 0)
    scale = np.sqrt(spread_a * spread_b)
    return np.asarray(np.divide(cross - sum_a * sum_b / count, scale, out=np.zeros_like(cross), where=scale > 0))


def _sums(plane: NDArray[np.float64], spans: list[tuple[NDArray[Any], NDArray[Any]]]) -> NDArray[np.float64]:
    """Sums over the rectangles of all pairs of row and column spans, by a summed-area table."""
    table = np.pad(plane.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    (top, bottom), (left, right) = spans
    down = table[bottom] - table[top]
    return np.asarray(down[:, right] - down[:, left])


def _vertex(values: NDArray[np.float64], peak: int) -> float:
    if not 0 < peak < len(values) - 1:
        return float(peak)
    left, middle, right = values[peak - 1 : peak + 2]
    bend = left - 2 * middle + right
    return peak + float(0.5 * (left - right) / bend) if bend < 0 else float(peak)


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64], shift: tuple[float, float]) -> float:
    margin = [int(np.ceil(abs(s))) for s in shift]
    inner = tuple(slice(m, n - m) for m, n in zip(margin, a.shape, strict=True))
    moved = ndimage.shift(b, shift, order=1, mode="nearest") if any(shift) else b
    first, second = a[inner].ravel(), moved[inner].ravel()
    if first.size < MIN_SIDE or first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _block_shifts(a: NDArray[np.float64], b: NDArray[np.float64]) -> list[tuple[float, float]]:
    """The shifts of those blocks of a 3 x 3 grid that share enough to tell."""
    found: list[tuple[float, float]] = []
    edges = [np.linspace(0, n, BLOCKS + 1).astype(int) for n in a.shape]
    for top, bottom in zip(edges[0][:-1], edges[0][1:], strict=True):
        for left, right in zip(edges[1][:-1], edges[1][1:], strict=True):
            block_a, block_b = a[top:bottom, left:right], b[top:bottom, left:right]
            shift, clear = _shift(block_a, block_b)
            if clear >= CLEAR and _correlation(block_a, block_b, shift) >= 2 * MIN_CORRELATION:
                found.append(shift)
    return found
