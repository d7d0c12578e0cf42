"""What changed since the release before: computed once, open to whoever may see both, and to a curator beforehand."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest
from agreed import PLACES, SHAPE
from messages import Messages
from readings import add_reading, disks, open_campaign
from rest_framework.test import APIClient

from backend.annotation.models import Campaign
from backend.consensus.services import fuse_item
from backend.core.errors import WrongState
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from backend.releases import comparing, review, services
from backend.releases.models import Comparison, ComparisonState, Release, ReleaseState
from backend.releases.tasks import compare
from cellcommons.errors import InvalidDocument
from cellcommons.store import ObjectStore
from cellcommons.tree import load_tree

Clients = Callable[[Person | None], APIClient]
DIFF = "/api/v1/releases/commons/cells/2/diff/"
DRAFT = "/api/v1/releases/commons/cells/draft/"


@pytest.fixture
def first(dataset: Dataset, campaign: Campaign, curator: Person) -> Release:
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    return services.publish_release(release_id=draft.pk)


@pytest.fixture
def second_round(first: Release, dataset: Dataset, readers: list[Person]) -> Campaign:
    """The same images read anew: one cell of the first is gone, one of the second is elsewhere; a fifth is read too."""
    images = list(Image.objects.filter(dataset=dataset).order_by("created"))
    again = open_campaign(dataset, images, readings_needed=2, slug="round-two")
    for number, item in enumerate(again.items.order_by("rank")):
        places = {0: PLACES[:2], 1: [*PLACES[:2], (40, 80)]}.get(number, PLACES)
        for slot, person in enumerate(readers, start=1):
            add_reading(item, person, disks(SHAPE, places), slot=slot)
        fuse_item(item_id=item.pk)
    return again


@pytest.fixture
def second(second_round: Campaign, dataset: Dataset, curator: Person) -> Release:
    draft = services.draft_release(dataset=dataset, campaign=second_round, person=curator)
    return services.publish_release(release_id=draft.pk)


def held(dataset: Dataset, campaign: Campaign, curator: Person, **changes: Any) -> Release:
    return services.draft_release(dataset=dataset, campaign=campaign, person=curator, review=True, **changes)


def computed(client: APIClient, url: str = DIFF) -> dict[str, Any]:
    """Ask, let the worker work, ask again."""
    asked = client.get(url)
    assert asked.status_code == 202, asked.content
    assert (asked.json()["state"], asked.json()["summary"]) == ("waiting", None)
    for row in Comparison.objects.filter(state=ComparisonState.WAITING):
        compare(str(row.pk))
    answer = client.get(url)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_stranger_reads_what_changed(second: Release, first: Release, client_of: Clients) -> None:
    stranger = client_of(None)
    told = computed(stranger)
    assert (told["state"], told["before"], told["after"]) == ("done", "commons/cells@1.0.0", "commons/cells@2.0.0")
    assert (told["before_sha256"], told["after_sha256"]) == (first.manifest_sha256, second.manifest_sha256)
    numbers = told["summary"]
    assert numbers["images"] | {"before": 4, "after": 5, "added": 1, "removed": 0} == numbers["images"]
    cells = numbers["cells"]
    assert (cells["died"], cells["born"], cells["added"], cells["before"], cells["after"]) == (2, 1, 3, 12, 14)
    assert {(row["kind"], row["changes"]) for row in told["images"] if row["changes"] or row["kind"] == "added"} == {
        ("changed", 1), ("changed", 2), ("added", 0),
    }  # fmt: skip
    assert [row["kind"] for row in told["cells"]] == ["died", "born", "died"]
    for row in told["cells"]:
        picture = stranger.get(row["picture_url"])
        assert picture["Content-Type"] == "image/png"
        assert picture.content.startswith(b"\x89PNG")
    tables = {row["name"]: stranger.get(row["url"]).content for row in told["tables"]}
    assert sorted(tables) == ["cells.parquet", "images.parquet", "tracks.parquet"]
    assert pq.read_table(io.BytesIO(tables["cells.parquet"])).num_rows == 3
    assert {row["name"]: row["bytes"] for row in told["tables"]} == {name: len(data) for name, data in tables.items()}
    missing = told["cells"][0]["picture_url"].rsplit("/", 1)[0] + "/nothing.png"
    assert stranger.get(missing).status_code == 404


def test_it_is_computed_once(
    second: Release, client_of: Clients, sent: Messages, django_capture_on_commit_callbacks: Any
) -> None:
    def orders(answer: Callable[[], object]) -> list[str]:
        with django_capture_on_commit_callbacks(execute=True):
            answer()
        return [name for name, _ in sent()]

    sent()
    client = client_of(None)
    assert orders(lambda: client.get(DIFF)) == ["releases.compare"]
    assert orders(lambda: client.get(DIFF)) == []
    row = Comparison.objects.get()
    compare(str(row.pk))
    told = client.get(DIFF).json()
    row.refresh_from_db()
    kept = (row.tree_sha256, row.asked_at)
    compare(str(row.pk))
    assert orders(lambda: client.get(f"{DIFF}?against=commons/cells@1")) == []
    assert all(
        client.get(f"{DIFF}?against=commons/cells@{version}").json() == told for version in ("1", "1.0", "1.0.0")
    )
    row.refresh_from_db()
    assert (row.tree_sha256, row.asked_at) == kept


def test_what_the_store_has_lost_is_computed_again(second: Release, client_of: Clients, store: ObjectStore) -> None:
    told = computed(client_of(None))
    store.delete(Comparison.objects.get().tree_sha256)
    assert computed(client_of(None)) == told


def test_a_draft_is_seen_as_it_will_be_published(
    second_round: Campaign, dataset: Dataset, curator: Person, annotator: Person, client_of: Clients
) -> None:
    draft = held(dataset, second_round, curator)
    services.publish_release(release_id=draft.pk)
    draft.refresh_from_db()
    assert draft.state == ReleaseState.DRAFT, "a held draft is not published by itself"
    Release.objects.filter(pk=draft.pk).update(drafted_at="2026-01-01T00:00:00Z")
    assert services.sweep_releases() == 0
    for nosy in (None, annotator):
        assert client_of(nosy).get(f"{DRAFT}diff/").status_code == 404
    told = computed(client_of(curator), f"/api/v1/releases/commons/cells/{draft.pk}/diff/")
    assert told["summary"]["cells"]["died"] == 2
    picture = told["cells"][0]["picture_url"]
    assert client_of(curator).get(picture).status_code == 200
    assert client_of(annotator).get(picture).status_code == 404
    assert "private" in client_of(curator).get(picture)["Cache-Control"]
    draft.refresh_from_db()
    assert (draft.state, draft.manifest_sha256) == (ReleaseState.DRAFT, "")

    answer = client_of(curator).post(f"{DRAFT}draft/")
    assert (answer.status_code, answer.json()["held"]) == (202, False)
    published = services.publish_release(release_id=draft.pk)
    assert published.state == ReleaseState.PUBLISHED
    assert published.manifest_sha256 == told["after_sha256"], "what was looked at is what is published"
    assert client_of(None).get(DIFF).json()["summary"] == told["summary"]
    with pytest.raises(WrongState):
        review.publish_draft(release_id=draft.pk)
    assert client_of(curator).delete(f"/api/v1/releases/commons/cells/{draft.pk}/draft/").status_code == 409


def test_a_draft_may_be_discarded_and_made_anew(
    second_round: Campaign, dataset: Dataset, curator: Person, annotator: Person, client_of: Clients
) -> None:
    draft = held(dataset, second_round, curator)
    computed(client_of(curator), f"{DRAFT}diff/")
    with pytest.raises(WrongState, match="waits to be looked at"):
        held(dataset, second_round, curator)
    assert client_of(annotator).delete(f"{DRAFT}draft/").status_code == 403
    assert client_of(curator).delete(f"{DRAFT}draft/").status_code == 204
    assert not Release.objects.filter(pk=draft.pk).exists()
    assert not Comparison.objects.exists()
    held(dataset, second_round, curator, title="Again")
    assert computed(client_of(curator), f"{DRAFT}diff/")["summary"]["facts"]["title"][1] == "Again"


def test_what_an_earlier_draft_would_have_been_is_not_shown(second: Release, client_of: Clients) -> None:
    picture = computed(client_of(None))["cells"][0]["picture_url"]
    assert client_of(None).get(picture).status_code == 200
    Comparison.objects.update(drafted_at="2026-01-01T00:00:00Z")
    assert client_of(None).get(picture).status_code == 404


def test_a_draft_that_cannot_be_sealed_says_so(
    second_round: Campaign, dataset: Dataset, curator: Person, client_of: Clients, store: ObjectStore
) -> None:
    draft = held(dataset, second_round, curator)
    store.delete(draft.changes.exclude(consensus=None).first().consensus.cells_sha256)
    client, path = client_of(curator), f"/api/v1/releases/commons/cells/{draft.pk}/diff/"
    assert client.get(path).status_code == 202
    compare(str(Comparison.objects.get().pk))
    told = client.get(path).json()
    assert (told["state"], told["after_sha256"]) == ("failed", "")
    assert told["error"]


def test_a_failure_is_told_and_tried_again_later(second: Release, client_of: Clients, store: ObjectStore) -> None:
    labels = second.images.order_by("image__created").first().consensus.labels_sha256
    shard = load_tree(store, labels).entries[-1].sha256
    kept = store.get(shard)
    store.delete(shard)
    client = client_of(None)
    assert client.get(DIFF).status_code == 202
    compare(str(Comparison.objects.get().pk))
    answer = client.get(DIFF)
    assert (answer.status_code, answer.json()["state"]) == (200, "failed")
    assert shard in answer.json()["error"]
    assert answer.json()["after_sha256"] == second.manifest_sha256, "it is sealed: only comparing failed"
    store.put(kept)
    assert client.get(DIFF).json()["state"] == "failed", "not asked again at once"
    Comparison.objects.update(asked_at="2026-01-01T00:00:00Z")
    computed(client)


def test_the_sweep_asks_again(second: Release, client_of: Clients, sent: Messages) -> None:
    client_of(None).get(DIFF)
    assert comparing.sweep_comparisons() == 0
    Comparison.objects.update(asked_at="2026-01-01T00:00:00Z")
    assert comparing.sweep_comparisons() == 1


def test_what_cannot_be_compared_is_refused(
    first: Release, second: Release, curator: Person, client_of: Clients
) -> None:
    client = client_of(None)
    cases = {"commons/cells@9": 404, "commons/nothing@1": 404, "cells": 400, "commons/cells@2": 400}
    for against, status in cases.items():
        assert client.get(f"{DIFF}?against={against}").status_code == status, against
    assert client.get("/api/v1/releases/commons/cells/1/diff/").status_code == 404
    with pytest.raises(InvalidDocument):
        comparing.compare_releases(before=first, after=first)
    assert not Comparison.objects.exists()
    told = computed(client)
    services.withdraw_release(release_id=first.pk, person=curator, reason="consent was taken back")
    for url in (DIFF, told["cells"][0]["picture_url"]):
        assert client.get(url).status_code == 410, url
