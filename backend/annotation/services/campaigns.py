"""Campaigns begin and end."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Max

from backend.annotation.models import Campaign, CampaignState, Item, Task
from backend.core.errors import WrongState
from backend.imaging.models import Dataset
from backend.imaging.selectors import readable_images
from backend.people.models import Person
from cellcommons.errors import AlreadyThere


def create_campaign(
    *,
    slug: str,
    title: str,
    dataset: Dataset,
    task: Task | str = Task.INSTANCE_SEGMENTATION,
    guidelines: str = "",
    readings_needed: int = 3,
    lease_seconds: int = 900,
    person: Person | None = None,
) -> Campaign:
    """A draft campaign over ``dataset``. Raises AlreadyThere if the slug is taken."""
    try:
        with transaction.atomic():
            return Campaign.objects.create(
                slug=slug,
                title=title,
                dataset=dataset,
                task=Task(task),
                guidelines=guidelines,
                readings_needed=readings_needed,
                lease_seconds=lease_seconds,
                created_by=person,
            )
    except IntegrityError as error:
        raise AlreadyThere("a campaign of that slug exists", where=slug, remedy="Choose another slug.") from error


@transaction.atomic
def open_campaign(*, campaign: Campaign) -> Campaign:
    """Let people work on it. Opening again takes in images that came since, after those that are there.

    Raises:
        WrongState: the dataset has no image of one plane to work on.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).select_related("dataset").get(pk=campaign.pk)
    there = set(Item.objects.filter(campaign=campaign).values_list("image_id", flat=True))
    fresh = [image for image in readable_images(dataset=campaign.dataset) if image.pk not in there]
    if not there and not fresh:
        raise WrongState(
            "its dataset has no image of one plane that is ready",
            where=campaign.slug,
            remedy=f"Upload or import images into {campaign.dataset.slug} first.",
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
        raise WrongState("a campaign that was never open cannot be closed", where=campaign.slug, remedy="Open it.")
    campaign.state = CampaignState.CLOSED
    campaign.save(update_fields=["state"])
    return campaign
