"""The cells of a movie as one table: what every linker reads instead of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.labels import Labels
from cellcommons.matching import overlap_table
from cellcommons.tracks import Nodes

Rows = NDArray[np.int64]
Column = NDArray[np.float64]


@dataclass(frozen=True)
class MaskOverlaps:
    """Pixels that cells of one frame share with cells of the next.

    Attributes:
        before, after: rows of the table, int64, shape (k,), sorted by (before, after).
        pixels: shared pixels, int64, shape (k,); never 0.
    """

    before: Rows
    after: Rows
    pixels: NDArray[np.int64]


@dataclass(frozen=True)
class CellTable:
    """Every cell of every frame, one row each, sorted by frame, then id.

    Attributes:
        frame: index of the frame, int64, shape (n,).
        id: the cell's value in the label map of its frame, uint32, shape (n,).
        y, x: centroid in pixels, float64, shape (n,).
        area: pixels, float64, shape (n,).
        box: half-open bounding box y0, x0, y1, x1, int64, shape (n, 4).
        major, minor: standard deviation of the pixels along the principal axes, in pixels, float64, shape (n,).
        angle: direction of the major axis, radians in (-pi/2, pi/2] from the x axis towards y, float64, shape (n,).
        intensity: mean of the image inside the cell, float64, shape (n,); NaN where there was no image.
        n_frames: number of frames, those without a cell too.
        shape: rows and columns of a frame.
        overlaps: shared pixels of consecutive frames; None where the table was not made from masks.
    """

    frame: Rows
    id: NDArray[np.uint32]
    y: Column
    x: Column
    area: Column
    box: NDArray[np.int64]
    major: Column
    minor: Column
    angle: Column
    intensity: Column
    n_frames: int
    shape: tuple[int, int]
    overlaps: MaskOverlaps | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return int(self.frame.size)

    @property
    def starts(self) -> Rows:
        """First row of each frame, then the number of rows: int64, shape (n_frames + 1,)."""
        return np.searchsorted(self.frame, np.arange(self.n_frames + 1)).astype(np.int64)

    @cached_property
    def trees(self) -> tuple[cKDTree, ...]:
        """The centroids of each frame (yx), for questions about neighbours; an empty frame has an empty tree."""
        points, starts = self.points, self.starts
        return tuple(cKDTree(points[a:b]) for a, b in pairwise(starts.tolist()))

    @property
    def nodes(self) -> Nodes:
        """Frame and id of every row, int64, shape (n, 2)."""
        return np.column_stack([self.frame, self.id.astype(np.int64)])

    @property
    def points(self) -> NDArray[np.float64]:
        """Centroids, shape (n, 2), axes yx."""
        return np.column_stack([self.y, self.x])

    @property
    def radius(self) -> Column:
        """Radius of the disc of the same area, pixels."""
        return np.asarray(np.sqrt(self.area / np.pi))

    def rows(self, frame: NDArray[np.integer], ids: NDArray[np.integer]) -> Rows:
        """The rows of ``(frame, id)`` pairs.

        Raises:
            InvalidDocument: a pair that is not in the table.
        """
        frames, names = np.asarray(frame, dtype=np.int64), np.asarray(ids, dtype=np.int64)
        keys = (self.frame << 32) | self.id.astype(np.int64)
        wanted = (frames << 32) | names
        found = np.minimum(np.searchsorted(keys, wanted), max(len(self) - 1, 0))
        missing = keys[found] != wanted if len(self) else np.ones(wanted.size, dtype=np.bool_)
        if missing.any():
            first = int(np.flatnonzero(missing)[0])
            raise InvalidDocument("no such cell", where=f"frame {int(frames[first])}, id {int(names[first])}")
        return found.astype(np.int64)


def measure_cells(frames: Sequence[Labels], images: Sequence[NDArray[np.generic]] | None = None) -> CellTable:
    """Measure every cell of a movie.

    Args:
        frames: label maps, uint32, axes yx, all of one shape, in order of time.
        images: one channel of the same frames, axes yx, for the mean intensity.

    Raises:
        InvalidDocument: no frame at all.
        MismatchedShapes: frames or images differ in shape or number.
    """
    if not len(frames):
        raise InvalidDocument("a movie has at least one frame")
    shape = frames[0].shape
    for index, labels in enumerate(frames):
        if labels.shape != shape:
            raise MismatchedShapes(f"a frame of {labels.shape} among frames of {shape}", where=f"frame {index}")
    if images is not None and (len(images) != len(frames) or any(image.shape != shape for image in images)):
        raise MismatchedShapes("label maps and images differ in number or shape")
    parts = [_measure(labels, None if images is None else images[index]) for index, labels in enumerate(frames)]
    counts = [part[0].size for part in parts]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    columns = [np.concatenate([part[column] for part in parts]) for column in range(9)]
    return CellTable(
        np.repeat(np.arange(len(frames), dtype=np.int64), counts),
        id=columns[0].astype(np.uint32),
        box=columns[4].astype(np.int64),
        **{name: columns[place].astype(np.float64) for place, name in _MEASURED.items()},
        n_frames=len(frames),
        shape=(int(shape[0]), int(shape[1])),
        overlaps=_overlaps(frames, starts),
    )


def table_of_points(
    frame: NDArray[np.integer], y: Column, x: Column, area: Column, *, n_frames: int, shape: tuple[int, int]
) -> CellTable:
    """A table of discs of known centre and area, for detections that come without masks. Ids are 1..n per frame.

    Args:
        frame, y, x, area: one value a detection, shape (n,), in any order.

    Raises:
        InvalidDocument: a frame outside 0..n_frames - 1, or an area that is not positive.
    """
    frames = np.asarray(frame, dtype=np.int64)
    if frames.size and (frames.min() < 0 or frames.max() >= n_frames or not np.all(area > 0)):
        raise InvalidDocument(f"detections need a frame in 0..{n_frames - 1} and a positive area")
    order = np.argsort(frames, kind="stable")
    frames, y, x, area = frames[order], y[order], x[order], area[order]
    starts = np.searchsorted(frames, np.arange(n_frames + 1))
    ids = np.arange(frames.size) - starts[frames] + 1
    radius = np.sqrt(area / np.pi)
    box = np.column_stack([y - radius, x - radius, y + radius + 1, x + radius + 1]).astype(np.int64)
    box = np.clip(box, 0, [shape[0], shape[1], shape[0], shape[1]])
    spread, nothing = radius / 2, np.full(frames.size, np.nan)
    return CellTable(
        frames,
        ids.astype(np.uint32),
        np.asarray(y, dtype=np.float64),
        np.asarray(x, dtype=np.float64),
        np.asarray(area, dtype=np.float64),
        box,
        spread,
        spread,
        np.zeros(frames.size),
        nothing,
        n_frames=n_frames,
        shape=shape,
    )


_MEASURED = {1: "y", 2: "x", 3: "area", 5: "major", 6: "minor", 7: "angle", 8: "intensity"}
"""Where ``_measure`` gives which real-valued column."""


def _measure(labels: Labels, image: NDArray[np.generic] | None) -> tuple[NDArray[np.generic], ...]:
    """Columns id, y, x, area, box, major, minor, angle, intensity of one frame, from moments counted in one pass."""
    rows, cols = np.nonzero(labels)
    ids, cell = np.unique(labels[rows, cols], return_inverse=True)
    n = ids.size

    def total(values: NDArray[np.generic]) -> Column:
        return np.asarray(
            np.bincount(cell, weights=np.asarray(values, dtype=np.float64), minlength=n), dtype=np.float64
        )

    area = np.bincount(cell, minlength=n).astype(np.float64)
    y, x = total(rows) / area, total(cols) / area
    off_y, off_x = rows - y[cell], cols - x[cell]
    # A pixel is a square, not a point: its own variance is 1/12.
    yy, xx, xy = total(off_y**2) / area + 1 / 12, total(off_x**2) / area + 1 / 12, total(off_y * off_x) / area
    middle, half = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    compact = np.zeros(labels.shape, dtype=np.int32)
    compact[rows, cols] = cell + 1
    boxes = [
        (box[0].start, box[1].start, box[0].stop, box[1].stop)
        for box in ndimage.find_objects(compact, max_label=n)
        if box is not None
    ]
    light = np.full(n, np.nan) if image is None else total(image[rows, cols]) / area
    return (
        ids,
        y,
        x,
        area,
        np.array(boxes, dtype=np.int64).reshape(n, 4),
        np.sqrt(middle + half),
        np.sqrt(np.maximum(middle - half, 0)),
        np.arctan2(2 * xy, xx - yy) / 2,
        light,
    )


def _overlaps(frames: Sequence[Labels], starts: Rows) -> MaskOverlaps:
    before: list[Rows] = []
    after: list[Rows] = []
    pixels: list[NDArray[np.int64]] = []
    for index in range(len(frames) - 1):
        table = overlap_table(frames[index], frames[index + 1])
        # ids_a and ids_b are sorted, as the rows of a frame are: the index within the frame is the same.
        before.append(table.rows + starts[index])
        after.append(table.cols + starts[index + 1])
        pixels.append(table.intersections)
    if not before:
        nothing = np.zeros(0, dtype=np.int64)
        return MaskOverlaps(nothing, nothing, nothing)
    return MaskOverlaps(np.concatenate(before), np.concatenate(after), np.concatenate(pixels))
