"""Questions about datasets and images. None of them looks at truth."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet

from backend.imaging.access import datasets_seen_by, seen_by
from backend.imaging.layouts import AUTO
from backend.imaging.models import (
    VERIFIED_UPLOAD,
    Dataset,
    FileOutcome,
    Image,
    ImageState,
    Import,
    ImportedFile,
    ImportState,
    Upload,
)
from backend.people.models import Person
from backend.people.names import by_name


def datasets_with_counts(person: Any) -> QuerySet[Dataset]:
    """The datasets that ``person`` may see, by name, each with ``image_count`` (ready ones) and ``source_count``."""
    return (
        datasets_seen_by(person)
        .annotate(
            image_count=Count("images", filter=Q(images__state=ImageState.READY), distinct=True),
            source_count=Count("images__source", distinct=True),
        )
        .order_by("lab_id", "slug")
    )


def images_seen_by(person: Any) -> QuerySet[Image]:
    """Images that ``person`` may see."""
    return Image.objects.filter(seen_by(person, "dataset__")).select_related("dataset", "source")


def images_matching(*, person: Any, dataset: str = "", search: str = "", stratum: str = "") -> QuerySet[Image]:
    """Ready images that ``person`` may see, by dataset and name; ``search`` looks into names and sources."""
    images = images_seen_by(person).filter(state=ImageState.READY)
    if dataset:
        images = images.filter(by_name(dataset, "dataset__"))
    if search:
        images = images.filter(Q(name__icontains=search) | Q(source__name__icontains=search))
    if stratum:
        images = images.filter(stratum=stratum)
    return images.order_by("dataset__lab_id", "dataset__slug", "name")


def ready_images(*, dataset: Dataset) -> QuerySet[Image]:
    """Ready images of a dataset in the order they came, companions at hand."""
    images = Image.objects.filter(dataset=dataset, state=ImageState.READY)
    return images.prefetch_related("companions").order_by("created", "name")


def imports_seen_by(person: Any, *, dataset: str = "") -> QuerySet[Import]:
    """Imports into datasets that ``person`` may see, newest first."""
    imports = Import.objects.filter(seen_by(person, "dataset__")).select_related("dataset").order_by("-created")
    return imports.filter(by_name(dataset, "dataset__")) if dataset else imports


def files_of_import(*, record: Import, outcome: str = "", kind: str = "", search: str = "") -> QuerySet[ImportedFile]:
    """What became of the files of an import, in the order they came; ``search`` looks into names and reasons."""
    files = ImportedFile.objects.filter(batch=record)
    if outcome:
        files = files.filter(outcome=outcome)
    if kind:
        files = files.filter(kind=kind)
    if search:
        files = files.filter(Q(name__icontains=search) | Q(reason__icontains=search))
    return files.order_by("pk")


def outcomes_of_import(*, record: Import) -> dict[str, int]:
    """Outcome -> files; every outcome is there."""
    rows = ImportedFile.objects.filter(batch=record).values_list("outcome").annotate(count=Count("pk"))
    return dict.fromkeys(FileOutcome.values, 0) | dict(rows)


def reasons_of_import(*, record: Import, most: int = 50) -> list[dict[str, Any]]:
    """``{outcome, kind, count}`` of the files that did not come in, most frequent first, at most ``most`` of them."""
    skipped = ImportedFile.objects.filter(batch=record).exclude(outcome="imported")
    rows = skipped.values("outcome", "kind").annotate(count=Count("pk")).order_by("-count", "kind")
    return list(rows[:most])


def uploads_of(*, person: Person, dataset: str = "") -> QuerySet[Upload]:
    """The person's own uploads, newest first."""
    uploads = Upload.objects.filter(person=person).select_related("dataset").order_by("-created")
    return uploads.filter(by_name(dataset, "dataset__")) if dataset else uploads


def image_ids_of(*, dataset: Dataset, sha256: str) -> list[str]:
    """Ids of the dataset's images whose original has these bytes."""
    images = Image.objects.filter(dataset=dataset, original_sha256=sha256).order_by("created", "part")
    return [str(pk) for pk in images.values_list("pk", flat=True)]


def images_by_id(*, ids: list[str]) -> list[Image]:
    """Images in the order of their ids; those that are gone are left out."""
    found = {str(image.pk): image for image in Image.objects.filter(pk__in=ids).select_related("dataset", "source")}
    return [found[pk] for pk in ids if pk in found]


def import_of_archive(*, dataset: Dataset, sha256: str, layout: str, limit: int | None) -> Import | None:
    """The newest import of an archive into the dataset as this layout, unless it failed."""
    imports = Import.objects.filter(dataset=dataset, archive_sha256=sha256, limit=limit)
    if layout != AUTO:
        imports = imports.filter(layout=layout)
    return imports.exclude(state=ImportState.FAILED).order_by("-created").first()


def domain_has(*, dataset: Dataset, sha256: str) -> bool:
    """Whether the dataset's lab has these bytes already; what others have is not looked at."""
    ours = {"dataset__lab": dataset.lab_id}
    return (
        Image.objects.filter(original_sha256=sha256, **ours).exists()
        or Import.objects.filter(archive_sha256=sha256, **ours).exists()
        or Upload.objects.filter(object_sha256=sha256, state__in=VERIFIED_UPLOAD, **ours).exists()
    )
