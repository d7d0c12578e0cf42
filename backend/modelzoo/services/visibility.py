"""Who sees a dataset, changed after it was made. Here, since only models know what was learned from what."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from backend.core.errors import Conflict, WrongState
from backend.imaging.models import Dataset, Visibility
from backend.modelzoo.models import ModelCard, PredictionRun, TrainingRun
from backend.people.models import Person
from backend.releases.models import Opening, Release, ReleaseState


@dataclass(frozen=True)
class VisibilityChange:
    """What showing a dataset to the other of its two circles would mean.

    Attributes:
        visibility: who sees it now. to: who would.
        images, campaigns, models: how many of each come into sight, or go out of it, with the dataset.
        opens: references of the releases that anybody could read from then on, newest first.
        withdrawn: references of withdrawn ones, whose reason anybody could read from then on.
        refused, remedy: why it cannot be, and what to do; "" where it can.
    """

    visibility: Visibility
    to: Visibility
    images: int
    campaigns: int
    models: int
    opens: list[str]
    withdrawn: list[str]
    refused: str = ""
    remedy: str = ""


def weigh_visibility(*, dataset: Dataset) -> VisibilityChange:
    """What a change of who sees ``dataset`` would mean. Reads only."""
    widening = dataset.visibility == Visibility.LAB
    hidden = _not_public(dataset) if widening else []
    refused, remedy = _tells_of_others(dataset) if widening else _was_public(dataset)
    return VisibilityChange(
        visibility=Visibility(dataset.visibility),
        to=Visibility.HUB if widening else Visibility.LAB,
        images=dataset.images.count(),
        campaigns=dataset.campaigns.count(),
        models=ModelCard.objects.filter(training_run__release__dataset=dataset).count(),
        opens=[release.reference for release in hidden if release.tombstone is None],
        withdrawn=[release.reference for release in hidden if release.tombstone is not None],
        refused=refused,
        remedy=remedy,
    )


@transaction.atomic
def change_visibility(*, dataset: Dataset, to: str, opens: int, person: Person) -> VisibilityChange:
    """Show a lab's own dataset to the whole hub, its releases to anybody; or take one of which nothing was ever
    published back to its lab. Asked for twice it is done once.

    Args:
        opens: how many releases the person was told would be opened by it: for good, each with an Opening of its own.

    Raises:
        WrongState: something of it was published, or it would tell of another dataset that stays its lab's.
        Conflict: another number of releases would be opened than the person agreed to.
    """
    dataset = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    change = weigh_visibility(dataset=dataset)
    if to == dataset.visibility:
        return change
    if change.refused:
        raise WrongState(change.refused, where=dataset.name, remedy=change.remedy)
    if opens != len(change.opens):
        raise Conflict(
            f"{len(change.opens)} of its releases would be opened to anyone, not {opens}",
            where=dataset.name,
            remedy="Look again at what it means, then decide.",
        )
    hidden = _not_public(dataset) if to == Visibility.HUB else []
    dataset.visibility = Visibility(to)
    dataset.save(update_fields=["visibility"])
    Opening.objects.bulk_create(Opening(release=release, person=person) for release in hidden)
    return weigh_visibility(dataset=dataset)


def _not_public(dataset: Dataset) -> list[Release]:
    """Published releases that only the lab reads, newest first."""
    published = dataset.releases.filter(state=ReleaseState.PUBLISHED, opening=None)
    return list(published.select_related("dataset", "withdrawal").order_by("-major", "-minor", "-patch"))


def _was_public(dataset: Dataset) -> tuple[str, str]:
    published = dataset.releases.filter(state=ReleaseState.PUBLISHED).count()
    if not published:
        return "", ""
    return (
        f"{published} of its releases {'was' if published == 1 else 'were'} published: what anybody could read has "
        "been copied, and is not taken out of sight",
        "Withdraw a release that must not be used. What is to stay the lab's goes into a dataset of its own.",
    )


def _tells_of_others(dataset: Dataset) -> tuple[str, str]:
    """Drafts and trainings that began with a model of another dataset, which only the lab sees."""
    predicted = PredictionRun.objects.filter(campaign__dataset=dataset).values("model_card")
    begun = TrainingRun.objects.filter(release__dataset=dataset).exclude(start_from="").values("start_from")
    private = ModelCard.objects.filter(training_run__release__dataset__visibility=Visibility.LAB)
    private = private.exclude(training_run__release__dataset=dataset)
    used = private.filter(pk__in=predicted) | private.filter(checkpoint_sha256__in=begun)
    card = used.select_related("training_run__release__dataset").order_by("created", "id").first()
    if card is None:
        return "", ""
    other = card.training_run.release.dataset.name
    return (
        f"its drafts or models come of {card.name}, which learned from {other}, and that is its lab's alone",
        f"Show {other} to the hub first.",
    )
