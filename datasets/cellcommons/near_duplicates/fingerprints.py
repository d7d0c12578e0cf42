"""Near-identical images: the same field saved twice, rescaled, recompressed, mirrored or shifted in contrast.

A 64-bit perceptual hash (the signs of the lowest cosine terms, after Zauner 2010, "Implementation and benchmarking of
perceptual image hash functions") proposes pairs; the normalised correlation of 32 x 32 thumbnails decides. Images
without contrast are never paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from skimage.transform import resize

from cellcommons.errors import InvalidDocument
from cellcommons.near_duplicates.dihedral import TRANSFORMS, turned

SIDE = 32
MAX_HAMMING = 10
MIN_CORRELATION = 0.95
_BLOCK = 1024
# A rescaled copy keeps its shape to within rounding.
_ASPECT = 0.05


@dataclass(frozen=True)
class Fingerprint:
    """Thumbnail of an image.

    Attributes:
        aspect: height / width of the image.
        thumbnail: float32, axes yx, 32 x 32, mean 0 and norm 1; all zeros where the image is flat.
    """

    aspect: float
    thumbnail: NDArray[np.float32] = field(repr=False)

    def hash(self, transform: int = 0) -> int:
        """64-bit perceptual hash of the image turned by ``transform`` (``dihedral``)."""
        # Rows and columns 0..7 of the cosine transform; its first term is the mean, which says nothing.
        terms = fft.dctn(turned(self.thumbnail, transform).astype(np.float64), norm="ortho")[:8, :8].ravel()
        return int.from_bytes(np.packbits(terms > np.median(terms[1:])).tobytes(), "big")


@dataclass(frozen=True)
class Resemblance:
    """How alike two images are, the second turned: bits of the hash that differ of 64, correlation of thumbnails."""

    a: str
    b: str
    transform: int
    hamming: int
    correlation: float

    @property
    def proven(self) -> bool:
        """Whether this makes them near-identical."""
        return self.hamming <= MAX_HAMMING and self.correlation >= MIN_CORRELATION


def fingerprint(plane: NDArray[Any], *, where: str = "") -> Fingerprint:
    """The fingerprint of a plane (any real dtype, axes yx; 64 x 64 pixels or more is best).

    Raises:
        InvalidDocument: not 2-D, empty, or not finite.
    """
    if plane.ndim != 2 or 0 in plane.shape or not np.isfinite(plane).all():
        raise InvalidDocument("a fingerprint is of one finite plane with axes yx", where=where)
    grey = plane.astype(np.float64)
    thumbnail: NDArray[np.float64] = resize(grey, (SIDE, SIDE), order=1, anti_aliasing=True)  # type: ignore[no-untyped-call]
    thumbnail -= thumbnail.mean()
    norm = float(np.linalg.norm(thumbnail))
    # Below a millionth of the image's own level there is only rounding error to compare.
    flat = norm <= 1e-6 * SIDE * max(1.0, float(np.abs(grey).max()))
    thumbnail = np.zeros_like(thumbnail) if flat else thumbnail / norm
    return Fingerprint(plane.shape[0] / plane.shape[1], thumbnail.astype(np.float32))


def resemblance(a: str, b: str, prints: Mapping[str, Fingerprint], transform: int) -> Resemblance:
    """How alike two images are with ``b`` turned by ``transform``."""
    one, two = prints[a], prints[b]
    correlation = float(np.sum(one.thumbnail * turned(two.thumbnail, transform), dtype=np.float64))
    return Resemblance(a, b, transform, (one.hash() ^ two.hash(transform)).bit_count(), correlation)


def near_identical(new: Sequence[str], prints: Mapping[str, Fingerprint]) -> list[Resemblance]:
    """Every near-identical pair with at least one image of ``new``; of a pair the transform that is most alike.

    Hashes are compared in blocks: 8 bytes and eight transforms for each of ``new`` with each of all.
    """
    names = sorted(name for name, kept in prints.items() if kept.thumbnail.any())
    asked = sorted(set(new) & set(names))
    if len(names) < 2 or not asked:
        return []
    fresh = np.isin(names, asked)
    hashes = np.array([prints[name].hash() for name in names], dtype=np.uint64)
    aspects = np.log([prints[name].aspect for name in names])
    best: dict[tuple[str, str], Resemblance] = {}
    place = {name: number for number, name in enumerate(names)}
    for transform in range(TRANSFORMS):
        turned_hashes = np.array([prints[name].hash(transform) for name in asked], dtype=np.uint64)
        sign = -1 if transform % 2 else 1
        for start in range(0, len(asked), _BLOCK):
            rows = slice(start, start + _BLOCK)
            numbers = np.array([place[name] for name in asked[rows]])
            near = np.bitwise_count(turned_hashes[rows, None] ^ hashes[None]) <= MAX_HAMMING
            near &= np.abs(sign * aspects[numbers][:, None] - aspects[None]) < _ASPECT
            # A pair of new images is met from both sides; one of them is enough.
            near &= ~fresh[None] | (np.arange(len(names))[None] < numbers[:, None])
            near[np.arange(len(numbers)), numbers] = False
            for found in _proven(near, names, asked[rows], prints, transform):
                held = best.get((found.a, found.b))
                if held is None or found.correlation > held.correlation + 1e-6:
                    best[found.a, found.b] = found
    return [found for _, found in sorted(best.items())]


def _proven(
    near: NDArray[np.bool_], names: list[str], asked: Sequence[str], prints: Mapping[str, Fingerprint], transform: int
) -> Iterator[Resemblance]:
    for row, column in np.argwhere(near).tolist():
        found = resemblance(names[column], asked[row], prints, transform)
        if found.proven:
            yield found
