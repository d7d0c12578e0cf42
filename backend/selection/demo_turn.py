"""The demo's first turn of the wheel, so that a newcomer finds every page alive.

Three simulated readers read half of the images, an expert settles all but the last image's disagreements, a release is
published and a training ordered. The other half, and the disagreements left open, are for people.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable

import numpy as np

from backend.annotation.models import Campaign
from backend.annotation.services.edits import record_edits
from backend.annotation.services.leases import lease_next_assignment
from backend.annotation.services.readings import submit_assignment
from backend.consensus.models import Disagreement, DisagreementState
from backend.consensus.services import fuse_item, settle_consensus, settle_disagreement
from backend.modelzoo.services.training import order_training
from backend.people.models import Person, Role
from backend.people.services import create_person
from backend.releases.models import Release, ReleaseState
from backend.releases.services import draft_release, publish_release
from backend.selection.demo import SLUG, demo_cells
from cellcommons.edits import encode_tiles, inflate, pixels_sha256
from cellcommons.measures.detection import detection_scores
from cellcommons.synthetic.annotator import simulate_reading, skilled

READERS = ("Simulated reader 1", "Simulated reader 2", "Simulated reader 3")
IMAGES_READ = 6
TRAINING_SECONDS = 45.0


def turn_demo_once(*, say: Callable[[str], None]) -> Release | None:
    """Read, fuse, settle, publish and order a training; None where the demo has been published already.

    Cut short, it goes on where it stopped: readings are not made twice, and a release is made only once.
    """
    campaign = Campaign.objects.select_related("dataset").get(slug=SLUG)
    if campaign.releases.filter(state=ReleaseState.PUBLISHED).exists():
        return None
    curator = Person.objects.get(username="curator")
    readings = sum(_read(campaign, number, name) for number, name in enumerate(READERS))
    items = list(campaign.items.filter(readings_done__gte=campaign.readings_needed).order_by("rank", "created", "pk"))
    for item in items:
        fuse_item(item_id=item.pk)
    settled = sum(_settle(item.pk) for item in items[:-1])
    say(f"{readings} simulated readings, {settled} disagreements settled, the rest left for you")
    release = campaign.releases.exclude(state=ReleaseState.FAILED).first()
    if release is None:
        release = draft_release(
            dataset=campaign.dataset, campaign=campaign, person=curator, notes="The demo's first edition."
        )
    release = publish_release(release_id=release.pk)
    if release.state == ReleaseState.PUBLISHED:
        order_training(release=release, person=curator, budget_seconds=TRAINING_SECONDS)
        say(f"{release.reference} published; a model is trained on it in the background")
    return release


def _read(campaign: Campaign, number: int, name: str) -> int:
    """One reader's readings, as many as are still due; how many they were."""
    username = f"simulated{number + 1}"
    person = Person.objects.filter(username=username).first() or create_person(
        username=username, password=secrets.token_urlsafe(24), role=Role.ANNOTATOR, display_name=name
    )
    model = skilled(number, level="practised")
    due = IMAGES_READ - person.assignments.filter(item__campaign=campaign).exclude(annotation=None).count()
    for _ in range(due):
        assignment, _new = lease_next_assignment(campaign=campaign, person=person)
        if assignment is None:
            return 0
        seed = int(assignment.item.image.metadata["seed"])
        truth = demo_cells(seed).labels
        # Seeded by person and image: after a cut the same reading comes again and fits the edits already sent.
        reading = simulate_reading(truth, model, np.random.default_rng((number, seed)))
        if assignment.edit_count == 0:
            tiles = encode_tiles(np.zeros_like(truth), reading.labels, {})
            edit = {"uuid": str(uuid.uuid4()), "seq": 1, "tool": "simulated", "params": {}, "tiles": tiles}
            record_edits(assignment_id=assignment.pk, person=person, edits=[edit])
        submit_assignment(
            assignment_id=assignment.pk,
            person=person,
            edit_count=1,
            labels_sha256=pixels_sha256(reading.labels),
            active_seconds=reading.seconds,
        )
    return due


def _settle(item_id: uuid.UUID) -> int:
    """Settle an item's open disagreements by what is closest to the truth; how many they were."""
    expert = Person.objects.get(username="expert")
    disputes = list(
        Disagreement.objects.filter(item_id=item_id, state=DisagreementState.OPEN).select_related("item__image")
    )
    for dispute in disputes:
        y0, x0, y1, x1 = dispute.box
        truth = demo_cells(int(dispute.item.image.metadata["seed"])).labels[y0:y1, x0:x1]
        options = [inflate(option["labels"], truth.shape) for option in dispute.options]
        best = int(np.argmax([detection_scores(truth, option).f1_50 for option in options]))
        settle_disagreement(disagreement_id=dispute.pk, person=expert, option=best)
    if disputes:
        settle_consensus(consensus_id=disputes[0].consensus_id)
    return len(disputes)
