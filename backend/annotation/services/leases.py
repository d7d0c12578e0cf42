"""Who works on what, and until when.

Every service here and beside it locks in one order, person -> assignment -> item, so that none waits in a circle. Locks
are FOR NO KEY UPDATE: rows that merely point at a locked one can still be written.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from backend.annotation.kinds.registry import kind_of
from backend.annotation.models import Assignment, AssignmentState, Campaign, CampaignState, Item
from backend.annotation.selectors import items_with_room, taken_slots
from backend.core.errors import LeaseExpired, WrongState
from backend.imaging.access import seen_by
from backend.people.models import Person
from cellcommons.errors import NotFound

_RUSH = 20  # tries past items that others hold locked, before waiting in line


def lease_next_assignment(*, campaign: Campaign, person: Person) -> tuple[Assignment | None, bool]:
    """The work this person should do now, and whether it is newly given.

    One lease a person and campaign: who holds one gets it again, renewed. Who comes back to an item whose lease ran out
    finds the old assignment with its edits. ``(None, False)``: nothing is left for this person.

    Raises:
        WrongState: the campaign is not open.
    """
    for attempt in range(3 * _RUSH):
        with transaction.atomic():
            _lock_person(person)
            held = (
                Assignment.objects.select_for_update(no_key=True, of=("self",))
                .filter(item__campaign=campaign, person=person, state=AssignmentState.LEASED)
                .first()
            )
            if held is not None:
                _extend(held, campaign)
                return held, False
            if attempt == 0:
                campaign.refresh_from_db(fields=["state", "lease_seconds"])
                if campaign.state != CampaignState.OPEN:
                    raise WrongState("this campaign is not open", where=campaign.name, remedy="Choose another one.")
                _expire(campaign=campaign)
            mine = items_with_room(campaign=campaign, person=person)
            # Skipping locked items spreads a crowd over the queue; in the end one waits, lest a busy item look full.
            item = mine.select_for_update(skip_locked=attempt < _RUSH, of=("self",), no_key=True).first()
            if item is None:
                if attempt < _RUSH and mine.exists():
                    continue
                return None, False
            if slot := _free_slot(item):
                return _give(item, slot, campaign, person), True
            # It filled up between the query and the lock. Ask again.
    return None, False


def renew_lease(*, assignment_id: uuid.UUID, person: Person) -> Assignment:
    """The heartbeat: extend a lease, or take an expired one up again.

    Raises:
        LeaseExpired: it ran out and every slot is taken.
        WrongState: it was submitted or given back.
    """
    with transaction.atomic():
        assignment = lock_assignment(assignment_id=assignment_id, person=person)
        hold_lease(assignment)
        return assignment


def return_assignment(*, assignment_id: uuid.UUID, person: Person) -> Assignment:
    """Give the work back; edits are kept, the slot is free. Twice is once. Raises WrongState if submitted."""
    with transaction.atomic():
        assignment = lock_assignment(assignment_id=assignment_id, person=person)
        if assignment.state == AssignmentState.SUBMITTED:
            raise WrongState("it was submitted already", where=str(assignment.pk))
        assignment.state = AssignmentState.RETURNED
        assignment.save(update_fields=["state"])
        return assignment


def expire_overdue_leases() -> int:
    """A sweep: free the slots of leases that ran out."""
    with transaction.atomic():
        return _expire()


def lock_assignment(*, assignment_id: uuid.UUID, person: Person) -> Assignment:
    """Lock person, then assignment. Raises NotFound if it is not this person's."""
    _lock_person(person)
    assignment = (
        Assignment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("item__campaign", "item__image__dataset", "item__image__source", "draft")
        .filter(seen_by(person, "item__campaign__dataset__"), pk=assignment_id, person=person)
        .first()
    )
    if assignment is None:
        raise NotFound("you hold no such assignment")
    return assignment


def hold_lease(assignment: Assignment) -> None:
    """Make sure that a locked assignment is leased now, and extend it.

    Raises:
        LeaseExpired, WrongState: as ``renew_lease``.
    """
    if assignment.state == AssignmentState.EXPIRED:
        item = lock_item(assignment)
        taken = taken_slots(item, but=assignment.pk)
        free = assignment.slot if assignment.slot not in taken else _free_slot(item)
        if not free:
            raise LeaseExpired(
                "the lease ran out and others took the place",
                where=str(assignment.pk),
                remedy="Your edits are kept; ask for the next assignment.",
            )
        assignment.slot, assignment.state = free, AssignmentState.LEASED
    elif assignment.state != AssignmentState.LEASED:
        raise WrongState(f"this assignment is {assignment.state}", where=str(assignment.pk))
    _extend(assignment, assignment.item.campaign)


def lock_item(assignment: Assignment) -> Item:
    """Lock the item of a locked assignment, and read it anew."""
    return Item.objects.select_for_update(no_key=True).get(pk=assignment.item_id)


def _lock_person(person: Person) -> None:
    Person.objects.select_for_update(no_key=True).only("pk").get(pk=person.pk)


def _free_slot(item: Item) -> int | None:
    taken = taken_slots(item)
    return next((slot for slot in range(1, item.readings_needed + 1) if slot not in taken), None)


def _give(item: Item, slot: int, campaign: Campaign, person: Person) -> Assignment:
    expires = timezone.now() + timedelta(seconds=campaign.lease_seconds)
    before = Assignment.objects.filter(item=item, person=person, state=AssignmentState.EXPIRED).order_by("-created")
    if (assignment := before.first()) is not None:
        assignment.slot, assignment.state, assignment.lease_expires_at = slot, AssignmentState.LEASED, expires
        assignment.save(update_fields=["slot", "state", "lease_expires_at"])
        return assignment
    return Assignment.objects.create(
        item=item,
        person=person,
        slot=slot,
        lease_expires_at=expires,
        draft_id=item.draft_id,
        given=kind_of(campaign).given(item),
    )


def _extend(assignment: Assignment, campaign: Campaign) -> None:
    assignment.lease_expires_at = timezone.now() + timedelta(seconds=campaign.lease_seconds)
    assignment.save(update_fields=["state", "slot", "lease_expires_at"])


def _expire(*, campaign: Campaign | None = None) -> int:
    overdue = Assignment.objects.filter(state=AssignmentState.LEASED, lease_expires_at__lt=timezone.now())
    if campaign is not None:
        overdue = overdue.filter(item__campaign=campaign)
    # Who holds one locked is its holder at work: not overdue after all.
    locked = list(overdue.select_for_update(skip_locked=True, of=("self",), no_key=True).values_list("pk", flat=True))
    return Assignment.objects.filter(pk__in=locked).update(state=AssignmentState.EXPIRED) if locked else 0
