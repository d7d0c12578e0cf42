"""What is known about consensus: readings, the latest revisions, the experts' queue."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Least

from backend.annotation.kinds.contract import GivenRow
from backend.annotation.kinds.registry import kind_of
from backend.annotation.models import Annotation, AuthorKind, Campaign, Item
from backend.consensus.models import Consensus, ConsensusState, Disagreement, DisagreementState
from backend.imaging.access import seen_by
from backend.people.names import by_name
from cellcommons.kinds.registry import kind_of as library_kind


def counted_readings(item_id: uuid.UUID | str) -> list[Annotation]:
    """The readings of an item that are fused, in the order they came in.

    Those of people who drew; and the draft, once, however many people accepted it unchanged: they were shown the same
    answer, so their agreeing with one another says nothing about it.
    """
    people = Annotation.objects.filter(item_id=item_id, author_kind=AuthorKind.PERSON).order_by("created", "id")
    accepted = next((reading for reading in people if not reading.independent), None)
    return [reading for reading in people if reading.independent or reading == accepted]


def readings_elsewhere(item: Item, *, limit: int) -> list[Annotation]:
    """What people drew themselves of the campaign's other images, newest first: what tells how each of them reads."""
    others = Annotation.objects.filter(
        item__campaign=item.campaign_id, author_kind=AuthorKind.PERSON, independent=True
    ).exclude(item=item)
    return list(others.order_by("-created", "id")[:limit])


def companions_of(item: Item) -> dict[str, str]:
    """What the task gives beside the image: kind -> tree digest."""
    known = library_kind(item.campaign.task).companions
    # All of them, so that rows that were fetched before are not asked for again.
    return {one.kind: one.tree_sha256 for one in item.image.companions.all() if one.kind in known}


def given_rows(consensus: Consensus) -> list[GivenRow]:
    """What those who read the image were given, as the first of them saw it."""
    first = consensus.readings.select_related("assignment").order_by("created", "id").first()
    if first is not None and first.assignment is not None and first.assignment.given:
        return list(first.assignment.given)
    return kind_of(consensus.item.campaign).given(consensus.item)


def latest_consensuses() -> QuerySet[Consensus]:
    """The highest revision of every item."""
    newest = Consensus.objects.filter(item=OuterRef("item")).order_by("-revision").values("id")[:1]
    return Consensus.objects.filter(id=Subquery(newest))


def latest_consensus(item_id: uuid.UUID | str) -> Consensus | None:
    """The highest revision of one item, or None."""
    return Consensus.objects.filter(item_id=item_id).order_by("-revision").first()


def settled_consensuses(campaign: Campaign) -> QuerySet[Consensus]:
    """What a release can be made of: items of the campaign whose latest revision is settled."""
    return latest_consensuses().filter(item__campaign=campaign, state=ConsensusState.SETTLED)


def consensuses_seen_by(person: Any) -> QuerySet[Consensus]:
    """All revisions, of images that ``person`` may see."""
    return Consensus.objects.filter(seen_by(person, "item__campaign__dataset__"))


def list_consensuses(person: Any, *, campaign: str = "", state: str = "") -> QuerySet[Consensus]:
    """Latest revisions that ``person`` may see, for a list: campaign and number of readings at hand."""
    wanted = by_name(campaign, "item__campaign__") if campaign else Q()
    wanted &= Q(state=state) if state else Q()
    return (
        latest_consensuses()
        .filter(wanted, seen_by(person, "item__campaign__dataset__"))
        .select_related("item__campaign")
        .annotate(reading_count=Count("readings"))
        .order_by("-created", "id")
    )


def list_disagreements(person: Any, *, campaign: str = "", state: str = "") -> QuerySet[Disagreement]:
    """Disagreements that ``person`` may see, in the order they arose, campaign, image and consensus at hand."""
    wanted = by_name(campaign, "item__campaign__") if campaign else Q()
    wanted &= Q(state=state) if state else Q()
    rows = Disagreement.objects.filter(wanted, seen_by(person, "item__campaign__dataset__"))
    return rows.select_related(
        "consensus__item__campaign", "item__campaign__dataset", "item__image__dataset", "item__image__source"
    ).order_by("created", "consensus_id", "index")


def count_outcomes(campaigns: list[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
    """Campaign id -> items settled, items disputed; see ``backend.annotation.progress``."""
    rows = (
        latest_consensuses()
        .filter(item__campaign__in=campaigns)
        .values_list("item__campaign")
        .annotate(
            settled=Count("pk", filter=Q(state=ConsensusState.SETTLED)),
            disputed=Count("pk", filter=Q(state=ConsensusState.DISPUTED)),
        )
    )
    return {campaign: (settled, disputed) for campaign, settled, disputed in rows}


def unfused_items(*, before: datetime, limit: int = 500) -> list[uuid.UUID]:
    """Items with enough readings, the last of them older than ``before``, that no consensus holds all of."""
    fused = latest_consensuses().filter(item=OuterRef("id")).annotate(n=Count("readings")).values("n")[:1]
    drawn = Q(annotations__author_kind=AuthorKind.PERSON, annotations__independent=True)
    accepted = Q(annotations__author_kind=AuthorKind.PERSON, annotations__independent=False)
    items = (
        Item.objects.filter(readings_done__gte=F("readings_needed"))
        .annotate(counted=Count("annotations", filter=drawn) + Least(1, Count("annotations", filter=accepted)))
        .annotate(fused=Subquery(fused))
        .filter(Q(fused__isnull=True) | Q(fused__lt=F("counted")))
        .exclude(annotations__created__gte=before)
    )
    return list(items.order_by("created").values_list("id", flat=True)[:limit])


def unfinished_consensuses(*, limit: int = 500) -> list[uuid.UUID]:
    """Latest disputed revisions of which nothing is left open: what a dead process should have settled."""
    left = Count("disagreements", filter=Q(disagreements__state=DisagreementState.OPEN))
    disputed = latest_consensuses().filter(state=ConsensusState.DISPUTED).annotate(left=left)
    return list(disputed.filter(left=0).values_list("id", flat=True)[:limit])
