"""Cells outlined: the label map is what people shall draw."""

from __future__ import annotations

from backend.imaging.kinds.contract import Kept
from cellcommons.errors import MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.reading import Reading, write_reading
from cellcommons.store import ObjectStore


class InstanceTruth:
    task = "instance_segmentation"
    types = (LabelMap,)

    def keep(self, store: ObjectStore, image: ImageData, truth: LabelMap) -> Kept:
        check_size(image, truth.data.shape)
        tree = write_reading(store, Reading(truth.data), image.pixel_size)
        return Kept(truth=tree.digest, count=int(truth.ids.size))


def check_size(image: ImageData, shape: tuple[int, ...]) -> None:
    """Refuse a mask of another size than its image. Raises MismatchedShapes."""
    if tuple(shape[-2:]) != image.shape_yx:
        raise MismatchedShapes(
            f"the mask is {shape[-1]} x {shape[-2]}, its image {image.shape_yx[1]} x {image.shape_yx[0]}",
            remedy="Export the mask at the size of its image.",
        )
