"""One image, three readers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from every_task import bring_image  # noqa: F401
from messages import sent  # noqa: F401
from readings import open_campaign

from backend.annotation.models import Item
from backend.imaging.models import Dataset, Image
from backend.people.models import Person


@pytest.fixture
def readers(make_person: Callable[..., Person]) -> list[Person]:
    return [make_person(name) for name in ("ada", "bo", "cleo", "dan")]


@pytest.fixture
def item(dataset: Dataset, make_image: Callable[..., Image]) -> Item:
    return open_campaign(dataset, [make_image(shape=(96, 120))]).items.get()
