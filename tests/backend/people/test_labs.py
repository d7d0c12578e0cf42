"""Labs: who makes them, who comes in, and that no lab is left without a curator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction
from rest_framework.test import APIClient

from backend.imaging.services.datasets import create_dataset
from backend.people.labs import create_lab, first_lab
from backend.people.models import Person, Role

API = "/api/v1/"


@pytest.mark.django_db
def test_a_lab_from_its_making_to_its_last_curator(
    curator: Person, annotator: Person, make_person: Callable[..., Person], client_of: Callable[..., APIClient]
) -> None:
    client = client_of(curator)
    assert client_of(annotator).post(f"{API}labs/", {"slug": "core", "title": "Core"}).status_code == 403
    assert client.post(f"{API}labs/", {"slug": "core", "title": "Core"}).json()["people"] == 1
    assert client.post(f"{API}labs/", {"slug": "CORE", "title": "Core"}).status_code == 409
    assert client.post(f"{API}labs/", {"slug": "-core", "title": "Core"}).status_code == 400
    assert [lab["slug"] for lab in client.get(f"{API}auth/me/").json()["labs"]] == ["commons", "core"]
    members = f"{API}labs/core/members/"
    assert client_of(annotator).get(members).status_code == 404
    for _ in range(2):
        assert client.post(members, {"username": "annotator"}).status_code == 201
    assert client.post(members, {"username": "nobody"}).status_code == 400
    assert [row["username"] for row in client_of(annotator).get(members).json()["results"]] == ["annotator", "curator"]
    assert client.delete(f"{members}curator/").json()["type"] == "urn:cellcommons:wrong-state"
    make_person("second", Role.CURATOR)
    client.post(members, {"username": "second"})
    assert client.delete(f"{members}curator/").status_code == 204
    assert client.get(members).status_code == 404
    # Of several labs the one that is meant is named.
    assert client.post(f"{API}people/", {"username": "x", "password": "seven-hungry-owls", "role": "expert"}).data
    create_lab(slug="third", title="Third", person=curator)
    refused = client.post(f"{API}datasets/", {"slug": "d", "title": "D"})
    assert (refused.status_code, refused.json()["where"]) == (400, "lab")
    assert client.post(f"{API}datasets/", {"lab": "third", "slug": "d", "title": "D"}).json()["name"] == "third/d"


@pytest.mark.django_db
def test_a_dataset_keeps_its_name(curator: Person) -> None:
    create_lab(slug="core", title="Core", person=curator)
    create_dataset(lab=first_lab(), slug="cells", title="Cells", person=curator)
    for change in ("lab_id = 'core'", "slug = 'other'"):
        with pytest.raises(IntegrityError, match="keeps its name"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE imaging_dataset SET {change}")
