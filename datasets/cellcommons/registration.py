"""Do the two images of a pair lie on one another? Shifts by phase correlation, checked block by block.

A network trained on pairs that are off by a few pixels learns a blur. Phase correlation after Kuglin & Hines 1975, with
the subpixel refinement of Guizar-Sicairos et al. 2008 (scikit-image). Images of different kinds (phase contrast and
fluorescence) share structure but no brightness, so what is correlated there is local contrast, not the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from cellcommons.errors import CellCommonsError, InvalidDocument, MismatchedShapes

Plane = NDArray[Any]
Status = Literal["registered", "shifted", "distorted", "unclear"]
CONTRAST_SIGMA = 3.0
BLOCKS = 3
MIN_SIDE = 64
MIN_CORRELATION = 0.15


class Misregistered(CellCommonsError):
    """The two images of a pair do not lie on one another."""

    code = "misregistered"
    title = "The pair is not registered"


@dataclass(frozen=True)
class Registration:
    """How two images lie.

    Attributes:
        shift: (y, x) in pixels by which the second must be moved to lie on the first.
        residual: median distance in pixels between the blocks' shifts and ``shift``; large where turned or scaled.
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
    first: Plane, second: Plane, *, same_kind: bool = False, tolerance: float = 1.5, where: str = ""
) -> Registration:
    """Estimate how ``second`` lies to ``first``.

    Args:
        first, second: one plane each (yx), of one shape.
        same_kind: the images show the same light (clean and noisy): pixels are compared, not local contrast.
        tolerance: pixels of shift or residual that still count as registered.

    Raises:
        MismatchedShapes: the shapes differ. InvalidDocument: under 64 pixels a side, or not yx.
    """
    if first.shape != second.shape:
        raise MismatchedShapes(f"planes of {first.shape} and {second.shape} cannot lie on one another", where=where)
    if first.ndim != 2 or min(first.shape) < MIN_SIDE:
        raise InvalidDocument(f"registration wants yx planes of at least {MIN_SIDE} pixels a side", where=where)
    a, b = _compared(first, same_kind), _compared(second, same_kind)
    shift = _shift(a, b)
    before, after = _correlation(a, b, (0.0, 0.0)), _correlation(a, b, shift)
    if after < before:
        # Far from the truth's peak another may stand higher by chance; as they lie is then the better guess.
        shift, after = (0.0, 0.0), before
    if after < MIN_CORRELATION:
        return Registration(shift, 0.0, before, after, 0, "unclear")
    found = [block for block in _block_shifts(a, b) if block is not None]
    distances = [float(np.hypot(y - shift[0], x - shift[1])) for y, x in found]
    residual = float(np.median(distances)) if distances else 0.0
    status: Status = "registered"
    # A peak elsewhere that lies no better is noise of the estimate, not a shift of the images.
    if float(np.hypot(*shift)) > tolerance and after > before + 0.01:
        status = "shifted"
    elif len(distances) >= BLOCKS and residual > max(2 * tolerance, 3.0):
        status = "distorted"
    return Registration(shift, residual, before, after, len(distances), status)


def check_registration(
    first: Plane, second: Plane, *, same_kind: bool = False, tolerance: float = 1.5, where: str = ""
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


def _shift(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
    # A window, for the edges would correlate at shift 0 whatever the images show.
    window = np.outer(np.hanning(a.shape[0]), np.hanning(a.shape[1]))
    # Plain cross-correlation: whitening (normalization="phase") drowns what two different contrasts share.
    shift = phase_cross_correlation(  # type: ignore[no-untyped-call]
        (a - a.mean()) * window, (b - b.mean()) * window, upsample_factor=10, normalization=None
    )[0]
    return float(shift[0]), float(shift[1])


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64], shift: tuple[float, float]) -> float:
    margin = [int(np.ceil(abs(s))) for s in shift]
    inner = tuple(slice(m, n - m) for m, n in zip(margin, a.shape, strict=True))
    moved = ndimage.shift(b, shift, order=1, mode="nearest") if any(shift) else b
    first, second = a[inner].ravel(), moved[inner].ravel()
    if first.size < MIN_SIDE or first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _block_shifts(a: NDArray[np.float64], b: NDArray[np.float64]) -> list[tuple[float, float] | None]:
    """The shift of each block of a 3 x 3 grid; None where it shares too little to tell."""
    found: list[tuple[float, float] | None] = []
    edges = [np.linspace(0, n, BLOCKS + 1).astype(int) for n in a.shape]
    for top, bottom in zip(edges[0][:-1], edges[0][1:], strict=True):
        for left, right in zip(edges[1][:-1], edges[1][1:], strict=True):
            block_a, block_b = a[top:bottom, left:right], b[top:bottom, left:right]
            shift = _shift(block_a, block_b)
            clear = max(abs(s) for s in shift) < min(block_a.shape) / 3
            clear = clear and _correlation(block_a, block_b, shift) >= 2 * MIN_CORRELATION
            found.append(shift if clear else None)
    return found
