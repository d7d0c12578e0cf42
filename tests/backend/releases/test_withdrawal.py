"""A release that was taken back says why, and is never served again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, transaction
from rest_framework.test import APIClient

from backend.annotation.models import Campaign
from backend.core.errors import WrongState
from backend.imaging.models import Dataset
from backend.modelzoo.models import ModelCard, TrainingRun
from backend.modelzoo.services.training import order_training
from backend.people.models import Person
from backend.releases import services
from backend.releases.models import Release, ReleaseObject, Withdrawal
from cellcommons.errors import Withdrawn
from cellcommons.release import open_release
from cellcommons.store import ObjectStore

Clients = Callable[[Person | None], APIClient]
WHY = "Two fields hold a patient's name."


@pytest.fixture
def release(dataset: Dataset, campaign: Campaign, curator: Person) -> Release:
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    return services.publish_release(release_id=draft.pk)


def address(release: Release) -> str:
    return "/api/v1/releases/" + release.reference.replace("@", "/") + "/"


def test_every_address_of_it_answers_410_with_the_reason(
    release: Release, curator: Person, client_of: Clients, store: ObjectStore
) -> None:
    image, needed = release.images.first(), ReleaseObject.objects.filter(release=release)
    one = needed.first().sha256
    base = address(release)
    paths = [base, f"{base}images/", f"{base}images/{image.image_id}/preview.png", f"{base}manifest"]
    paths.append(f"{base}objects/sha256/{one[:2]}/{one[2:4]}/{one}")
    assert [client_of(None).get(path).status_code for path in paths] == [200] * 5
    assert "no-cache" in client_of(None).get(f"{base}manifest")["Cache-Control"]
    # Caches on the way may hold pictures and objects for five minutes, and then have to ask.
    for path in (paths[2], paths[4]):
        answer = client_of(None).get(path)
        assert answer["Cache-Control"] == "public, max-age=300, must-revalidate"
        again = client_of(None).get(path, headers={"if-none-match": answer["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
    tag = answer["ETag"]

    answer = client_of(curator).post(f"{base}withdrawal/", {"reason": WHY})
    assert (answer.status_code, answer.json()["withdrawn"]["reason"]) == (201, WHY)
    assert answer.json()["withdrawn"]["by"] == "curator"
    for client in (client_of(None), client_of(curator)):
        for path in paths:
            gone = client.get(path)
            assert (gone.status_code, gone["Content-Type"]) == (410, "application/problem+json"), path
            assert gone["Cache-Control"] == "no-store"
            told = gone.json()
            assert (told["type"], told["reason"]) == ("urn:cellcommons:withdrawn", WHY)
            assert WHY in told["detail"]
            assert release.manifest_sha256 not in gone.content.decode()
            assert "curator" not in gone.content.decode()
    # A cache that asks again is told so, too.
    assert client_of(None).get(paths[4], headers={"if-none-match": tag}).status_code == 410
    # The row and the objects stay as they were.
    assert Release.objects.get().manifest_sha256 == release.manifest_sha256
    open_release(store, release.manifest_sha256).verify()

    listed = client_of(None).get("/api/v1/releases/").json()["results"]
    assert [(row["reference"], row["withdrawn"]["reason"]) for row in listed] == [(release.reference, WHY)]
    assert listed[0]["withdrawn"]["by"] is None

    again = client_of(curator).post(f"{base}withdrawal/", {"reason": "another"})
    assert (again.status_code, again.json()["reason"]) == (410, WHY)
    assert Withdrawal.objects.count() == 1


def test_who_may_withdraw_what(
    dataset: Dataset, campaign: Campaign, curator: Person, expert: Person, annotator: Person, client_of: Clients
) -> None:
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    with pytest.raises(WrongState, match="draft"):
        services.withdraw_release(release_id=draft.pk, person=curator, reason=WHY)
    with pytest.raises(DatabaseError, match="only a published"), transaction.atomic():
        Withdrawal.objects.create(release=draft, person=curator, reason=WHY)
    release = services.publish_release(release_id=draft.pk)
    path = f"{address(release)}withdrawal/"
    for person, status in ((None, 401), (annotator, 403), (expert, 403)):
        assert client_of(person).post(path, {"reason": WHY}).status_code == status
    for reason in ("", "  ", None):
        answer = client_of(curator).post(path, {"reason": reason}, format="json")
        assert answer.status_code == 400
    assert not Withdrawal.objects.exists()


def test_a_tombstone_is_final(release: Release, curator: Person) -> None:
    services.withdraw_release(release_id=release.pk, person=curator, reason=WHY)
    with pytest.raises(DatabaseError, match="final"), transaction.atomic():
        Withdrawal.objects.update(reason="no reason")
    with pytest.raises(DatabaseError, match="final"), transaction.atomic():
        Withdrawal.objects.all().delete()
    with pytest.raises(DatabaseError, match="admits no change"), transaction.atomic():
        Release.objects.update(title="other")


def test_the_next_release_follows_it_and_models_say_so(
    release: Release, campaign: Campaign, dataset: Dataset, curator: Person, client_of: Clients
) -> None:
    run = order_training(release=release, person=curator)
    card = ModelCard.objects.create(
        name="m", training_run=TrainingRun.objects.get(pk=run.pk), checkpoint_sha256="a" * 64, checkpoint_bytes=1,
        measures={}, baseline={}, by_stratum={}, images=[],
    )  # fmt: skip
    client = client_of(curator)
    assert client.get(f"/api/v1/model-cards/{card.pk}/").json()["release_withdrawn"] is None
    services.withdraw_release(release_id=release.pk, person=curator, reason=WHY)
    assert client.get(f"/api/v1/model-cards/{card.pk}/").json()["release_withdrawn"]["reason"] == WHY
    assert client.get("/api/v1/model-cards/").json()["results"][0]["release_withdrawn"]["reason"] == WHY
    with pytest.raises(Withdrawn, match="patient"):
        order_training(release=Release.objects.get(), person=curator)

    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator, title="Again")
    second = services.publish_release(release_id=draft.pk)
    assert second.state == "published"
    assert second.parent_id == release.pk
    shown = client_of(None).get(address(second))
    assert (shown.status_code, shown.json()["parent"]) == (200, release.reference)
