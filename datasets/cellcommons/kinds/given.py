"""What is given beside an image, read and checked: cells or boxes to classify, detections to link, a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.images.ome_zarr import read_label_stack
from cellcommons.images.outline import ImageOutline, read_outline
from cellcommons.labels import Labels, cells
from cellcommons.pairs import check_pair
from cellcommons.reading import read_values
from cellcommons.store import ObjectStore
from cellcommons.tracks import Movie

Box = tuple[int, int, int, int]
CELLS, BOXES, DETECTIONS, TARGET = "cells", "boxes", "detections", "target"
COMPANIONS = (CELLS, BOXES, DETECTIONS, TARGET)
WHOLE_IMAGE = 0


@dataclass(frozen=True)
class Given:
    """What a task may give beside an image.

    Attributes:
        shape: rows and columns of the image.
        cells: cells to classify, uint32, yx. boxes: the same as boxes, number -> half-open ``(y0, x0, y1, x1)``.
        detections: masks of each frame of a movie, uint32, tyx, ids unique within a frame.
        target: axes, shape and channels of the real counterpart of an augmented image.
    """

    shape: tuple[int, int]
    cells: Labels | None = field(default=None, repr=False)
    boxes: Mapping[int, Box] | None = None
    detections: Movie | None = field(default=None, repr=False)
    target: ImageOutline | None = None

    def subjects(self) -> dict[int, tuple[Box, int]]:
        """What a classification asks about: number -> box and pixels. The given cells, else boxes, else 0: all."""
        if self.cells is not None:
            return {cell.id: (cell.box, cell.area) for cell in cells(self.cells)}
        if self.boxes is not None:
            return {number: (box, (box[2] - box[0]) * (box[3] - box[1])) for number, box in self.boxes.items()}
        height, width = self.shape
        return {WHOLE_IMAGE: ((0, 0, height, width), height * width)}

    def frame_movie(self) -> Movie:
        """The detections. Raises InvalidDocument where none are given."""
        if self.detections is None:
            raise InvalidDocument(
                "no detections are given to link", remedy="Import or predict the masks of its frames."
            )
        return self.detections


def read_given(store: ObjectStore, companions: Mapping[str, str], image: ImageOutline) -> Given:
    """Read companions (kind -> tree digest) of an image.

    Raises:
        InvalidDocument: a companion of a kind that is not known, boxes that are none or leave the image.
        MismatchedShapes: a companion of another shape or pixel size than the image.
        NotFound, DigestMismatch: an object is missing or damaged.
    """
    unknown = sorted(set(companions) - set(COMPANIONS))
    if unknown:
        raise InvalidDocument(
            f"a companion {unknown[0]!r} is not known", remedy=f"The kinds are {', '.join(COMPANIONS)}."
        )
    given_cells = _raster(store, companions.get(CELLS), image.shape_yx, CELLS)
    detections = _raster(store, companions.get(DETECTIONS), (image.size("t"), *image.shape_yx), DETECTIONS)
    target = None
    if TARGET in companions:
        target = read_outline(store, companions[TARGET])
        check_pair(image.shape_yx, image.pixel_size, target.shape_yx, target.pixel_size)
    boxes = read_boxes(store, companions[BOXES], image.shape_yx) if BOXES in companions else None
    return Given(image.shape_yx, given_cells, boxes, detections, target)


def read_boxes(store: ObjectStore, digest: str, shape: tuple[int, int]) -> dict[int, Box]:
    """Boxes of a values tree, by number, inside ``shape``. Raises InvalidDocument."""
    boxes: dict[int, Box] = {}
    for key, value in read_values(store, digest).items():
        whole = isinstance(value, list) and len(value) == 4 and all(type(edge) is int for edge in value)
        if not key.isdecimal() or not 0 < int(key) < 2**32 or not whole:
            raise InvalidDocument("boxes are numbered from 1, each [y0, x0, y1, x1]", where=f"{digest}, box {key}")
        y0, x0, y1, x1 = value
        if not (0 <= y0 < y1 <= shape[0] and 0 <= x0 < x1 <= shape[1]):
            raise InvalidDocument(f"it leaves the image of {shape[0]} x {shape[1]} pixels", where=f"box {key}")
        boxes[int(key)] = (y0, x0, y1, x1)
    return dict(sorted(boxes.items()))


def _raster(store: ObjectStore, digest: str | None, shape: tuple[int, ...], kind: str) -> Labels | None:
    if digest is None:
        return None
    raster = read_label_stack(store, digest)
    if raster.shape != shape:
        raise MismatchedShapes(f"the {kind} are {raster.shape} pixels, their image {shape}")
    return np.asarray(raster, dtype=np.uint32)
