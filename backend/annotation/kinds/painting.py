"""What the two segmentation tasks share: a raster of the image's size is painted, nothing is answered."""

from __future__ import annotations

from backend.annotation.kinds.contract import GivenRow, Ground, no_changes, one_plane
from backend.annotation.models import Assignment, Item
from backend.imaging.models import Image
from cellcommons.errors import MismatchedShapes
from cellcommons.reading import Changes, Reading, read_reading
from cellcommons.store import ObjectStore


class Painted:
    """Base of the tasks in which people paint over one plane and start from a checkpoint's draft."""

    paints = True
    answers = False
    drafts_are_bases = True

    def refusal(self, image: Image) -> str:
        return one_plane(image)

    def given(self, item: Item) -> list[GivenRow]:
        return []

    def question(self, assignment: Assignment) -> str | None:
        return None

    def check_changes(self, ground: Ground, changes: Changes) -> None:
        no_changes(changes)

    def finished(self, assignment: Assignment, reading: Reading) -> Reading:
        return reading

    def check_draft(self, store: ObjectStore, item: Item, tree: str) -> None:
        check_draft_size(item.image, read_reading(store, tree).labels.shape)


def check_draft_size(image: Image, shape: tuple[int, ...]) -> None:
    """Raises MismatchedShapes unless ``shape`` ends in the image's rows and columns."""
    if tuple(shape[-2:]) != (image.height, image.width):
        raise MismatchedShapes(
            f"the draft is {shape[-1]} x {shape[-2]}, the image {image.width} x {image.height}", where=image.name
        )
