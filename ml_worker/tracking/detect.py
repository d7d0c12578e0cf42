"""Cells of every frame of a movie, by a segmentation checkpoint: what links are drawn between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.links import node_key
from cellcommons.tracks import Movie
from ml_worker.checkpoint import Checkpoint
from ml_worker.predict import PredictConfig, predict_image


@dataclass(frozen=True, eq=False)
class Detections:
    """Masks of a movie's frames.

    Attributes:
        masks: uint32, tyx, ids 1..n in each frame in raster order of the first pixel: they say nothing about time.
        certainty: node ``frame:id`` -> 0..1. uncertainty: mean over the frames, 0..1.
    """

    masks: Movie = field(repr=False)
    certainty: dict[str, float] = field(repr=False)
    uncertainty: float


def detect_cells(
    image: ImageData,
    segmenter: Checkpoint,
    config: PredictConfig | None = None,
    *,
    where: str = "",
    check: Callable[[], None] | None = None,
) -> Detections:
    """Segment every frame by itself.

    Args:
        image: a movie; planes of a stack are averaged. check: called after each tile; may raise to stop.

    Raises:
        InvalidDocument: no time axis, or no cell in any frame.
    """
    if "t" not in image.axes:
        raise InvalidDocument(f"an image with axes {image.axes} is no movie", where=where)
    data = image.data.mean(axis=image.axes.index("z")) if "z" in image.axes else image.data
    masks, certainty, unsure = [], {}, []
    for t, frame in enumerate(data):
        reading = predict_image(segmenter, frame, config, where=f"{where}, frame {t}", on_tile=check)
        labels, names = raster_order(reading.labels)
        masks.append(labels)
        unsure.append(reading.uncertainty)
        certainty.update({node_key(t, names[cell]): value for cell, value in reading.certainty.items()})
    if not certainty:
        raise InvalidDocument(
            "the segmenter found no cell in any frame", where=where, remedy="Choose another segmenter."
        )
    return Detections(np.stack(masks), certainty, float(np.mean(unsure)))


def raster_order(labels: Movie) -> tuple[Movie, dict[int, int]]:
    """A frame (uint32, yx) with its ids as 1..n in order of each cell's first pixel; and old id -> new id."""
    ids, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.zeros(ids.size, dtype=np.uint32)
    cells = np.flatnonzero(ids)
    rank[cells[np.argsort(first[cells])]] = np.arange(1, cells.size + 1)
    return rank[inverse].reshape(labels.shape), dict(zip(ids[cells].tolist(), rank[cells].tolist(), strict=True))
