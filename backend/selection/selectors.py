"""What is known about rounds. Ranking looks at predictions, never at an image's truth."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from backend.imaging.access import seen_by
from backend.modelzoo.models import Prediction, PredictionRun
from backend.people.names import by_name
from backend.selection.models import RankedItem, Round


def list_rounds(person: Any, *, campaign: str = "") -> QuerySet[Round]:
    """Rounds of campaigns that ``person`` may see, newest first, with their items in order of rank."""
    ranked = RankedItem.objects.select_related("item__image").order_by("rank")
    return (
        Round.objects.filter(
            by_name(campaign, "campaign__") if campaign else Q(), seen_by(person, "campaign__dataset__")
        )
        .select_related("campaign")
        .prefetch_related(Prefetch("ranked", queryset=ranked))
        .order_by("-created", "-number", "id")
    )


def predictions_by_image(run: PredictionRun) -> dict[uuid.UUID, Prediction]:
    """Image id -> what the run predicted for it."""
    return {prediction.image_id: prediction for prediction in run.predictions.all()}
