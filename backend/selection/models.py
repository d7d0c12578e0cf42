"""What to ask people next."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from backend.annotation.models import Campaign, Item
from backend.core.rows import Row
from backend.modelzoo.models import Prediction, PredictionRun


class Strategy(models.TextChoices):
    UNCERTAINTY = "uncertainty"
    RANDOM = "random"


class Round(Row):
    """One turn of active learning: a ranking of a campaign's unread items."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="rounds")
    number = models.PositiveIntegerField()
    strategy = models.CharField(max_length=16, choices=Strategy)
    prediction_run = models.ForeignKey(
        PredictionRun, null=True, blank=True, on_delete=models.PROTECT, related_name="rounds"
    )
    size = models.PositiveIntegerField(null=True, blank=True, help_text="offer only the first so many")
    seed = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="rounds_in_order"),
            models.CheckConstraint(
                condition=~Q(strategy=Strategy.UNCERTAINTY) | Q(prediction_run__isnull=False),
                name="uncertainty_needs_predictions",
            ),
        ]


class RankedItem(Row):
    """An item's place in a round."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="ranked")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    prediction = models.ForeignKey(Prediction, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    score = models.FloatField()
    rank = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "item"], name="item_once_per_round"),
            models.UniqueConstraint(fields=["round", "rank"], name="ranks_are_distinct"),
        ]
