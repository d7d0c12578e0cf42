"""Immutable releases of a dataset, named by their versions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from backend.annotation.models import Campaign
from backend.consensus.models import Consensus
from backend.core.rows import Row, is_sha256, sha256_field
from backend.imaging.models import Dataset, Image, Source, Visibility

#: In a reference and an address: the one release of a dataset that is not published yet.
DRAFT = "draft"


class ReleaseState(models.TextChoices):
    DRAFT = "draft"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    FAILED = "failed"


class Split(models.TextChoices):
    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Release(Row):
    """One release. Once published no UPDATE or DELETE is admitted (trigger).

    Its ``changes`` and ``drafted_at`` fix what is published, so that a publication killed half-way and started again
    seals the same manifest whatever people submitted meanwhile.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="releases")
    # The version, from what changed since the parent; known once it is sealed, and the database's from its publication.
    major = models.PositiveIntegerField(null=True, blank=True)
    minor = models.PositiveIntegerField(null=True, blank=True)
    patch = models.PositiveIntegerField(null=True, blank=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="releases")
    title = models.CharField(max_length=200)
    notes = models.TextField(blank=True)
    licence = models.CharField(max_length=64)
    seed = models.PositiveIntegerField(default=0)
    fractions = models.JSONField(default=dict, help_text="{train, validation, test}")
    state = models.CharField(max_length=16, choices=ReleaseState, default=ReleaseState.DRAFT)
    ordinal = models.PositiveIntegerField(default=1, help_text="its place in the dataset's order: the parent's + 1")
    drafted_at = models.DateTimeField(default=timezone.now, help_text="the manifest's time of creation")
    held = models.BooleanField(default=False, help_text="a draft that a curator looks at before it is published")
    manifest_sha256 = sha256_field(blank=True)
    card_sha256 = sha256_field(blank=True)
    counts = models.JSONField(default=dict, help_text="the manifest's, and classes: {name: {split: n}}")
    bytes = models.BigIntegerField(default=0)
    delta_bytes = models.BigIntegerField(default=0, help_text="bytes that the parent release lacks")
    error = models.TextField(blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "major", "minor", "patch"], name="a_version_names_one_release"),
            models.UniqueConstraint(fields=["dataset", "ordinal"], name="releases_of_a_dataset_in_order"),
            models.CheckConstraint(
                condition=~Q(state=ReleaseState.PUBLISHED)
                | (Q(manifest_sha256__regex=r"^[0-9a-f]{64}$") & Q(published_at__isnull=False)),
                name="published_has_manifest",
            ),
            is_sha256("manifest_sha256", "release_manifest_is_sha256", blank=True),
            is_sha256("card_sha256", "release_card_is_sha256", blank=True),
            models.CheckConstraint(
                condition=Q(state=ReleaseState.PUBLISHED, major__gte=1, minor__gte=0, patch__gte=0)
                | ~Q(state=ReleaseState.PUBLISHED) & Q(major=None, minor=None, patch=None),
                name="what_is_published_has_a_version",
            ),
            # Releases follow one another: the splits of the next depend on what this one locks.
            models.UniqueConstraint(
                fields=["dataset"],
                condition=~Q(state=ReleaseState.PUBLISHED),
                name="one_unpublished_release_per_dataset",
            ),
        ]

    @property
    def version(self) -> str:
        """``2.1.0``; empty until it is published."""
        return "" if self.major is None else f"{self.major}.{self.minor}.{self.patch}"

    @property
    def reference(self) -> str:
        """``lab/slug@2.1.0``; ``lab/slug@draft`` until it is published, for a dataset has one such at a time."""
        return f"{self.dataset.name}@{self.version or DRAFT}"

    @property
    def place(self) -> str:
        """What stands for it in its addresses: the version, or before there is one its id, which stays an address."""
        return self.version or str(self.pk)

    @property
    def address(self) -> str:
        """Path of its addresses, ``lab/slug/2.1.0``."""
        return f"{self.dataset.name}/{self.place}"

    @property
    def is_public(self) -> bool:
        """Whether anybody may read it: published, and of a dataset that the hub sees, or opened since."""
        seen = self.dataset.visibility == Visibility.HUB or getattr(self, "opening", None) is not None
        return self.state == ReleaseState.PUBLISHED and seen

    @property
    def tombstone(self) -> Withdrawal | None:
        """Who withdrew it, when and why; None while it stands."""
        return getattr(self, "withdrawal", None)


class Withdrawal(Row):
    """A published release that was taken back: its row and objects stay, nothing of it is served.

    Only of a published release, once, for good: the trigger refuses INSERT for others, and every UPDATE and DELETE.
    """

    release = models.OneToOneField(Release, on_delete=models.PROTECT, related_name="withdrawal")
    reason = models.CharField(max_length=2000)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(reason__regex=r"\S"), name="withdrawal_says_why")]


class Opening(Row):
    """That anybody may read a release whose dataset is its lab's alone. For good, like a withdrawal (trigger)."""

    release = models.OneToOneField(Release, on_delete=models.PROTECT, related_name="opening")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")


class SigningKey(Row):
    """A public key that this hub signs with, or signed with before: it stays listed for good (trigger)."""

    key = models.CharField(max_length=64, unique=True, help_text="ed25519, 32 bytes as hex")

    class Meta:
        constraints = [is_sha256("key", "signing_key_is_32_bytes")]


class ManifestSignature(Row):
    """What a key says of a published release's manifest. Never changed (trigger)."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="signatures")
    key = models.ForeignKey(SigningKey, on_delete=models.PROTECT, related_name="signatures")
    signature = models.CharField(max_length=128)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["release", "key"], name="signed_once_by_a_key"),
            models.CheckConstraint(
                condition=Q(signature__regex=r"^[0-9a-f]{128}$"), name="manifest_signature_is_64_bytes"
            ),
        ]


class DraftChange(models.Model):
    """One image by which a draft differs from its parent, frozen when it was drafted; gone once it is published."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="changes")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    consensus = models.ForeignKey(
        Consensus, null=True, on_delete=models.PROTECT, related_name="+", help_text="NULL: the image is left out"
    )
    facts = models.UUIDField(null=True, help_text="``drafting``: of name, source, pixels, what is given beside")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release", "image"], name="image_changes_once_per_draft")]


class HeldImage(models.Model):
    """An image with the consensus and the split that it has in the releases from ``since`` up to before ``until``.

    Ordinals of releases of one dataset; ``until`` NULL: in the last one too. Triggers admit rows that begin with the
    release that is being published, and that such a row ends with it; nothing else. So a publication writes what
    changed, and what was published stays.
    """

    id = models.BigAutoField(primary_key=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+", db_index=False)
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    consensus = models.ForeignKey(Consensus, on_delete=models.PROTECT, related_name="+")
    split = models.CharField(max_length=16, choices=Split)
    cells = models.PositiveIntegerField()
    facts = models.UUIDField(null=True, help_text="as ``DraftChange``")
    since = models.PositiveIntegerField()
    until = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "image"], condition=Q(until=None), name="image_once_in_the_last_release"
            ),
            models.UniqueConstraint(fields=["dataset", "image", "since"], name="image_begins_once"),
            models.CheckConstraint(condition=Q(until=None) | Q(until__gt=models.F("since")), name="image_ends_later"),
        ]


class HeldObject(models.Model):
    """An object that the releases from ``since`` up to before ``until`` need, and how often. Else as ``HeldImage``."""

    id = models.BigAutoField(primary_key=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+", db_index=False)
    sha256 = sha256_field()
    size = models.BigIntegerField()
    # So that the rows of the next release follow from what changed: an object is gone with its last use.
    uses = models.PositiveIntegerField(help_text="places that name it: the release, its parts, its images' trees")
    since = models.PositiveIntegerField()
    until = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "sha256"], condition=Q(until=None), name="object_once_in_the_last_release"
            ),
            models.UniqueConstraint(fields=["dataset", "sha256", "since"], name="object_begins_once"),
            models.CheckConstraint(condition=Q(uses__gte=1), name="object_held_is_used"),
            models.CheckConstraint(condition=Q(until=None) | Q(until__gt=models.F("since")), name="object_ends_later"),
        ]


class ReleaseImage(models.Model):
    """One image of one published release: a view of ``HeldImage``."""

    id = models.BigIntegerField(primary_key=True)
    release = models.ForeignKey(Release, on_delete=models.DO_NOTHING, related_name="images")
    image = models.ForeignKey(Image, on_delete=models.DO_NOTHING, related_name="+")
    consensus = models.ForeignKey(Consensus, on_delete=models.DO_NOTHING, related_name="+")
    split = models.CharField(max_length=16, choices=Split)
    cells = models.PositiveIntegerField()

    class Meta:
        managed = False


class ReleaseObject(models.Model):
    """Every object a published release needs, what its download route may serve: a view of ``HeldObject``."""

    id = models.BigIntegerField(primary_key=True)
    release = models.ForeignKey(Release, on_delete=models.DO_NOTHING, related_name="objects_needed")
    sha256 = sha256_field()
    size = models.BigIntegerField()
    uses = models.PositiveIntegerField()

    class Meta:
        managed = False


class SplitLock(Row):
    """Which split a source lies in, once published: what was test stays test (trigger refuses UPDATE and DELETE)."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="split_locks")
    source = models.OneToOneField(Source, on_delete=models.PROTECT, related_name="split_lock")
    split = models.CharField(max_length=16, choices=Split)
    first_release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="+")


class ImageDescriptor(Row):
    """What is kept of an image tree to find others of the same field; it follows from the pixels and the method."""

    tree_sha256 = sha256_field(db_index=True)
    method = models.CharField(max_length=64)
    sha256 = sha256_field(help_text="cellcommons.near_duplicates.descriptors, as bytes")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tree_sha256", "method"], name="described_once"),
            is_sha256("tree_sha256", "described_tree_is_sha256"),
            is_sha256("sha256", "descriptor_is_sha256"),
        ]


class ComparisonState(models.TextChoices):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Comparison(Row):
    """What changed from one release to another, computed once and kept as a tree of objects.

    A draft is compared as it would be sealed; drafted anew, it is another comparison.
    """

    before = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="+")
    after = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="comparisons")
    drafted_at = models.DateTimeField(help_text="of the release after")
    state = models.CharField(max_length=16, choices=ComparisonState, default=ComparisonState.WAITING)
    before_sha256 = sha256_field(blank=True)
    after_sha256 = sha256_field(blank=True)
    tree_sha256 = sha256_field(blank=True)
    error = models.TextField(blank=True)
    asked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["before", "after", "drafted_at"], name="compared_once"),
            models.CheckConstraint(
                condition=~Q(state=ComparisonState.DONE)
                | Q(tree_sha256__regex=r"^[0-9a-f]{64}$")
                & Q(before_sha256__regex=r"^[0-9a-f]{64}$")
                & Q(after_sha256__regex=r"^[0-9a-f]{64}$"),
                name="comparison_done_has_tree",
            ),
        ]
        indexes = [models.Index(fields=["before_sha256", "after_sha256"], name="comparison_by_manifests")]
