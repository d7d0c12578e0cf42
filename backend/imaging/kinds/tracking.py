"""Movies: the masks of each frame are given without identity; which is which through time is what people say."""

from __future__ import annotations

import numpy as np

from backend.imaging.kinds.contract import Given, Kept
from backend.imaging.kinds.instance_segmentation import check_size
from cellcommons.discs import disc_movie
from cellcommons.errors import MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.links import detections_of
from cellcommons.points import PointTracks
from cellcommons.reading import Raster, Reading, write_reading
from cellcommons.store import ObjectStore
from cellcommons.tracks import LabelMovie


class TrackTruth:
    task = "tracking"
    types = (LabelMovie, PointTracks)

    def keep(self, store: ObjectStore, image: ImageData, truth: LabelMovie | PointTracks) -> Kept:
        discs = isinstance(truth, PointTracks)
        frames = image.size("t") if "t" in image.axes else 1
        movie = disc_movie(truth, (frames, *image.shape_yx)) if isinstance(truth, PointTracks) else truth
        check_size(image, movie.data.shape)
        if len(movie.data) != frames:
            raise MismatchedShapes(
                f"there are masks of {len(movie.data)} frames, the movie has {frames}",
                remedy="Add the frames that are missing, or leave out the masks that are too many.",
            )
        detections, links = detections_of(movie)
        given = write_reading(store, Reading(detections), image.pixel_size)
        kept = write_reading(store, Reading(None, links))
        summary = detections_summary(detections) | ({"discs": True} if discs else {})
        companions = {"detections": Given(given.digest, summary)}
        return Kept(companions, kept.digest, len(movie.lineage.tracks), seconds_per_frame=movie.seconds_per_frame)


def detections_summary(detections: Raster) -> dict[str, list[int]]:
    """``{"cells": cells of each frame}`` of masks (uint32, tyx) whose ids run 1..n in each frame."""
    return {"cells": [int(np.asarray(frame).max(initial=0)) for frame in detections]}
