"""A simulated annotator of semantic maps: a stated, seeded error model in place of eyes and a brush.

Errors strike regions (connected pixels of one class) independently, and boundaries everywhere. Real people err together
on the same vague boundaries, so a consensus of simulated readings is an upper bound for real ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from cellcommons.errors import InvalidDocument
from cellcommons.semantic import SemanticMap
from cellcommons.synthetic.annotator import wobbled


@dataclass(frozen=True)
class PixelErrorModel:
    """How one person errs about pixels, and how fast they paint.

    Attributes:
        confuse: probability of giving a region another class, any alike.
        miss: probability of painting a region as the class that surrounds it most.
        unsaid: probability of leaving a region unknown.
        boundary_px: standard deviation of the drawn boundary about the true one, pixels.
        loose_px: pixels by which every other class is painted too far out over the first one (background).
        seconds_per_region, seconds_per_boundary_px: to choose a class and start; to follow a boundary.
    """

    confuse: float = 0.05
    miss: float = 0.05
    unsaid: float = 0.0
    boundary_px: float = 1.5
    loose_px: int = 0
    seconds_per_region: float = 2.0
    seconds_per_boundary_px: float = 0.02

    def __post_init__(self) -> None:
        if not all(0 <= p <= 1 for p in (self.confuse, self.miss, self.unsaid)):
            raise InvalidDocument("confuse, miss and unsaid are probabilities", where="PixelErrorModel")
        others = (self.boundary_px, self.loose_px, self.seconds_per_region, self.seconds_per_boundary_px)
        if not all(0 <= value < float("inf") for value in others):
            raise InvalidDocument("lengths and times are finite numbers >= 0", where="PixelErrorModel")


@dataclass(frozen=True)
class SimulatedMap:
    """One reading of one image and the simulated working time in seconds."""

    reading: SemanticMap = field(repr=False)
    seconds: float


def skilled_pixels(seed: int) -> PixelErrorModel:
    """A person drawn from a population: two in five careless or loose, two practised, one expert."""
    rng = np.random.default_rng(seed)
    kind, vary = int(rng.integers(5)), float(np.exp(rng.normal(0, 0.2)))
    if kind == 0:
        return PixelErrorModel(confuse=0.35 * vary, miss=0.2, boundary_px=4.0 * vary)
    if kind == 1:
        return PixelErrorModel(confuse=0.12, miss=0.1, boundary_px=2.5 * vary, loose_px=4)
    if kind == 4:
        return PixelErrorModel(confuse=0.02, miss=0.02, boundary_px=0.8 * vary)
    return PixelErrorModel(confuse=0.06 * vary, miss=0.05, boundary_px=1.5 * vary)


def simulate_map(truth: SemanticMap, model: PixelErrorModel, rng: np.random.Generator) -> SimulatedMap:
    """Paint one image as ``model`` would; deterministic given the state of ``rng``.

    What is unknown in the truth stays unknown.
    """
    data, count = truth.data.copy(), len(truth.ontology)
    regions = 0
    for place in range(count):
        parts, found = ndimage.label(truth.data == place)
        for number, box in enumerate(ndimage.find_objects(parts), start=1):
            fate, other = rng.random(), int(rng.integers(count - 1)) if count > 1 else 0
            inside = parts[box] == number
            if fate < model.confuse and count > 1:
                data[box][inside] = other + (other >= place)
            elif fate < model.confuse + model.miss:
                data[box][inside] = _around(truth, parts == number, place)
            elif fate < model.confuse + model.miss + model.unsaid:
                data[box][inside] = truth.unknown
        regions += found
    if model.boundary_px:
        data = wobbled(data.astype(np.uint32), model.boundary_px, rng).astype(np.uint8)
    if model.loose_px:
        distance, nearest = ndimage.distance_transform_edt(data == 0, return_indices=True)
        data = np.where(distance <= model.loose_px, data[tuple(nearest)], data)
    data = np.where(truth.known, data, np.uint8(truth.unknown))
    boundary = int((np.diff(data, axis=0) != 0).sum() + (np.diff(data, axis=1) != 0).sum())
    seconds = model.seconds_per_region * regions + model.seconds_per_boundary_px * boundary
    reading = SemanticMap(data, truth.ontology, truth.unknown, truth.pixel_size)
    return SimulatedMap(reading, float(seconds * np.exp(rng.normal(0, 0.1))))


def _around(truth: SemanticMap, region: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], own: int) -> int:
    """The class that touches ``region`` most; its own where none does."""
    ring = ndimage.binary_dilation(region, iterations=2) & ~region & truth.known
    classes = np.bincount(truth.data[ring], minlength=1)
    return int(classes.argmax()) if classes.sum() else own
