"""Images coming in."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.db.models import Q

from backend.core.storage import object_store
from backend.imaging.conversion import Converted, Naming, Refused
from backend.imaging.files import convert_file
from backend.imaging.models import Companion, Dataset, Image, Source, Truth
from backend.imaging.services.datasets import widen_ontology
from backend.people.models import Person
from cellcommons.errors import AlreadyThere, CellCommonsError, InvalidDocument, UnreadableFile
from cellcommons.images.limits import Limits


class ImageAlreadyThere(AlreadyThere):
    """The dataset holds these bytes, or this name, already; ``extra`` names the image."""

    def __init__(self, image: Image, *, where: str, same_bytes: bool) -> None:
        if same_bytes:
            what = f"the same bytes are in {image.dataset.name} already, as {image.name!r}"
            remedy = "Use the image that is there."
        else:
            what, remedy = f"{image.dataset.name} has another image of that name", "Give it another name."
        super().__init__(what, where=where, remedy=remedy)
        self.extra = {"image": str(image.pk)}
        self.same_bytes = same_bytes


# What became of each image: its row, or why it is not there.
Added = Image | CellCommonsError


@dataclass(frozen=True)
class Received:
    """The images of one file that came in, at least one, and those of it that did not."""

    images: tuple[Image, ...]
    refused: tuple[Refused, ...]


def receive_file(
    *,
    dataset: Dataset,
    path: Path,
    filename: str,
    source: str = "",
    stratum: str = "",
    name: str = "",
    person: Person | None = None,
) -> Received:
    """Read one file of any format, keep it and the OME-Zarr of each image in it, and add these to ``dataset``.

    Args:
        path: where the bytes are. filename: what the person calls them.
        source: donor, slide or experiment; without one the file stands for itself.

    Raises:
        UnreadableFile, WrongFormat, TooLarge, MissingExtra: from reading; nothing is kept.
        ImageAlreadyThere: the dataset has these bytes or this name.
    """
    filename = Path(filename).name[:255]
    limits = Limits(max_file_bytes=settings.UPLOAD_LIMIT_BYTES)
    limits.check_file(path.stat().st_size, where=filename)
    with open(path, "rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    # Asked before anything is decoded; a file of several images is looked at part by part, later.
    there = Image.objects.select_related("dataset").filter(dataset=dataset, original_sha256=digest, part="").first()
    if there:
        raise ImageAlreadyThere(there, where=filename, same_bytes=True)
    naming = Naming(
        (name or Path(filename).stem)[:200], path, filename, source=source, source_known=bool(source), stratum=stratum
    )
    with object_store().batch() as store:
        outcomes = convert_file(store, naming, limits=limits)
    added = add_images(
        dataset=dataset, converted=[one for one in outcomes if isinstance(one, Converted)], person=person
    )
    images = tuple(one for one in added if isinstance(one, Image))
    errors = [one for one in added if not isinstance(one, Image)]
    if not images and errors:
        raise errors[0]
    refused = [one for one in outcomes if isinstance(one, Refused)]
    if not images:
        raise UnreadableFile(f"none of its {len(outcomes)} images can be read: {refused[0].reason}", where=filename)
    return Received(images, (*refused, *(Refused.of(filename, error) for error in errors)))


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
    """The first image of a file, as ``receive_file`` adds it. Raises as that does."""
    received = receive_file(
        dataset=dataset, path=path, filename=filename, source=source, stratum=stratum, name=name, person=person
    )
    return received.images[0]


def add_image(*, dataset: Dataset, converted: Converted, person: Person | None = None) -> Image:
    """The rows of a converted image, all or none. Raises ImageAlreadyThere, InvalidDocument."""
    (added,) = add_images(dataset=dataset, converted=[converted], person=person)
    if isinstance(added, CellCommonsError):
        raise added
    return added


def add_images(
    *,
    dataset: Dataset,
    converted: Sequence[Converted],
    person: Person | None = None,
    beside: Callable[[list[tuple[Converted, Added]]], None] | None = None,
) -> list[Added]:
    """The rows of converted images in one transaction; those that are there already are refused one by one.

    Args:
        beside: called inside the transaction with each image and what became of it, to write more rows; again for each
            image alone if another upload comes between.
    """
    try:
        with transaction.atomic():
            added = _add(dataset, converted, person)
            if beside:
                beside(list(zip(converted, added, strict=True)))
            return added
    except (IntegrityError, DataError, UnicodeEncodeError) as error:
        # Someone added one of them between our question and our answer, or one says of itself what no row can hold:
        # one by one, the others still come in.
        if len(converted) > 1:
            return [
                result
                for one in converted
                for result in add_images(dataset=dataset, converted=[one], person=person, beside=beside)
            ]
        refusal: CellCommonsError | None
        if isinstance(error, IntegrityError):
            (refusal,) = _known(dataset, converted, [uuid.uuid4()])
            if refusal is None:
                raise
        else:
            refusal = InvalidDocument(
                "what the file says of itself cannot be kept: it holds text that is none",
                where=converted[0].original_name,
                remedy="Export it again, without its metadata.",
            )
        with transaction.atomic():
            if beside:
                beside([(converted[0], refusal)])
        return [refusal]


def _add(dataset: Dataset, converted: Sequence[Converted], person: Person | None) -> list[Added]:
    keys = [uuid.uuid4() for _ in converted]
    refused: list[CellCommonsError | None] = list(_known(dataset, converted, keys))
    widened: dict[str, CellCommonsError | None] = {}
    for place, one in enumerate(converted):
        if one.ontology is None or refused[place] is not None:
            continue
        key = json.dumps(one.ontology, sort_keys=True)
        if key not in widened:
            widened[key] = _widen(dataset, one)
        refused[place] = widened[key]
    fresh = [(key, one) for key, one, error in zip(keys, converted, refused, strict=True) if error is None]
    sources = _sources(dataset, [one for _, one in fresh])
    images = Image.objects.bulk_create(
        Image(
            pk=key,
            dataset=dataset,
            source=sources[one.source],
            name=one.name,
            stratum=one.stratum,
            original_sha256=one.original_sha256,
            original_name=one.original_name,
            part=one.part,
            tree_sha256=one.tree,
            preview_sha256=one.preview,
            axes=one.axes,
            shape=one.shape,
            dtype=one.dtype,
            channels=one.channels,
            pixel_size_um=one.pixel_size_um,
            metadata=one.metadata,
            bytes=one.bytes,
            uploaded_by=person,
        )
        for key, one in fresh
    )
    both = [(image, one) for image, (_, one) in zip(images, fresh, strict=True)]
    Companion.objects.bulk_create(
        Companion(image=image, kind=kind, tree_sha256=given.tree, summary=given.summary)
        for image, one in both
        for kind, given in one.companions.items()
    )
    Truth.objects.bulk_create(
        Truth(image=image, tree_sha256=one.truth, cells=one.truth_cells) for image, one in both if one.truth
    )
    made = iter(images)
    return [error if error is not None else next(made) for error in refused]


def _widen(dataset: Dataset, one: Converted) -> CellCommonsError | None:
    assert one.ontology is not None
    try:
        widen_ontology(dataset=dataset, ontology=one.ontology)
    except CellCommonsError as error:
        return error
    return None


def _sources(dataset: Dataset, converted: Sequence[Converted]) -> dict[str, Source]:
    """By name, made where they are not there; another import may make them at the same time."""
    wanted = {one.source: one.source_known for one in converted}
    found = {source.name: source for source in Source.objects.filter(dataset=dataset, name__in=wanted)}
    missing = [Source(dataset=dataset, name=name, known=wanted[name]) for name in wanted if name not in found]
    if missing:
        Source.objects.bulk_create(missing, ignore_conflicts=True)
        names = [source.name for source in missing]
        found |= {source.name: source for source in Source.objects.filter(dataset=dataset, name__in=names)}
    return found


def _known(
    dataset: Dataset, converted: Sequence[Converted], keys: Sequence[uuid.UUID]
) -> list[ImageAlreadyThere | None]:
    """For each, why it cannot be added: its bytes or its name are in the dataset, or came earlier in the list.

    ``keys`` are what their rows will be called.
    """
    digests, names = {one.original_sha256 for one in converted}, {one.name for one in converted}
    there = Image.objects.select_related("dataset").filter(dataset=dataset)
    rows = list(there.filter(Q(original_sha256__in=digests) | Q(name__in=names)))
    by_bytes = {(row.original_sha256, row.part): row for row in rows}
    by_name = {row.name: row for row in rows}
    known: list[ImageAlreadyThere | None] = []
    for key, one in zip(keys, converted, strict=True):
        content, where = (one.original_sha256, one.part), one.original_name
        if content in by_bytes:
            known.append(ImageAlreadyThere(by_bytes[content], where=where, same_bytes=True))
        elif one.name in by_name:
            known.append(ImageAlreadyThere(by_name[one.name], where=where, same_bytes=False))
        else:
            # Not yet a row, but it will be by the time anybody reads of it.
            by_bytes[content] = by_name[one.name] = Image(pk=key, dataset=dataset, name=one.name)
            known.append(None)
    return known
