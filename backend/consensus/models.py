"""Many readings, one consensus; what cannot be settled goes to an expert."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from backend.annotation.models import Annotation, Item
from backend.core.rows import Row, is_sha256, sha256_field


class ConsensusState(models.TextChoices):
    SETTLED = "settled"
    DISPUTED = "disputed"


class Consensus(Row):
    """What an item's readings were fused to; a new revision for each change. Append-only (trigger)."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="consensuses")
    revision = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=ConsensusState)
    labels_sha256 = sha256_field(help_text="Reading tree")
    cells_sha256 = sha256_field(help_text="JSON object: per cell, agreement and the annotations' cells that support it")
    cells = models.PositiveIntegerField(help_text="cells, classes, subjects, tracks or failure regions")
    agreement = models.FloatField()
    method = models.CharField(max_length=64)
    readings = models.ManyToManyField(Annotation, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "revision"], name="consensus_revisions_in_order"),
            is_sha256("labels_sha256", "consensus_labels_is_sha256"),
            is_sha256("cells_sha256", "consensus_cells_is_sha256"),
            models.CheckConstraint(condition=Q(agreement__gte=0) & Q(agreement__lte=1), name="agreement_is_a_fraction"),
        ]


class DisagreementState(models.TextChoices):
    OPEN = "open"
    SETTLED = "settled"
    SUPERSEDED = "superseded"  # a later reading changed the consensus before anybody settled it


class DisagreementKind(models.TextChoices):
    """What is asked."""

    EXISTENCE = "existence"  # is there a cell?
    SPLIT = "split"  # one or several?
    EXTENT = "extent"  # how far does it reach?
    CLASS = "class"  # of these pixels, of this subject
    LINK = "link"  # where does this cell come from?
    DIVISION = "division"  # what becomes of this cell?
    FAILURE = "failure"  # is the picture wrong here?


class Disagreement(Row):
    """A region, or answers, that the readings cannot settle, with what they said."""

    consensus = models.ForeignKey(Consensus, on_delete=models.PROTECT, related_name="disagreements")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="disagreements")
    index = models.PositiveIntegerField(help_text="its place among the regions of its consensus")
    kind = models.CharField(max_length=16, choices=DisagreementKind)
    box = models.JSONField(help_text="[y0, x0, y1, x1], half-open")
    keys = models.JSONField(
        default=list, help_text="of the answers it decides; empty where it decides the box's pixels"
    )
    frame = models.PositiveIntegerField(null=True, blank=True, help_text="of a movie")
    options = models.JSONField(
        help_text="[{index, readings: [annotation ids], cells, labels: base64 raw-deflated uint32 of the box or null, "
        "values: {key: value or null} or null}]"
    )
    state = models.CharField(max_length=16, choices=DisagreementState, default=DisagreementState.OPEN)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["consensus", "index"], name="disagreements_in_order")]
        indexes = [models.Index(fields=["state", "created"], name="disagreement_queue")]


class Adjudication(Row):
    """An expert's decision. One per Disagreement, append-only."""

    disagreement = models.OneToOneField(Disagreement, on_delete=models.PROTECT, related_name="adjudication")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="adjudications")
    option = models.SmallIntegerField(
        null=True, blank=True, help_text="index of the option chosen; NULL: said anew or nothing"
    )
    labels = models.TextField(blank=True, help_text="base64 raw-deflated uint32 of the box, as decided")
    values = models.JSONField(null=True, blank=True, help_text="{key: value or null}, as decided")
    had_read = models.BooleanField(default=False, help_text="the expert's own reading is among those that disagree")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(option__isnull=True) | Q(option__gte=0), name="option_counts_from_zero"),
            models.CheckConstraint(condition=~Q(labels="") | Q(values__isnull=False), name="a_decision_says_something"),
        ]
