"""Anyone can read what is published, byte for byte; nobody sees the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from backend.annotation.models import Campaign
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from backend.releases import services
from backend.releases.models import Release, ReleaseObject, ReleaseState
from cellcommons.canonical import sha256_hex
from cellcommons.manifest import Manifest

Clients = Callable[[Person | None], APIClient]
CREATE = "/api/v1/datasets/commons/cells/releases/"
RELEASE = "/api/v1/releases/commons/cells/1/"
DRAFT = "/api/v1/releases/commons/cells/draft/"


@pytest.fixture
def release(dataset: Dataset, campaign: Campaign, curator: Person) -> Release:
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    return services.publish_release(release_id=draft.pk)


def test_a_stranger_reads_a_published_release_whole(
    release: Release, client_of: Clients, django_assert_max_num_queries: Any
) -> None:
    stranger = client_of(None)
    with django_assert_max_num_queries(3):
        listed = stranger.get("/api/v1/releases/?dataset=commons/cells").json()
    assert [row["reference"] for row in listed["results"]] == ["commons/cells@1.0.0"]
    shown = stranger.get(RELEASE).json()
    assert shown["state"] == "published"
    assert shown["counts"] == {"images": 4, "cells": 12, "readings": 8, "tracks": 0, "divisions": 0}
    assert sum(shown["splits"].values()) == 4
    assert shown["parent"] is None
    assert shown["card"].startswith("# ") or "\n# " in shown["card"]

    answer = stranger.get(f"{RELEASE}manifest")
    assert sha256_hex(answer.content) == shown["manifest_sha256"]
    assert "public" in answer["Cache-Control"]
    manifest = Manifest.parse(answer.content)
    card = manifest.card.sha256
    path = f"{RELEASE}objects/sha256/{card[:2]}/{card[2:4]}/{card}"
    whole = stranger.get(path)
    assert sha256_hex(whole.content) == card
    assert whole["Cache-Control"] == "public, max-age=300, must-revalidate", "it may be withdrawn one day"
    part = stranger.get(path, headers={"range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, whole.content[2:6])

    with django_assert_max_num_queries(5):
        images = stranger.get(f"{RELEASE}images/?page_size=2").json()
    assert images["count"] == 4
    assert len(images["results"]) == 2
    assert {"image", "name", "split", "stratum", "cells", "preview_url"} <= set(images["results"][0])
    picture = stranger.get(images["results"][0]["preview_url"])
    assert picture["Content-Type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")


def test_only_the_objects_of_the_release_are_served(
    release: Release, client_of: Clients, make_image: Callable[..., Image]
) -> None:
    stranger, other = client_of(None), make_image("not in it")
    for digest in (other.tree_sha256, other.original_sha256, "0" * 64, "zz"):
        path = f"{RELEASE}objects/sha256/{digest[:2]}/{digest[2:4]}/{digest}"
        assert stranger.get(path).status_code == 404, digest
    inside = ReleaseObject.objects.first()
    assert inside is not None
    assert stranger.get(f"{RELEASE}objects/sha256/00/00/{inside.sha256}").status_code == 404
    assert stranger.get(f"{RELEASE}images/{other.pk}/preview.png").status_code == 404
    # An image's original is no part of a release.
    assert not ReleaseObject.objects.filter(sha256=release.images.first().image.original_sha256).exists()


def test_a_draft_is_for_curators(dataset: Dataset, campaign: Campaign, curator: Person, client_of: Clients) -> None:
    created = client_of(curator).post(
        CREATE, {"campaign": campaign.name, "title": "T", "seed": 1, "licence": "CC-BY-4.0"}
    )
    assert created.status_code == 202
    assert (created.json()["reference"], created.json()["state"]) == ("commons/cells@draft", "draft")
    assert client_of(curator).get(DRAFT).json()["licence"] == "CC-BY-4.0"
    stranger = client_of(None)
    for path in (
        DRAFT,
        f"{DRAFT}manifest",
        f"{DRAFT}images/",
        f"/api/v1/releases/commons/cells/{created.json()['id']}/",
    ):
        assert stranger.get(path).status_code == 404, path
    assert stranger.get("/api/v1/releases/").json()["count"] == 0
    assert client_of(curator).get("/api/v1/releases/").json()["count"] == 1
    busy = client_of(curator).post(CREATE, {"campaign": campaign.name})
    assert (busy.status_code, busy.json()["type"]) == (409, "urn:cellcommons:wrong-state")


def test_a_licence_milder_than_the_datasets_is_refused_with_one_that_would_do(
    dataset: Dataset, campaign: Campaign, curator: Person, client_of: Clients
) -> None:
    Dataset.objects.filter(pk=dataset.pk).update(licence="CC-BY-NC-4.0")
    refused = client_of(curator).post(CREATE, {"campaign": campaign.name, "licence": "CC0-1.0"})
    assert refused.status_code == 400
    assert "CC-BY-NC-4.0 asks for attribution and non-commercial" in refused.json()["detail"]
    assert "CC-BY-NC-4.0 or stricter" in refused.json()["remedy"]
    assert client_of(curator).post(CREATE, {"campaign": campaign.name}).json()["licence"] == "CC-BY-NC-4.0"


def test_the_cards_for_machines_are_served_as_objects_of_the_release(release: Release, client_of: Clients) -> None:
    stranger = client_of(None)
    manifest = json.loads(stranger.get(f"{RELEASE}manifest").content)
    assert {"croissant.json", "datacite.json", "ro-crate-metadata.json", "CITATION.cff"} <= set(manifest["files"])
    for blob in manifest["files"].values():
        digest = blob["sha256"]
        served = stranger.get(f"{RELEASE}objects/sha256/{digest[:2]}/{digest[2:4]}/{digest}")
        assert sha256_hex(served.content) == digest


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"campaign": "commons/no-such"},
        {"campaign": "commons/unsettled"},
        {"campaign": "commons/round-one", "fractions": {"train": 0.5, "validation": 0.1, "test": 0.1}},
        {"campaign": "commons/round-one", "licence": "no spaces please"},
        {"campaign": "commons/round-one", "seed": -1},
    ],
)
def test_a_request_that_makes_no_sense_is_a_400(
    dataset: Dataset, curator: Person, client_of: Clients, body: dict[str, Any]
) -> None:
    for slug in ("round-one", "unsettled"):
        Campaign.objects.create(lab_id=dataset.lab_id, slug=slug, title=slug, dataset=dataset)
    answer = client_of(curator).post(CREATE, body)
    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert not Release.objects.exists()


def test_only_curators_publish(dataset: Dataset, expert: Person, annotator: Person, client_of: Clients) -> None:
    Campaign.objects.create(lab_id=dataset.lab_id, slug="c", title="c", dataset=dataset)
    for person, status in ((None, 401), (annotator, 403), (expert, 403)):
        assert client_of(person).post(CREATE, {"campaign": "commons/c"}).status_code == status


def test_a_failed_release_says_why_to_curators(
    dataset: Dataset, campaign: Campaign, curator: Person, client_of: Clients
) -> None:
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    Release.objects.update(state=ReleaseState.FAILED, error="the disk is full")
    assert client_of(curator).get(DRAFT).json()["error"] == "the disk is full"
    again = client_of(curator).post(CREATE, {"campaign": campaign.name})
    assert (again.status_code, again.json()["id"]) == (202, str(draft.pk))


def test_a_version_that_leaves_something_open_is_the_newest_that_stands(
    release: Release, dataset: Dataset, campaign: Campaign, curator: Person, client_of: Clients
) -> None:
    """Same records, other words: 1.0.1. The id of a release is its address from its draft on."""
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator, title="Other words")
    path = f"/api/v1/releases/commons/cells/{draft.pk}/"
    assert client_of(curator).get(path).json()["version"] == ""
    second = services.publish_release(release_id=draft.pk)
    assert second.reference == "commons/cells@1.0.1"
    client = client_of(None)

    def answer(version: str) -> str | int:
        got = client.get(f"/api/v1/releases/commons/cells/{version}/")
        return got.json()["reference"] if got.status_code == 200 else got.status_code

    assert [answer(v) for v in ("newest", "1", "1.0", "1.0.1", str(draft.pk))] == ["commons/cells@1.0.1"] * 5
    assert answer("1.0.0") == "commons/cells@1.0.0"
    assert [answer(v) for v in ("2", "1.1", "1.0.2", "0", "draft", "01", "1.0.0.0", "x")] == [404] * 8
    services.withdraw_release(release_id=second.pk, person=curator, reason="wrong words")
    assert [answer(v) for v in ("1", "1.0", "1.0.1", str(draft.pk))] == [
        "commons/cells@1.0.0",
        "commons/cells@1.0.0",
        410,
        410,
    ]
    services.withdraw_release(release_id=release.pk, person=curator, reason="wrong pixels")
    assert answer("1") == answer("newest") == 410
