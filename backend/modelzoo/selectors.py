"""What is known about runs, model cards and predictions. Nothing here reads an image's truth."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from backend.annotation.models import Campaign
from backend.annotation.selectors import unread_items
from backend.imaging.access import seen_as_widely, seen_by
from backend.imaging.models import CompanionKind, Dataset, Image
from backend.imaging.selectors import ready_images
from backend.modelzoo.models import (
    ModelCard,
    Prediction,
    PredictionRun,
    PredictionScope,
    Run,
    RunState,
    TrainingRun,
    Weights,
)
from backend.releases.models import ReleaseImage, Split

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RUNS: dict[str, type[Run]] = {"training": TrainingRun, "prediction": PredictionRun}
ENDED = (RunState.FINISHED, RunState.CANCELLED, RunState.FAILED)


def list_training_runs(person: Any) -> QuerySet[TrainingRun]:
    """Training runs on datasets that ``person`` may see, newest first."""
    runs = TrainingRun.objects.filter(seen_by(person, "release__dataset__"))
    return runs.select_related("release__dataset", "model_card").order_by("-created", "id")


def list_prediction_runs(person: Any) -> QuerySet[PredictionRun]:
    """Prediction runs over campaigns that ``person`` may see, newest first."""
    runs = PredictionRun.objects.filter(seen_by(person, "campaign__dataset__"))
    return runs.select_related("model_card", "campaign").order_by("-created", "id")


def list_model_cards(person: Any) -> QuerySet[ModelCard]:
    """Model cards of trainings on datasets that ``person`` may see, newest first."""
    release = "training_run__release"
    origin = (f"{release}__dataset", f"{release}__campaign", f"{release}__withdrawal__person")
    cards = ModelCard.objects.filter(seen_by(person, f"{release}__dataset__"))
    return cards.select_related(*origin).order_by("-created", "id")


def list_predictions(person: Any) -> QuerySet[Prediction]:
    """Predictions over campaigns that ``person`` may see, in order of image."""
    found = Prediction.objects.filter(seen_by(person, "run__campaign__dataset__"))
    return found.select_related("image").order_by("run", "image__name", "id")


def image_names(card: ModelCard) -> dict[str, str]:
    """Image id -> name, of the images a card scores."""
    ids = [score["image"] for score in card.images]
    return {str(pk): name for pk, name in Image.objects.filter(pk__in=ids).values_list("pk", "name")}


def images_to_predict(campaign: Campaign, scope: str) -> list[Image]:
    """The images of a prediction order, companions at hand.

    Those to be pre-annotated (``unread``) hold no test image of the dataset's releases: what a model is measured on
    must not grow out of a model's drafts. For ``detections``, the dataset's movies that say nothing of their cells.
    """
    if scope == PredictionScope.DETECTIONS:
        movies = [image for image in ready_images(dataset=campaign.dataset) if image.frames > 1 and image.depth == 1]
        return [image for image in movies if all(c.kind != CompanionKind.DETECTIONS for c in image.companions.all())]
    if scope == PredictionScope.ALL:
        items = campaign.items.order_by("rank", "created", "id")
    else:
        tested = ReleaseImage.objects.filter(release__dataset=campaign.dataset_id, split=Split.TEST)
        items = unread_items(campaign=campaign).exclude(image__in=tested.values("image"))
    return [item.image for item in items.select_related("image").prefetch_related("image__companions")]


def checkpoint_to_start_from(reference: str, *, dataset: Dataset, person: Any) -> str | None:
    """The digest of the checkpoint that a training on ``dataset`` may begin with: a card's, by id or name, or weights
    brought.

    A card that fewer people see than the dataset is none of them: the training would tell them of it.
    """
    named = Q(name=reference)
    if _ID.fullmatch(reference):
        named |= Q(pk=reference)
    card = list_model_cards(person).filter(named).first()
    if card is not None and seen_as_widely(dataset, card.training_run.release.dataset):
        return str(card.checkpoint_sha256)
    return reference if Weights.objects.filter(sha256=reference).exists() else None


def unsent_runs(model: type[Run], *, waiting_since: datetime, silent_since: datetime) -> list[uuid.UUID]:
    """Runs that wait longer than a queue explains, and runs whose worker has fallen silent."""
    waiting = Q(state=RunState.WAITING) & (Q(sent_at__isnull=True) | Q(sent_at__lt=waiting_since))
    silent = Q(state=RunState.RUNNING, heartbeat__lt=silent_since) & (
        Q(sent_at__isnull=True) | Q(sent_at__lt=silent_since)
    )
    return list(model.objects.filter(waiting | silent).values_list("pk", flat=True))


def cancelling_runs(model: type[Run]) -> list[uuid.UUID]:
    """Runs whose worker has been asked to stop and has not answered yet."""
    return list(model.objects.filter(state=RunState.CANCELLING).values_list("pk", flat=True))
