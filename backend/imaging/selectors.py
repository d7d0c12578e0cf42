"""Questions about datasets and images. None of them looks at truth."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from backend.imaging.models import Dataset, Image, ImageState, Import


def datasets_with_counts() -> QuerySet[Dataset]:
    """Datasets by slug, each with ``image_count`` (ready ones) and ``source_count``."""
    return Dataset.objects.annotate(
        image_count=Count("images", filter=Q(images__state=ImageState.READY), distinct=True),
        source_count=Count("images__source", distinct=True),
    ).order_by("slug")


def images_matching(*, dataset: str = "", search: str = "", stratum: str = "") -> QuerySet[Image]:
    """Ready images by dataset and name; ``search`` looks into names and sources."""
    images = Image.objects.filter(state=ImageState.READY).select_related("dataset", "source")
    if dataset:
        images = images.filter(dataset__slug=dataset)
    if search:
        images = images.filter(Q(name__icontains=search) | Q(source__name__icontains=search))
    if stratum:
        images = images.filter(stratum=stratum)
    return images.order_by("dataset__slug", "name")


def ready_images(*, dataset: Dataset) -> QuerySet[Image]:
    """Ready images of a dataset in the order they came, companions at hand."""
    images = Image.objects.filter(dataset=dataset, state=ImageState.READY)
    return images.prefetch_related("companions").order_by("created", "name")


def imports_of_hub() -> QuerySet[Import]:
    """Imports, newest first."""
    return Import.objects.select_related("dataset").order_by("-created")
