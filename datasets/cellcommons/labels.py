"""Label maps: one integer id per cell, 0 for background."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument

Labels = NDArray[np.uint32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Cell:
    """One instance in a label map.

    Attributes:
        id: its value in the label map.
        box: half-open bounding box ``(y0, x0, y1, x1)`` in pixels.
        mask: bool array, axes yx, of the box's shape.
        area: pixels.
    """

    id: int
    box: tuple[int, int, int, int]
    mask: Mask = field(repr=False)
    area: int


@dataclass(frozen=True)
class LabelMap:
    """A 2-D instance label map.

    Attributes:
        data: uint32, axes yx; 0 is background, every other value one cell.
        pixel_size: physical size of a pixel.
    """

    data: Labels = field(repr=False)
    pixel_size: PixelSize = PixelSize()

    def __post_init__(self) -> None:
        if self.data.ndim != 2 or self.data.dtype != np.uint32:
            raise InvalidDocument(
                f"a label map is uint32 with axes yx, got {self.data.dtype} with {self.data.ndim} axes",
                remedy="Convert with cellcommons.labels.as_labels().",
            )

    @property
    def ids(self) -> NDArray[np.uint32]:
        """Sorted ids of the cells present."""
        ids = np.unique(self.data)
        return np.asarray(ids[ids != 0])

    def cells(self) -> Iterator[Cell]:
        """The cells in order of id."""
        yield from cells(self.data)


def as_labels(array: NDArray[np.generic], *, where: str = "") -> Labels:
    """Return ``array`` (integer or bool, axes yx) as uint32.

    Raises:
        InvalidDocument: not 2-D, not integral, negative, or an id beyond uint32.
    """
    data = np.asarray(array)
    if data.ndim != 2 or data.dtype.kind not in "biu":
        raise InvalidDocument(
            f"labels must be integers with axes yx, got {data.dtype} of shape {data.shape}", where=where
        )
    if data.size and (int(data.min()) < 0 or int(data.max()) > np.iinfo(np.uint32).max):
        raise InvalidDocument("label ids must lie in 0..2^32-1", where=where, remedy="Relabel the cells from 1.")
    return np.ascontiguousarray(data, dtype=np.uint32)


def cells(labels: Labels) -> Iterator[Cell]:
    """Every cell of ``labels`` (uint32, yx), in order of id.

    Sparse ids are compacted first so that the cost follows the number of cells, not the largest id.
    """
    ids, compact = np.unique(labels, return_inverse=True)
    compact = compact.reshape(labels.shape).astype(np.int64)
    offset = 0 if ids.size and ids[0] == 0 else 1
    for index, box in enumerate(ndimage.find_objects(compact + offset), start=1):
        if box is None:
            continue
        mask = compact[box] + offset == index
        rows, cols = box
        yield Cell(
            int(ids[index - offset]), (rows.start, cols.start, rows.stop, cols.stop), mask, int(np.count_nonzero(mask))
        )


def relabel(labels: Labels) -> Labels:
    """Renumber the cells 1..n in order of id, keeping background 0."""
    ids, compact = np.unique(labels, return_inverse=True)
    offset = 0 if ids.size and ids[0] == 0 else 1
    return (compact.reshape(labels.shape) + offset).astype(np.uint32)


def outlines(labels: Labels) -> Mask:
    """Pixels of a cell that touch (4-neighbour) another id. Bool, yx."""
    edge = np.zeros(labels.shape, dtype=np.bool_)
    vertical = labels[1:] != labels[:-1]
    horizontal = labels[:, 1:] != labels[:, :-1]
    edge[1:] |= vertical
    edge[:-1] |= vertical
    edge[:, 1:] |= horizontal
    edge[:, :-1] |= horizontal
    return np.asarray(edge & (labels != 0))
