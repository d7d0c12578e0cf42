"""Strokes become durable, then a reading: nothing lost, nothing twice, nothing half."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from backend.annotation.models import Annotation, Assignment, AssignmentState, Campaign, Edit, Item
from backend.annotation.services import attach_draft, create_campaign, open_campaign
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from cellcommons.edits import encode_tiles, pixels_sha256
from cellcommons.errors import MismatchedShapes
from cellcommons.images.ome_zarr import read_labels, write_labels
from cellcommons.labels import Labels
from cellcommons.store import ObjectStore

SHAPE = (140, 200)  # two rows and two columns of tiles, those at the border cut
NEXT = "/api/v1/campaigns/commons/loop/assignments/next/"


class Hand:
    """A client that draws: keeps its own label map and speaks the edit protocol."""

    def __init__(self, client: APIClient, base: Labels | None = None) -> None:
        self.client = client
        self.row: dict[str, Any] = client.post(NEXT).data
        self.url = f"/api/v1/assignments/{self.row['id']}"
        self.labels = np.zeros(SHAPE, np.uint32) if base is None else base.copy()
        self.versions: dict[str, int] = {}
        self.seq = 0

    def stroke(self, y: int, x: int, size: int, cell: int, tool: str = "brush") -> dict[str, Any]:
        """A square of one cell, as an Edit."""
        new = self.labels.copy()
        new[y : y + size, x : x + size] = cell
        tiles = encode_tiles(self.labels, new, self.versions)
        for tile in tiles:
            key = f"{tile['y']},{tile['x']}"
            self.versions[key] = self.versions.get(key, 0) + 1
        self.labels = new
        self.seq += 1
        return {"uuid": str(uuid.uuid4()), "seq": self.seq, "tool": tool, "params": {"cell": cell}, "tiles": tiles}

    def send(self, *edits: dict[str, Any]) -> Any:
        return self.client.post(f"{self.url}/edits/", {"edits": list(edits)})

    def submit(self, **changed: Any) -> Any:
        body = {"edit_count": self.seq, "labels_sha256": pixels_sha256(self.labels), "active_seconds": 12.5}
        return self.client.post(f"{self.url}/submit/", body | changed)


@pytest.fixture
def campaign(dataset: Dataset, make_image: Callable[..., Image]) -> Campaign:
    make_image("only", shape=SHAPE)
    return open_campaign(campaign=create_campaign(slug="loop", title="Loop", dataset=dataset, readings_needed=2))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is dispatched."""
    names: list[Any] = []
    monkeypatch.setattr("backend.celery.app.send_task", lambda name, args, **_: names.append((name, args)))
    return names


@pytest.fixture
def hand(campaign: Campaign, annotator: Person, client_of: Callable[..., APIClient]) -> Hand:
    return Hand(client_of(annotator))


@pytest.mark.django_db
def test_draw_send_submit(hand: Hand, store: ObjectStore, annotator: Person) -> None:
    first, second = hand.stroke(100, 100, 40, 1), hand.stroke(10, 10, 20, 2)
    assert len(first["tiles"]) == 4
    answer = hand.send(first, second)
    assert answer.status_code == 200
    assert [str(name) for name in answer.data["accepted"]] == [first["uuid"], second["uuid"]]
    assert answer.data["edit_count"] == 2
    assert answer.data["tile_versions"] == hand.versions == {"0,0": 2, "0,1": 1, "1,0": 1, "1,1": 1}
    kept = hand.client.get(f"{hand.url}/edits/").json()
    assert kept["edits"] == [edit | {"changes": {}} for edit in (first, second)]
    assert kept["tile_versions"] == hand.versions
    row = hand.client.get(f"{hand.url}/").data
    assert (row["edit_count"], row["tile_versions"]) == (2, hand.versions)
    done = hand.submit()
    assert done.status_code == 200, done.data
    assert (done.data["cells"], done.data["accepted_unchanged"]) == (2, False)
    annotation = Annotation.objects.get(pk=done.data["annotation"])
    np.testing.assert_array_equal(read_labels(store, annotation.labels_sha256), hand.labels)
    assert (annotation.person, annotation.independent, annotation.active_seconds) == (annotator, True, 12.5)
    assert Item.objects.get().readings_done == 1
    assert hand.submit().data == done.data
    assert Annotation.objects.count() == 1
    assert hand.send(hand.stroke(0, 0, 5, 3)).data["type"] == "urn:cellcommons:wrong-state"
    assert hand.send(first).data["duplicates"]


@pytest.mark.django_db
def test_an_edit_sent_twice_is_kept_once(hand: Hand) -> None:
    first, second = hand.stroke(0, 0, 20, 1), hand.stroke(5, 5, 20, 2)
    hand.send(first)
    again = hand.send(first, second, second)
    assert again.status_code == 200
    assert [str(name) for name in again.data["accepted"]] == [second["uuid"]]
    assert [str(name) for name in again.data["duplicates"]] == [first["uuid"], second["uuid"]]
    assert Edit.objects.count() == 2
    elsewhere = hand.send(hand.stroke(0, 150, 20, 3))
    assert elsewhere.data["tile_versions"] == {"0,1": 1}  # of what the batch touches, not of the whole image


@pytest.mark.django_db
def test_what_does_not_follow_is_refused_whole(hand: Hand) -> None:
    first = hand.stroke(0, 0, 20, 1)
    hand.send(first)
    good = hand.stroke(0, 150, 20, 2)
    gap = hand.stroke(0, 0, 10, 3) | {"seq": 9}
    refused = hand.send(good, gap)
    assert refused.status_code == 409
    assert refused.data["type"] == "urn:cellcommons:conflict"
    assert refused.data["edit_count"] == 1
    assert refused.data["conflicts"] == [{"y": 0, "x": 0, "version": 1}]
    stale = good | {"tiles": [{**good["tiles"][0], "version": 4}]}
    refused = hand.send(stale)
    assert refused.status_code == 409
    assert refused.data["conflicts"] == [{"y": 0, "x": 1, "version": 0}]
    assert Edit.objects.count() == 1
    assert hand.send(good).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tile", "code"),
    [
        ({"y": 2, "x": 0, "version": 0}, "invalid-document"),
        ({"y": 0, "x": 0, "version": 0, "xor": "!!!"}, "invalid-document"),
        ({"y": 0, "x": 0, "version": 0, "xor": "AAAA"}, "invalid-document"),
        ({"y": -1, "x": 0, "version": 0}, "not-valid"),
        ({"y": 0, "x": 0, "version": 0, "xor": "A" * 100_000}, "not-valid"),
    ],
)
def test_bad_tiles(hand: Hand, tile: dict[str, Any], code: str) -> None:
    good = hand.stroke(0, 0, 20, 1)
    refused = hand.send(good | {"tiles": [{"xor": good["tiles"][0]["xor"], **tile}]})
    assert (refused.status_code, refused.data["type"]) == (400, f"urn:cellcommons:{code}")
    assert not Edit.objects.exists()


@pytest.mark.django_db
def test_a_missing_edit_is_noticed_at_submit(hand: Hand) -> None:
    first, second = hand.stroke(0, 0, 20, 1), hand.stroke(50, 50, 20, 2)
    hand.send(first)
    lost = hand.submit()
    assert (lost.status_code, lost.data["edit_count"]) == (409, 1)
    wrong = hand.submit(edit_count=1)
    assert wrong.status_code == 409
    assert wrong.data["type"] == "urn:cellcommons:conflict"
    assert not Annotation.objects.exists()
    hand.send(second)
    assert hand.submit().status_code == 200
    assert hand.client.post(f"{hand.url}/submit/", {"edit_count": 2}).data["errors"].keys() == {
        "labels_sha256",
        "active_seconds",
    }


@pytest.mark.django_db
def test_an_expired_lease_keeps_its_edits(hand: Hand) -> None:
    hand.send(hand.stroke(0, 0, 20, 1))
    Assignment.objects.update(state=AssignmentState.EXPIRED)
    assert hand.send(hand.stroke(30, 30, 20, 2)).status_code == 200
    Assignment.objects.update(state=AssignmentState.EXPIRED)
    assert hand.submit().status_code == 200


@pytest.mark.django_db
def test_an_expired_lease_whose_place_is_taken_refuses_politely(
    hand: Hand, make_person: Callable[..., Person], client_of: Callable[..., APIClient]
) -> None:
    edit = hand.stroke(0, 0, 20, 1)
    hand.send(edit)
    Assignment.objects.update(state=AssignmentState.EXPIRED)
    for name in ("one", "two"):
        Hand(client_of(make_person(name)))
    for refused in (hand.send(hand.stroke(30, 30, 9, 2)), hand.submit(edit_count=1)):
        assert refused.status_code == 409
    hand.labels[30:39, 30:39] = 0
    assert hand.submit(edit_count=1, labels_sha256=pixels_sha256(hand.labels)).data["type"] == (
        "urn:cellcommons:lease-expired"
    )
    assert hand.client.get(f"{hand.url}/edits/").json()["edits"] == [edit | {"changes": {}}]
    assert not Annotation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_enough_readings_are_sent_to_fusion(
    campaign: Campaign, sent: list[Any], make_person: Callable[..., Person], client_of: Callable[..., APIClient]
) -> None:
    for number, name in enumerate(["one", "two"]):
        hand = Hand(client_of(make_person(name)))
        hand.send(hand.stroke(0, 0, 20, 1))
        assert sent == []
        hand.submit()
        assert Item.objects.get().readings_done == number + 1
    assert sent == [("consensus.fuse_item", [str(Item.objects.get().pk)])]
    assert client_of(make_person("three")).post(NEXT).status_code == 204


@pytest.fixture
def draft(campaign: Campaign, store: ObjectStore) -> Labels:
    """A checkpoint's labels, attached to the item."""
    labels = np.zeros(SHAPE, np.uint32)
    labels[20:60, 20:60] = 1
    labels[80:120, 120:180] = 2
    attach_draft(
        item=Item.objects.get(),
        labels_sha256=write_labels(store, labels).digest,
        cells=2,
        cell_scores={"1": 0.9, "2": 0.4},
        provenance={"prediction": "p1", "checkpoint_sha256": "c"},
    )
    return labels


@pytest.mark.django_db
def test_people_start_from_the_draft(
    draft: Labels, annotator: Person, curator: Person, client_of: Callable[..., APIClient]
) -> None:
    hand = Hand(client_of(annotator), draft)
    shown = hand.row["draft"]
    assert shown["cells"] == {"1": 0.9, "2": 0.4}
    assert hand.client.get(f"{shown['zarr_url']}/zarr.json").status_code == 200
    assert client_of(curator).get(f"{shown['zarr_url']}/zarr.json").status_code == 404
    hand.send(hand.stroke(20, 20, 40, 0, tool="delete"))
    done = hand.submit().data
    assert (done["cells"], done["accepted_unchanged"]) == (1, False)
    reading = Annotation.objects.get(pk=done["annotation"])
    assert str(reading.started_from_id) == shown["annotation"]
    assert reading.independent


@pytest.mark.django_db
def test_an_unchanged_draft_is_no_independent_reading(
    draft: Labels, make_person: Callable[..., Person], client_of: Callable[..., APIClient]
) -> None:
    first = Hand(client_of(make_person("first")), draft)
    # Drawn and undone is unchanged too.
    there = first.stroke(0, 0, 10, 9)
    back = first.stroke(0, 0, 10, 0, tool="undo")
    first.send(there, back)
    assert first.submit().data["accepted_unchanged"] is True
    assert not Annotation.objects.get(person__isnull=False).independent
    assert first.client.post(NEXT).status_code == 204
    second = Hand(client_of(make_person("second")), draft)
    second.send(second.stroke(0, 0, 10, 9))
    assert second.submit().data["accepted_unchanged"] is False
    assert Item.objects.get().readings_done == 2
    assert Annotation.objects.filter(independent=True).count() == 1


@pytest.mark.django_db
def test_drafts_are_attached_once_and_never_under_a_reader(
    draft: Labels, store: ObjectStore, annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    item = Item.objects.get()
    before = item.draft
    given = {"cells": 2, "cell_scores": {"1": 0.9, "2": 0.4}}
    provenance = {"prediction": "p1", "checkpoint_sha256": "c"}
    tree = write_labels(store, draft).digest
    assert attach_draft(item=item, labels_sha256=tree, provenance=provenance, **given) == before
    Hand(client_of(annotator), draft)
    other = attach_draft(item=item, labels_sha256=tree, provenance={"prediction": "p2"}, **given)
    item.refresh_from_db()
    assert other != before
    assert item.draft == before
    small = write_labels(store, draft[:50]).digest
    with pytest.raises(MismatchedShapes):
        attach_draft(item=item, labels_sha256=small, provenance={}, **given)
