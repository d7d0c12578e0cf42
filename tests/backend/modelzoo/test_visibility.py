"""Who sees a dataset, changed after it was made: wider for good, narrower only while nothing was published."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from backend.annotation.models import Campaign
from backend.core.errors import WrongState
from backend.imaging.models import Dataset, Visibility
from backend.imaging.services.datasets import create_dataset
from backend.modelzoo.models import ModelCard, TrainingRun
from backend.modelzoo.services import change_visibility, order_prediction, weigh_visibility
from backend.people.labs import add_member, create_lab
from backend.people.models import Person, Role
from backend.releases.models import Opening, Release
from backend.releases.services import draft_release, publish_release, withdraw_release

Clients = Callable[[Person | None], Any]
API = "/api/v1/"
URL = f"{API}datasets/hidden/cells/visibility/"


@pytest.fixture
def dataset(curator: Person) -> Dataset:
    """A lab's own, instead of the one that the hub sees."""
    lab = create_lab(slug="hidden", title="Hidden", person=curator)
    return create_dataset(lab=lab, slug="cells", title="Cells", visibility="lab", person=curator)


@pytest.fixture
def outsider(make_person: Callable[..., Person]) -> Person:
    return make_person("outsider", Role.CURATOR)


def publish_again(dataset: Dataset, campaign: Campaign, curator: Person, title: str) -> Release:
    draft = draft_release(dataset=dataset, campaign=campaign, person=curator, title=title)
    return publish_release(release_id=draft.pk)


def test_a_labs_own_dataset_is_shown_to_the_hub_with_its_releases(
    release: Release, dataset: Dataset, campaign: Campaign, curator: Person, outsider: Person, client_of: Clients
) -> None:
    second = publish_again(dataset, campaign, curator, "Second")
    withdraw_release(release_id=release.pk, person=curator, reason="a name in a picture")
    own, stranger, other = client_of(curator), client_of(None), client_of(outsider)
    address = f"{API}releases/hidden/cells/"
    assert {other.get(URL).status_code, other.get(f"{API}datasets/hidden/cells/").status_code} == {404}
    assert stranger.get(f"{address}{second.version}/").status_code == 404

    told = own.get(URL).json()
    assert (told["visibility"], told["to"], told["refused"]) == ("lab", "hub", "")
    assert (told["opens"], told["withdrawn"]) == ([second.reference], [release.reference])
    assert (told["images"], told["campaigns"]) == (dataset.images.count(), 1)
    # Who was told of one release opens one: not a second that came while they read.
    refused = own.post(URL, {"visibility": "hub"}, format="json")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:cellcommons:conflict")
    assert not Opening.objects.exists()
    assert own.post(URL, {"visibility": "hub", "opens": 1}, format="json").json()["visibility"] == "hub"

    assert other.get(f"{API}datasets/hidden/cells/").json()["visibility"] == "hub"
    assert other.get(f"{API}images/").json()["count"] == dataset.images.count()
    assert stranger.get(f"{address}{second.version}/").json()["public"] is True
    assert stranger.get(f"{address}{release.version}/").json()["reason"] == "a name in a picture"
    assert {(row.release_id, row.person_id) for row in Opening.objects.all()} == {
        (release.pk, curator.pk),
        (second.pk, curator.pk),
    }
    # Its own people change it, also now; asked twice it is done once; and there is no way back.
    assert (other.get(URL).status_code, other.post(URL, {"visibility": "lab"}, format="json").status_code) == (403, 403)
    assert own.post(URL, {"visibility": "hub", "opens": 1}, format="json").status_code == 200
    assert Opening.objects.count() == 2
    back = own.post(URL, {"visibility": "lab"}, format="json")
    assert (back.status_code, "2 of its releases were published" in back.json()["detail"]) == (409, True)
    assert own.get(URL).json()["refused"] == back.json()["detail"]
    with pytest.raises(IntegrityError, match="not taken out of sight"), transaction.atomic():
        Dataset.objects.update(visibility="lab")


def test_only_curators_of_the_lab_decide(
    dataset: Dataset, make_person: Callable[..., Person], client_of: Clients
) -> None:
    member = make_person("member", Role.EXPERT)
    add_member(lab=dataset.lab, username="member")
    assert client_of(member).post(URL, {"visibility": "hub"}, format="json").status_code == 403
    dataset.refresh_from_db()
    assert dataset.visibility == Visibility.LAB


def test_what_was_never_published_goes_back_to_its_lab(
    dataset: Dataset, curator: Person, outsider: Person, client_of: Clients
) -> None:
    own = client_of(curator)
    assert own.post(URL, {"visibility": "hub"}, format="json").json()["to"] == "lab"
    assert client_of(outsider).get(f"{API}datasets/hidden/cells/").status_code == 200
    assert own.post(URL, {"visibility": "lab"}, format="json").json()["visibility"] == "lab"
    assert client_of(outsider).get(f"{API}datasets/hidden/cells/").status_code == 404
    assert own.post(URL, {"visibility": "everybody"}, format="json").status_code == 400


def test_it_stays_hidden_while_it_would_tell_of_another_that_does(
    card: ModelCard, dataset: Dataset, campaign: Campaign, curator: Person, release: Release
) -> None:
    second = create_dataset(lab=dataset.lab, slug="second", title="Second", visibility="lab", person=curator)
    assert weigh_visibility(dataset=second).refused == ""
    drafted = Campaign.objects.create(
        lab=dataset.lab, slug="second", title="Second", dataset=second, task=campaign.task, created_by=curator
    )
    item = campaign.items.first()
    item.pk, item.campaign = None, drafted
    item.save()
    order_prediction(model_card=card, campaign=drafted, person=curator, scope="all")
    with pytest.raises(WrongState, match="learned from hidden/cells") as refused:
        change_visibility(dataset=second, to="hub", opens=0, person=curator)
    assert refused.value.remedy == "Show hidden/cells to the hub first."
    change_visibility(dataset=dataset, to="hub", opens=1, person=curator)
    assert change_visibility(dataset=second, to="hub", opens=0, person=curator).visibility == "hub"


def test_trainings_that_began_with_a_hidden_model_count_too(
    card: ModelCard, dataset: Dataset, release: Release, curator: Person
) -> None:
    TrainingRun.objects.filter(pk=card.training_run_id).update(start_from=card.checkpoint_sha256)
    assert weigh_visibility(dataset=dataset).refused == "", "its own models come with it"
    second = create_dataset(lab=dataset.lab, slug="second", title="Second", visibility="lab", person=curator)
    held = Release.objects.create(dataset=second, campaign=release.campaign, title="Draft", licence="CC0-1.0")
    TrainingRun.objects.create(
        release=held, start_from=card.checkpoint_sha256, budget_seconds=1, order_sha256="1" * 64, created_by=curator
    )
    assert "learned from hidden/cells" in weigh_visibility(dataset=second).refused


@pytest.mark.django_db(transaction=True)
def test_a_publication_waits_for_a_narrowing(dataset: Dataset, campaign: Campaign, curator: Person) -> None:
    """Postgres decides between the two: whichever commits first, nothing public goes out of sight."""
    Dataset.objects.update(visibility="hub")
    draft = draft_release(dataset=dataset, campaign=campaign, person=curator, title="First")
    done: list[str] = []

    def publish() -> None:
        try:
            done.append(publish_release(release_id=draft.pk).state)
        finally:
            connection.close()

    with transaction.atomic():
        change_visibility(dataset=dataset, to="lab", opens=0, person=curator)
        thread = Thread(target=publish)
        thread.start()
        thread.join(timeout=1)
        assert not done, "it waits"
    thread.join(timeout=30)
    assert done == ["published"]
    draft = Release.objects.get(pk=draft.pk)
    assert not draft.is_public
