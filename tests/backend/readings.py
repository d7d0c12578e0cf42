"""Campaigns and readings, made as rows: for tests of what comes after annotation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import numpy as np
from django.utils import timezone

from backend.annotation.models import (
    Annotation,
    Assignment,
    AssignmentState,
    AuthorKind,
    Campaign,
    CampaignState,
    Item,
)
from backend.core.storage import object_store
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from cellcommons.edits import pixels_sha256
from cellcommons.images.ome_zarr import write_labels
from cellcommons.labels import Labels


def disks(shape: tuple[int, int], centres: Iterable[tuple[int, int]], radius: int = 8) -> Labels:
    """A label map (uint32, yx) of disks, numbered from 1 in the order given."""
    labels = np.zeros(shape, dtype=np.uint32)
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    for number, (y, x) in enumerate(centres, start=1):
        labels[(rows - y) ** 2 + (cols - x) ** 2 <= radius**2] = number
    return labels


def open_campaign(
    dataset: Dataset, images: Sequence[Image], *, slug: str = "round-one", readings_needed: int = 3
) -> Campaign:
    """An open campaign over ``images``, in their order."""
    campaign = Campaign.objects.create(
        lab_id=dataset.lab_id,
        slug=slug,
        title=slug,
        dataset=dataset,
        readings_needed=readings_needed,
        state=CampaignState.OPEN,
    )
    for rank, image in enumerate(images):
        Item.objects.create(campaign=campaign, image=image, readings_needed=readings_needed, rank=rank)
    return campaign


def add_reading(
    item: Item,
    person: Person,
    labels: Labels,
    *,
    slot: int,
    independent: bool = True,
    started_from: Annotation | None = None,
) -> Annotation:
    """One submitted reading of an item."""
    assignment = Assignment.objects.create(
        item=item,
        person=person,
        slot=slot,
        state=AssignmentState.SUBMITTED,
        lease_expires_at=timezone.now() + timedelta(minutes=15),
        submitted_at=timezone.now(),
    )
    item.readings_done += 1
    item.save(update_fields=["readings_done"])
    return Annotation.objects.create(
        item=item,
        author_kind=AuthorKind.PERSON,
        person=person,
        assignment=assignment,
        labels_sha256=write_labels(object_store(), labels).digest,
        reading_sha256=pixels_sha256(labels),
        cells=int(np.count_nonzero(np.unique(labels))),
        independent=independent,
        accepted_unchanged=not independent,
        started_from=started_from,
    )
