"""Campaigns, the work they lease to people, and what people (and checkpoints) drew."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from backend.core.rows import Row, is_sha256, sha256_field
from backend.imaging.models import Dataset, Image
from backend.people.models import Lab


class Task(models.TextChoices):
    """The tasks of the field that a campaign can be about."""

    INSTANCE_SEGMENTATION = "instance_segmentation"
    SEMANTIC_SEGMENTATION = "semantic_segmentation"
    CLASSIFICATION = "classification"
    TRACKING = "tracking"
    AUGMENTED = "augmented"


TASKS_WITH_CLASSES = (Task.CLASSIFICATION, Task.SEMANTIC_SEGMENTATION)


class CampaignState(models.TextChoices):
    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"


class Campaign(Row):
    """Images of one dataset, one task and a policy; called ``lab/slug``, after the lab of its dataset."""

    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="+", help_text="the dataset's (foreign key)")
    slug = models.SlugField(max_length=64)
    title = models.CharField(max_length=200)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="campaigns")
    task = models.CharField(max_length=32, choices=Task, default=Task.INSTANCE_SEGMENTATION)
    ontology = models.JSONField(null=True, blank=True, help_text="{names, ordinal, multi}, where the task has classes")
    guidelines = models.TextField(blank=True, help_text="Markdown, shown beside the image")
    state = models.CharField(max_length=16, choices=CampaignState, default=CampaignState.DRAFT)
    readings_needed = models.PositiveSmallIntegerField(default=3, validators=[MinValueValidator(1)])
    lease_seconds = models.PositiveIntegerField(default=900, validators=[MinValueValidator(1)])
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lab", "slug"], name="campaign_slug_once_per_lab"),
            models.CheckConstraint(condition=Q(readings_needed__gte=1), name="campaign_needs_a_reading"),
            models.CheckConstraint(condition=Q(lease_seconds__gte=1), name="campaign_leases_last"),
            models.CheckConstraint(
                condition=~Q(task__in=TASKS_WITH_CLASSES) | Q(ontology__isnull=False), name="campaign_has_its_classes"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """``lab/slug``."""
        return f"{self.lab_id}/{self.slug}"


class Item(Row):
    """One image in one campaign: what the queue hands out."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="items")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="items")
    readings_needed = models.PositiveSmallIntegerField()
    rank = models.PositiveIntegerField(
        default=0, help_text="lower is asked first; set by a Round, else order of import"
    )
    offered = models.BooleanField(default=True, help_text="False: kept for a later Round")
    draft = models.ForeignKey("Annotation", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    readings_done = models.PositiveSmallIntegerField(default=0, help_text="readings submitted; kept by services")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "image"], name="image_once_per_campaign"),
            models.CheckConstraint(condition=Q(readings_needed__gte=1), name="item_needs_a_reading"),
        ]
        indexes = [models.Index(fields=["campaign", "offered", "rank"], name="item_queue")]


class AssignmentState(models.TextChoices):
    LEASED = "leased"
    SUBMITTED = "submitted"
    EXPIRED = "expired"
    RETURNED = "returned"


LIVE = (AssignmentState.LEASED, AssignmentState.SUBMITTED)


class Assignment(Row):
    """One person's leased piece of work: one reading of one item.

    ``slot`` runs 1..item.readings_needed. Live means leased or submitted. A trigger refuses a slot above the item's
    readings_needed.
    """

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="assignments")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments")
    slot = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=AssignmentState, default=AssignmentState.LEASED)
    lease_expires_at = models.DateTimeField()
    draft = models.ForeignKey("Annotation", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    edit_count = models.PositiveIntegerField(default=0)
    tile_versions = models.JSONField(default=dict, help_text='{"y,x": edits that touched the tile}')
    changed = models.JSONField(default=dict, help_text="key -> value now, or null; the keys that edits changed")
    given = models.JSONField(
        default=list, help_text="[{key, kind, title, tree, summary, role?, annotation?}], fixed when it was leased"
    )
    active_seconds = models.FloatField(default=0)
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "slot"], condition=Q(state__in=LIVE), name="one_live_assignment_per_slot"
            ),
            models.UniqueConstraint(
                fields=["item", "person"], condition=Q(state__in=LIVE), name="one_live_assignment_per_person"
            ),
            models.CheckConstraint(condition=Q(slot__gte=1), name="slots_count_from_one"),
        ]
        indexes = [
            models.Index(fields=["state", "lease_expires_at"], name="assignment_expiry"),
            models.Index(fields=["person", "state"], name="assignment_person"),
        ]


class Edit(Row):
    """One stroke, durable once this row is committed. Append-only (trigger)."""

    uuid = models.UUIDField()
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="edits")
    seq = models.PositiveIntegerField()
    tool = models.CharField(max_length=32)
    params = models.JSONField(default=dict)
    tiles = models.JSONField(help_text='[{"y", "x", "version", "xor"}] as received')
    changes = models.JSONField(default=dict, help_text="{key: [old, new]} as received")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assignment", "seq"], name="edits_in_one_order"),
            models.UniqueConstraint(fields=["assignment", "uuid"], name="edit_once"),
        ]


class ProposalState(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class LinkProposal(Row):
    """Links of a movie that a linker proposes to the person who works on it; the last order of an assignment."""

    assignment = models.OneToOneField(Assignment, on_delete=models.PROTECT, related_name="proposal")
    linker = models.CharField(max_length=32)
    first = models.PositiveIntegerField(help_text="first frame, from 0")
    last = models.PositiveIntegerField(help_text="last frame, included")
    state = models.CharField(max_length=16, choices=ProposalState, default=ProposalState.WAITING)
    links = models.JSONField(default=dict, help_text="child -> [parent, whether a second linker agrees]")
    error = models.TextField(blank=True)
    asked_at = models.DateTimeField()
    heartbeat = models.DateTimeField(null=True, blank=True, help_text="when a worker took it")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(first__lt=models.F("last")), name="proposal_spans_frames")]
        indexes = [models.Index(fields=["state", "asked_at"], name="proposal_due")]


class AuthorKind(models.TextChoices):
    PERSON = "person"
    CHECKPOINT = "checkpoint"


class Annotation(Row):
    """A reading by one person or one checkpoint. Append-only (trigger)."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="annotations")
    author_kind = models.CharField(max_length=16, choices=AuthorKind)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    assignment = models.OneToOneField(
        Assignment, null=True, blank=True, on_delete=models.PROTECT, related_name="annotation"
    )
    labels_sha256 = sha256_field(help_text="Reading tree; of a checkpoint's augmented prediction, an image tree")
    reading_sha256 = sha256_field(blank=True, help_text="what both sides agreed on at submission")
    cells = models.PositiveIntegerField(help_text="cells, classes, subjects, tracks or failure regions")
    cell_scores = models.JSONField(default=dict, blank=True, help_text="cell, subject or node -> certainty")
    started_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    accepted_unchanged = models.BooleanField(default=False)
    independent = models.BooleanField(default=True)
    active_seconds = models.FloatField(default=0)
    provenance = models.JSONField(default=dict, help_text="a checkpoint's: {prediction, checkpoint_sha256}")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(author_kind=AuthorKind.PERSON, person__isnull=False, assignment__isnull=False))
                | Q(author_kind=AuthorKind.CHECKPOINT, person__isnull=True, assignment__isnull=True, independent=False),
                name="annotation_has_its_author",
            ),
            models.CheckConstraint(
                condition=Q(accepted_unchanged=False) | Q(independent=False), name="unchanged_draft_is_not_independent"
            ),
            is_sha256("labels_sha256", "annotation_labels_is_sha256"),
        ]
