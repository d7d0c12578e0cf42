"""Questions about campaigns and the work in them."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Count, Exists, F, IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from backend.annotation.kinds.registry import kind_of
from backend.annotation.models import LIVE, Assignment, AssignmentState, Campaign, Edit, Item
from backend.core.storage import object_store
from backend.imaging.access import seen_by
from backend.people.models import Person
from cellcommons.reading import Value, read_values

_LIVE = Assignment.objects.filter(item=OuterRef("pk"), state__in=LIVE)


def campaigns_seen_by(person: Any) -> QuerySet[Campaign]:
    """Campaigns over datasets that ``person`` may see."""
    return Campaign.objects.filter(seen_by(person, "dataset__")).select_related("dataset")


def campaigns_with_counts(person: Any) -> QuerySet[Campaign]:
    """Campaigns that ``person`` may see, newest first, each with ``item_count``, ``needed_count`` and ``done_count``
    (readings)."""
    return (
        campaigns_seen_by(person)
        .annotate(
            item_count=Count("items"),
            needed_count=Coalesce(Sum("items__readings_needed"), 0),
            done_count=Coalesce(Sum("items__readings_done"), 0),
        )
        .order_by("-created")
    )


def items_with_room(*, campaign: Campaign, person: Person) -> QuerySet[Item]:
    """Offered items with a free slot that this person neither has, has read, nor gave back; best rank first."""
    taken = _LIVE.order_by().values("item").annotate(number=Count("pk")).values("number")
    mine = Assignment.objects.filter(item=OuterRef("pk"), person=person, state__in=(*LIVE, AssignmentState.RETURNED))
    return (
        # The readings done are kept on the row, so that finished items cost nothing however many there are.
        Item.objects.filter(campaign=campaign, offered=True, readings_done__lt=F("readings_needed"))
        .annotate(taken=Coalesce(Subquery(taken, output_field=IntegerField()), 0))
        .filter(~Exists(mine), taken__lt=F("readings_needed"))
        .order_by("rank", "created", "pk")
    )


def unread_items(*, campaign: Campaign) -> QuerySet[Item]:
    """Items nobody has read or is reading: what a Round ranks and what gets drafts."""
    return (
        Item.objects.filter(~Exists(_LIVE), campaign=campaign, readings_done=0)
        .select_related("image")
        .order_by("rank", "created", "pk")
    )


def taken_slots(item: Item, *, but: uuid.UUID | None = None) -> set[int]:
    """Slots of ``item`` that live assignments (other than ``but``) hold."""
    live = Assignment.objects.filter(item=item, state__in=LIVE).exclude(pk=but)
    return set(live.values_list("slot", flat=True))


def assignments_of(person: Person) -> QuerySet[Assignment]:
    """A person's own assignments, newest first, with all that their JSON shows at hand; of what they still may see."""
    return (
        Assignment.objects.filter(seen_by(person, "item__campaign__dataset__"), person=person)
        .select_related("item__campaign", "item__image__dataset", "item__image__source", "draft")
        .order_by("-created")
    )


def edits_in_order(assignment: Assignment) -> QuerySet[Edit]:
    """The edits of an assignment by ``seq``."""
    return Edit.objects.filter(assignment=assignment).order_by("seq")


def base_values(assignment: Assignment) -> dict[str, Value]:
    """The answers that the edits lie upon: the draft's where people start from it, else none."""
    kind = kind_of(assignment.item.campaign)
    if not kind.answers or not kind.drafts_are_bases or assignment.draft is None:
        return {}
    return read_values(object_store(), assignment.draft.labels_sha256)
