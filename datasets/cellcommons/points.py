"""Tracks of points: cells followed by position, without masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument
from cellcommons.tracks import LabelMovie, Lineage


@dataclass(frozen=True, eq=False)
class PointTracks:
    """Spots that follow cells, and their lineage.

    Row ``i`` of ``positions`` and ``radii`` belongs to row ``i`` of ``lineage.nodes()``: order of frame, then id.

    Attributes:
        positions: float64, (n, 2) row and column or (n, 3) plane, row and column, pixels from the centre of the first.
        radii: float64, (n,), pixels; NaN where unknown.
        lineage: the tracks. pixel_size: micrometres. seconds_per_frame: None where unknown.

    Raises:
        InvalidDocument: the arrays do not fit the lineage, or a position is not finite.
    """

    positions: NDArray[np.float64] = field(repr=False)
    radii: NDArray[np.float64] = field(repr=False)
    lineage: Lineage
    pixel_size: PixelSize = field(default_factory=PixelSize)
    seconds_per_frame: float | None = None

    def __post_init__(self) -> None:
        n = len(self.lineage.nodes())
        if self.positions.shape not in ((n, 2), (n, 3)) or self.radii.shape != (n,):
            raise InvalidDocument(
                f"{n} spots need positions of shape ({n}, 2) or ({n}, 3) and radii of shape ({n},), "
                f"got {self.positions.shape} and {self.radii.shape}"
            )
        if not np.isfinite(self.positions).all():
            raise InvalidDocument("a position is not a finite number")
        if self.seconds_per_frame is not None and not 0 < self.seconds_per_frame < np.inf:
            raise InvalidDocument(f"{self.seconds_per_frame} seconds per frame is no interval of time")

    @classmethod
    def of(cls, movie: LabelMovie) -> Self:
        """The cells of a movie as spots: centres of mass, and the radius of a disc of the same area."""
        places, radii = [np.zeros((0, 2))], [np.zeros(0)]
        for labels in movie.data:
            ids, place, area = np.unique(labels, return_inverse=True, return_counts=True)
            inside = ids > 0
            rows, columns = np.indices(labels.shape)
            sums = [np.bincount(place.ravel(), weights=axis.ravel(), minlength=ids.size) for axis in (rows, columns)]
            places.append((np.stack(sums, axis=1) / area[:, None])[inside])
            radii.append(np.sqrt(area[inside] / np.pi))
        # Ids are sorted, so the rows are those of ``lineage.nodes()``.
        positions, size = np.concatenate(places), movie.pixel_size
        return cls(positions, np.concatenate(radii), movie.lineage, size, movie.seconds_per_frame)
