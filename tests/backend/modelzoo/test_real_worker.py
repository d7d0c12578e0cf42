"""The hub and the real worker understand one another: orders out, messages and reports back, no broker in between."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backend.annotation.models import Campaign
from backend.modelzoo import services
from backend.modelzoo.models import ModelCard, Prediction, RunState, TrainingRun
from backend.modelzoo.tasks import accept_report, record_progress
from backend.people.models import Person
from backend.releases.models import Release
from backend.selection.services import open_round
from cellcommons.store import ObjectStore
from ml_worker import channel
from ml_worker.orders import perform_order

TASKS = {"modelzoo.record_progress": record_progress, "modelzoo.accept_report": accept_report}
# What these tests ask of a network is that it comes and goes, not that it is good.
SMALL = {"validations": 1, "crops": {"size": 48, "batch": 2}, "network": {"widths": [16, 16]}}


def deliver(task: str, args: list[Any]) -> None:
    """What the broker does: the message as JSON, twice."""
    for _ in range(2):
        TASKS[task](*json.loads(json.dumps(args)))


@pytest.mark.django_db
def test_a_release_becomes_a_card_drafts_and_a_ranking(
    release: Release, campaign: Campaign, curator: Person, store: ObjectStore
) -> None:
    training = services.order_training(
        release=release, person=curator, seed=1, budget_seconds=60, config=SMALL | {"max_steps": 4}
    )
    perform_order("training", training.order_sha256, store=store, send=deliver, shutting_down=lambda: False)
    training.refresh_from_db()
    assert (training.state, training.error) == (RunState.FINISHED, "")
    assert training.heartbeat is not None
    card = ModelCard.objects.get()
    assert {"f1_50"} <= set(card.measures)
    assert {"f1_50"} <= set(card.baseline)
    assert len(card.images) == release.counts["splits"]["test"]
    for score in card.images:
        assert store.get(score["picture"]).startswith(b"\x89PNG")

    run = services.order_prediction(model_card=card, campaign=campaign, person=curator)
    perform_order("prediction", run.order_sha256, store=store, send=deliver, shutting_down=lambda: False)
    run.refresh_from_db()
    assert (run.state, run.error, run.failures) == (RunState.FINISHED, "", {})
    prediction = Prediction.objects.get()
    assert prediction.annotation == campaign.items.get(readings_done=0).draft
    opened = open_round(campaign=campaign, person=curator, prediction_run=run)
    assert [row.score for row in opened.ranked.all()] == [prediction.uncertainty]


@pytest.mark.django_db
def test_a_cancelled_training_resumes_where_it_was(
    release: Release, curator: Person, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Eight steps take less than the second between two looks at the hub's wishes.
    monkeypatch.setattr(channel, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(channel, "PROGRESS_SECONDS", 0.0)
    training = services.order_training(
        release=release, person=curator, seed=1, budget_seconds=60, config=SMALL | {"max_steps": 8}
    )
    kind: dict[str, Any] = {"kind": "training", "run_id": training.pk}

    def cut_short(task: str, args: list[Any]) -> None:
        deliver(task, args)
        if task == "modelzoo.record_progress" and (args[2].get("step") or 0) >= 1:
            store.put_ref(f"runs/{training.pk}/cancel", b"cancel")
            TrainingRun.objects.filter(pk=training.pk, state=RunState.RUNNING).update(state=RunState.CANCELLING)

    perform_order("training", training.order_sha256, store=store, send=cut_short, shutting_down=lambda: False)
    training.refresh_from_db()
    assert training.state == RunState.CANCELLED
    assert store.get_ref(f"runs/{training.pk}/state") is not None
    services.resume_run(**kind)
    perform_order("training", training.order_sha256, store=store, send=deliver, shutting_down=lambda: False)
    training.refresh_from_db()
    assert (training.state, training.error) == (RunState.FINISHED, "")
