"""An assignment's edits become a reading."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.utils import timezone

from backend.annotation.models import Annotation, Assignment, AssignmentState, AuthorKind
from backend.annotation.selectors import edits_in_order
from backend.annotation.services.leases import hold_lease, lock_assignment, lock_item
from backend.core.dispatch import dispatch
from backend.core.errors import Conflict
from backend.core.storage import object_store
from backend.people.models import Person
from cellcommons.edits import fold_edits, pixels_sha256
from cellcommons.errors import NotFound
from cellcommons.images.ome_zarr import read_labels, write_labels
from cellcommons.labels import Labels

FUSE = "consensus.fuse_item"


@dataclass(frozen=True)
class _Folded:
    labels_sha256: str
    pixels_sha256: str
    cells: int
    unchanged: bool


def submit_assignment(
    *, assignment_id: uuid.UUID, person: Person, edit_count: int, labels_sha256: str, active_seconds: float = 0
) -> Annotation:
    """Fold the edits over the base and keep the result as this person's reading. Twice gives the same reading.

    Args:
        labels_sha256: of the client's final label map (uint32 little-endian, row-major): both sides must agree.

    Raises:
        Conflict: the client's count of edits or its label map differs from what the hub holds.
        LeaseExpired, WrongState, NotFound: as ``renew_lease``.
    """
    assignment = (
        Assignment.objects.select_related("item__image", "draft").filter(pk=assignment_id, person=person).first()
    )
    if assignment is None:
        raise NotFound("you hold no such assignment", where=str(assignment_id))
    if assignment.state == AssignmentState.SUBMITTED:
        return assignment.annotation
    _require_all_edits(assignment, edit_count)
    folded = _fold(assignment, expected=labels_sha256)
    with transaction.atomic():
        assignment = lock_assignment(assignment_id=assignment_id, person=person)
        if assignment.state == AssignmentState.SUBMITTED:
            return assignment.annotation
        _require_all_edits(assignment, edit_count)  # another tab may have drawn meanwhile
        hold_lease(assignment)
        item = lock_item(assignment)
        annotation = Annotation.objects.create(
            item=item,
            author_kind=AuthorKind.PERSON,
            person=person,
            assignment=assignment,
            labels_sha256=folded.labels_sha256,
            pixels_sha256=folded.pixels_sha256,
            cells=folded.cells,
            started_from=assignment.draft,
            accepted_unchanged=folded.unchanged,
            independent=not folded.unchanged,
            active_seconds=active_seconds,
        )
        assignment.state = AssignmentState.SUBMITTED
        assignment.submitted_at = timezone.now()
        assignment.active_seconds = active_seconds
        assignment.save(update_fields=["state", "submitted_at", "active_seconds"])
        item.readings_done += 1
        item.save(update_fields=["readings_done"])
        if item.readings_done >= item.readings_needed:
            dispatch(FUSE, item.pk)
        return annotation


def _require_all_edits(assignment: Assignment, edit_count: int) -> None:
    if edit_count != assignment.edit_count:
        raise Conflict(
            f"you count {edit_count} edits, the hub holds {assignment.edit_count}",
            where=str(assignment.pk),
            remedy="Send the edits of your journal again, then submit.",
            extra={"edit_count": assignment.edit_count},
        )


def _fold(assignment: Assignment, *, expected: str) -> _Folded:
    """The final label map, in the object store; no lock is held meanwhile."""
    store = object_store()
    base = base_labels(assignment)
    labels = fold_edits(base, edits_in_order(assignment).values_list("tiles", flat=True))
    found = pixels_sha256(labels)
    if found != expected:
        raise Conflict(
            "the hub's edits give another label map than yours",
            where=str(assignment.pk),
            remedy="Fetch the edits, compare them with your journal, then submit again.",
            extra={"edit_count": assignment.edit_count},
        )
    unchanged = assignment.draft_id is not None and bool(np.array_equal(labels, base))
    # Equal pixels give equal trees, so an accepted draft costs nothing.
    tree = write_labels(store, labels)
    return _Folded(tree.digest, found, int(np.count_nonzero(np.unique(labels))), unchanged)


def base_labels(assignment: Assignment) -> Labels:
    """What the edits lie upon: the draft, else zeros (uint32, yx)."""
    if assignment.draft is not None:
        return read_labels(object_store(), assignment.draft.labels_sha256)
    image = assignment.item.image
    return np.zeros((image.height, image.width), dtype=np.uint32)
