"""The tasks that a release can be of, by name."""

from __future__ import annotations

from cellcommons.errors import InvalidDocument
from cellcommons.kinds.augmented import Augmented
from cellcommons.kinds.classification import Classification
from cellcommons.kinds.contract import Kind
from cellcommons.kinds.instance_segmentation import InstanceSegmentation
from cellcommons.kinds.semantic_segmentation import SemanticSegmentation
from cellcommons.kinds.tracking import Tracking

_KINDS: tuple[Kind, ...] = (
    InstanceSegmentation(),
    SemanticSegmentation(),
    Classification(),
    Tracking(),
    Augmented(),
)


def kind_of(task: str, *, where: str = "") -> Kind:
    """The task of that name. Raises InvalidDocument, which names those there are."""
    for kind in _KINDS:
        if kind.task == task:
            return kind
    raise InvalidDocument(
        f"task {task!r} is not known", where=where, remedy=f"Use one of: {', '.join(k.task for k in _KINDS)}."
    )
