"""Cells outlined: the label map is what people shall draw."""

from __future__ import annotations

from backend.imaging.kinds.contract import Kept
from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.overlapping import OverlappingCells
from cellcommons.reading import Reading, write_reading
from cellcommons.store import ObjectStore


class InstanceTruth:
    task = "instance_segmentation"
    types = (LabelMap, OverlappingCells)

    def keep(self, store: ObjectStore, image: ImageData, truth: LabelMap | OverlappingCells) -> Kept:
        notes = []
        if isinstance(truth, OverlappingCells):
            check_size(image, truth.shape)
            drawn, covered = truth.label_map()
            hidden = len(truth.cells) - int(drawn.ids.size)
            if covered:
                notes.append(f"cells overlap in {covered} pixels, which the smaller cell has")
            if hidden:
                notes.append(f"{hidden} cells lie wholly below others and are left out")
            if truth.classes:
                notes.append("the classes of its cells are not kept, only their outlines")
            truth = drawn
        if truth.axes == "zyx" and len(truth.data) == 1:
            truth = LabelMap(truth.data[0], truth.pixel_size)
        if truth.axes != "yx":
            raise InvalidDocument(
                "its labels are a volume, and people outline cells in planes",
                remedy="Import single planes of it with their labels, or the images alone as the layout plain.",
            )
        check_size(image, truth.data.shape)
        tree = write_reading(store, Reading(truth.data), image.pixel_size)
        return Kept(truth=tree.digest, count=int(truth.ids.size), notes=tuple(notes))


def check_size(image: ImageData, shape: tuple[int, ...]) -> None:
    """Refuse a mask of another size than its image. Raises MismatchedShapes."""
    if tuple(shape[-2:]) != image.shape_yx:
        raise MismatchedShapes(
            f"the mask is {shape[-1]} x {shape[-2]}, its image {image.shape_yx[1]} x {image.shape_yx[0]}",
            remedy="Export the mask at the size of its image.",
        )
