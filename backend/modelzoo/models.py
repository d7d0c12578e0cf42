"""Training runs, checkpoints and their cards, and predictions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from backend.annotation.models import Annotation, Campaign
from backend.core.rows import Row, is_sha256, sha256_field
from backend.imaging.models import Image
from backend.releases.models import Release


class RunState(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FINISHED = "finished"
    FAILED = "failed"


class Run(Row):
    """An order given to a worker, and how far it is."""

    state = models.CharField(max_length=16, choices=RunState, default=RunState.WAITING)
    order_sha256 = sha256_field(blank=True)
    report_sha256 = sha256_field(blank=True)
    progress = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="when the order was last sent to the queue")
    heartbeat = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        abstract = True


class TrainingRun(Run):
    """One TrainingOrder on one release."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="training_runs")
    seed = models.PositiveIntegerField(default=0)
    budget_seconds = models.FloatField(default=120)
    config = models.JSONField(default=dict)
    start_from = sha256_field(blank=True, help_text="the checkpoint it began with; empty: from scratch")
    curve = models.JSONField(default=list, help_text="[{step, seconds, loss, validation?}]")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(budget_seconds__gt=0), name="training_has_a_budget"),
            is_sha256("order_sha256", "training_order_is_sha256", blank=True),
            is_sha256("start_from", "training_start_is_sha256", blank=True),
            is_sha256("report_sha256", "training_report_is_sha256", blank=True),
        ]


class Weights(Row):
    """A safetensors file that somebody brought, to begin a training with."""

    name = models.CharField(max_length=255)
    sha256 = sha256_field(unique=True)
    bytes = models.BigIntegerField()
    tensors = models.PositiveIntegerField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [is_sha256("sha256", "weights_is_sha256")]


class ModelCard(Row):
    """A checkpoint, what it was trained on and how well it does. Append-only (trigger)."""

    name = models.CharField(max_length=200, unique=True)
    training_run = models.OneToOneField(TrainingRun, on_delete=models.PROTECT, related_name="model_card")
    checkpoint_sha256 = sha256_field()
    checkpoint_bytes = models.BigIntegerField()
    headline = models.CharField(max_length=64, blank=True, help_text="the measure that matters most")
    notes = models.JSONField(default=list, help_text="what a reader of the measures must know")
    measures = models.JSONField()
    baseline = models.JSONField()
    by_stratum = models.JSONField()
    images = models.JSONField(help_text="[{image, tree, labels, picture, stratum, measures}], best first")
    text = models.TextField(help_text="the card as Markdown")

    class Meta:
        constraints = [is_sha256("checkpoint_sha256", "card_checkpoint_is_sha256")]


class PredictionScope(models.TextChoices):
    UNREAD = "unread"
    ALL = "all"
    DETECTIONS = "detections"  # movies that nobody can track yet: a segmenter says where their cells are


class PredictionRun(Run):
    """One PredictionOrder over a campaign's images."""

    model_card = models.ForeignKey(ModelCard, on_delete=models.PROTECT, related_name="prediction_runs")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="prediction_runs")
    scope = models.CharField(max_length=16, choices=PredictionScope, default=PredictionScope.UNREAD)
    images = models.PositiveIntegerField(default=0)
    failures = models.JSONField(default=dict, help_text="image id -> why it could not be predicted")

    class Meta:
        constraints = [
            is_sha256("order_sha256", "prediction_order_is_sha256", blank=True),
            is_sha256("report_sha256", "prediction_report_is_sha256", blank=True),
        ]


class Prediction(Row):
    """What a checkpoint said of one image."""

    run = models.ForeignKey(PredictionRun, on_delete=models.PROTECT, related_name="predictions")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="predictions")
    annotation = models.ForeignKey(
        Annotation, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="the draft made of it"
    )
    tree_sha256 = sha256_field(help_text="the image tree it was made from")
    labels_sha256 = sha256_field(help_text="Reading tree; of augmented microscopy an image tree")
    cells = models.PositiveIntegerField()
    uncertainty = models.FloatField()
    cell_scores = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "image"], name="one_prediction_per_run_and_image"),
            models.CheckConstraint(
                condition=Q(uncertainty__gte=0) & Q(uncertainty__lte=1), name="uncertainty_is_a_fraction"
            ),
        ]
