"""Proof that two images show parts of one field: their correlation where they lie on one another.

What is correlated is local contrast: a band of scales, divided by its own strength nearby, so that every cell counts
alike, one bright cell does not decide, and empty ground counts for nothing. The correlation is that of the overlap at
one offset (Lewis 1995, "Fast normalized cross-correlation").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cellcommons.near_duplicates.candidates import Candidate
from cellcommons.near_duplicates.dihedral import turned
from cellcommons.near_duplicates.planes import Plane

MIN_CORRELATION = 0.6
#: Of pixels with structure in both images, at the level compared.
MIN_STRUCTURE = 1000
MIN_SIDE = 24
_FINE, _COARSE, _NEARBY = 1.0, 4.0, 6.0
_FLOOR = 0.25
_SEARCH = 4
_STRUCTURED = 0.3


@dataclass(frozen=True)
class Overlap:
    """How two images lie on one another.

    Attributes:
        transform: how ``b`` is turned (``dihedral``). level: halvings at which they were compared.
        offset: (y, x) of the first pixel of ``b``, turned, on ``a``; pixels of ``level``.
        area: pixels of ``level`` in the overlap. structure: those of them with contrast in both images.
        correlation: Pearson r of local contrast in the overlap.
    """

    transform: int
    level: int
    offset: tuple[int, int]
    area: int
    structure: int
    correlation: float

    @property
    def proven(self) -> bool:
        """Whether this shows that the images share a part of their field."""
        return self.correlation >= MIN_CORRELATION and self.structure >= MIN_STRUCTURE


def contrast(plane: Plane) -> Plane:
    """Local contrast: float32, axes yx; about -1..1 on structure, near 0 on empty ground."""
    values = plane - float(plane.mean())
    band = ndimage.gaussian_filter(values, _FINE) - ndimage.gaussian_filter(values, _COARSE)
    nearby = np.sqrt(ndimage.gaussian_filter(band * band, _NEARBY))
    floor = _FLOOR * float(np.sqrt(np.mean(band * band)))
    return np.asarray(band / np.maximum(nearby + floor, 1e-9), dtype=np.float32)


def overlap_at(a: Plane, b: Plane, transform: int, level: int, offset: tuple[int, int]) -> Overlap | None:
    """How two planes of local contrast (``contrast``, of one level) correlate at one offset; None where the overlap has
    a side of less than 24 pixels."""
    b = turned(b, transform)
    spans = []
    for shift, here, there in zip(offset, a.shape, b.shape, strict=True):
        begin, end = max(0, shift), min(here, there + shift)
        if end - begin < MIN_SIDE:
            return None
        spans.append((slice(begin, end), slice(begin - shift, end - shift)))
    one, two = a[spans[0][0], spans[1][0]], b[spans[0][1], spans[1][1]]
    spread = float(np.sqrt(np.var(one, dtype=np.float64) * np.var(two, dtype=np.float64)))
    both = float(np.mean(one * two, dtype=np.float64)) - float(np.mean(one, dtype=np.float64)) * float(
        np.mean(two, dtype=np.float64)
    )
    structure = int(np.count_nonzero((np.abs(one) > _STRUCTURED) & (np.abs(two) > _STRUCTURED)))
    return Overlap(transform, level, offset, one.size, structure, both / spread if spread > 0 else 0.0)


def refined(a: Plane, b: Plane, candidate: Candidate) -> Overlap | None:
    """The best offset within 4 pixels of a candidate's, or None where the overlap is too narrow."""
    y, x = candidate.offset
    best: Overlap | None = None
    steps = range(-_SEARCH, _SEARCH + 1)
    for dy in steps:
        for dx in steps:
            found = overlap_at(a, b, candidate.transform, candidate.level, (y + dy, x + dx))
            if found is not None and (best is None or found.correlation > best.correlation):
                best = found
    return best
