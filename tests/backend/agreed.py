"""A campaign with five images of five sources; four of them are read by two people who agree."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from readings import add_reading, disks, open_campaign

from backend.annotation.models import Campaign, Item
from backend.consensus.services import fuse_item
from backend.imaging.models import Dataset, Image
from backend.people.models import Person

SHAPE = (80, 96)
PLACES = [(20, 20), (20, 60), (55, 40)]


@pytest.fixture
def readers(make_person: Callable[..., Person]) -> list[Person]:
    return [make_person(name) for name in ("ada", "bo")]


@pytest.fixture
def read(readers: list[Person]) -> Callable[[Item], None]:
    """``read(item)``: two readings that agree, and their consensus."""

    def both(item: Item) -> None:
        for slot, person in enumerate(readers, start=1):
            add_reading(item, person, disks(SHAPE, PLACES), slot=slot)
        fuse_item(item_id=item.pk)

    return both


@pytest.fixture
def campaign(dataset: Dataset, make_image: Callable[..., Image], read: Callable[[Item], None]) -> Campaign:
    images = [make_image(shape=SHAPE, source=f"slide {number}") for number in range(5)]
    campaign = open_campaign(dataset, images, readings_needed=2)
    for item in list(campaign.items.order_by("rank"))[:4]:
        read(item)
    return campaign
