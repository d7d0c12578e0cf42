"""Tissue-like images with an exact class for every pixel, generated from a seed.

Regions are level sets of smooth noise; each class has a texture of its own, so that it can be told by eye and learned:
empty background, stroma of fibres along one direction, epithelium of packed nuclei, necrosis as grainy haze.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellcommons.axes import PixelSize
from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.semantic import UNKNOWN, SemanticMap

Plane = NDArray[np.float64]
TISSUE = Ontology(("background", "stroma", "epithelium", "necrosis"))
SOURCES = ("block-a", "block-b", "block-c", "block-d")
_SHARES = (0.25, 0.35, 0.28, 0.12)


@dataclass(frozen=True)
class SyntheticTissue:
    """A generated image with its truth.

    Attributes:
        image: uint16, axes cyx, one channel. truth: exact classes, ``TISSUE``. source: name of the block.
    """

    image: NDArray[np.uint16] = field(repr=False)
    truth: SemanticMap = field(repr=False)
    source: str
    channels: tuple[str, ...] = ("eosin",)


def generate_tissue(seed: int, *, height: int = 192, width: int = 192, unknown_border: int = 0) -> SyntheticTissue:
    """Generate one field of view; equal arguments give equal bytes.

    Args:
        unknown_border: pixels on either side of each boundary between classes whose truth is given as unknown.

    Raises:
        InvalidDocument: a frame under 32 pixels a side, or a negative border.
    """
    if height < 32 or width < 32 or unknown_border < 0:
        raise InvalidDocument(
            f"cannot generate {height} x {width} pixels with a border of {unknown_border}",
            remedy="Use at least 32 x 32 pixels and a border of 0 or more.",
        )
    rng = np.random.default_rng(seed)
    block = int(rng.integers(len(SOURCES)))
    shape = (height, width)
    scale = min(shape) / 10
    fields = np.stack([_noise(rng, shape, (scale, scale)) for _ in TISSUE.names])
    # Classes take their shares of the frame: each field is lifted until it wins about as often as wanted.
    lift = np.zeros(len(TISSUE))
    for _ in range(30):
        found = (
            np.bincount((fields + lift[:, None, None]).argmax(axis=0).ravel(), minlength=len(TISSUE)) / fields[0].size
        )
        lift += 0.6 * (np.array(_SHARES) - found)
    data = (fields + lift[:, None, None]).argmax(axis=0).astype(np.uint8)
    counts = 100 + 12 * rng.poisson(_light(rng, data, shape) * (120, 80, 160, 60)[block]) + rng.normal(0, 8, shape)
    image = np.clip(np.rint(counts), 0, 65535).astype(np.uint16)[None]
    if unknown_border:
        size = 2 * unknown_border + 1
        edge = ndimage.maximum_filter(data, size) != ndimage.minimum_filter(data, size)
        data = np.where(edge, np.uint8(UNKNOWN), data)
    return SyntheticTissue(image, SemanticMap(data, TISSUE, pixel_size=PixelSize(0.5, 0.5)), SOURCES[block])


def _light(rng: np.random.Generator, data: NDArray[np.uint8], shape: tuple[int, int]) -> Plane:
    """Ideal brightness, about 0..1.5, before the microscope's blur and noise."""
    turn = rng.uniform(0, 180)
    side = int(np.ceil(np.hypot(*shape)))
    fibres = ndimage.rotate(_noise(rng, (side, side), (1.0, 9.0)), turn, reshape=False, order=1, mode="wrap")
    top, left = (side - shape[0]) // 2, (side - shape[1]) // 2
    stroma = 0.55 + 0.22 * fibres[top : top + shape[0], left : left + shape[1]]
    packed = _noise(rng, shape, (2.2, 2.2)) - _noise(rng, shape, (5.0, 5.0))
    epithelium = 0.45 + 0.55 * (packed > 0.35)
    necrosis = 0.8 + 0.12 * _noise(rng, shape, (8.0, 8.0)) + 0.2 * (rng.random(shape) < 0.08)
    background = np.full(shape, 0.06)
    light = np.choose(data, [background, stroma, epithelium, necrosis])
    return np.asarray(np.maximum(ndimage.gaussian_filter(light, 0.8), 0.02))


def _noise(rng: np.random.Generator, shape: tuple[int, int], scale: tuple[float, float]) -> Plane:
    """Smooth noise of mean 0 and standard deviation 1, correlated over about ``scale`` pixels along y and x."""
    plane: Plane = ndimage.gaussian_filter(rng.normal(size=shape), scale, mode="wrap")
    return np.asarray((plane - plane.mean()) / max(float(plane.std()), 1e-12))
