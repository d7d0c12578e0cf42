"""A checkpoint's reading becomes what people start from."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from backend.annotation.kinds.registry import kind_of
from backend.annotation.models import LIVE, Annotation, AuthorKind, Item
from backend.core.storage import object_store


def attach_draft(
    *, item: Item, labels_sha256: str, cells: int, cell_scores: dict[str, float], provenance: dict[str, Any]
) -> Annotation:
    """Keep a checkpoint's tree as an Annotation, and as the item's draft where nobody works on the item yet.

    Where people judge a prediction instead of starting from it, the Annotation is what they will be shown.

    All readings of an item start from the same base: one that is being read, or was read, keeps the base it has.
    The same labels and provenance again give the same Annotation.

    Args:
        provenance: ``{prediction, checkpoint_sha256}``.

    Raises:
        NotFound, DigestMismatch, InvalidDocument: the tree cannot be read, or says what this task does not ask.
        MismatchedShapes: it is of another size than the image.
    """
    kind = kind_of(item.campaign)
    kind.check_draft(object_store(), item, labels_sha256)
    with transaction.atomic():
        item = Item.objects.select_for_update(no_key=True).get(pk=item.pk)
        known = Annotation.objects.filter(
            item=item, author_kind=AuthorKind.CHECKPOINT, labels_sha256=labels_sha256, provenance=provenance
        ).first()
        draft = known or Annotation.objects.create(
            item=item,
            author_kind=AuthorKind.CHECKPOINT,
            labels_sha256=labels_sha256,
            cells=cells,
            cell_scores=cell_scores,
            independent=False,
            provenance=provenance,
        )
        if kind.drafts_are_bases and not item.assignments.filter(state__in=LIVE).exists():
            item.draft = draft
            item.save(update_fields=["draft"])
        return draft
