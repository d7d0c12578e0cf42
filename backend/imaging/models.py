"""Images and where they come from."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from backend.core.rows import Row, is_sha256, sha256_field
from backend.people.models import Lab


class Visibility(models.TextChoices):
    """Who sees a dataset and all that hangs on it."""

    HUB = "hub", "everybody of the hub"
    LAB = "lab", "the people of its lab"


class Dataset(Row):
    """A living collection of images; its frozen states are Releases.

    Whose it is and what it is called stays as it was made: what was published under its name says so for good. A lab's
    own may be shown to the hub; back to the lab goes only that of which nothing was published (triggers).
    """

    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="datasets")
    slug = models.SlugField(max_length=64)
    visibility = models.CharField(max_length=8, choices=Visibility, default=Visibility.HUB)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    licence = models.CharField(max_length=64, default="CC0-1.0", help_text="SPDX identifier")
    ontology = models.JSONField(null=True, blank=True, help_text="the classes that imports stated; null: none did")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lab", "slug"], name="dataset_slug_once_per_lab"),
            models.CheckConstraint(condition=models.Q(visibility__in=Visibility.values), name="visibility_is_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """``lab/slug``: what it is called everywhere outside the database."""
        return f"{self.lab_id}/{self.slug}"


class Source(Row):
    """A donor, line, slide or experiment: what must not straddle a split."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="sources")
    name = models.CharField(max_length=200)
    known = models.BooleanField(
        default=True, help_text="False where the files do not say and the image stands for itself"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="source_once_per_dataset")]

    def __str__(self) -> str:
        return self.name


class ImageState(models.TextChoices):
    READY = "ready"
    REJECTED = "rejected"


class Image(Row):
    """One image as an OME-Zarr tree in the object store, with its original kept byte for byte."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="images")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="images")
    name = models.CharField(max_length=200)
    stratum = models.CharField(max_length=100, blank=True, db_index=True)
    state = models.CharField(max_length=16, choices=ImageState, default=ImageState.READY)
    original_sha256 = sha256_field()
    original_name = models.CharField(max_length=255)
    part = models.CharField(
        max_length=200, blank=True, help_text="which image of the original it is, where that holds several"
    )
    tree_sha256 = sha256_field()
    preview_sha256 = sha256_field()
    axes = models.CharField(max_length=5, default="cyx")
    shape = models.JSONField(help_text="sizes along axes")
    dtype = models.CharField(max_length=16)
    channels = models.JSONField(help_text="channel names in order")
    pixel_size_um = models.JSONField(help_text="{y, x, z}; null where unknown")
    metadata = models.JSONField(default=dict, blank=True)
    bytes = models.BigIntegerField(default=0)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "original_sha256", "part"], name="image_bytes_once_per_dataset"),
            models.UniqueConstraint(fields=["dataset", "name"], name="image_name_once_per_dataset"),
            is_sha256("original_sha256", "image_original_is_sha256"),
            is_sha256("tree_sha256", "image_tree_is_sha256"),
            is_sha256("preview_sha256", "image_preview_is_sha256"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def height(self) -> int:
        return int(self.shape[-2])

    @property
    def width(self) -> int:
        return int(self.shape[-1])

    @property
    def depth(self) -> int:
        """Planes along z; 1 where there is no z axis."""
        return self._size("z")

    @property
    def frames(self) -> int:
        """Time points; 1 where there is no t axis."""
        return self._size("t")

    @property
    def preview_url(self) -> str:
        return f"/api/v1/images/{self.pk}/preview.png"

    @property
    def zarr_url(self) -> str:
        return f"/api/v1/images/{self.pk}/zarr"

    def _size(self, axis: str) -> int:
        return int(self.shape[self.axes.index(axis)]) if axis in self.axes else 1


class CompanionKind(models.TextChoices):
    CELLS = "cells"  # label map, uint32 yx: the cells to classify
    BOXES = "boxes"  # values: number -> [y0, x0, y1, x1]: the boxed cells to classify
    DETECTIONS = "detections"  # label maps, uint32 tyx: the cells of each frame, without identity
    TARGET = "target"  # image: the real counterpart of an augmented-microscopy image


class Companion(Row):
    """What is given beside an image: people see it, releases hold it."""

    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="companions")
    kind = models.CharField(max_length=16, choices=CompanionKind)
    tree_sha256 = sha256_field()
    summary = models.JSONField(default=dict, help_text="{subjects: n}, {cells: [n per frame]} or {channels: [names]}")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["image", "kind"], name="companion_once_per_kind"),
            is_sha256("tree_sha256", "companion_tree_is_sha256"),
        ]


class Truth(Row):
    """The reading that came with an import. Only evaluation reads this table; no route serves it."""

    image = models.OneToOneField(Image, on_delete=models.PROTECT, related_name="+")
    tree_sha256 = sha256_field(help_text="a Reading tree in the terms of the dataset's task")
    cells = models.PositiveIntegerField(help_text="cells, classified subjects or tracks")

    class Meta:
        constraints = [is_sha256("tree_sha256", "truth_tree_is_sha256")]


class ImportState(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    ASKING = "asking", "asking which layout it is"
    FINISHED = "finished"
    FAILED = "failed"


class Import(Row):
    """One archive or folder in a published layout on its way into a dataset."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="imports")
    layout = models.CharField(max_length=64, blank=True, help_text="empty until it has been told from the archive")
    guesses = models.JSONField(default=list, help_text="what the archive may be, likeliest first; see LayoutGuess")
    limit = models.PositiveIntegerField(null=True, blank=True)
    archive_sha256 = sha256_field(blank=True, help_text="the zip, where one was uploaded")
    archive_name = models.CharField(max_length=255, blank=True)
    state = models.CharField(max_length=16, choices=ImportState, default=ImportState.WAITING)
    found = models.PositiveIntegerField(default=0)
    imported = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)


class FileOutcome(models.TextChoices):
    IMPORTED = "imported"
    THERE = "already_there"
    REFUSED = "refused"
    LEFT_OUT = "left_out", "no part of the layout"


class ImportedFile(models.Model):
    """What became of one file of an import."""

    # Rows are many and read in the order they came: a count is smaller than a UUID, and nobody is given it.
    batch = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="files")
    name = models.TextField(help_text="as the layout calls the image; else the path within the folder")
    outcome = models.CharField(max_length=16, choices=FileOutcome)
    kind = models.CharField(max_length=200, blank=True, help_text="why not, the same words for the same sort of reason")
    reason = models.TextField(blank=True, help_text="why not; of an image that came in, what to know of it")
    remedy = models.TextField(blank=True)
    image = models.ForeignKey(Image, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["batch", "outcome", "kind"], name="file_by_outcome_and_kind")]

    def __str__(self) -> str:
        return self.name


class UploadPurpose(models.TextChoices):
    IMAGE = "image", "a file becomes images"
    IMPORT = "import", "a zip becomes an import"


class UploadState(models.TextChoices):
    SENDING = "sending", "parts are coming in"
    VERIFYING = "verifying", "all parts are here and are compared with the declared sha256"
    READING = "reading", "the bytes are kept and become what they are for"
    KEPT = "kept"
    REFUSED = "refused"
    ABANDONED = "abandoned"


LIVE_UPLOAD = (UploadState.SENDING, UploadState.VERIFYING, UploadState.READING)
VERIFIED_UPLOAD = (UploadState.READING, UploadState.KEPT)


class Upload(Row):
    """One file on its way into a dataset, in parts. A record of work: gone a week after it ended.

    Postgres holds: states only go forward; what is read or kept has a verified object of the declared sha256; one live
    upload for a person, a dataset and these bytes.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=8, choices=UploadPurpose)
    name = models.CharField(max_length=255, help_text="the file's, as the person calls it")
    size = models.BigIntegerField(help_text="bytes, as declared")
    sha256 = sha256_field(help_text="as declared")
    object_sha256 = sha256_field(blank=True, help_text="the object, once it is verified")
    options = models.JSONField(default=dict, help_text="{source, stratum, name} or {layout, limit}")
    place = models.CharField(max_length=1200, blank=True, help_text="what the store calls it")
    part_size = models.BigIntegerField()
    state = models.CharField(max_length=16, choices=UploadState, default=UploadState.SENDING)
    error = models.JSONField(null=True, help_text="{code, title, detail, where, remedy}: why not, or why not yet")
    images = models.JSONField(default=list, help_text="ids of the images it became")
    refused = models.JSONField(default=list, help_text="{name, reason, remedy} of its images that did not come in")
    already_there = models.BooleanField(default=False, help_text="the dataset had these bytes before")
    record = models.ForeignKey(Import, null=True, on_delete=models.SET_NULL, related_name="+")
    touched = models.DateTimeField(auto_now_add=True, help_text="when its person last did something with it")
    heartbeat = models.DateTimeField(null=True, help_text="of the worker that has it")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "dataset", "sha256"],
                condition=models.Q(state__in=LIVE_UPLOAD),
                name="one_live_upload_of_the_same_bytes",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=VERIFIED_UPLOAD, object_sha256=models.F("sha256"))
                | (~models.Q(state__in=VERIFIED_UPLOAD) & models.Q(object_sha256="")),
                name="upload_kept_is_verified",
            ),
            models.CheckConstraint(condition=models.Q(size__gt=0, part_size__gt=0), name="upload_has_bytes"),
            is_sha256("sha256", "upload_is_sha256"),
        ]

    def __str__(self) -> str:
        return self.name
