"""A round ranks what nobody has read, and the queue follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from agreed import SHAPE
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st
from readings import add_reading, disks, open_campaign
from rest_framework.test import APIClient

from backend.annotation.models import Campaign, Item
from backend.core.errors import WrongState
from backend.imaging.models import Dataset, Image, Truth
from backend.modelzoo.models import ModelCard, Prediction, PredictionRun, RunState, TrainingRun
from backend.people.models import Person
from backend.releases.models import Release
from backend.selection import services
from backend.selection.models import RankedItem, Round
from backend.selection.ranking import rank_at_random, rank_by_uncertainty
from cellcommons.errors import InvalidDocument

UNCERTAINTY = [0.2, 0.9, 0.5, 0.9, 0.1]


@pytest.fixture
def pool(dataset: Dataset, make_image: Callable[..., Image], readers: list[Person]) -> Campaign:
    """Six images; somebody is done with the first."""
    campaign = open_campaign(dataset, [make_image(f"i{n}", shape=SHAPE) for n in range(6)], slug="pool")
    add_reading(campaign.items.get(rank=0), readers[0], disks(SHAPE, [(20, 20)]), slot=1)
    return campaign


@pytest.fixture
def run(pool: Campaign, curator: Person) -> PredictionRun:
    """A finished prediction of the five unread images."""
    release = Release.objects.create(dataset=pool.dataset, campaign=pool, title="r", licence="CC0-1.0")
    card = ModelCard.objects.create(
        name="m",
        training_run=TrainingRun.objects.create(release=release),
        checkpoint_sha256="0" * 64,
        checkpoint_bytes=1,
        measures={},
        baseline={},
        by_stratum={},
        images=[],
        text="",
    )
    run = PredictionRun.objects.create(model_card=card, campaign=pool, state=RunState.FINISHED)
    for item, uncertainty in zip(pool.items.filter(readings_done=0).order_by("rank"), UNCERTAINTY, strict=True):
        Prediction.objects.create(
            run=run,
            image=item.image,
            tree_sha256=item.image.tree_sha256,
            labels_sha256="1" * 64,
            cells=1,
            uncertainty=uncertainty,
        )
    return run


def queue(campaign: Campaign) -> list[str]:
    """Names of what the queue offers of the unread, in its order."""
    offered = campaign.items.filter(offered=True, readings_done=0).order_by("rank")
    return list(offered.values_list("image__name", flat=True))


def test_the_most_uncertain_are_asked_first_and_only_so_many(
    pool: Campaign, run: PredictionRun, curator: Person
) -> None:
    opened = services.open_round(
        campaign=pool, person=curator, strategy="uncertainty", prediction_run=run, size=3, seed=1
    )
    ranked = list(opened.ranked.order_by("rank").values_list("item__image__name", "score"))
    assert [score for _, score in ranked] == [0.9, 0.9, 0.5, 0.2, 0.1]
    assert {name for name, _ in ranked[:2]} == {"i2", "i4"}
    assert queue(pool) == [name for name, _ in ranked[:3]]
    begun = pool.items.get(image__name="i0")
    assert (begun.rank, begun.offered) == (0, True)
    assert all(row.prediction is not None for row in opened.ranked.all())

    second = services.open_round(campaign=pool, person=curator, strategy="random", seed=2)
    assert (second.number, len(queue(pool))) == (2, 5)  # what waited is offered now


def test_ties_are_drawn_by_the_seed_and_the_same_seed_draws_the_same(pool: Campaign, curator: Person) -> None:
    names = [str(n) for n in range(40)]
    level = dict.fromkeys(names, 0.5)
    assert rank_by_uncertainty(names, level, seed=1) == rank_by_uncertainty(names[::-1], level, seed=1)
    assert rank_by_uncertainty(names, level, seed=1) != rank_by_uncertainty(names, level, seed=2)
    assert rank_at_random(names, seed=1) == rank_at_random(names[::-1], seed=1)
    assert [n for n, _ in rank_at_random(names, seed=1)] != [n for n, _ in rank_at_random(names, seed=2)]


@given(st.dictionaries(st.text(max_size=5), st.floats(0, 1), max_size=30), st.integers(0, 9))
def test_rankings_hold_each_name_once_in_falling_order(known: dict[str, float], seed: int) -> None:
    names = [*known, "unknown to the model"]
    for ranking in (rank_by_uncertainty(names, known, seed=seed), rank_at_random(names, seed=seed)):
        assert sorted(name for name, _ in ranking) == sorted(set(names))
        scores = [score for _, score in ranking]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


def test_what_cannot_be_ranked_is_refused(
    pool: Campaign, run: PredictionRun, curator: Person, dataset: Dataset, readers: list[Person]
) -> None:
    with pytest.raises(InvalidDocument, match="needs a prediction run"):
        services.open_round(campaign=pool, person=curator)
    with pytest.raises(IntegrityError, match="uncertainty_needs_predictions"), transaction.atomic():
        Round.objects.create(campaign=pool, number=1, strategy="uncertainty")
    other = Campaign.objects.create(lab_id=dataset.lab_id, slug="other", title="other", dataset=dataset)
    with pytest.raises(InvalidDocument, match="another campaign"):
        services.open_round(campaign=other, person=curator, prediction_run=run)
    PredictionRun.objects.update(state=RunState.RUNNING)
    run.refresh_from_db()
    with pytest.raises(WrongState):
        services.open_round(campaign=pool, person=curator, prediction_run=run)
    Item.objects.filter(campaign=pool).update(readings_done=1)
    with pytest.raises(InvalidDocument, match="nobody is waiting"):
        services.open_round(campaign=pool, person=curator, strategy="random")
    assert not RankedItem.objects.exists()


def test_selection_never_looks_at_truth(
    pool: Campaign, run: PredictionRun, curator: Person, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(20) as captured:
        services.open_round(campaign=pool, person=curator, prediction_run=run)
    assert not [query for query in captured.captured_queries if Truth._meta.db_table in query["sql"]]


class TestApi:
    def test_a_round_over_http(
        self,
        pool: Campaign,
        run: PredictionRun,
        curator: Person,
        client_of: Callable[..., APIClient],
        django_assert_max_num_queries: Any,
    ) -> None:
        client = client_of(curator)
        body = {"strategy": "uncertainty", "prediction_run": str(run.pk), "size": 2}
        answer = client.post("/api/v1/campaigns/commons/pool/rounds/", body)
        assert answer.status_code == 201
        opened = answer.json()
        assert (opened["number"], opened["campaign"], len(opened["items"])) == (1, "commons/pool", 5)
        assert {"image", "name", "preview_url", "score", "rank", "readings"} <= set(opened["items"][0])
        assert [item["rank"] for item in opened["items"]] == [1, 2, 3, 4, 5]
        assert client.get(opened["items"][0]["preview_url"]).status_code == 200
        with django_assert_max_num_queries(6):
            listed = client.get("/api/v1/rounds/?campaign=commons/pool").json()
        assert [row["id"] for row in listed["results"]] == [opened["id"]]
        assert client.get(f"/api/v1/rounds/{opened['id']}/").json() == opened
        assert client.get("/api/v1/rounds/?campaign=commons/other").json()["count"] == 0

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"strategy": "magic"},
            {"strategy": "uncertainty"},
            {"strategy": "random", "size": 0},
            {"strategy": "uncertainty", "prediction_run": "00000000-0000-0000-0000-000000000000"},
        ],
    )
    def test_a_request_that_makes_no_sense_is_a_400(
        self, pool: Campaign, curator: Person, client_of: Callable[..., APIClient], body: dict[str, Any]
    ) -> None:
        answer = client_of(curator).post("/api/v1/campaigns/commons/pool/rounds/", body)
        assert answer.status_code == 400
        assert answer.json()["detail"]

    def test_only_curators(
        self, pool: Campaign, expert: Person, curator: Person, annotator: Person, client_of: Callable[..., APIClient]
    ) -> None:
        opened = services.open_round(campaign=pool, person=curator, strategy="random")
        for person, status in ((None, 401), (annotator, 403), (expert, 403)):
            client = client_of(person)
            assert client.post("/api/v1/campaigns/commons/pool/rounds/", {"strategy": "random"}).status_code == status
            assert client.get("/api/v1/rounds/").status_code == status
            assert client.get(f"/api/v1/rounds/{opened.pk}/").status_code == status
