"""The tasks that can be rehearsed: one file each beside this one, one line each here."""

from __future__ import annotations

from backend.rehearsal.kinds.augmented import Augmented
from backend.rehearsal.kinds.classification import Classification
from backend.rehearsal.kinds.contract import Kind
from backend.rehearsal.kinds.instance_segmentation import InstanceSegmentation
from backend.rehearsal.kinds.semantic_segmentation import SemanticSegmentation
from backend.rehearsal.kinds.tracking import Tracking
from cellcommons.errors import InvalidDocument

KINDS: tuple[Kind, ...] = (
    InstanceSegmentation(),
    SemanticSegmentation(),
    Classification(),
    Tracking(),
    Augmented(),
)
TASKS = tuple(kind.task for kind in KINDS)


def get_kind(task: str) -> Kind:
    """The task called ``task``. Raises InvalidDocument, which names those there are."""
    for kind in KINDS:
        if kind.task == task:
            return kind
    raise InvalidDocument("no such task", where=task, remedy=f"Choose one of: {', '.join(TASKS)}.")
