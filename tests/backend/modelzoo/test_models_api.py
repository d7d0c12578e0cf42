"""Runs, cards and predictions over HTTP."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from rest_framework.test import APIClient

from backend.annotation.models import Campaign
from backend.imaging.models import Image
from backend.modelzoo import services
from backend.modelzoo.events import training_events
from backend.modelzoo.models import ModelCard, Prediction, RunState, TrainingRun
from backend.people.models import Person
from backend.releases.models import Release
from cellcommons.orders import PredictionReport
from cellcommons.store import ObjectStore

Clients = Callable[[Person | None], APIClient]
API = "/api/v1/"


def parsed(blocks: list[bytes]) -> list[tuple[str, Any]]:
    """Events of a stream as (name, data)."""
    events = []
    for block in b"".join(blocks).decode().strip().split("\n\n"):
        if not block.startswith(":"):
            name, data = block.split("\n")
            events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


def test_a_training_from_order_to_card(
    release: Release,
    curator: Person,
    annotator: Person,
    client_of: Clients,
    training_report: Callable[..., Any],
    store: ObjectStore,
) -> None:
    answer = client_of(curator).post(f"{API}training-runs/", {"release": "commons/cells@1", "budget_seconds": 30})
    assert answer.status_code == 202
    path = f"{API}training-runs/{answer.json()['id']}/"
    run = TrainingRun.objects.get()
    services.record_progress(kind="training", run_id=run.pk, payload={"step": 1, "loss": 0.5, "fraction": 0.1})
    client = client_of(annotator)
    shown = client.get(path).json()
    assert (shown["state"], shown["release"], shown["model_card"]) == ("running", "commons/cells@1.0.0", None)
    assert shown["progress"]["fraction"] == 0.1
    assert [point["step"] for point in shown["curve"]] == [1]
    services.accept_report(kind="training", run_id=run.pk, report_sha256=training_report(run).save(store))
    card = client.get(f"{API}model-cards/{client.get(path).json()['model_card']}/").json()
    assert card["training_run"] == str(run.pk)
    assert card["measures"]["f1_50"] > card["baseline"]["f1_50"]
    image = card["images"][0]
    assert image["name"] == Image.objects.get(pk=image["image"]).name
    assert client.get(image["picture_url"]).content.startswith(b"\x89PNG")
    checkpoint = client.get(f"{API}model-cards/{card['id']}/checkpoint")
    assert checkpoint.content == store.get(card["checkpoint_sha256"])
    assert f"{card['name'].replace('/', '-')}.safetensors" in checkpoint["Content-Disposition"]


def test_only_pictures_of_the_card_are_served(card: ModelCard, annotator: Person, client_of: Clients) -> None:
    client = client_of(annotator)
    for digest in (card.checkpoint_sha256, "0" * 64, "x"):
        assert client.get(f"{API}model-cards/{card.pk}/pictures/{digest}.png").status_code == 404


def test_cancel_resume_and_the_wrong_moment(training: TrainingRun, curator: Person, client_of: Clients) -> None:
    client, path = client_of(curator), f"{API}training-runs/{training.pk}/"
    assert client.post(f"{path}resume/").json()["type"] == "urn:cellcommons:wrong-state"
    assert client.post(f"{path}cancel/").json()["state"] == "cancelled"
    assert client.post(f"{path}cancel/").status_code == 409
    assert client.post(f"{path}resume/").json()["state"] == "waiting"


def test_events_follow_the_run_to_its_end(training: TrainingRun, annotator: Person, client_of: Clients) -> None:
    assert client_of(None).get(f"{API}training-runs/{training.pk}/events/").status_code == 401
    assert client_of(annotator).get(f"{API}training-runs/{uuid.uuid4()}/events/").status_code == 404
    response = client_of(annotator).get(
        f"{API}training-runs/{training.pk}/events/", headers={"accept": "text/event-stream"}
    )
    assert response["Content-Type"] == "text/event-stream"
    assert response.is_async  # or ASGI would collect the stream before sending it

    async def follow() -> list[bytes]:
        blocks, step = [], 0
        async for block in training_events(training.pk, training.created_by, poll_seconds=0):
            blocks.append(block)
            step += 1
            if step == 1:
                await beat(kind="training", run_id=training.pk, payload={"step": 1, "loss": 0.5})
            elif step == 2:
                await cancel(kind="training", run_id=training.pk)
            elif step == 3:
                await end(kind="training", run_id=training.pk, state=RunState.CANCELLED)
        return blocks

    beat, cancel = sync_to_async(services.record_progress), sync_to_async(services.cancel_run)
    end = sync_to_async(services.runs.end_run)
    events = parsed(async_to_sync(follow)())
    assert [(name, data["state"]) for name, data in events] == [
        ("progress", "waiting"),
        ("progress", "running"),
        ("progress", "cancelling"),
        ("progress", "cancelled"),
        ("end", "cancelled"),
    ]
    assert events[1][1]["progress"]["loss"] == 0.5


def test_events_of_a_finished_run_end_at_once_and_a_quiet_stream_is_kept_open(
    card: ModelCard, training: TrainingRun, release: Release, curator: Person
) -> None:
    async def first(run: TrainingRun, count: int) -> list[bytes]:
        blocks: list[bytes] = []
        async for block in training_events(run.pk, run.created_by, poll_seconds=0):
            blocks.append(block)
            if len(blocks) == count:
                break
        return blocks

    assert [name for name, _ in parsed(async_to_sync(first)(training, 9))] == ["progress", "end"]
    quiet = async_to_sync(first)(services.order_training(release=release, person=curator), 2)
    assert quiet[1] == b": still here\n\n"


def test_predictions_are_ordered_by_curators_and_seen_by_experts(
    card: ModelCard,
    campaign: Campaign,
    curator: Person,
    expert: Person,
    client_of: Clients,
    prediction_report: Callable[..., PredictionReport],
    store: ObjectStore,
    django_assert_max_num_queries: Any,
) -> None:
    body = {"model_card": str(card.pk), "campaign": campaign.name, "scope": "all"}
    answer = client_of(curator).post(f"{API}prediction-runs/", body)
    assert (answer.status_code, answer.json()["images"], answer.json()["state"]) == (202, 5, "waiting")
    run = services.runs.RUNS["prediction"].objects.get()
    services.accept_report(kind="prediction", run_id=run.pk, report_sha256=prediction_report(run).save(store))
    assert client_of(expert).get(f"{API}prediction-runs/{run.pk}/").json()["state"] == "finished"
    with django_assert_max_num_queries(4):
        rows = client_of(expert).get(f"{API}predictions/?run={run.pk}").json()["results"]
    assert len(rows) == 5
    assert {row["image"] for row in rows} == {str(pk) for pk in campaign.items.values_list("image_id", flat=True)}
    assert client_of(expert).get(f"{rows[0]['zarr_url']}/zarr.json").status_code == 200
    assert client_of(expert).get(f"{API}predictions/?run=nonsense").status_code == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("training-runs/", {}),
        ("training-runs/", {"release": "cells"}),
        ("training-runs/", {"release": "commons/cells@7"}),
        ("training-runs/", {"release": "commons/cells@1", "budget_seconds": 0}),
        ("prediction-runs/", {"campaign": "commons/round-one"}),
        ("prediction-runs/", {"campaign": "commons/round-one", "model_card": str(uuid.uuid4())}),
    ],
)
def test_an_order_that_makes_no_sense_is_a_400(curator: Person, client_of: Clients, path: str, body: Any) -> None:
    answer = client_of(curator).post(API + path, body)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:cellcommons:not-valid")


def test_who_may_do_what(
    card: ModelCard,
    training: TrainingRun,
    campaign: Campaign,
    curator: Person,
    expert: Person,
    annotator: Person,
    client_of: Clients,
    prediction_report: Callable[..., PredictionReport],
    store: ObjectStore,
) -> None:
    run = services.order_prediction(model_card=card, campaign=campaign, person=curator)
    services.accept_report(kind="prediction", run_id=run.pk, report_sha256=prediction_report(run).save(store))
    prediction = Prediction.objects.get()
    signed_in = [
        "training-runs/",
        f"training-runs/{training.pk}/",
        f"training-runs/{training.pk}/events/",
        "model-cards/",
        f"model-cards/{card.pk}/",
        f"model-cards/{card.pk}/checkpoint",
        f"model-cards/{card.pk}/pictures/{card.images[0]['picture']}.png",
        "prediction-runs/",
        f"prediction-runs/{run.pk}/",
    ]
    experts = ["predictions/", f"predictions/{prediction.pk}/zarr/zarr.json"]
    curators = [
        "training-runs/",
        f"training-runs/{training.pk}/cancel/",
        f"training-runs/{training.pk}/resume/",
        "prediction-runs/",
    ]
    for person, rank in ((None, 0), (annotator, 1), (expert, 2), (curator, 3)):
        client, refused = client_of(person), 401 if person is None else 403
        for paths, needed in ((signed_in, 1), (experts, 2)):
            for path in paths:
                status = client.get(API + path).status_code
                assert status == (200 if rank >= needed else refused), (path, rank)
        for path in curators:
            status = client.post(API + path, {}).status_code
            assert status in ((400, 409) if rank >= 3 else (refused,)), (path, rank)
