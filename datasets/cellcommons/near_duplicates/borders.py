"""Crops that lie side by side in one field and share no pixel: where one ends the other goes on.

Of the last line of one image and the first of the other two things are asked. Do they rise and fall together: the
correlation r of the lines without their trend, and how far that is from chance, atanh(r) * sqrt(n), n being the number
of pixels that carry it (a single cell on the border carries few). And is the step from one image into the other no
larger than the steps between neighbouring lines within each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellcommons.near_duplicates.planes import Plane

MIN_CORRELATION = 0.85
MIN_CHANCE = 9.0
MAX_STEP = 1.3
MIN_LENGTH = 64
SIDES = ("top", "bottom", "left", "right")
#: side of ``a`` -> side of ``b`` that lies on it
MEETS = {"bottom": "top", "right": "left", "top": "bottom", "left": "right"}
_FINE, _TREND = 1.0, 12.0
_BLOCK = 1024

Line = NDArray[np.float32]


@dataclass(frozen=True)
class Borders:
    """The four outermost lines of an image at the level compared, and of each the root mean square step to the next
    line within. Rows from left to right, columns from top to bottom."""

    lines: Mapping[str, Line] = field(repr=False)
    steps: Mapping[str, float]


@dataclass(frozen=True)
class Adjoining:
    """``b`` goes on at one side of ``a``: correlation of the lines, standard deviations from chance, and the step from
    one image into the other by those within."""

    a: str
    b: str
    side: str
    correlation: float
    chance: float
    step: float

    @property
    def proven(self) -> bool:
        """Whether this shows that one goes on in the other."""
        return self.correlation >= MIN_CORRELATION and self.chance >= MIN_CHANCE and self.step <= MAX_STEP


def borders(plane: Plane) -> Borders:
    """Of a plane with two rows and columns or more."""
    pairs = {
        "top": (plane[0], plane[1]),
        "bottom": (plane[-1], plane[-2]),
        "left": (plane[:, 0], plane[:, 1]),
        "right": (plane[:, -1], plane[:, -2]),
    }
    steps = {
        side: float(np.sqrt(np.mean((outer - inner) ** 2, dtype=np.float64))) for side, (outer, inner) in pairs.items()
    }
    return Borders({side: np.ascontiguousarray(outer) for side, (outer, _) in pairs.items()}, steps)


def adjoining_at(a: str, b: str, side: str, known: Mapping[str, Borders]) -> Adjoining | None:
    """How ``b`` goes on at ``side`` of ``a``; None where the lines differ in length or have no contrast."""
    one, two = known[a].lines[side], known[b].lines[MEETS[side]]
    if len(one) != len(two):
        return None
    first, second = _profiles(one[None])[0], _profiles(two[None])[0]
    products = (first * second).astype(np.float64)
    correlation = float(products.sum())
    if not first.any() or not second.any() or correlation <= 0:
        return None
    carried = correlation**2 / max(float(np.sum(products**2)), 1e-12)
    chance = float(np.arctanh(min(correlation, 0.9999)) * np.sqrt(carried))
    within = np.sqrt((known[a].steps[side] ** 2 + known[b].steps[MEETS[side]] ** 2) / 2)
    across = np.sqrt(np.mean((one.astype(np.float64) - two) ** 2))
    return Adjoining(a, b, side, correlation, chance, float(across / max(float(within), 1e-9)))


def adjoining(new: Sequence[str], known: Mapping[str, Borders]) -> list[Adjoining]:
    """Every pair that is shown to adjoin, with at least one image of ``new``; ``a`` is above or left of ``b``."""
    found = []
    asked = set(new)
    for side in ("bottom", "right"):
        groups: dict[int, list[str]] = defaultdict(list)
        for name in sorted(known):
            if len(known[name].lines[side]) >= MIN_LENGTH:
                groups[len(known[name].lines[side])].append(name)
        for names in groups.values():
            for a, b in _alike(names, side, known, asked):
                pair = adjoining_at(a, b, side, known)
                if pair is not None and pair.proven:
                    found.append(pair)
    return sorted(found, key=lambda pair: (pair.a, pair.b, pair.side))


def _alike(names: list[str], side: str, known: Mapping[str, Borders], asked: set[str]) -> Iterator[tuple[str, str]]:
    """Pairs of other images whose lines correlate, one at least of those asked for."""
    ends = _profiles(np.stack([known[name].lines[side] for name in names]))
    begins = _profiles(np.stack([known[name].lines[MEETS[side]] for name in names]))
    fresh = np.array([name in asked for name in names])
    numbers, rest = np.flatnonzero(fresh), np.flatnonzero(~fresh)
    for rows, columns in ((numbers, np.arange(len(names))), (rest, numbers)):
        for start in range(0, len(rows), _BLOCK):
            some = rows[start : start + _BLOCK]
            # A little below the threshold, which is judged in double precision.
            for i, j in np.argwhere(ends[some] @ begins[columns].T >= MIN_CORRELATION - 1e-3).tolist():
                if some[i] != columns[j]:
                    yield names[some[i]], names[columns[j]]


def _profiles(lines: Line) -> Line:
    """Lines (n, length) without noise and trend, each of mean 0 and norm 1; zeros where nothing is left."""
    fine = ndimage.gaussian_filter1d(lines.astype(np.float64), _FINE, axis=1)
    profile = fine - ndimage.gaussian_filter1d(fine, _TREND, axis=1)
    profile -= profile.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(profile, axis=1, keepdims=True)
    least = 1e-5 * np.maximum(np.abs(lines).max(axis=1, keepdims=True), 1e-30) * np.sqrt(lines.shape[1])
    return np.where(norm > least, profile / np.maximum(norm, 1e-30), 0).astype(np.float32)
