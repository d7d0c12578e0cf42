"""Strokes become durable."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from backend.annotation.models import Assignment, AssignmentState, Edit
from backend.annotation.services.leases import hold_lease, lock_assignment
from backend.core.errors import Conflict
from backend.people.models import Person
from cellcommons.edits import check_tiles
from cellcommons.errors import NotFound


@dataclass(frozen=True)
class Recorded:
    """What became of a batch: uuids in the order sent, and where the assignment stands now."""

    accepted: list[str]
    duplicates: list[str]
    edit_count: int
    tile_versions: dict[str, int]


def record_edits(*, assignment_id: uuid.UUID, person: Person, edits: list[dict[str, Any]]) -> Recorded:
    """Append a batch of edits, all or none; those with a known uuid are duplicates, not errors.

    Args:
        edits: ``{uuid, seq, tool, params, tiles}`` in order, see docs/protocol.md.

    Raises:
        Conflict: ``seq`` or a tile's version is not what the hub expects; ``extra`` says what it holds.
        InvalidDocument: a tile lies outside the image or does not unpack.
        LeaseExpired, WrongState, NotFound: as ``renew_lease``.
    """
    # Unpacking is the slow part: done before the lock.
    assignment = Assignment.objects.select_related("item__image").filter(pk=assignment_id, person=person).first()
    if assignment is None:
        raise NotFound("you hold no such assignment", where=str(assignment_id))
    shape = (assignment.item.image.height, assignment.item.image.width)
    for edit in edits:
        check_tiles(edit["tiles"], shape, where=f"edit {edit['uuid']}")
    try:
        with transaction.atomic():
            return _append(lock_assignment(assignment_id=assignment_id, person=person), edits)
    except IntegrityError as error:
        # Assignments of one person are served one after another, so the uuid is another assignment's.
        raise Conflict("an edit's uuid is used by another assignment", where=str(assignment_id)) from error


def _append(assignment: Assignment, edits: list[dict[str, Any]]) -> Recorded:
    seen = {
        str(known)
        for known in Edit.objects.filter(assignment=assignment, uuid__in=[edit["uuid"] for edit in edits]).values_list(
            "uuid", flat=True
        )
    }
    fresh: list[Edit] = []
    duplicates: list[str] = []
    versions: dict[str, int] = dict(assignment.tile_versions)
    count = assignment.edit_count
    for edit in edits:
        name = str(edit["uuid"])
        if name in seen:
            duplicates.append(name)
            continue
        seen.add(name)
        count += 1
        keys = {f"{tile['y']},{tile['x']}": tile["version"] for tile in edit["tiles"]}
        wrong = [key for key, version in keys.items() if version != versions.get(key, 0)]
        if edit["seq"] != count or wrong:
            raise _conflict(assignment, edit)
        versions.update({key: version + 1 for key, version in keys.items()})
        fresh.append(
            Edit(
                uuid=edit["uuid"],
                assignment=assignment,
                seq=edit["seq"],
                tool=edit["tool"],
                params=edit["params"],
                tiles=[{key: tile[key] for key in ("y", "x", "version", "xor")} for tile in edit["tiles"]],
            )
        )
    if fresh:
        hold_lease(assignment)
        Edit.objects.bulk_create(fresh)
        assignment.edit_count, assignment.tile_versions = count, versions
        assignment.save(update_fields=["edit_count", "tile_versions"])
    elif assignment.state == AssignmentState.LEASED:
        hold_lease(assignment)
    return Recorded([str(edit.uuid) for edit in fresh], duplicates, assignment.edit_count, assignment.tile_versions)


def _conflict(assignment: Assignment, edit: dict[str, Any]) -> Conflict:
    """What the hub holds of the tiles that the edit touches: the client fetches what it lacks and replays."""
    held = [
        {"y": tile["y"], "x": tile["x"], "version": assignment.tile_versions.get(f"{tile['y']},{tile['x']}", 0)}
        for tile in edit["tiles"]
    ]
    return Conflict(
        f"edit {edit['seq']} does not follow the {assignment.edit_count} edits that the hub holds",
        where=str(edit["uuid"]),
        remedy="Fetch the edits you lack and replay yours.",
        extra={"conflicts": held, "edit_count": assignment.edit_count},
    )
