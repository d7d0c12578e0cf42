"""Predictions come back as drafts for people, and as rows to rank by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from agreed import SHAPE
from django.db import DatabaseError, connection, transaction
from messages import Messages
from readings import add_reading, disks

from backend.annotation.models import Annotation, AuthorKind, Campaign, Item
from backend.imaging.models import Dataset, Image
from backend.modelzoo import services
from backend.modelzoo.models import ModelCard, Prediction, PredictionRun, RunState
from backend.modelzoo.services import reports
from backend.modelzoo.tasks import accept_report, record_progress
from backend.people.models import Person
from cellcommons.errors import InvalidDocument
from cellcommons.orders import ImagePrediction, PredictionOrder, PredictionReport
from cellcommons.store import ObjectStore

Reports = Callable[..., PredictionReport]


@pytest.fixture
def run(card: ModelCard, campaign: Campaign, curator: Person, make_image: Callable[..., Image]) -> PredictionRun:
    """Over two unread images of the campaign; four are read."""
    Item.objects.create(campaign=campaign, image=make_image(shape=SHAPE), readings_needed=2, rank=9)
    return services.order_prediction(model_card=card, campaign=campaign, person=curator)


def test_the_order_names_the_unread_images_only(
    card: ModelCard,
    campaign: Campaign,
    curator: Person,
    store: ObjectStore,
    sent: Messages,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = services.order_prediction(model_card=card, campaign=campaign, person=curator)
    assert sent() == [("ml_worker.predict", [run.order_sha256])]
    order = PredictionOrder.load(store, run.order_sha256)
    unread = campaign.items.get(readings_done=0)
    assert [(ref.image, ref.tree) for ref in order.images] == [(str(unread.image_id), unread.image.tree_sha256)]
    assert (order.checkpoint, run.images) == (card.checkpoint_sha256, 1)
    everything = services.order_prediction(model_card=card, campaign=campaign, person=curator, scope="all")
    assert everything.images == 5


def test_test_images_of_a_release_get_no_drafts(
    card: ModelCard, campaign: Campaign, dataset: Dataset, curator: Person
) -> None:
    """In another campaign they are unread; a draft would let the model write its own exam."""
    again = Campaign.objects.create(lab_id=dataset.lab_id, slug="again", title="again", dataset=dataset)
    release = card.training_run.release
    tested = set(release.images.filter(split="test").values_list("image_id", flat=True))
    for row in release.images.all():
        Item.objects.create(campaign=again, image=row.image, readings_needed=1)
    run = services.order_prediction(model_card=card, campaign=again, person=curator)
    assert tested
    assert run.images == 4 - len(tested)


def test_a_report_makes_predictions_and_drafts_once(
    run: PredictionRun, prediction_report: Reports, store: ObjectStore, readers: list[Person], campaign: Campaign
) -> None:
    record_progress("prediction", str(run.pk), {"step": 1, "fraction": 0.5})
    begun, fresh = campaign.items.filter(readings_done=0).order_by("rank")
    add_reading(begun, readers[0], disks(SHAPE, [(20, 20)]), slot=1)  # somebody was quicker than the model
    digest = prediction_report(run).save(store)
    for _ in range(2):
        accept_report("prediction", str(run.pk), digest)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.FINISHED, "")
    assert Prediction.objects.count() == 2
    begun.refresh_from_db()
    fresh.refresh_from_db()
    assert begun.draft is None
    draft = Annotation.objects.get(author_kind=AuthorKind.CHECKPOINT)
    assert fresh.draft == draft
    prediction = Prediction.objects.get(image=fresh.image)
    assert prediction.annotation == draft
    assert draft.provenance == {
        "prediction": str(prediction.pk),
        "checkpoint_sha256": run.model_card.checkpoint_sha256,
    }
    assert (prediction.tree_sha256, draft.cell_scores) == (fresh.image.tree_sha256, {"1": 0.9})


def test_killed_between_drafts_and_rows_it_goes_on_where_it_was(
    run: PredictionRun, prediction_report: Reports, store: ObjectStore
) -> None:
    class Killed(BaseException):
        pass

    def die(**_: Any) -> None:
        raise Killed

    digest = prediction_report(run).save(store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reports, "record_predictions", die)
        with pytest.raises(Killed):
            services.accept_report(kind="prediction", run_id=run.pk, report_sha256=digest)
    assert Annotation.objects.filter(author_kind=AuthorKind.CHECKPOINT).count() == 2
    services.accept_report(kind="prediction", run_id=run.pk, report_sha256=digest)
    assert Annotation.objects.filter(author_kind=AuthorKind.CHECKPOINT).count() == 2
    for prediction in Prediction.objects.all():
        assert prediction.annotation is not None
        assert prediction.annotation.provenance["prediction"] == str(prediction.pk)


def test_predicting_everything_makes_no_drafts(
    card: ModelCard, campaign: Campaign, curator: Person, prediction_report: Reports, store: ObjectStore
) -> None:
    run = services.order_prediction(model_card=card, campaign=campaign, person=curator, scope="all")
    services.accept_report(kind="prediction", run_id=run.pk, report_sha256=prediction_report(run).save(store))
    assert Prediction.objects.count() == 5
    assert not Annotation.objects.filter(author_kind=AuthorKind.CHECKPOINT).exists()


def test_a_report_that_does_not_answer_the_order_fails_the_run(
    card: ModelCard, campaign: Campaign, curator: Person, prediction_report: Reports, store: ObjectStore
) -> None:
    def result(**changes: Any) -> str:
        run = services.order_prediction(model_card=card, campaign=campaign, person=curator)
        services.accept_report(
            kind="prediction", run_id=run.pk, report_sha256=prediction_report(run, **changes).save(store)
        )
        run.refresh_from_db()
        assert run.state == RunState.FAILED
        assert not Prediction.objects.exists()
        return run.error

    whole = prediction_report(services.order_prediction(model_card=card, campaign=campaign, person=curator))
    one = whole.predictions[0]
    assert "says nothing of 1 image" in result(predictions=())
    assert "does not answer" in result(checkpoint="0" * 64)
    assert "does not answer" in result(predictions=(one, one))
    lost = ImagePrediction(one.image, one.tree, "0" * 64, 1, 0.5)
    assert "no such object" in result(predictions=(lost,))
    unsure = ImagePrediction(one.image, one.tree, one.labels, 1, 1.5)
    assert "uncertainty" in result(predictions=(unsure,))

    run = services.order_prediction(model_card=card, campaign=campaign, person=curator)
    partial = prediction_report(run, predictions=(), failures={one.image: "the image is damaged"})
    services.accept_report(kind="prediction", run_id=run.pk, report_sha256=partial.save(store))
    run.refresh_from_db()
    assert (run.state, run.failures) == (RunState.FINISHED, {one.image: "the image is damaged"})


def test_nothing_unread_is_no_order(card: ModelCard, dataset: Dataset, curator: Person) -> None:
    empty = Campaign.objects.create(lab_id=dataset.lab_id, slug="empty", title="empty", dataset=dataset)
    with pytest.raises(InvalidDocument, match="no unread images"):
        services.order_prediction(model_card=card, campaign=empty, person=curator)


def test_postgres_refuses_to_change_a_prediction(
    run: PredictionRun, prediction_report: Reports, store: ObjectStore
) -> None:
    services.accept_report(kind="prediction", run_id=run.pk, report_sha256=prediction_report(run).save(store))
    for statement in ("UPDATE modelzoo_prediction SET uncertainty = 0", "DELETE FROM modelzoo_prediction"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            connection.cursor().execute(statement)
