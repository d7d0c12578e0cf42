"""What is known about rounds. Ranking looks at predictions, never at an image's truth."""

from __future__ import annotations

import uuid

from django.db.models import Prefetch, QuerySet

from backend.modelzoo.models import Prediction, PredictionRun
from backend.selection.models import RankedItem, Round


def list_rounds() -> QuerySet[Round]:
    """Rounds, newest first, with their items in order of rank."""
    ranked = RankedItem.objects.select_related("item__image").order_by("rank")
    return (
        Round.objects.select_related("campaign")
        .prefetch_related(Prefetch("ranked", queryset=ranked))
        .order_by("-created", "-number", "id")
    )


def predictions_by_image(run: PredictionRun) -> dict[uuid.UUID, Prediction]:
    """Image id -> what the run predicted for it."""
    return {prediction.image_id: prediction for prediction in run.predictions.all()}
