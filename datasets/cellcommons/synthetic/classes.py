"""Cells of classes that differ in shape and texture, as single crops and in fields, generated from a seed.

Four kinds, told apart by eye: ``round`` (even, disc-like), ``granular`` (round, full of bright specks), ``spindle``
(long and thin, striped along its axis), ``lobed`` (three or four lobes, dark in the middle). Size and brightness vary
alike in all, so that neither gives the class away.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellcommons.axes import PixelSize
from cellcommons.classes import CellClasses, ImageClasses, Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.labels import LabelMap

Plane = NDArray[np.float64]
KINDS = Ontology(("round", "granular", "spindle", "lobed"))
SOURCES = ("donor-a", "donor-b", "donor-c", "donor-d", "donor-e", "donor-f")
FREQUENCY = (0.5, 0.26, 0.14, 0.1)
_SIZE = PixelSize(0.4, 0.4)
_REACH = 32
"""Half the side of the frame in which a cell of a field is made: more than any of them needs."""


@dataclass(frozen=True)
class SyntheticCrop:
    """One cell, its class and its donor. ``image`` is uint16, axes cyx, one channel."""

    image: NDArray[np.uint16] = field(repr=False)
    truth: ImageClasses
    source: str
    pixel_size: PixelSize = _SIZE


@dataclass(frozen=True)
class SyntheticField:
    """Many cells, each with its class. ``image`` is uint16, axes cyx, one channel."""

    image: NDArray[np.uint16] = field(repr=False)
    truth: CellClasses = field(repr=False)
    source: str
    pixel_size: PixelSize = _SIZE


def generate_crop(seed: int, *, kind: str | None = None, source: str | None = None, side: int = 48) -> SyntheticCrop:
    """Generate one cell in the middle of its frame; equal arguments give equal bytes.

    Args:
        kind: its class; drawn by ``FREQUENCY`` if None. source: its donor, which sets light and noise; drawn if None.

    Raises:
        InvalidDocument: a class outside ``KINDS``, an unknown donor, or a side under 32 pixels.
    """
    if side < 32:
        raise InvalidDocument(f"a crop of {side} pixels a side holds no cell", remedy="Use at least 32.")
    rng = np.random.default_rng(seed)
    drawn = KINDS.names[int(rng.choice(len(KINDS), p=FREQUENCY))]
    donor = _donor(rng, source)
    name = kind or drawn
    KINDS.index(name)
    radius = side * 0.21 * float(np.exp(rng.normal(0, 0.1)))
    centre = side / 2 + rng.uniform(-0.06, 0.06, 2) * side
    mask, light = _cell(rng, name, (side, side), (float(centre[0]), float(centre[1])), radius)
    image = _seen(rng, np.where(mask, light, 0.0), donor)
    return SyntheticCrop(image, ImageClasses((name,), KINDS), donor)


def generate_crops(seed: int, count: int, *, side: int = 48) -> tuple[SyntheticCrop, ...]:
    """Generate ``count`` crops of classes as frequent as ``FREQUENCY``, their donors in turn."""
    seeds = np.random.SeedSequence(seed).generate_state(count)
    return tuple(
        generate_crop(int(one), source=SOURCES[number % len(SOURCES)], side=side) for number, one in enumerate(seeds)
    )


def generate_class_field(
    seed: int, *, height: int = 256, width: int = 256, count: int = 24, source: str | None = None
) -> SyntheticField:
    """Generate a field of up to ``count`` cells that do not overlap; fewer where they do not fit.

    Raises:
        InvalidDocument: a frame under 48 pixels a side, a negative count, or an unknown donor.
    """
    if min(height, width) < 48 or count < 0:
        raise InvalidDocument(
            f"cannot generate {height} x {width} pixels with {count} cells", remedy="Use at least 48 x 48 pixels."
        )
    rng = np.random.default_rng(seed)
    donor = _donor(rng, source)
    labels = np.zeros((height, width), dtype=np.uint32)
    light = np.zeros((height, width))
    classes: dict[int, tuple[str, ...]] = {}
    for _ in range(count * 8):
        if len(classes) == count:
            break
        name = KINDS.names[int(rng.choice(len(KINDS), p=FREQUENCY))]
        radius = 10.0 * float(np.exp(rng.normal(0, 0.1)))
        y, x = float(rng.uniform(0, height)), float(rng.uniform(0, width))
        top, left = int(y) - _REACH, int(x) - _REACH
        mask, inside = _cell(rng, name, (2 * _REACH, 2 * _REACH), (y - top, x - left), radius)
        at = np.nonzero(mask)
        rows, cols = at[0] + top, at[1] + left
        # A cell cut by the frame or by another shows too little to be classified.
        framed = rows.min() > 0 and cols.min() > 0 and rows.max() < height - 1 and cols.max() < width - 1
        if not framed or labels[rows, cols].any():
            continue
        labels[rows, cols], light[rows, cols] = len(classes) + 1, inside[at]
        classes[len(classes) + 1] = (name,)
    truth = CellClasses(LabelMap(labels, _SIZE), classes, KINDS)
    return SyntheticField(_seen(rng, light, donor), truth, donor)


def _donor(rng: np.random.Generator, source: str | None) -> str:
    drawn = SOURCES[int(rng.integers(len(SOURCES)))]
    if source is not None and source not in SOURCES:
        raise InvalidDocument(f"no donor is called {source!r}", remedy=f"Choose one of {', '.join(SOURCES)}.")
    return source or drawn


def _cell(
    rng: np.random.Generator, name: str, shape: tuple[int, ...], centre: tuple[float, float], radius: float
) -> tuple[NDArray[np.bool_], Plane]:
    """Where one cell lies, and its ideal brightness there, about 1 on average."""
    rows, cols = np.indices(shape, dtype=np.float64)
    turn = float(rng.uniform(0, 2 * np.pi))
    along = (cols - centre[1]) * np.cos(turn) + (rows - centre[0]) * np.sin(turn)
    across = (rows - centre[0]) * np.cos(turn) - (cols - centre[1]) * np.sin(turn)
    stretch = float(np.exp(rng.normal(0, 0.06))) * (2.0 if name == "spindle" else 1.08)
    along, across = along / np.sqrt(stretch), across * np.sqrt(stretch)
    theta = np.arctan2(across, along)
    wave = 1 + rng.normal(0, 0.03) * np.cos(2 * theta) + rng.normal(0, 0.03) * np.cos(3 * theta + rng.uniform(0, 6))
    if name == "lobed":
        wave += 0.24 * np.cos(int(rng.integers(3, 5)) * theta)
    depth = np.hypot(along, across) / (radius * wave)
    light = 1 - 0.25 * np.clip(depth, 0, 1) ** 3 + 0.06 * ndimage.gaussian_filter(rng.normal(size=shape), 1.5) / 0.19
    if name == "granular":
        specks = ndimage.gaussian_filter((rng.random(shape) < 0.06).astype(np.float64), 0.9)
        light = 0.7 * light + 5.5 * specks * 0.9
    elif name == "spindle":
        light *= 1 + 0.25 * np.cos(across * 2 * np.pi / (0.55 * radius))
    elif name == "lobed":
        light *= 1.15 - 0.7 * np.exp(-((depth / 0.35) ** 2))
    return np.asarray(depth < 1), np.maximum(light, 0.05) * float(np.exp(rng.normal(0, 0.2)))


def _seen(rng: np.random.Generator, light: Plane, donor: str) -> NDArray[np.uint16]:
    """What the camera records: blur, uneven stain of the donor, shot and read noise."""
    place = SOURCES.index(donor)
    photons = (150, 90, 220, 120, 70, 180)[place]
    blur = (0.8, 1.0, 0.9, 1.2, 0.8, 1.1)[place]
    sharp = ndimage.gaussian_filter(light, blur)
    counts = 100 + 10 * (rng.poisson(np.maximum(sharp * photons + 8, 0)) + rng.normal(0, 1.5, light.shape))
    return np.asarray(np.clip(np.rint(counts), 0, 65535).astype(np.uint16)[None])
