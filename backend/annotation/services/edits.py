"""Edits become durable: what was painted, and what was answered."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from backend.annotation.kinds.contract import merged
from backend.annotation.kinds.registry import ground_of, kind_of
from backend.annotation.models import Assignment, AssignmentState, Edit
from backend.annotation.selectors import base_values
from backend.annotation.services.leases import hold_lease, lock_assignment
from backend.core.errors import Conflict
from backend.imaging.access import seen_by
from backend.people.models import Person
from cellcommons.edits import check_tiles
from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.reading import Value, check_changes


@dataclass(frozen=True)
class Recorded:
    """What became of a batch: uuids in the order sent, and where the assignment and the tiles they touch stand now."""

    accepted: list[str]
    duplicates: list[str]
    edit_count: int
    tile_versions: dict[str, int]


def record_edits(*, assignment_id: uuid.UUID, person: Person, edits: list[dict[str, Any]]) -> Recorded:
    """Append a batch of edits, all or none; those with a known uuid are duplicates, not errors.

    Args:
        edits: ``{uuid, seq, tool, params, tiles, changes}`` in order, see docs/protocol.md.

    Raises:
        Conflict: ``seq``, a tile's version or an old value is not what the hub expects; ``extra`` says what it holds.
        InvalidDocument: a tile lies outside the image or does not unpack, or an answer means nothing in this task.
        LeaseExpired, WrongState, NotFound: as ``renew_lease``.
    """
    # Unpacking and reading the base are the slow part: done before the lock.
    assignment = (
        Assignment.objects.select_related("item__image", "item__campaign", "draft")
        .filter(seen_by(person, "item__campaign__dataset__"), pk=assignment_id, person=person)
        .first()
    )
    if assignment is None:
        raise NotFound("you hold no such assignment")
    shape = (assignment.item.image.height, assignment.item.image.width)
    paints = kind_of(assignment.item.campaign).paints
    for edit in edits:
        where = f"edit {edit['uuid']}"
        if edit["tiles"] and not paints:
            raise InvalidDocument("nothing is painted in this task", where=where, remedy="Send changes.")
        check_tiles(edit["tiles"], shape, where=where)
        check_changes(edit.get("changes", {}), where=where)
    base = base_values(assignment) if any(edit.get("changes") for edit in edits) else {}
    with transaction.atomic():
        return _append(lock_assignment(assignment_id=assignment_id, person=person), edits, base)


def _append(assignment: Assignment, edits: list[dict[str, Any]], base: dict[str, Value]) -> Recorded:
    seen = {
        str(name)
        for name in Edit.objects.filter(assignment=assignment, uuid__in=[edit["uuid"] for edit in edits]).values_list(
            "uuid", flat=True
        )
    }
    fresh: list[Edit] = []
    duplicates: list[str] = []
    versions: dict[str, int] = dict(assignment.tile_versions)
    changed: dict[str, Value] = dict(assignment.changed)
    values = merged(base, changed)
    kind, count = kind_of(assignment.item.campaign), assignment.edit_count
    for edit in edits:
        name = str(edit["uuid"])
        if name in seen:
            duplicates.append(name)
            continue
        seen.add(name)
        count += 1
        keys = {f"{tile['y']},{tile['x']}": tile["version"] for tile in edit["tiles"]}
        changes = edit.get("changes", {})
        wrong = any(version != versions.get(key, 0) for key, version in keys.items())
        if edit["seq"] != count or wrong:
            raise _conflict(assignment, edit, values)
        kind.check_changes(ground_of(assignment, values), changes)
        if any(values.get(key) != old for key, (old, _) in changes.items()):
            raise _conflict(assignment, edit, values)
        versions.update({key: version + 1 for key, version in keys.items()})
        changed.update({key: new for key, (_, new) in changes.items()})
        values = merged(values, {key: new for key, (_, new) in changes.items()}) if changes else values
        fresh.append(
            Edit(
                uuid=edit["uuid"],
                assignment=assignment,
                seq=edit["seq"],
                tool=edit["tool"],
                params=edit["params"],
                tiles=[{key: tile[key] for key in ("y", "x", "version", "xor")} for tile in edit["tiles"]],
                changes=changes,
            )
        )
    if fresh:
        hold_lease(assignment)
        Edit.objects.bulk_create(fresh)
        assignment.edit_count, assignment.tile_versions, assignment.changed = count, versions, changed
        assignment.save(update_fields=["edit_count", "tile_versions", "changed"])
    elif assignment.state == AssignmentState.LEASED:
        hold_lease(assignment)
    # Of the tiles in question only: all of them would be more than the strokes.
    touched = {f"{tile['y']},{tile['x']}" for edit in edits for tile in edit["tiles"]}
    held = {key: assignment.tile_versions.get(key, 0) for key in sorted(touched)}
    return Recorded([str(edit.uuid) for edit in fresh], duplicates, assignment.edit_count, held)


def _conflict(assignment: Assignment, edit: dict[str, Any], values: dict[str, Value]) -> Conflict:
    """What the hub holds of what the edit touches: the client fetches what it lacks and replays."""
    held: list[dict[str, Any]] = [
        {"y": tile["y"], "x": tile["x"], "version": assignment.tile_versions.get(f"{tile['y']},{tile['x']}", 0)}
        for tile in edit["tiles"]
    ]
    held += [{"key": key, "value": values.get(key)} for key in edit.get("changes", {})]
    return Conflict(
        f"edit {edit['seq']} does not follow the {assignment.edit_count} edits that the hub holds",
        where=str(edit["uuid"]),
        remedy="Fetch the edits you lack and replay yours.",
        extra={"conflicts": held, "edit_count": assignment.edit_count},
    )
