"""The tasks this worker knows: by their name in an order, and by the family of a checkpoint."""

from __future__ import annotations

from cellcommons.errors import InvalidDocument, WrongFormat
from ml_worker.checkpoint import family_of
from ml_worker.kinds.augmented import AUGMENTED
from ml_worker.kinds.classification import CLASSIFICATION
from ml_worker.kinds.contract import TaskKind
from ml_worker.kinds.instance_segmentation import INSTANCE_SEGMENTATION
from ml_worker.kinds.semantic_segmentation import SEMANTIC_SEGMENTATION
from ml_worker.kinds.tracking import TRACKING

# One line a task.
KINDS: tuple[TaskKind, ...] = (INSTANCE_SEGMENTATION, SEMANTIC_SEGMENTATION, CLASSIFICATION, TRACKING, AUGMENTED)


def kind_of_task(task: str) -> TaskKind:
    """The task of a training order. Raises InvalidDocument, which names those there are."""
    for kind in KINDS:
        if kind.task == task:
            return kind
    raise InvalidDocument(
        f"task {task!r} is not one this worker trains",
        where="task",
        remedy=f"Use one of: {', '.join(kind.task for kind in KINDS)}.",
    )


def kind_of_checkpoint(data: bytes, *, where: str = "") -> TaskKind:
    """The task that trained a checkpoint.

    Raises:
        UnreadableFile: not safetensors, truncated or damaged.
        WrongFormat: no checkpoint of these tasks.
    """
    family = family_of(data, where=where)
    for kind in KINDS:
        if family in kind.families:
            return kind
    raise WrongFormat(
        f"this file is of family {family!r}, with which nothing can be predicted",
        where=where,
        remedy="Choose a checkpoint that this hub trained.",
    )
