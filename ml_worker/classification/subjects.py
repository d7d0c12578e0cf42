"""What a classification asks about, cut out of its image: given cells, given boxes, or the whole image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import read_image_tree
from cellcommons.images.outline import read_outline
from cellcommons.kinds.given import BOXES, CELLS, WHOLE_IMAGE, Box, Given, read_given
from cellcommons.store import ObjectStore
from ml_worker.pixels import image_cyx

MARGIN = 0.1
"""Of the longer side, on each side of a cell's box: its surroundings tell how it lies."""


@dataclass(frozen=True)
class Subjects:
    """One image with its subjects.

    Attributes:
        pixels: the image. cells: label map of the given cells, if that is what is given.
        boxes: subject -> half-open ``(y0, x0, y1, x1)``. crops: subject -> pixels, axes cyx.
    """

    pixels: ImageData = field(repr=False)
    cells: NDArray[np.uint32] | None = field(repr=False)
    boxes: Mapping[str, Box]
    crops: Mapping[str, NDArray[Any]] = field(repr=False)

    @property
    def whole(self) -> bool:
        """Whether the image itself is the subject."""
        return str(WHOLE_IMAGE) in self.boxes


def read_subjects(store: ObjectStore, tree: str, companions: Mapping[str, str], *, where: str) -> Subjects:
    """Read an image and cut its subjects out.

    A crop is the smallest square that holds the box with a margin, moved into the image where it leaves it.

    Raises:
        NotFound, DigestMismatch: an object is missing or damaged.
        InvalidDocument: a stack or a movie, or boxes that are none. MismatchedShapes: cells of another shape.
    """
    pixels = read_image_tree(store, tree)
    image = image_cyx(pixels, where=where)
    kept = {kind: digest for kind, digest in companions.items() if kind in (CELLS, BOXES)}
    given = read_given(store, kept, read_outline(store, tree))
    boxes = {str(number): box for number, (box, _) in given.subjects().items()}
    if _whole(given):
        return Subjects(pixels, None, boxes, {str(WHOLE_IMAGE): image})
    crops = {key: image[(slice(None), *square(box, given.shape))] for key, box in boxes.items()}
    return Subjects(pixels, given.cells, boxes, crops)


def square(box: Box, shape: tuple[int, int], *, margin: float = MARGIN) -> tuple[slice, slice]:
    """Rows and columns of the crop around ``box`` in an image of ``shape``."""
    y0, x0, y1, x1 = box
    side = int(np.ceil(max(y1 - y0, x1 - x0) * (1 + 2 * margin)))
    edges = []
    for low, high, length in ((y0, y1, shape[0]), (x0, x1, shape[1])):
        start = min(max(0, (low + high - side) // 2), max(0, length - side))
        edges.append(slice(start, min(length, start + side)))
    return edges[0], edges[1]


def _whole(given: Given) -> bool:
    return given.cells is None and given.boxes is None
