"""Near-duplicate images: the same field saved twice, rescaled, recompressed or shifted in contrast.

A 64-bit perceptual hash (the signs of the lowest cosine terms, after Zauner 2010, "Implementation and benchmarking of
perceptual image hash functions") proposes pairs; the normalised correlation of 32 x 32 thumbnails decides.

What it does not find: crops, shifts, rotations and mirror images of one field, and neighbouring frames of a movie in
which cells moved. State those by giving such images one source. Images without contrast are never paired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from skimage.transform import resize

from cellcommons.errors import InvalidDocument

SIDE = 32
MAX_HAMMING = 10
MIN_CORRELATION = 0.95
_BLOCK = 1024


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of an image to find its near-duplicates.

    Attributes:
        hash: 64-bit perceptual hash. aspect: height / width of the preview.
        thumbnail: float32, axes yx, 32 x 32, mean 0 and norm 1; all zeros where the image is flat.
    """

    hash: int
    aspect: float
    thumbnail: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True)
class DuplicatePair:
    """Two images that look alike: ids in sorted order, bits that differ of 64, correlation of the thumbnails."""

    a: str
    b: str
    hamming: int
    correlation: float


def fingerprint(preview: NDArray[Any], *, where: str = "") -> Fingerprint:
    """The fingerprint of a preview (any real dtype, axes yx; 64 x 64 pixels or more is best).

    Raises:
        InvalidDocument: not 2-D, empty, or not finite.
    """
    if preview.ndim != 2 or 0 in preview.shape or not np.isfinite(preview).all():
        raise InvalidDocument("a preview is one finite plane with axes yx", where=where)
    grey = preview.astype(np.float64)
    thumbnail: NDArray[np.float64] = resize(grey, (SIDE, SIDE), order=1, anti_aliasing=True)  # type: ignore[no-untyped-call]
    thumbnail -= thumbnail.mean()
    norm = float(np.linalg.norm(thumbnail))
    # Below a millionth of the image's own level there is only rounding error to compare.
    flat = norm <= 1e-6 * SIDE * max(1.0, float(np.abs(grey).max()))
    thumbnail = np.zeros_like(thumbnail) if flat else thumbnail / norm
    # Rows and columns 0..7 of the cosine transform; its first term is the mean, which says nothing.
    terms = fft.dctn(thumbnail, norm="ortho")[:8, :8].ravel()
    bits = np.packbits(terms > np.median(terms[1:]))
    return Fingerprint(
        int.from_bytes(bits.tobytes(), "big"), preview.shape[0] / preview.shape[1], thumbnail.astype(np.float32)
    )


def near_duplicates(
    fingerprints: Mapping[str, Fingerprint],
    *,
    max_hamming: int = MAX_HAMMING,
    min_correlation: float = MIN_CORRELATION,
) -> list[DuplicatePair]:
    """Every near-duplicate pair, most alike first.

    Compares all pairs in blocks: n images cost n * n / 2 comparisons of 8 bytes, and memory of 1024 * n.

    Args:
        max_hamming: bits of the hash that may differ. min_correlation: of the thumbnails, -1..1.
    """
    names = sorted(name for name, kept in fingerprints.items() if kept.thumbnail.any())
    if len(names) < 2:
        return []
    hashes = np.array([fingerprints[name].hash for name in names], dtype=np.uint64)
    aspects = np.log([fingerprints[name].aspect for name in names])
    thumbnails = np.stack([fingerprints[name].thumbnail.ravel() for name in names])
    pairs = []
    for start in range(0, len(names), _BLOCK):
        rows = slice(start, start + _BLOCK)
        distance = np.bitwise_count(hashes[rows, None] ^ hashes[None, start:])
        # A rescaled copy keeps its shape to within rounding.
        near = (distance <= max_hamming) & (np.abs(aspects[rows, None] - aspects[None, start:]) < 0.05)
        first, second = np.nonzero(np.triu(near, 1))
        correlation = np.einsum("ij,ij->i", thumbnails[first + start], thumbnails[second + start])
        for i, j, r in zip(first, second, correlation, strict=True):
            if r >= min_correlation:
                pairs.append(DuplicatePair(names[i + start], names[j + start], int(distance[i, j]), float(r)))
    return sorted(pairs, key=lambda pair: (-pair.correlation, pair.a, pair.b))
