"""Classes of an image, of boxed cells or of outlined cells; where the cells are is given, what they are is not."""

from __future__ import annotations

import numpy as np

from backend.imaging.kinds.contract import Given, Kept
from backend.imaging.kinds.instance_segmentation import check_size
from cellcommons.classes import CellBoxes, CellClasses, ImageClasses
from cellcommons.images.data import ImageData
from cellcommons.labels import relabel
from cellcommons.reading import Reading, write_reading
from cellcommons.store import ObjectStore

WHOLE = "0"
"""The subject that is the image itself; given cells count from 1."""


class ClassTruth:
    task = "classification"
    types = (ImageClasses, CellBoxes, CellClasses)

    def keep(self, store: ObjectStore, image: ImageData, truth: ImageClasses | CellBoxes | CellClasses) -> Kept:
        companions: dict[str, Given] = {}
        if isinstance(truth, ImageClasses):
            said = {WHOLE: list(truth.classes)}
        elif isinstance(truth, CellBoxes):
            check_size(image, truth.shape)
            # In raster order, so that the order in the file tells nothing of the class.
            boxes = sorted(truth.boxes, key=lambda cell: cell.box)
            said = {str(n): [cell.name] for n, cell in enumerate(boxes, start=1)}
            where = {str(n): [int(edge) for edge in cell.box] for n, cell in enumerate(boxes, start=1)}
            tree = write_reading(store, Reading(None, where))
            companions["boxes"] = Given(tree.digest, {"subjects": len(boxes)})
        else:
            check_size(image, truth.labels.data.shape)
            ids = truth.labels.ids
            numbers = {int(old): str(new) for new, old in enumerate(ids.tolist(), start=1)}
            said = {numbers[cell]: list(names) for cell, names in truth.classes.items()}
            tree = write_reading(store, Reading(np.asarray(relabel(truth.labels.data))), image.pixel_size)
            companions["cells"] = Given(tree.digest, {"subjects": int(ids.size)})
        kept = write_reading(store, Reading(None, said))
        return Kept(companions, kept.digest, len(said), truth.ontology)
