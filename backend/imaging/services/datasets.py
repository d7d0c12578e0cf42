"""Living datasets."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from backend.imaging.models import Dataset
from backend.people.models import Person
from cellcommons.errors import AlreadyThere


def create_dataset(
    *, slug: str, title: str, description: str = "", licence: str = "CC0-1.0", person: Person | None = None
) -> Dataset:
    """A new, empty dataset. Raises AlreadyThere if the slug is taken."""
    try:
        with transaction.atomic():
            return Dataset.objects.create(
                slug=slug, title=title, description=description, licence=licence, created_by=person
            )
    except IntegrityError as error:
        raise AlreadyThere("a dataset of that slug exists", where=slug, remedy="Choose another slug.") from error
