"""The layouts that an import may have, over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from backend.annotation.models import Task
from backend.people.models import Person
from cellcommons.layouts.registry import all_layouts


@pytest.mark.django_db
def test_layouts_are_listed(annotator: Person, client_of: Callable[..., APIClient]) -> None:
    rows = client_of(annotator).get("/api/v1/layouts/").data
    assert {row["task"] for row in rows} == set(Task.values)
    assert all(row["title"] for row in rows)
    # Crops share their field's bytes: the hub keeps the field.
    assert {layout.name for layout in all_layouts()} - {row["name"] for row in rows} == {"voc_crops"}
