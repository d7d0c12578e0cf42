"""The tasks whose truth the hub can keep: one file each beside this one, one line each here."""

from __future__ import annotations

from dataclasses import replace

from backend.imaging.kinds.augmented import PairTruth
from backend.imaging.kinds.classification import ClassTruth
from backend.imaging.kinds.contract import Kept, TruthKind
from backend.imaging.kinds.instance_segmentation import InstanceTruth
from backend.imaging.kinds.semantic_segmentation import SemanticTruth
from backend.imaging.kinds.tracking import TrackTruth
from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Truth as LayoutTruth
from cellcommons.readings import Readings
from cellcommons.store import ObjectStore

KINDS: tuple[TruthKind, ...] = (InstanceTruth(), SemanticTruth(), ClassTruth(), TrackTruth(), PairTruth())
TASKS = tuple(kind.task for kind in KINDS)


def keep_truth(store: ObjectStore, image: ImageData, truth: LayoutTruth) -> Kept:
    """Put what came with an image into ``store``; of several people's readings their consensus.

    Raises:
        MismatchedShapes: labels of another size than the image.
        InvalidDocument: labels of a kind that the hub has no place for, or readings without a consensus.
    """
    notes: list[str] = []
    if isinstance(truth, Readings):
        people = len(truth.by)
        if truth.consensus is None:
            raise InvalidDocument(
                f"it comes with the readings of {people} people and no consensus, and the hub keeps one truth an image",
                remedy="Fuse them with cellcommons.fusion, or import the images alone as the layout plain.",
            )
        notes.append(f"of the readings of {people} people only their consensus is kept")
        truth = truth.consensus
    region = getattr(truth, "annotated", None)
    if region is not None:
        notes.append(f"only {float(region.mean()):.0%} of it was looked at; which part is not kept")
    for kind in KINDS:
        if isinstance(truth, kind.types):
            kept = kind.keep(store, image, truth)
            return replace(kept, notes=(*notes, *kept.notes))
    what = _NAMES.get(type(truth).__name__, type(truth).__name__)
    raise InvalidDocument(
        f"its labels are {what}, for which the hub has no place",
        remedy="Import the images alone as the layout plain.",
    )


# Names as people say them, of the library's types that no kind above takes.
_NAMES = {"Keypoints": "landmarks"}
