"""Classes of an image, of boxed cells or of outlined cells; where the cells are is given, what they are is not."""

from __future__ import annotations

from backend.imaging.kinds.contract import Given, Kept
from backend.imaging.kinds.instance_segmentation import check_size
from cellcommons.classes import CellBoxes, CellClasses, ImageClasses
from cellcommons.images.data import ImageData
from cellcommons.reading import Reading, write_reading
from cellcommons.store import ObjectStore
from cellcommons.subjects import subjects_of


class ClassTruth:
    task = "classification"
    types = (ImageClasses, CellBoxes, CellClasses)

    def keep(self, store: ObjectStore, image: ImageData, truth: ImageClasses | CellBoxes | CellClasses) -> Kept:
        if isinstance(truth, CellBoxes):
            check_size(image, truth.shape)
        elif isinstance(truth, CellClasses):
            check_size(image, truth.labels.data.shape)
        subjects = subjects_of(truth)
        companions: dict[str, Given] = {}
        if subjects.boxes is not None:
            tree = write_reading(store, Reading(None, subjects.boxes))
            companions["boxes"] = Given(tree.digest, {"subjects": len(subjects.boxes)})
        if subjects.cells is not None:
            tree = write_reading(store, Reading(subjects.cells), image.pixel_size)
            companions["cells"] = Given(tree.digest, {"subjects": int(subjects.cells.max(initial=0))})
        kept = write_reading(store, Reading(None, subjects.classes))
        return Kept(companions, kept.digest, len(subjects.classes), subjects.ontology)
