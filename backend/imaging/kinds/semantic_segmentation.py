"""A class for each pixel: 0 is unknown, ``k + 1`` the class at place ``k`` of the ontology."""

from __future__ import annotations

import numpy as np

from backend.imaging.kinds.contract import Kept
from backend.imaging.kinds.instance_segmentation import check_size
from cellcommons.images.data import ImageData
from cellcommons.reading import Reading, write_reading
from cellcommons.semantic import SemanticMap
from cellcommons.store import ObjectStore


class SemanticTruth:
    task = "semantic_segmentation"
    types = (SemanticMap,)

    def keep(self, store: ObjectStore, image: ImageData, truth: SemanticMap) -> Kept:
        check_size(image, truth.data.shape)
        raster = np.where(truth.known, truth.data.astype(np.uint32) + 1, 0).astype(np.uint32)
        tree = write_reading(store, Reading(raster), image.pixel_size)
        return Kept(truth=tree.digest, count=int(np.count_nonzero(np.unique(raster))), ontology=truth.ontology)
