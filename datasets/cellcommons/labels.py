"""Label maps: one integer id per cell, 0 for background."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument, MismatchedShapes

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


@dataclass(frozen=True, eq=False)
class LabelMap:
    """An instance label map of a plane, or of a volume.

    Attributes:
        data: uint32, axes ``axes``; 0 is background, every other value one cell.
        pixel_size: physical size of a pixel.
        axes: ``yx``, or ``zyx`` for a volume.
        annotated: bool, of the shape of ``data``: where somebody looked. Elsewhere 0 means unknown, not background.
            None where all of it was looked at.
    """

    data: Labels = field(repr=False)
    pixel_size: PixelSize = field(default_factory=PixelSize)
    axes: str = "yx"
    annotated: Mask | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.axes not in ("yx", "zyx") or self.data.ndim != len(self.axes) or self.data.dtype != np.uint32:
            raise InvalidDocument(
                f"a label map is uint32 with axes yx or zyx, got {self.data.dtype} with {self.data.ndim} axes as "
                f"{self.axes!r}",
                remedy="Convert with cellcommons.labels.as_labels().",
            )
        if self.axes == "yx" and self.pixel_size.z is not None:
            object.__setattr__(self, "pixel_size", replace(self.pixel_size, z=None))
        object.__setattr__(self, "annotated", checked_region(self.annotated, self.data.shape))

    @property
    def ids(self) -> NDArray[np.uint32]:
        """Sorted ids of the cells present."""
        ids = np.unique(self.data)
        return np.asarray(ids[ids != 0])

    def cells(self) -> Iterator[Cell]:
        """The cells in order of id. Raises InvalidDocument for a volume."""
        if self.axes != "yx":
            raise InvalidDocument(f"cells have outlines in a plane, not along {self.axes}")
        yield from cells(self.data)


def checked_region(region: NDArray[np.generic] | None, shape: tuple[int, ...]) -> Mask | None:
    """``region`` as bool of ``shape``; None where it covers everything. Raises MismatchedShapes, InvalidDocument."""
    if region is None:
        return None
    if region.dtype != np.bool_:
        raise InvalidDocument(f"the region that was annotated is a mask of bool, not {region.dtype}")
    if region.shape != shape:
        raise MismatchedShapes(f"the region that was annotated is {region.shape}, its labels are {shape}")
    return None if region.all() else np.asarray(region, dtype=np.bool_)


def as_labels(array: NDArray[np.generic], *, where: str = "", axes: str = "yx") -> Labels:
    """Return ``array`` (integer or bool, axes yx, or zyx if asked) as uint32.

    Raises:
        InvalidDocument: other axes, not integral, negative, or an id beyond uint32.
    """
    data = np.asarray(array)
    if data.ndim != len(axes) or data.dtype.kind not in "biu":
        raise InvalidDocument(
            f"labels must be integers with axes {axes}, got {data.dtype} of shape {data.shape}", where=where
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
    # Here, for it takes long to import, and whoever only reads or downloads labels does without.
    from scipy import ndimage

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
