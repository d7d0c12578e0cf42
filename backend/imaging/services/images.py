"""Images coming in."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from backend.core.storage import object_store
from backend.imaging.conversion import Converted, convert_image
from backend.imaging.models import Companion, Dataset, Image, Source, Truth
from backend.imaging.services.datasets import widen_ontology
from backend.people.models import Person
from cellcommons.errors import AlreadyThere
from cellcommons.images.limits import Limits
from cellcommons.images.readers import read_image


class ImageAlreadyThere(AlreadyThere):
    """The dataset holds these bytes, or this name, already; ``extra`` names the image."""

    def __init__(self, image: Image, *, where: str, same_bytes: bool) -> None:
        if same_bytes:
            what = f"the same bytes are in {image.dataset.slug} already, as {image.name!r}"
            remedy = "Use the image that is there."
        else:
            what, remedy = f"{image.dataset.slug} has another image of that name", "Give it another name."
        super().__init__(what, where=where, remedy=remedy)
        self.extra = {"image": str(image.pk)}
        self.same_bytes = same_bytes


def receive_image(
    *,
    dataset: Dataset,
    path: Path,
    filename: str,
    source: str = "",
    stratum: str = "",
    name: str = "",
    person: Person | None = None,
) -> Image:
    """Read one file, keep it and its OME-Zarr, and add it to ``dataset``.

    Args:
        path: where the bytes are. filename: what the person calls them.
        source: donor, slide or experiment; without one the image stands for itself.

    Raises:
        UnreadableFile, WrongFormat, TooLarge: from reading; nothing is kept.
        ImageAlreadyThere: the dataset has these bytes or this name.
    """
    filename = Path(filename).name[:255]
    limits = Limits(max_file_bytes=settings.UPLOAD_LIMIT_BYTES)
    limits.check_file(path.stat().st_size, where=filename)
    with open(path, "rb") as handle:
        original_sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
    name = (name or Path(filename).stem)[:200]
    _refuse_known(dataset, original_sha256, name, where=filename)
    image = read_image(path, name=filename, limits=limits)
    converted = convert_image(
        object_store(),
        image,
        name=name,
        original=path,
        original_name=filename,
        source=source,
        source_known=bool(source),
        stratum=stratum,
    )
    return add_image(dataset=dataset, converted=converted, person=person)


def add_image(
    *, dataset: Dataset, converted: Converted, person: Person | None = None, extra_metadata: dict | None = None
) -> Image:
    """The rows of a converted image, all or none. Raises ImageAlreadyThere."""
    try:
        with transaction.atomic():
            source, _ = Source.objects.get_or_create(
                dataset=dataset, name=converted.source[:200], defaults={"known": converted.source_known}
            )
            image = Image.objects.create(
                dataset=dataset,
                source=source,
                name=converted.name,
                stratum=converted.stratum[:100],
                original_sha256=converted.original_sha256,
                original_name=converted.original_name,
                tree_sha256=converted.tree,
                preview_sha256=converted.preview,
                axes=converted.axes,
                shape=converted.shape,
                dtype=converted.dtype,
                channels=converted.channels,
                pixel_size_um=converted.pixel_size_um,
                metadata={**converted.metadata, **(extra_metadata or {})},
                bytes=converted.bytes,
                uploaded_by=person,
            )
            Companion.objects.bulk_create(
                Companion(image=image, kind=kind, tree_sha256=given.tree, summary=given.summary)
                for kind, given in converted.companions.items()
            )
            if converted.ontology is not None:
                widen_ontology(dataset=dataset, ontology=converted.ontology)
            if converted.truth:
                Truth.objects.create(image=image, tree_sha256=converted.truth, cells=converted.truth_cells)
            return image
    except IntegrityError:
        # Two uploads of the same bytes at once: the first one won.
        _refuse_known(dataset, converted.original_sha256, converted.name, where=converted.original_name)
        raise


def _refuse_known(dataset: Dataset, original_sha256: str, name: str, *, where: str) -> None:
    images = Image.objects.select_related("dataset").filter(dataset=dataset)
    if image := images.filter(original_sha256=original_sha256).first():
        raise ImageAlreadyThere(image, where=where, same_bytes=True)
    if image := images.filter(name=name).first():
        raise ImageAlreadyThere(image, where=where, same_bytes=False)
