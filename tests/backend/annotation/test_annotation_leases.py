"""Who gets what: one reading a person and item, never more than needed, also when everyone asks at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from backend.annotation.models import Assignment, AssignmentState, Campaign, Edit, Item
from backend.annotation.services import close_campaign, create_campaign, open_campaign, rank_items
from backend.annotation.services.leases import expire_overdue_leases, lease_next_assignment
from backend.imaging.models import Dataset, Image, Source
from backend.people.models import Person

NEXT = "/api/v1/campaigns/commons/loop/assignments/next/"


@pytest.fixture
def campaign(dataset: Dataset, make_image: Callable[..., Image]) -> Campaign:
    """Two images, two readings each."""
    make_image("first")
    make_image("second")
    return open_campaign(campaign=create_campaign(slug="loop", title="Loop", dataset=dataset, readings_needed=2))


@pytest.mark.django_db
def test_a_person_gets_one_assignment_at_a_time(
    campaign: Campaign, annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    client = client_of(annotator)
    first = client.post(NEXT)
    assert first.status_code == 201
    assert first.data["image"]["name"] == "first"
    assert first.data["state"] == "leased"
    assert first.data["draft"] is None
    again = client.post(NEXT)
    assert again.status_code == 200
    assert again.data["id"] == first.data["id"]


@pytest.mark.django_db
def test_ranked_and_unoffered_items(campaign: Campaign, annotator: Person, make_person: Callable[..., Person]) -> None:
    first, second = Item.objects.filter(campaign=campaign).order_by("rank")
    rank_items(campaign=campaign, ranking=[(second.pk, 0), (first.pk, 1)], offered={second.pk})
    assignment, fresh = lease_next_assignment(campaign=campaign, person=annotator)
    assert fresh
    assert assignment is not None
    assert assignment.item == second
    assignment.state = AssignmentState.SUBMITTED
    assignment.save()
    assert lease_next_assignment(campaign=campaign, person=annotator) == (None, False)
    rank_items(campaign=campaign, ranking=[(second.pk, 1), (first.pk, 0)])
    other, _ = lease_next_assignment(campaign=campaign, person=annotator)
    assert other is not None
    assert other.item == first


@pytest.mark.django_db
def test_returned_work_is_free_for_others_and_not_offered_again(
    campaign: Campaign, annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    client = client_of(annotator)
    names = []
    for _ in range(2):
        row = client.post(NEXT).data
        names.append(row["image"]["name"])
        assert client.post(f"/api/v1/assignments/{row['id']}/return/").data["state"] == "returned"
    assert names == ["first", "second"]
    assert client.post(NEXT).status_code == 204
    assert Assignment.objects.filter(state=AssignmentState.LEASED).count() == 0


@pytest.mark.django_db
def test_an_expired_lease_frees_its_slot_and_can_be_taken_up_again(
    campaign: Campaign, make_person: Callable[..., Person], client_of: Callable[..., APIClient]
) -> None:
    people = [make_person(f"reader{n}") for n in range(3)]
    Item.objects.filter(campaign=campaign, image__name="second").update(offered=False)
    held = [client_of(person).post(NEXT).data["id"] for person in people[:2]]
    assert client_of(people[2]).post(NEXT).status_code == 204
    Assignment.objects.filter(pk=held[0]).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert expire_overdue_leases() == 1
    # Nobody took the place: the heartbeat takes the lease up again.
    renewed = client_of(people[0]).post(f"/api/v1/assignments/{held[0]}/heartbeat/")
    assert renewed.status_code == 200
    Assignment.objects.filter(pk=held[0]).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    # The third person needs no sweep to find it overdue.
    assert client_of(people[2]).post(NEXT).status_code == 201
    late = client_of(people[0]).post(f"/api/v1/assignments/{held[0]}/heartbeat/")
    assert late.status_code == 409
    assert late.data["type"] == "urn:cellcommons:lease-expired"
    assert late.data["remedy"]


@pytest.mark.django_db
def test_who_comes_back_finds_the_old_assignment(
    campaign: Campaign, annotator: Person, client_of: Callable[..., APIClient]
) -> None:
    client = client_of(annotator)
    before = client.post(NEXT).data["id"]
    Assignment.objects.update(state=AssignmentState.EXPIRED)
    after = client.post(NEXT)
    assert after.status_code == 201
    assert after.data["id"] == before


@pytest.mark.django_db
def test_another_persons_assignment_does_not_exist(
    campaign: Campaign, annotator: Person, curator: Person, client_of: Callable[..., APIClient]
) -> None:
    pk = client_of(annotator).post(NEXT).data["id"]
    stranger = client_of(curator)
    assert stranger.get(f"/api/v1/assignments/{pk}/").status_code == 404
    assert stranger.get(f"/api/v1/assignments/{pk}/edits/").status_code == 404
    assert stranger.post(f"/api/v1/assignments/{pk}/heartbeat/").status_code == 404
    assert stranger.get("/api/v1/assignments/").data["count"] == 0
    assert client_of(annotator).get("/api/v1/assignments/?state=leased&campaign=commons/loop").data["count"] == 1
    assert client_of(annotator).get("/api/v1/assignments/?state=nonsense").status_code == 400


@pytest.mark.django_db
def test_campaign_states(
    dataset: Dataset, make_image: Callable[..., Image], curator: Person, client_of: Callable[..., APIClient]
) -> None:
    client = client_of(curator)
    form = {
        "slug": "new",
        "title": "New",
        "dataset": "commons/cells",
        "task": "instance_segmentation",
        "readings_needed": 3,
    }
    assert client.post("/api/v1/campaigns/", form).data["state"] == "draft"
    assert client.post("/api/v1/campaigns/", form).status_code == 409
    empty = client.post("/api/v1/campaigns/commons/new/open/")
    assert empty.status_code == 409
    assert empty.data["type"] == "urn:cellcommons:wrong-state"
    make_image("one")
    assert client.post("/api/v1/campaigns/commons/new/assignments/next/").status_code == 409
    opened = client.post("/api/v1/campaigns/commons/new/open/").data
    assert opened["state"] == "open"
    assert opened["progress"] == {
        "items": 1, "readings_needed": 3, "readings_done": 0, "settled": 0, "disputed": 0,
    }  # fmt: skip
    make_image("two")
    assert client.post("/api/v1/campaigns/commons/new/open/").data["progress"]["items"] == 2
    assert client.post("/api/v1/campaigns/commons/new/close/").data["state"] == "closed"
    assert client.post("/api/v1/campaigns/commons/new/assignments/next/").status_code == 409
    assert client.get("/api/v1/campaigns/").data["results"][0]["slug"] == "new"


@pytest.mark.django_db
def test_postgres_holds_the_rules(campaign: Campaign, annotator: Person, make_person: Callable[..., Person]) -> None:
    item = Item.objects.filter(campaign=campaign).first()
    end = timezone.now() + timedelta(minutes=5)

    def lease(person: Person, slot: int) -> Assignment:
        with transaction.atomic():
            return Assignment.objects.create(item=item, person=person, slot=slot, lease_expires_at=end)

    held = lease(annotator, 1)
    other = make_person("other")
    for person, slot, rule in [
        (other, 1, "one_live_assignment_per_slot"),
        (annotator, 2, "one_live_assignment_per_person"),
        (other, 3, "above the readings needed"),
    ]:
        with pytest.raises(IntegrityError, match=rule):
            lease(person, slot)
    edit = Edit.objects.create(uuid=held.pk, assignment=held, seq=1, tool="brush", tiles=[])
    for statement in ("UPDATE annotation_edit SET seq = 2", "DELETE FROM annotation_edit"):
        with (
            pytest.raises(IntegrityError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert Edit.objects.get() == edit


@pytest.mark.django_db(transaction=True)
def test_a_crowd_asks_at_once(dataset: Dataset, curator: Person, make_person: Callable[..., Person]) -> None:
    """16 people drain 200 assignments (100 images, 2 readings): each given out once, none twice to one person."""
    digest = "0" * 64
    source = Source.objects.create(dataset=dataset, name="slide")
    Image.objects.bulk_create(
        Image(
            dataset=dataset, source=source, name=f"{number:03}", original_sha256=f"{number:064x}", original_name="x",
            tree_sha256=digest, preview_sha256=digest, shape=[1, 8, 8], dtype="uint8", channels=["0"],
            pixel_size_um={"y": None, "x": None, "z": None},
        )
        for number in range(100)
    )  # fmt: skip
    campaign = open_campaign(campaign=create_campaign(slug="crowd", title="Crowd", dataset=dataset, readings_needed=2))
    people = [make_person(f"reader{number}") for number in range(16)]
    start = threading.Barrier(len(people))

    def drain(person: Person) -> list[tuple[Any, Any]]:
        start.wait()
        got = []
        try:
            while (lease := lease_next_assignment(campaign=Campaign.objects.get(pk=campaign.pk), person=person))[0]:
                assignment, fresh = lease
                assert fresh
                got.append((assignment.item_id, person.pk))
                with transaction.atomic():
                    Assignment.objects.filter(pk=assignment.pk).update(state=AssignmentState.SUBMITTED)
        finally:
            connection.close()
        return got

    with ThreadPoolExecutor(len(people)) as threads:
        leased = [pair for pairs in threads.map(drain, people) for pair in pairs]
    assert len(leased) == 200
    assert max(Counter(leased).values()) == 1
    assert set(Counter(item for item, _ in leased).values()) == {2}
    slots = Counter(Assignment.objects.values_list("item", "slot"))
    assert len(slots) == 200


@pytest.mark.django_db(transaction=True)
def test_one_person_in_two_tabs_gets_one_assignment(campaign: Campaign, annotator: Person) -> None:
    start = threading.Barrier(4)

    def ask(_: int) -> Any:
        start.wait()
        try:
            assignment, _fresh = lease_next_assignment(campaign=Campaign.objects.get(), person=annotator)
            return assignment.pk if assignment else None
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(ask, range(4)))) == 1
    close_campaign(campaign=campaign)
