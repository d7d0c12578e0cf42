"""An assignment's edits become a reading."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.utils import timezone

from backend.annotation.kinds.registry import ground_of, kind_of
from backend.annotation.models import Annotation, Assignment, AssignmentState, AuthorKind
from backend.annotation.selectors import edits_in_order
from backend.annotation.services.leases import hold_lease, lock_assignment, lock_item
from backend.core.dispatch import dispatch
from backend.core.errors import Conflict
from backend.core.storage import object_store
from backend.people.models import Person
from cellcommons.edits import fold_edits
from cellcommons.errors import NotFound
from cellcommons.reading import Reading, fold_changes, read_reading, reading_sha256, write_reading

FUSE = "consensus.fuse_item"


@dataclass(frozen=True)
class _Folded:
    labels_sha256: str
    reading_sha256: str
    cells: int
    unchanged: bool


def submit_assignment(
    *, assignment_id: uuid.UUID, person: Person, edit_count: int, labels_sha256: str, active_seconds: float = 0
) -> Annotation:
    """Fold the edits over the base and keep the result as this person's reading. Twice gives the same reading.

    Args:
        labels_sha256: of the client's final reading (``cellcommons.reading.reading_sha256``): both sides must agree.

    Raises:
        Conflict: the client's count of edits or its reading differs from what the hub holds.
        InvalidDocument: the reading as a whole means nothing in this task.
        LeaseExpired, WrongState, NotFound: as ``renew_lease``.
    """
    assignment = (
        Assignment.objects.select_related("item__image", "item__campaign", "draft")
        .filter(pk=assignment_id, person=person)
        .first()
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
            reading_sha256=folded.reading_sha256,
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
    """The final reading, in the object store; no lock is held meanwhile."""
    store, kind = object_store(), kind_of(assignment.item.campaign)
    base = _base(assignment)
    edits = list(edits_in_order(assignment).values_list("tiles", "changes"))
    raster = fold_edits(base.raster, (tiles for tiles, _ in edits)) if base.raster is not None else None
    reading = Reading(raster, fold_changes(base.values, (changes for _, changes in edits)))
    found = reading_sha256(reading, paints=kind.paints, answers=kind.answers)
    if found != expected:
        raise Conflict(
            "the hub's edits give another reading than yours",
            where=str(assignment.pk),
            remedy="Fetch the edits, compare them with your journal, then submit again.",
            extra={"edit_count": assignment.edit_count},
        )
    ground = ground_of(assignment, reading.values)
    kind.check_reading(ground, reading)
    unchanged = (
        assignment.draft_id is not None
        and kind.drafts_are_bases
        and reading.values == base.values
        and (reading.raster is None or base.raster is None or bool(np.array_equal(reading.raster, base.raster)))
    )
    # Equal readings give equal trees, so an accepted draft costs nothing.
    tree = write_reading(store, kind.finished(assignment, reading), answers=kind.answers)
    return _Folded(tree.digest, found, kind.count(reading, ground), unchanged)


def _base(assignment: Assignment) -> Reading:
    """What the edits lie upon: the draft where people start from it, else nothing painted and nothing answered."""
    kind, image = kind_of(assignment.item.campaign), assignment.item.image
    if assignment.draft is not None and kind.drafts_are_bases:
        return read_reading(object_store(), assignment.draft.labels_sha256)
    return Reading(np.zeros((image.height, image.width), dtype=np.uint32) if kind.paints else None)
