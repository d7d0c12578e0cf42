"""Campaigns begin and end."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from backend.annotation.kinds.registry import KINDS, kind_of
from backend.annotation.models import Campaign, CampaignState, Item, Task
from backend.core.errors import WrongState
from backend.imaging.models import Dataset
from backend.imaging.selectors import ready_images
from backend.people.models import Person
from cellcommons.classes import parse_ontology
from cellcommons.errors import AlreadyThere, InvalidDocument


def create_campaign(
    *,
    slug: str,
    title: str,
    dataset: Dataset,
    task: Task | str = Task.INSTANCE_SEGMENTATION,
    ontology: dict[str, Any] | None = None,
    guidelines: str = "",
    readings_needed: int = 3,
    lease_seconds: int = 900,
    person: Person | None = None,
) -> Campaign:
    """A draft campaign over ``dataset``.

    Args:
        ontology: the classes to choose from; those that the dataset's imports stated if None. Only for tasks with
            classes.

    Raises:
        AlreadyThere: the lab has a campaign of that slug.
        InvalidDocument: the task needs classes and nobody named any, or they are not well formed.
    """
    ontology = _classes_for(task=Task(task), dataset=dataset, ontology=ontology, where=f"{dataset.lab_id}/{slug}")
    try:
        with transaction.atomic():
            return Campaign.objects.create(
                lab_id=dataset.lab_id,
                slug=slug,
                title=title,
                dataset=dataset,
                task=Task(task),
                ontology=ontology,
                guidelines=guidelines,
                readings_needed=readings_needed,
                lease_seconds=lease_seconds,
                created_by=person,
            )
    except IntegrityError as error:
        raise AlreadyThere(
            "the lab has a campaign of that slug", where=f"{dataset.lab_id}/{slug}", remedy="Choose another slug."
        ) from error


@transaction.atomic
def open_campaign(*, campaign: Campaign) -> Campaign:
    """Let people work on it. Opening again takes in images that came since, after those that are there.

    Images that the task cannot be asked of stay out.

    Raises:
        WrongState: the dataset has no image that the task can be asked of; says why not.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).select_related("dataset").get(pk=campaign.pk)
    there = set(Item.objects.filter(campaign=campaign).values_list("image_id", flat=True))
    images = [image for image in ready_images(dataset=campaign.dataset) if image.pk not in there]
    refusals = {image.pk: kind_of(campaign).refusal(image) for image in images}
    fresh = [image for image in images if not refusals[image.pk]]
    if not there and not fresh:
        # One image for each reason: a folder of thousands has few reasons.
        reasons = {refusals[image.pk]: image.name for image in reversed(images)}
        listed = "; ".join(f"{name}: {reason}" for reason, name in reversed(reasons.items()))
        raise WrongState(
            f"its dataset has nothing to ask about ({listed or 'it has no images that are ready'})",
            where=campaign.name,
            remedy=f"Upload or import images into {campaign.dataset.name} first.",
        )
    last = Item.objects.filter(campaign=campaign).aggregate(last=Max("rank"))["last"] or 0
    Item.objects.bulk_create(
        Item(campaign=campaign, image=image, readings_needed=campaign.readings_needed, rank=last + number)
        for number, image in enumerate(fresh, start=1)
    )
    campaign.state = CampaignState.OPEN
    campaign.save(update_fields=["state"])
    return campaign


@transaction.atomic
def close_campaign(*, campaign: Campaign) -> Campaign:
    """Hand out nothing more; work that people hold can still be submitted. Raises WrongState for a draft."""
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    if campaign.state == CampaignState.DRAFT:
        raise WrongState("a campaign that was never open cannot be closed", where=campaign.name, remedy="Open it.")
    campaign.state = CampaignState.CLOSED
    campaign.save(update_fields=["state"])
    return campaign


def _classes_for(*, task: Task, dataset: Dataset, ontology: dict[str, Any] | None, where: str) -> dict[str, Any] | None:
    if not KINDS[task].needs_classes:
        if ontology is not None:
            raise InvalidDocument(f"{task} has no classes", where=where, remedy="Leave the ontology out.")
        return None
    chosen = ontology if ontology is not None else dataset.ontology
    if chosen is None:
        raise InvalidDocument(
            "this task needs classes to choose from, and the dataset states none",
            where=where,
            remedy='Name them, for example {"names": ["RBC", "WBC"]}.',
        )
    parsed = parse_ontology(dict(chosen), where=where)
    if task == Task.SEMANTIC_SEGMENTATION and (parsed.multi or parsed.ordinal):
        raise InvalidDocument("classes of pixels exclude each other and have no rank", where=where)
    return parsed.document()
