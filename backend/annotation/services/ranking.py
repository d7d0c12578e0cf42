"""The order in which the queue asks."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import transaction

from backend.annotation.models import Campaign, Item


@transaction.atomic
def rank_items(
    *, campaign: Campaign, ranking: Iterable[tuple[uuid.UUID, int]], offered: set[uuid.UUID] | None = None
) -> int:
    """Give items of ``campaign`` their ranks; return how many.

    Args:
        ranking: (item id, rank), lower asked first. Items not named keep what they have.
        offered: the ids to hand out now; the other ranked ones wait for a later Round. None: all of them.
    """
    ranks = dict(ranking)
    # Locked in one order: two Rounds at once wait for one another instead of in a circle.
    items = list(Item.objects.select_for_update(no_key=True).filter(campaign=campaign, pk__in=ranks).order_by("pk"))
    for item in items:
        item.rank = ranks[item.pk]
        item.offered = offered is None or item.pk in offered
    Item.objects.bulk_update(items, ["rank", "offered"], batch_size=1000)
    return len(items)
