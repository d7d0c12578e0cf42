"""Fields of cells made for these tests, and crops of them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from cellcommons.images.data import ImageData
from cellcommons.near_duplicates.descriptors import Descriptor, describe
from cellcommons.near_duplicates.planes import ComparedPlane, compared_plane


def cells(seed: int, height: int = 320, width: int = 320, *, every: int = 900) -> np.ndarray:
    """Textured ellipses on a dim, noisy ground, uint8; one in ``every`` pixels."""
    rng = np.random.default_rng(seed)
    image = rng.normal(20, 2, (height, width))
    texture = ndimage.gaussian_filter(rng.normal(0, 1, (height, width)), 1.5) * 40
    y, x = np.mgrid[:height, :width]
    for _ in range(height * width // every):
        cy, cx, a, b = *rng.uniform(0, (height, width)), *rng.uniform(5, 11, 2)
        turn = rng.uniform(0, np.pi)
        u, v = (y - cy) * np.cos(turn) + (x - cx) * np.sin(turn), (x - cx) * np.cos(turn) - (y - cy) * np.sin(turn)
        inside = (u / a) ** 2 + (v / b) ** 2 < 1
        image[inside] = (rng.uniform(80, 180) + texture)[inside]
    return np.clip(ndimage.gaussian_filter(image, 1.0), 0, 255).astype(np.uint8)


def image_of(plane: np.ndarray) -> ImageData:
    return ImageData(np.ascontiguousarray(plane)[None], "cyx", ("DNA",))


def compared(planes: dict[str, np.ndarray]) -> tuple[dict[str, ComparedPlane], dict[str, Descriptor]]:
    made = {name: compared_plane(image_of(plane)) for name, plane in planes.items()}
    return made, {name: describe(plane) for name, plane in made.items()}
