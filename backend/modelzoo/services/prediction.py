"""Order predictions for a campaign's images, and make drafts for people of what came back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from backend.annotation.models import Annotation, Campaign, Task
from backend.annotation.selectors import unread_items
from backend.annotation.services import attach_draft
from backend.core.dispatch import dispatch
from backend.core.storage import object_store
from backend.imaging.access import hold_visibility, seen_as_widely
from backend.imaging.models import Dataset
from backend.modelzoo.models import ModelCard, Prediction, PredictionRun, PredictionScope, RunState
from backend.modelzoo.selectors import ENDED, images_to_predict
from backend.modelzoo.services.runs import ORDERS
from backend.people.models import Person
from cellcommons.errors import InvalidDocument
from cellcommons.orders import ImageRef, PredictionOrder, PredictionReport


def order_prediction(
    *, model_card: ModelCard, campaign: Campaign, person: Person, scope: str = PredictionScope.UNREAD
) -> PredictionRun:
    """Ask a worker what a checkpoint makes of the images nobody has read (they become drafts), or of all (to measure);
    or, of movies whose cells nobody knows, where the cells are.

    Raises:
        InvalidDocument: there is no such image, the checkpoint answers another question than the campaign asks, or
            people who see the campaign may not see what the checkpoint learned from.
    """
    _require_same_question(model_card, campaign, scope)
    _require_seen_as_widely(campaign.dataset, model_card, campaign)
    images = images_to_predict(campaign, scope)
    if not images:
        raise InvalidDocument(
            f"the campaign has no {_WANTED[scope]}", where=campaign.name, remedy="Add images, or predict all of them."
        )
    run_id = uuid.uuid4()
    order = PredictionOrder(
        run=str(run_id),
        checkpoint=model_card.checkpoint_sha256,
        images=tuple(
            ImageRef(
                str(image.pk),
                image.tree_sha256,
                image.name,
                {companion.kind: companion.tree_sha256 for companion in image.companions.all()},
            )
            for image in images
        ),
    )
    order_sha256 = order.save(object_store())
    with transaction.atomic():
        _require_seen_as_widely(hold_visibility(campaign.dataset), model_card, campaign)
        run = PredictionRun.objects.create(
            id=run_id,
            model_card=model_card,
            campaign=campaign,
            scope=scope,
            images=len(images),
            order_sha256=order_sha256,
            sent_at=timezone.now(),
            created_by=person,
        )
        dispatch(ORDERS["prediction"], order_sha256)
    return run


_WANTED = {
    PredictionScope.UNREAD: "unread images",
    PredictionScope.ALL: "images",
    PredictionScope.DETECTIONS: "movie whose cells are not known",
}


def _require_seen_as_widely(shown: Dataset, model_card: ModelCard, campaign: Campaign) -> None:
    if not seen_as_widely(shown, model_card.training_run.release.dataset):
        raise InvalidDocument(
            f"{model_card.name} learned from what is its lab's alone, and more people see this campaign",
            where=campaign.name,
            remedy="Choose a model that they may see too.",
        )


def _require_same_question(model_card: ModelCard, campaign: Campaign, scope: str) -> None:
    """Raises InvalidDocument where the checkpoint's task or classes are not those that are needed."""
    learned = model_card.training_run.release.campaign
    wanted = Task.INSTANCE_SEGMENTATION if scope == PredictionScope.DETECTIONS else campaign.task
    if scope == PredictionScope.DETECTIONS and campaign.task != Task.TRACKING:
        raise InvalidDocument("detections are made for campaigns of tracking", where=campaign.name)
    if learned.task != wanted:
        raise InvalidDocument(
            f"{model_card.name} was trained for {learned.task}, and {wanted} is wanted here",
            where=campaign.name,
            remedy=f"Choose a model of {wanted}.",
        )
    if scope != PredictionScope.DETECTIONS and learned.ontology != campaign.ontology:
        raise InvalidDocument(
            f"{model_card.name} knows other classes than the campaign asks for",
            where=campaign.name,
            remedy="Choose a model that was trained on these classes, in this order.",
        )


def check_predicted_images(order: PredictionOrder, report: PredictionReport) -> None:
    """Raises InvalidDocument unless the report answers the order: its checkpoint, its images, each at most once."""
    asked = {ref.image: ref.tree for ref in order.images}
    strange = [p.image for p in report.predictions if asked.get(p.image) != p.tree]
    images = [p.image for p in report.predictions]
    if report.checkpoint != order.checkpoint or strange or len(set(images)) != len(images):
        raise InvalidDocument("the report does not answer the order", where=", ".join(strange[:3]) or report.checkpoint)
    missing = set(asked) - set(images) - set(report.failures)
    if missing:
        raise InvalidDocument(f"the report says nothing of {len(missing)} images", where=min(missing))


def attach_drafts(*, run: PredictionRun, report: PredictionReport) -> dict[str, Annotation]:
    """Offer predictions of ``unread`` runs as drafts where nobody has begun; image id -> draft.

    One transaction each, for each reads its label map; a second call finds the drafts of the first.
    """
    if run.scope != PredictionScope.UNREAD:
        return {}
    unread = {str(item.image_id): item for item in unread_items(campaign=run.campaign)}
    return {
        found.image: attach_draft(
            item=unread[found.image],
            labels_sha256=found.labels,
            cells=found.cells,
            cell_scores=found.cell_scores,
            provenance={
                "prediction": str(prediction_id(run, found.image)),
                "checkpoint_sha256": report.checkpoint,
            },
        )
        for found in report.predictions
        if found.image in unread
    }


@transaction.atomic
def record_predictions(
    *, run_id: uuid.UUID | str, report: PredictionReport, report_sha256: str, drafts: Mapping[str, Annotation]
) -> list[Prediction]:
    """Finish a run and keep its predictions; empty if it had ended."""
    run = PredictionRun.objects.select_for_update(no_key=True).get(pk=run_id)
    if run.state in ENDED:
        return []
    predictions = Prediction.objects.bulk_create(
        Prediction(
            id=prediction_id(run, found.image),
            run=run,
            image_id=found.image,
            annotation=drafts.get(found.image),
            tree_sha256=found.tree,
            labels_sha256=found.labels,
            cells=found.cells,
            uncertainty=found.uncertainty,
            cell_scores=found.cell_scores,
        )
        for found in report.predictions
    )
    run.state, run.error, run.finished_at = RunState.FINISHED, "", timezone.now()
    run.report_sha256, run.failures = report_sha256, report.failures
    run.save(update_fields=["state", "error", "finished_at", "report_sha256", "failures"])
    return predictions


def prediction_id(run: PredictionRun, image: str) -> uuid.UUID:
    """Follows from run and image, so that drafts made before a crash carry the id of the row made after it."""
    return uuid.uuid5(run.pk, image)
