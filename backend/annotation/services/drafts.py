"""A checkpoint's reading becomes what people start from."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from backend.annotation.models import LIVE, Annotation, AuthorKind, Item
from backend.core.storage import object_store
from cellcommons.edits import pixels_sha256
from cellcommons.errors import MismatchedShapes
from cellcommons.images.ome_zarr import read_labels


def attach_draft(
    *, item: Item, labels_sha256: str, cells: int, cell_scores: dict[str, float], provenance: dict[str, Any]
) -> Annotation:
    """Keep a checkpoint's label tree as an Annotation, and as the item's draft where nobody works on the item yet.

    All readings of an item start from the same base: one that is being read, or was read, keeps the base it has.
    The same labels and provenance again give the same Annotation.

    Args:
        provenance: ``{prediction, checkpoint_sha256}``.

    Raises:
        NotFound, DigestMismatch, InvalidDocument: the tree cannot be read.
        MismatchedShapes: it is of another size than the image.
    """
    labels = read_labels(object_store(), labels_sha256)
    wanted = (item.image.height, item.image.width)
    if labels.shape != wanted:
        raise MismatchedShapes(
            f"the draft is {labels.shape[1]} x {labels.shape[0]}, the image {wanted[1]} x {wanted[0]}",
            where=item.image.name,
        )
    digest = pixels_sha256(labels)
    with transaction.atomic():
        item = Item.objects.select_for_update(no_key=True).get(pk=item.pk)
        known = Annotation.objects.filter(
            item=item, author_kind=AuthorKind.CHECKPOINT, labels_sha256=labels_sha256, provenance=provenance
        ).first()
        draft = known or Annotation.objects.create(
            item=item,
            author_kind=AuthorKind.CHECKPOINT,
            labels_sha256=labels_sha256,
            pixels_sha256=digest,
            cells=cells,
            cell_scores=cell_scores,
            independent=False,
            provenance=provenance,
        )
        if not item.assignments.filter(state__in=LIVE).exists():
            item.draft = draft
            item.save(update_fields=["draft"])
        return draft
