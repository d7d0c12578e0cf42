"""Links that a worker proposes while a person goes on: ordered, overtaken, taken up again, never applied."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from answers import Answers
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from backend.annotation.models import Campaign, LinkProposal
from backend.annotation.services import create_campaign, open_campaign
from backend.annotation.services.proposals import run_proposal, take_up_proposals
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from cellcommons.images.data import ImageData
from cellcommons.tracks import LabelMovie, Lineage, Track


def three_cells(image: ImageData) -> LabelMovie:
    """Three cells that go down a pixel a frame, for five frames."""
    data = np.zeros((5, 60, 60), np.uint32)
    for frame in range(5):
        for cell in range(3):
            data[frame, 10 + frame : 18 + frame, 5 + 18 * cell : 13 + 18 * cell] = cell + 1
    return LabelMovie(data, Lineage(tuple(Track(cell, 0, 4, None) for cell in (1, 2, 3))))


@pytest.fixture
def hand(
    dataset: Dataset, bring: Callable[..., Image], annotator: Person, client_of: Callable[..., APIClient]
) -> Answers:
    bring(np.arange(5 * 3600, dtype=np.uint16).reshape(5, 60, 60), "tyx", three_cells)
    campaign: Campaign = create_campaign(slug="movie", title="Movie", dataset=dataset, task="tracking")
    return Answers(client_of(annotator), open_campaign(campaign=campaign))


def address(hand: Answers) -> str:
    return f"/api/v1/assignments/{hand.row['id']}/proposal/"


@pytest.mark.django_db
def test_ordered_computed_and_read(hand: Answers, django_capture_on_commit_callbacks: Callable[..., object]) -> None:
    assert hand.client.get(address(hand)).json()["state"] == "none"
    reply = hand.client.post(address(hand), {"first": 1, "last": 3}, format="json")
    assert (reply.status_code, reply.json()["state"], reply.json()["linker"]) == (202, "waiting", "global-program")
    run_proposal(proposal_id=str(LinkProposal.objects.get().pk))
    said = hand.client.get(address(hand)).json()
    assert (said["state"], said["error"]) == ("ready", "")
    assert said["links"] == {f"{frame}:{cell}": [f"{frame - 1}:{cell}", True] for frame in (2, 3) for cell in (1, 2, 3)}
    assert hand.client.get(f"/api/v1/assignments/{hand.row['id']}/edits/").json()["edits"] == []


@pytest.mark.django_db
def test_the_last_order_counts_and_a_second_delivery_does_nothing(hand: Answers) -> None:
    hand.client.post(address(hand), {"first": 0, "last": 4}, format="json")
    hand.client.post(address(hand), {"first": 0, "last": 1, "linker": "nearest"}, format="json")
    proposal = LinkProposal.objects.get()
    run_proposal(proposal_id=str(proposal.pk))
    assert set(hand.client.get(address(hand)).json()["links"]) == {"1:1", "1:2", "1:3"}
    LinkProposal.objects.update(links={})
    run_proposal(proposal_id=str(proposal.pk))
    assert hand.client.get(address(hand)).json()["links"] == {}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "form", [{"first": 3, "last": 3}, {"first": 0, "last": 5}, {"first": 0, "last": 2, "linker": "x"}]
)
def test_what_cannot_be_linked_is_refused(hand: Answers, form: dict[str, object]) -> None:
    assert hand.client.post(address(hand), form, format="json").status_code == 400
    assert not LinkProposal.objects.exists()


@pytest.mark.django_db
def test_nobody_else_orders_or_reads_it(hand: Answers, client_of: Callable[..., APIClient], curator: Person) -> None:
    other = client_of(curator)
    assert other.get(address(hand)).status_code == 404
    assert other.post(address(hand), {"first": 0, "last": 4}, format="json").status_code == 404


@pytest.mark.django_db
def test_what_no_worker_took_and_what_died_is_sent_again(hand: Answers) -> None:
    hand.client.post(address(hand), {"first": 0, "last": 4}, format="json")
    assert take_up_proposals() == 0
    long_ago = timezone.now() - 2 * settings.LOST_AFTER - timedelta(seconds=1)
    LinkProposal.objects.update(asked_at=long_ago)
    assert take_up_proposals() == 1
    LinkProposal.objects.update(state="running", heartbeat=long_ago)
    assert take_up_proposals() == 1
    run_proposal(proposal_id=str(LinkProposal.objects.get().pk))
    assert LinkProposal.objects.get().state == "ready"
