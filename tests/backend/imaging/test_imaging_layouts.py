"""The layouts that an import may have, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
from rest_framework.test import APIClient

from backend.annotation.models import Task
from backend.imaging.layouts import hub_layout, why_not
from backend.people.models import Person
from cellcommons.errors import UnknownLayout
from cellcommons.layouts.carries import Carries
from cellcommons.layouts.contract import Layout
from cellcommons.layouts.registry import all_layouts


@pytest.mark.django_db
def test_layouts_are_listed(annotator: Person, client_of: Callable[..., APIClient]) -> None:
    rows = client_of(annotator).get("/api/v1/layouts/").data
    assert {row["task"] for row in rows} == set(Task.values)
    assert all(row["title"] for row in rows)
    taken = {row["name"] for row in rows}
    assert {layout.name for layout in all_layouts() if not why_not(layout)} == taken
    # What is not taken is refused by name, with the reason.
    for layout in all_layouts():
        if layout.name not in taken:
            with pytest.raises(UnknownLayout, match=layout.name):
                hub_layout(layout.name)


@dataclass(frozen=True)
class Strange:
    """A layout that the hub has no place for."""

    name: str = "strange"
    title: str = "Strange"
    task: str = "keypoints"
    carries: Carries = field(default_factory=Carries)


def test_why_a_layout_is_not_taken() -> None:
    assert why_not(cast(Layout, Strange())) == "the hub cannot keep labels of keypoints"
    alone = Strange(task="instance_segmentation", carries=Carries(images=False))
    assert why_not(cast(Layout, alone)) == "it publishes labels without their images"
    assert not why_not(cast(Layout, Strange(task="classification")))
