"""The demo's first turn of the wheel, so that a newcomer finds every page alive.

Three simulated readers read part of the images, an expert settles all but the last image's disagreements, a release is
published and a training ordered. Once a model has come of it, it drafts the images that nobody has read. Those, and the
disagreements left open, are for people.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
from django.db.models import Max
from django.utils import timezone

from backend.annotation.models import Annotation, Campaign
from backend.annotation.services.edits import record_edits
from backend.annotation.services.leases import lease_next_assignment
from backend.annotation.services.readings import submit_assignment
from backend.consensus.models import Disagreement, DisagreementState
from backend.consensus.services import fuse_item, settle_consensus, settle_disagreement
from backend.core.dispatch import dispatch
from backend.modelzoo.models import ModelCard, PredictionRun, PredictionScope
from backend.modelzoo.services import order_prediction, order_training
from backend.people.labs import FIRST
from backend.people.models import Person
from backend.releases.models import Release, ReleaseState
from backend.releases.services import draft_release, publish_release
from backend.selection.demo.contract import DemoTask
from backend.selection.demo.loading import READERS
from backend.selection.demo.registry import SLUGS, demo_task
from cellcommons.edits import encode_tiles, inflate
from cellcommons.errors import CellCommonsError
from cellcommons.reading import Reading, reading_sha256

TURN = "selection.turn_demo"
_SILENT = timedelta(minutes=3)


def turn_demo_once(*, slug: str, say: Callable[[str], None]) -> Release | None:
    """Read, fuse, settle, publish and order a training; None where it has been published already.

    Cut short, it goes on where it stopped: readings are not made twice, and a release is made only once.
    """
    campaign = Campaign.objects.select_related("dataset").get(lab=FIRST, slug=slug)
    task = demo_task(slug)
    if campaign.releases.filter(state=ReleaseState.PUBLISHED).exists():
        return None
    curator = Person.objects.get(username="curator")
    readers = Person.objects.in_bulk(READERS, field_name="username")
    readings = sum(_read(task, campaign, number, readers[name]) for number, name in enumerate(READERS))
    items = list(campaign.items.filter(readings_done__gte=campaign.readings_needed).order_by("rank", "created", "pk"))
    for item in items:
        fuse_item(item_id=item.pk)
    settled = sum(_settle(task, item.pk) for item in items[:-1])
    say(f"{slug}: {readings} simulated readings, {settled} disagreements settled, the rest left for you")
    release = campaign.releases.exclude(state=ReleaseState.FAILED).first()
    if release is None:
        release = draft_release(
            dataset=campaign.dataset, campaign=campaign, person=curator, notes="The demo's first release."
        )
    release = publish_release(release_id=release.pk)
    if release.state == ReleaseState.PUBLISHED:
        page = task.page
        order_training(release=release, person=curator, budget_seconds=page.training_seconds, config=page.config)
        say(f"{release.reference} published; a model is trained on it in the background")
    return release


def sweep_demo() -> int:
    """Turn what no worker turned, and let a model that has come of a turn draft what nobody has read."""
    taken_up = 0
    campaigns = Campaign.objects.filter(lab=FIRST, slug__in=SLUGS, dataset__slug__in=SLUGS).select_related("dataset")
    for campaign in sorted(campaigns, key=lambda campaign: SLUGS.index(campaign.slug)):
        if not campaign.releases.filter(state=ReleaseState.PUBLISHED).exists():
            last = Annotation.objects.filter(item__campaign=campaign).aggregate(last=Max("created"))["last"]
            if timezone.now() - max(last or campaign.created, campaign.created) > _SILENT:
                dispatch(TURN, campaign.slug)
                taken_up += 1
        elif not PredictionRun.objects.filter(campaign=campaign).exists():
            taken_up += _draft(campaign)
    return taken_up


def _draft(campaign: Campaign) -> int:
    card = ModelCard.objects.filter(training_run__release__campaign=campaign).order_by("created").first()
    if card is None:
        return 0
    try:
        order_prediction(
            model_card=card,
            campaign=campaign,
            scope=PredictionScope.UNREAD,
            person=Person.objects.get(username="curator"),
        )
    except CellCommonsError:
        return 0  # people have read all there is
    return 1


def _read(task: DemoTask, campaign: Campaign, number: int, person: Person) -> int:
    """One reader's readings, as many as are still due; how many they were."""
    due = task.page.images_read - person.assignments.filter(item__campaign=campaign).exclude(annotation=None).count()
    for _ in range(due):
        assignment, _new = lease_next_assignment(campaign=campaign, person=person)
        if assignment is None:
            return 0
        seed = int(assignment.item.image.metadata["seed"])
        # Seeded by person and image: after a cut the same reading comes again and fits the edits already sent.
        answer = task.read(seed, number, np.random.default_rng((number, seed)))
        if assignment.edit_count == 0:
            record_edits(assignment_id=assignment.pk, person=person, edits=_edits(answer.reading))
        digest = reading_sha256(answer.reading, paints=task.paints, answers=task.answers)
        assignment.refresh_from_db()
        submit_assignment(
            assignment_id=assignment.pk,
            person=person,
            edit_count=assignment.edit_count,
            labels_sha256=digest,
            active_seconds=answer.seconds,
        )
    return due


def _edits(reading: Reading) -> list[dict[str, Any]]:
    """All that a reading says, as one edit; none where it says nothing."""
    tiles = [] if reading.raster is None else encode_tiles(np.zeros_like(reading.raster), reading.raster, {})
    changes = {key: [None, value] for key, value in reading.values.items()}
    if not tiles and not changes:
        return []
    edit = {"uuid": str(uuid.uuid4()), "seq": 1, "tool": "simulated", "params": {}, "tiles": tiles}
    return [{**edit, "changes": changes}]


def _settle(task: DemoTask, item_id: uuid.UUID) -> int:
    """Settle an item's open disagreements by what is closest to the truth; how many they were."""
    expert = Person.objects.get(username="expert")
    disputes = list(
        Disagreement.objects.filter(item_id=item_id, state=DisagreementState.OPEN).select_related("item__image")
    )
    for dispute in disputes:
        box = tuple(dispute.box)
        seed, shape = int(dispute.item.image.metadata["seed"]), (box[2] - box[0], box[3] - box[1])
        scores = []
        for option in dispute.options:
            labels = inflate(option["labels"], shape) if option.get("labels") is not None else None
            scores.append(task.score(seed, box, labels, option.get("values") or {}))
        settle_disagreement(disagreement_id=dispute.pk, person=expert, option=int(np.argmax(scores)))
    if disputes:
        settle_consensus(consensus_id=disputes[0].consensus_id)
    return len(disputes)
