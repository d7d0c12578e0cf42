"""The tasks whose truth the hub can keep: one file each beside this one, one line each here."""

from __future__ import annotations

from backend.imaging.kinds.augmented import PairTruth
from backend.imaging.kinds.classification import ClassTruth
from backend.imaging.kinds.contract import Kept, TruthKind
from backend.imaging.kinds.instance_segmentation import InstanceTruth
from backend.imaging.kinds.semantic_segmentation import SemanticTruth
from backend.imaging.kinds.tracking import TrackTruth
from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Truth as LayoutTruth
from cellcommons.store import ObjectStore

KINDS: tuple[TruthKind, ...] = (InstanceTruth(), SemanticTruth(), ClassTruth(), TrackTruth(), PairTruth())
TASKS = tuple(kind.task for kind in KINDS)


def keep_truth(store: ObjectStore, image: ImageData, truth: LayoutTruth) -> Kept:
    """Put what came with an image into ``store``. Raises MismatchedShapes, InvalidDocument."""
    for kind in KINDS:
        if isinstance(truth, kind.types):
            return kind.keep(store, image, truth)
    raise InvalidDocument(f"the hub keeps no {type(truth).__name__}")
