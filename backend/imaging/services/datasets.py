"""Living datasets."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from backend.imaging.models import Dataset, Visibility
from backend.people.models import Lab, Person
from cellcommons.errors import AlreadyThere, InvalidDocument


def create_dataset(
    *,
    lab: Lab,
    slug: str,
    title: str,
    description: str = "",
    licence: str = "CC0-1.0",
    visibility: Visibility | str = Visibility.HUB,
    person: Person | None = None,
) -> Dataset:
    """A new, empty dataset of ``lab``. Raises AlreadyThere if the lab has one of that slug."""
    try:
        with transaction.atomic():
            return Dataset.objects.create(
                lab=lab,
                slug=slug,
                title=title,
                description=description,
                licence=licence,
                visibility=Visibility(visibility),
                created_by=person,
            )
    except IntegrityError as error:
        raise AlreadyThere(
            "the lab has a dataset of that slug", where=f"{lab.slug}/{slug}", remedy="Choose another slug."
        ) from error


def widen_ontology(*, dataset: Dataset, ontology: dict[str, Any]) -> Dataset:
    """Let the dataset's classes hold those of ``ontology`` too, after those that are there. Call inside a transaction.

    Raises:
        InvalidDocument: one is ordinal or multi and the other is not, or new ranks would go where nobody knows.
    """
    dataset = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    known = dataset.ontology
    if known == ontology:
        return dataset
    if known is not None:
        fresh = [name for name in ontology["names"] if name not in known["names"]]
        flags = {key: known[key] for key in ("ordinal", "multi")}
        if flags != {key: ontology[key] for key in flags} or (fresh and known["ordinal"]):
            raise InvalidDocument(
                "the classes of this import do not go with those that the dataset has",
                where=dataset.name,
                remedy="Import it into a dataset of its own.",
            )
        if not fresh:
            return dataset
        ontology = {**known, "names": [*known["names"], *fresh]}
    dataset.ontology = ontology
    dataset.save(update_fields=["ontology"])
    return dataset
