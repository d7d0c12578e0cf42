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
    pixel_size: PixelSize = field(default_factory=PixelSize)

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

    Ids are compacted first so that the cost follows the number of cells, not the largest id.
    """
    ids, compact = _compacted(labels)
    if ids.size == 0:
        return
    for index, box in enumerate(ndimage.find_objects(compact, max_label=ids.size), start=1):
        mask = compact[box] == index
        rows, cols = box
        area = int(np.count_nonzero(mask))
        yield Cell(int(ids[index - 1]), (rows.start, cols.start, rows.stop, cols.stop), mask, area)


def relabel(labels: Labels) -> Labels:
    """Renumber the cells 1..n in order of id, keeping background 0."""
    return _compacted(labels)[1].astype(np.uint32)


def _compacted(labels: Labels) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Sorted ids without background, and each pixel's position among them + 1 (0 for background)."""
    top = int(labels.max(initial=0))
    if top <= 8 * labels.size + (1 << 20):
        # A lookup table is many times faster than the sort inside np.unique.
        lookup = np.zeros(top + 1, dtype=np.int32)
        lookup[labels.ravel()] = 1
        lookup[0] = 0
        ids = np.flatnonzero(lookup)
        lookup[ids] = np.arange(1, ids.size + 1)
        return ids.astype(np.uint32), lookup[labels]
    found, inverse = np.unique(labels, return_inverse=True)
    zero = int(found[0] == 0)
    return found[zero:], (inverse.reshape(labels.shape) + (1 - zero)).astype(np.int32)


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
