"""Many objects in one answer: of this release alone, in the order asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from rest_framework.test import APIClient

from backend.annotation.models import Campaign
from backend.core import object_packs
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from backend.releases import services
from backend.releases.models import Release
from cellcommons.canonical import sha256_hex
from cellcommons.object_packs import MEDIA_TYPE, MOST, Unpacked

Clients = Callable[[Person | None], APIClient]
PACK = "/api/v1/releases/commons/cells/1/objects/"


@pytest.fixture
def release(dataset: Dataset, campaign: Campaign, curator: Person) -> Release:
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    return services.publish_release(release_id=draft.pk)


@pytest.fixture
def digests(release: Release) -> list[str]:
    return sorted(release.objects_needed.values_list("sha256", flat=True), reverse=True)


def digests_in(*blocks: bytes) -> list[str]:
    return [sha256_hex(data) for data in Unpacked(blocks)]


def test_a_stranger_gets_what_is_asked_for_in_its_order(
    digests: list[str], client_of: Clients, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(object_packs, "_BLOCK", 1000)
    with django_assert_max_num_queries(2):
        answer = client_of(None).post(PACK, {"sha256": [*digests, digests[0]]}, format="json")
    blocks = list(answer.streaming_content)
    assert len(blocks) > 3
    assert digests_in(*blocks) == digests, "what was named twice comes once"
    assert (answer["Content-Type"], int(answer["Content-Length"])) == (MEDIA_TYPE, sum(map(len, blocks)))


def test_the_web_server_sends_the_same(digests: list[str], client_of: Clients) -> None:
    async def ask() -> list[str]:
        body = json.dumps({"sha256": digests})
        answer = await AsyncClient().post(PACK, data=body, content_type="application/json")
        return digests_in(*[block async for block in answer.streaming_content])

    assert async_to_sync(ask)() == digests


def test_only_the_objects_of_the_release_are_in_it(
    release: Release, digests: list[str], client_of: Clients, make_image: Callable[..., Image], curator: Person
) -> None:
    stranger, other = client_of(None), make_image("not in it")
    for digest in (other.tree_sha256, other.original_sha256, "0" * 64):
        answer = stranger.post(PACK, {"sha256": [digests[0], digest]}, format="json")
        assert (answer.status_code, answer.json()["where"]) == (404, digest)
    for names in ([], ["zz"], ["0" * 64] * (MOST + 1), "0" * 64):
        assert stranger.post(PACK, {"sha256": names}, format="json").status_code == 400, names
    services.withdraw_release(release_id=release.pk, person=curator, reason="wrong cells")
    gone = stranger.post(PACK, {"sha256": digests}, format="json")
    assert (gone.status_code, gone.json()["reason"]) == (410, "wrong cells")


def test_a_large_object_is_fetched_alone(
    digests: list[str], client_of: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_packs, "LARGEST", 10)
    answer = client_of(None).post(PACK, {"sha256": digests}, format="json")
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:cellcommons:too-large")
