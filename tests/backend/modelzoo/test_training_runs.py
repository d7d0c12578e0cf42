"""An order goes out; progress, cancel, resume and the report come in, each as often as it likes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from messages import Messages

from backend.core.errors import WrongState
from backend.core.sweep import run_sweeps
from backend.imaging.models import Truth
from backend.modelzoo import services
from backend.modelzoo.models import ModelCard, RunState, TrainingRun
from backend.modelzoo.tasks import accept_report, record_progress
from backend.people.models import Person
from backend.releases.models import Release, ReleaseState
from cellcommons.canonical import canonical_json
from cellcommons.orders import TrainingOrder, TrainingReport
from cellcommons.store import ObjectStore

Reports = Callable[..., TrainingReport]


def test_the_order_names_the_manifest_and_goes_to_the_gpu_queue(
    release: Release, curator: Person, store: ObjectStore, sent: Messages, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = services.order_training(release=release, person=curator, seed=7, budget_seconds=60, config={"width": 16})
    assert sent() == [("ml_worker.train", [run.order_sha256])]
    order = TrainingOrder.load(store, run.order_sha256)
    assert order == TrainingOrder(str(run.pk), release.manifest_sha256, "instance_segmentation", 7, 60.0, {"width": 16})


def test_only_a_published_release_is_trained_on(release: Release, curator: Person) -> None:
    draft = Release(dataset=release.dataset, campaign=release.campaign, state=ReleaseState.DRAFT)
    with pytest.raises(WrongState):
        services.order_training(release=draft, person=curator)


def test_progress_starts_the_run_and_draws_the_curve(training: TrainingRun) -> None:
    run = str(training.pk)
    for step, loss in ((1, 0.9), (2, 0.7), (3, float("nan"))):
        payload = {
            "step": step,
            "steps": 10,
            "fraction": step / 10,
            "loss": loss,
            "seconds": step * 1.0,
            "message": "x",
        }
        record_progress("training", run, payload)
    training.refresh_from_db()
    assert training.state == RunState.RUNNING
    assert training.heartbeat is not None
    assert training.progress == {"step": 3, "steps": 10, "fraction": 0.3, "seconds": 3.0, "message": "x"}
    assert [(point["step"], point["loss"]) for point in training.curve] == [(1, 0.9), (2, 0.7)]
    # Resumed from an earlier state: the curve is drawn over.
    record_progress("training", run, {"step": 2, "loss": 0.6, "junk": {"a": 1}, "fraction": "half"})
    training.refresh_from_db()
    assert [(point["step"], point["loss"]) for point in training.curve] == [(1, 0.9), (2, 0.6)]
    record_progress("training", "00000000-0000-0000-0000-000000000000", {"step": 1})  # another hub's: no error


def test_a_long_curve_is_thinned(training: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.runs, "CURVE_POINTS", 16)
    for step in range(60):
        services.record_progress(kind="training", run_id=training.pk, payload={"step": step, "loss": 1.0})
    training.refresh_from_db()
    steps = [point["step"] for point in training.curve]
    assert len(steps) <= 17
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, 59)


def test_a_report_makes_one_card_however_often_it_arrives(
    training: TrainingRun, training_report: Reports, store: ObjectStore
) -> None:
    report = training_report(training)
    digest = report.save(store)
    for _ in range(2):
        accept_report("training", str(training.pk), digest)
    training.refresh_from_db()
    assert (training.state, training.error, training.report_sha256) == (RunState.FINISHED, "", digest)
    assert [point["step"] for point in training.curve] == [10, 20]
    card = ModelCard.objects.get()
    assert report.checkpoint is not None
    assert card.name == f"commons/cells-1.0.0-{report.checkpoint[:4]}"
    assert card.checkpoint_bytes == store.size(report.checkpoint)
    assert card.measures["f1_50"] == 0.81
    assert "commons/cells@1.0.0" in card.text
    record_progress("training", str(training.pk), {"step": 99, "loss": 1.0})
    accept_report("training", str(training.pk), training_report(training, status="failed").save(store))
    training.refresh_from_db()
    assert (training.state, training.progress) == (RunState.FINISHED, {})


def test_equal_checkpoints_get_cards_of_different_names(
    release: Release, curator: Person, training_report: Reports, store: ObjectStore
) -> None:
    checkpoint = store.put(b"the same weights")
    names = set()
    for _ in range(2):
        run = services.order_training(release=release, person=curator)
        services.accept_report(
            kind="training", run_id=run.pk, report_sha256=training_report(run, checkpoint=checkpoint).save(store)
        )
        names.add(run.__class__.objects.get(pk=run.pk).model_card.name)
    assert len(names) == 2


def test_a_report_that_cannot_be_used_fails_the_run_with_the_reason(
    release: Release, curator: Person, training_report: Reports, store: ObjectStore
) -> None:
    def result(**changes: Any) -> str:
        run = services.order_training(release=release, person=curator)
        digest = training_report(run, **changes).save(store)
        services.accept_report(kind="training", run_id=run.pk, report_sha256=digest)
        run.refresh_from_db()
        assert run.state == RunState.FAILED
        assert not ModelCard.objects.exists()
        return run.error

    assert "no such object" in result(checkpoint="0" * 64)
    assert "names no checkpoint" in result(checkpoint=None)
    assert "status" in result(status="perhaps")
    assert "out of memory" in result(status="failed", error="out of memory")
    train = release.images.filter(split="train").first()
    some = services.order_training(release=release, person=curator)
    score = training_report(some).images[0]
    moved = score.__class__(str(train.image_id), train.image.tree_sha256, score.labels, score.picture, score.measures)
    assert "not the release's test images" in result(images=(moved,))
    lost = score.__class__(score.image, score.tree, "1" * 64, score.picture, score.measures)
    assert "no such object" in result(images=(lost,))

    other = services.order_training(release=release, person=curator)
    accept_report("training", str(other.pk), training_report(some).save(store))  # misdirected: says nothing of this run
    other.refresh_from_db()
    assert other.state == RunState.WAITING

    missing = services.order_training(release=release, person=curator)
    accept_report("training", str(missing.pk), "2" * 64)
    missing.refresh_from_db()
    assert "cannot be used" in missing.error
    nan = services.order_training(release=release, person=curator)
    text = canonical_json({"kind": TrainingReport.KIND, "run": str(nan.pk), "status": "finished", "seconds": 0.0})
    accept_report("training", str(nan.pk), store.put(text.replace(b'"seconds":0.0', b'"seconds":NaN')))
    nan.refresh_from_db()
    assert "not a finite number" in nan.error


def test_cancel_and_resume(
    training: TrainingRun,
    training_report: Reports,
    store: ObjectStore,
    sent: Messages,
    django_capture_on_commit_callbacks: Any,
) -> None:
    run, refs = str(training.pk), f"runs/{training.pk}"
    record_progress("training", run, {"step": 1})
    with django_capture_on_commit_callbacks(execute=True):
        assert services.cancel_run(kind="training", run_id=run).state == RunState.CANCELLING
    assert store.get_ref(f"{refs}/cancel") is not None
    cancelled = training_report(training, status="cancelled", checkpoint=None).save(store)
    store.put_ref(f"{refs}/report", cancelled.encode())
    accept_report("training", run, cancelled)
    training.refresh_from_db()
    assert training.state == RunState.CANCELLED
    with pytest.raises(WrongState):
        services.cancel_run(kind="training", run_id=run)

    sent()
    with django_capture_on_commit_callbacks(execute=True):
        assert services.resume_run(kind="training", run_id=run).state == RunState.WAITING
    assert sent() == [("ml_worker.train", [training.order_sha256])]
    assert store.get_ref(f"{refs}/cancel") is None
    assert store.get_ref(f"{refs}/report") is None
    accept_report("training", run, cancelled)  # the first attempt's report, delivered once more
    training.refresh_from_db()
    assert training.state == RunState.WAITING
    with pytest.raises(WrongState):
        services.resume_run(kind="training", run_id=run)

    store.put_ref(f"{refs}/report", cancelled.encode())  # cut again, at the same place
    accept_report("training", run, cancelled)
    training.refresh_from_db()
    assert training.state == RunState.CANCELLED
    services.resume_run(kind="training", run_id=run)
    accept_report("training", run, training_report(training).save(store))
    training.refresh_from_db()
    assert training.state == RunState.FINISHED


def test_a_run_nobody_took_up_is_cancelled_at_once(training: TrainingRun) -> None:
    assert services.cancel_run(kind="training", run_id=training.pk).state == RunState.CANCELLED
    record_progress("training", str(training.pk), {"step": 1})
    training.refresh_from_db()
    assert training.state == RunState.CANCELLED


def test_the_sweep_sends_again_what_was_lost_and_ends_what_died(
    training: TrainingRun, store: ObjectStore, sent: Messages, django_capture_on_commit_callbacks: Any
) -> None:
    def sweep(**fields: Any) -> list[tuple[str, list[str]]]:
        TrainingRun.objects.filter(pk=training.pk).update(**fields)
        with django_capture_on_commit_callbacks(execute=True):
            run_sweeps()
        return sent()

    now, message = timezone.now(), ("ml_worker.train", [training.order_sha256])
    assert sweep() == []
    assert sweep(sent_at=now - timedelta(hours=1)) == [message]
    assert sweep() == []  # sent a moment ago
    running = {"state": RunState.RUNNING, "heartbeat": now, "sent_at": now - timedelta(hours=1)}
    assert sweep(**running) == []
    assert sweep(heartbeat=now - timedelta(minutes=5)) == [message]
    assert sweep(state=RunState.CANCELLING, heartbeat=now) == []
    assert store.get_ref(f"runs/{training.pk}/cancel") is not None
    assert sweep(heartbeat=now - timedelta(minutes=5)) == []
    training.refresh_from_db()
    assert training.state == RunState.CANCELLED


def test_postgres_refuses_to_change_a_card(card: ModelCard) -> None:
    for statement in ("UPDATE modelzoo_modelcard SET name = 'better'", "DELETE FROM modelzoo_modelcard"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            connection.cursor().execute(statement)


def test_training_and_cards_never_look_at_truth(
    release: Release,
    curator: Person,
    training_report: Reports,
    store: ObjectStore,
    django_assert_max_num_queries: Any,
) -> None:
    with django_assert_max_num_queries(60) as captured:
        run = services.order_training(release=release, person=curator)
        services.accept_report(kind="training", run_id=run.pk, report_sha256=training_report(run).save(store))
    assert not [query for query in captured.captured_queries if Truth._meta.db_table in query["sql"]]
