"""What follows for people who come and go, for releases, and for what was learned from private images."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sending
from hidden import API, LAB, Clients, Things, said

from backend.annotation.models import Campaign
from backend.imaging.models import Dataset, Image
from backend.imaging.services.datasets import create_dataset
from backend.modelzoo.models import ModelCard
from backend.people.labs import add_member, create_lab, remove_member
from backend.people.models import Person
from backend.releases.models import Release
from backend.releases.services import draft_release, publish_release, withdraw_release


def test_the_same_bytes_elsewhere_are_no_conflict(
    things: Things,
    dataset: Dataset,
    outsider: Person,
    client_of: Clients,
    tmp_path: Path,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    client = client_of(outsider)
    assert client.post(f"{API}datasets/", {"slug": "mine", "title": "Mine"}).status_code == 201
    image = Image.objects.get(name="late")
    path = next(tmp_path.glob(f"{Path(image.original_name).stem}*"))
    answer = sending.upload(
        client,
        path.read_bytes(),
        "late.png",
        commits=django_capture_on_commit_callbacks,
        dataset="commons/mine",
        image_name="late",
    )
    assert (answer.data["state"], answer.data["already_there"]) == ("kept", False), answer.data


def test_a_member_comes_and_goes(things: Things, dataset: Dataset, client_of: Clients) -> None:
    member = Person.objects.get(username="member")
    client, url = client_of(member), f"{API}assignments/{things.records['assignments']}/"
    edit = {"uuid": str(uuid.uuid4()), "seq": 1, "tool": "brush", "params": {}, "tiles": []}
    assert client.get(url).status_code == 200
    remove_member(lab=dataset.lab, username="member")
    assert {client.get(url).status_code, client.post(f"{url}heartbeat/").status_code} == {404}
    assert client.post(f"{url}edits/", {"edits": [edit]}, format="json").status_code == 404
    assert client.get(f"{API}images/").json()["count"] == 0
    add_member(lab=dataset.lab, username="member")
    assert client.post(f"{url}edits/", {"edits": [edit]}, format="json").json()["accepted"] == [edit["uuid"]]


def test_a_release_is_opened_for_good_and_withdrawn_without_telling_more(
    release: Release, dataset: Dataset, campaign: Campaign, curator: Person, outsider: Person, client_of: Clients
) -> None:
    second = publish_release(
        release_id=draft_release(dataset=dataset, campaign=campaign, person=curator, title="Second").pk
    )
    first_url, url = (f"{API}releases/{one.dataset.name}/{one.version}/" for one in (release, second))
    stranger, own = client_of(None), client_of(curator)
    assert own.get(url).json()["public"] is False
    assert own.get(f"{url}manifest")["Cache-Control"].startswith("private")
    assert client_of(outsider).post(f"{url}opening/").status_code == 404
    assert own.post(f"{url}opening/").json()["public"] is True
    assert own.post(f"{url}opening/").status_code == 201, "twice is once"
    shown = stranger.get(url).json()
    # What was before it is still the lab's: nothing is said of it.
    assert (shown["reference"], shown["public"], shown["parent"]) == (second.reference, True, None)
    assert own.get(url).json()["parent"] == release.reference
    assert stranger.get(f"{url}diff/").status_code == 404
    assert stranger.get(f"{url}manifest")["Cache-Control"].startswith("public")
    digest = second.objects_needed.first().sha256
    assert stranger.get(f"{url}objects/sha256/{digest[:2]}/{digest[2:4]}/{digest}").status_code == 200
    assert stranger.get(first_url).status_code == 404
    assert stranger.get(f"{API}releases/").json()["count"] == 1
    train = {"release": second.reference}
    assert client_of(outsider).post(f"{API}training-runs/", train, format="json").status_code == 403
    withdraw_release(release_id=release.pk, person=curator, reason="wrong cells")
    assert said(stranger.get(first_url))[:2] == said(stranger.get(f"{API}releases/{LAB}/nothing/1.0.0/"))[:2]
    assert own.get(first_url).status_code == 410
    # The page, as a browser first asks for it.
    real, random = (said(stranger.get(f"/releases/{name}/1.0.0"), name) for name in (dataset.name, "nobody/nothing"))
    assert real[:2] == random[:2]
    withdraw_release(release_id=second.pk, person=curator, reason="wrong cells")
    assert stranger.get(url).status_code == 410
    assert stranger.get(url).json()["reason"] == "wrong cells"
    assert own.post(f"{first_url}opening/").status_code == 410


def test_what_a_private_dataset_taught_is_not_shown_to_more_people(
    card: ModelCard, dataset: Dataset, curator: Person, client_of: Clients
) -> None:
    client = client_of(curator)
    public = {"lab": "commons", "slug": "public", "title": "Public"}
    assert client.post(f"{API}datasets/", public).status_code == 201
    order = {"slug": "public", "title": "Public", "dataset": "commons/public", "readings_needed": 1}
    assert client.post(f"{API}campaigns/", order | {"task": "instance_segmentation"}).status_code == 201
    body = {"model_card": str(card.pk), "campaign": "commons/public", "scope": "all"}
    refused = client.post(f"{API}prediction-runs/", body, format="json")
    assert refused.status_code == 400
    assert "more people see this campaign" in refused.json()["detail"]


def test_an_outsider_changes_nothing_of_what_the_hub_sees(
    curator: Person, outsider: Person, client_of: Clients
) -> None:
    lab = create_lab(slug="other", title="Other", person=curator)
    create_dataset(lab=lab, slug="open", title="Open", person=curator)
    client = client_of(outsider)
    assert client.get(f"{API}datasets/other/open/").status_code == 200
    campaign = {"slug": "c", "title": "C", "dataset": "other/open", "readings_needed": 1}
    campaign["task"] = "instance_segmentation"
    assert client.post(f"{API}campaigns/", campaign, format="json").status_code == 403
    assert client.post(f"{API}datasets/other/open/releases/", {"campaign": "x"}, format="json").status_code == 403
    assert sending.declare(client, b"\0" * 4, "x.png", dataset="other/open").status_code == 403
