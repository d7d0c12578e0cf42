"""The layouts that an import may have, over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from backend.people.models import Person


@pytest.mark.django_db
def test_layouts_are_listed(annotator: Person, client_of: Callable[..., APIClient]) -> None:
    rows = client_of(annotator).get("/api/v1/layouts/").data
    assert [row["name"] for row in rows] == ["dsb2018", "plain"]
    assert all(row["title"] and row["task"] == "instance_segmentation" for row in rows)
