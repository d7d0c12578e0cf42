"""Draft a release, and publish it: seal what was frozen, then say so in one transaction."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from backend.annotation.kinds.registry import ontology_of
from backend.annotation.models import Campaign
from backend.consensus.selectors import settled_consensuses
from backend.core.dispatch import dispatch
from backend.core.errors import PART_AWAY, WrongState
from backend.core.storage import object_store
from backend.imaging.models import Dataset, Source
from backend.imaging.services.heartbeat import beating
from backend.people.models import Person
from backend.releases.contents import class_counts, release_item
from backend.releases.drafting import freeze_changes, frozen_changes
from backend.releases.membership import record_images, record_objects
from backend.releases.models import Opening, Release, ReleaseState, SplitLock, Withdrawal
from backend.releases.placing import place_changes
from backend.releases.selectors import latest_published, refuse_withdrawn, stalled_releases
from backend.releases.signatures import sign_release
from cellcommons.cards.dataset import dataset_card
from cellcommons.cards.licences import check_licence
from cellcommons.errors import CellCommonsError, InvalidDocument
from cellcommons.indexes import SPLITS, ReleaseItem
from cellcommons.manifest import Manifest
from cellcommons.release import open_release
from cellcommons.sealing import seal_release
from cellcommons.splits import FRACTIONS
from cellcommons.summary import Summary
from cellcommons.uses import use_changes
from cellcommons.versions import parse_version

log = logging.getLogger(__name__)


@transaction.atomic
def draft_release(
    *,
    dataset: Dataset,
    campaign: Campaign,
    person: Person,
    title: str = "",
    notes: str = "",
    licence: str = "",
    seed: int = 0,
    fractions: Mapping[str, float] | None = None,
    review: bool = False,
) -> Release:
    """Freeze what a campaign has settled as the next release of its dataset and ask a worker to publish it.

    One whose publication failed is drafted anew.

    Args:
        review: hold the draft until a curator has looked at it (``review.publish_draft``, ``review.discard_draft``).

    Raises:
        InvalidDocument: the campaign is another dataset's, nothing of it is settled, or the licence is milder than the
            dataset's.
        WrongState: the release before this one is still being published.
    """
    dataset = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    if campaign.dataset_id != dataset.pk:
        raise InvalidDocument(
            f"campaign {campaign.name} is not of dataset {dataset.name}",
            where="campaign",
            remedy="Name a campaign over this dataset.",
        )
    check_licence(licence or dataset.licence, [dataset.licence], where="licence")
    if not settled_consensuses(campaign).exists():
        raise InvalidDocument(
            "no image of the campaign is settled yet",
            where=campaign.name,
            remedy="Publish once the readings of at least one image are in and its disagreements are settled.",
        )
    last = dataset.releases.exclude(state=ReleaseState.PUBLISHED).first()
    if last is not None and last.state in (ReleaseState.DRAFT, ReleaseState.PUBLISHING):
        raise WrongState(
            f"{last.reference} {'waits to be looked at' if last.held else 'is still being published'}",
            where=last.reference,
            remedy="Publish or discard it first." if last.held else "Wait for it, then publish the next.",
        )
    retried = last is not None and last.state == ReleaseState.FAILED
    release = last if retried else Release(dataset=dataset)
    release.parent = latest_published(dataset)
    release.ordinal = release.parent.ordinal + 1 if release.parent else 1
    release.campaign = campaign
    release.title = title or dataset.title
    release.notes = notes
    release.licence = licence or dataset.licence
    release.seed = seed
    release.fractions = dict(fractions or FRACTIONS)
    release.state, release.error, release.heartbeat = ReleaseState.DRAFT, "", None
    release.drafted_at = timezone.now()
    release.created_by = person
    release.held = review
    release.save()
    freeze_changes(release)
    if not review:
        dispatch("releases.publish", release.pk)
    return release


def publish_release(*, release_id: uuid.UUID | str) -> Release:
    """Seal a draft's trees and manifest and publish it; a failure is kept with the release.

    Safe to kill and call again at any point: what is sealed follows from the row alone, and nothing is published before
    the last transaction. A published, failed or held release is left as it is.
    """
    release = _start_publishing(release_id=release_id)
    if release.state != ReleaseState.PUBLISHING:
        return release
    try:
        # Comparing images for near-duplicates may take longer than a dead process is given.
        with beating(Release.objects.filter(pk=release.pk, state=ReleaseState.PUBLISHING)):
            sealed = seal_draft(release)
    except PART_AWAY:
        raise  # nothing is wrong with the release: the sweep takes it up again
    except CellCommonsError as error:
        return _fail_release(release_id=release.pk, error=error.line())
    except Exception as error:  # whatever broke, the curator sees that it did; the trace is in the log
        log.exception("publishing %s failed", release.reference)
        return _fail_release(release_id=release.pk, error=f"an unexpected fault: {type(error).__name__}")
    return _record_publication(release_id=release.pk, sealed=sealed)


@transaction.atomic
def withdraw_release(*, release_id: uuid.UUID | str, person: Person, reason: str) -> Release:
    """Take a published release back, for good: its row and objects stay, nothing of it is served from now on.

    Raises:
        WrongState: it is not published.
        Withdrawn: it was taken back before; the first reason stays.
    """
    release = lock_release(release_id)
    if release.state != ReleaseState.PUBLISHED:
        raise WrongState(
            f"{release.reference} is {release.state}", where=release.reference, remedy="Only what is published can be."
        )
    refuse_withdrawn(release)
    Withdrawal.objects.create(release=release, person=person, reason=reason.strip())
    return _shown(release)


@transaction.atomic
def open_to_all(*, release_id: uuid.UUID | str, person: Person) -> Release:
    """Let anybody read a published release whose dataset is its lab's alone, for good; twice is once.

    Raises:
        WrongState: it is not published. Withdrawn: it was, and was taken back.
    """
    release = lock_release(release_id)
    if release.state != ReleaseState.PUBLISHED:
        raise WrongState(
            f"{release.reference} is {release.state}", where=release.reference, remedy="Only what is published can be."
        )
    refuse_withdrawn(release)
    if not release.is_public:
        Opening.objects.create(release=release, person=person)
    return _shown(release)


def _shown(release: Release) -> Release:
    """As it stands now, with all that is told of it at hand."""
    origin = ("dataset", "parent__dataset", "parent__opening", "campaign", "withdrawal", "opening")
    return Release.objects.select_related(*origin).get(pk=release.pk)


def sweep_releases() -> int:
    """Ask again for publications that a dead process lost; returns how many."""
    stalled = stalled_releases(silent_since=timezone.now() - settings.LOST_AFTER)
    for release_id in stalled:
        dispatch("releases.publish", release_id)
    return len(stalled)


@dataclass(frozen=True)
class Sealed:
    """A release that is in the store but not yet in the database.

    Attributes:
        items: images that are new, changed or moved to another split. left_out: ids of those that are gone.
    """

    manifest: Manifest
    digest: str
    items: Sequence[ReleaseItem]
    left_out: Sequence[str]
    uses: Mapping[str, tuple[int, int]]
    classes: Mapping[str, Mapping[str, int]]


@transaction.atomic
def _start_publishing(*, release_id: uuid.UUID | str) -> Release:
    release = lock_release(release_id)
    if release.state in (ReleaseState.DRAFT, ReleaseState.PUBLISHING) and not release.held:
        release.state, release.heartbeat = ReleaseState.PUBLISHING, timezone.now()
        release.save(update_fields=["state", "heartbeat"])
    return release


def seal_draft(release: Release) -> Sealed:
    """Write indexes, card and manifest into the store, the same each time."""
    store = object_store()
    changes = frozen_changes(release)
    parent = open_release(store, release.parent.manifest_sha256) if release.parent else None
    changed = [release_item(store, consensus, SPLITS[0], release.dataset_id) for consensus in changes.settled]
    placed = place_changes(release, store, items=changed, left_out=changes.left_out, parent=parent)
    facts: dict[str, Any] = {
        "dataset": release.dataset.name,
        "title": release.title,
        "licence": release.licence,
        "task": release.campaign.task,
        "created": release.drafted_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ontology": ontology_of(release.campaign),
    }

    def card(summary: Summary, version: str) -> str:
        about = {"description": release.dataset.description, "notes": release.notes}
        return dataset_card(summary=summary, version=version, certificate=placed.certified.document, **facts, **about)

    manifest, digest = seal_release(
        store,
        parent=parent.digest if parent else None,
        items=placed.items,
        removed=changes.left_out if parent else None,
        card_text=card,
        split_certificate=placed.certified.sealed,
        given_licences=[release.dataset.licence],
        **facts,
    )
    sealed = open_release(store, digest)
    names = facts["ontology"].names if facts["ontology"] else ()
    return Sealed(
        manifest=manifest,
        digest=digest,
        items=placed.items,
        left_out=changes.left_out,
        uses=use_changes(parent, sealed),
        classes=class_counts(sealed.summary, names),
    )


@transaction.atomic
def _record_publication(*, release_id: uuid.UUID, sealed: Sealed) -> Release:
    """Everything that makes it published, at once."""
    release = lock_release(release_id)
    if release.state != ReleaseState.PUBLISHING:
        return release
    assignment = {item.image: item.split for item in sealed.items}
    record_images(release, assignment=assignment, left_out=list(sealed.left_out))
    moved = record_objects(release, sealed.uses)
    _lock_splits(release, sealed.items)
    release.changes.all().delete()
    counts = sealed.manifest.counts
    release.counts = {**asdict(counts), "classes": sealed.classes}
    version = parse_version(sealed.manifest.version)
    release.major, release.minor, release.patch = version.major, version.minor, version.patch
    release.manifest_sha256 = sealed.digest
    release.card_sha256 = sealed.manifest.card.sha256
    release.delta_bytes = moved.new
    release.bytes = (release.parent.bytes if release.parent else 0) + moved.new - moved.gone
    release.state, release.error = ReleaseState.PUBLISHED, ""
    release.published_at = timezone.now()
    release.save()
    sign_release(release_id=release.pk)
    return release


def _lock_splits(release: Release, items: Sequence[ReleaseItem]) -> None:
    """What a source was published as, it stays; only into test may it move, with a near-duplicate of a test image."""
    named = {item.source: item.split for item in items}
    ids = Source.objects.filter(dataset=release.dataset, name__in=named).values_list("name", "pk")
    splits = {pk: named[name] for name, pk in ids}
    held = {lock.source_id: lock for lock in SplitLock.objects.filter(source__in=splits)}
    SplitLock.objects.bulk_create(
        SplitLock(dataset=release.dataset, source_id=source, split=split, first_release=release)
        for source, split in splits.items()
        if source not in held
    )
    for source, lock in held.items():
        if lock.split != splits[source]:
            lock.split = splits[source]
            lock.save(update_fields=["split"])


@transaction.atomic
def _fail_release(*, release_id: uuid.UUID, error: str) -> Release:
    release = lock_release(release_id)
    if release.state == ReleaseState.PUBLISHING:
        release.state, release.error = ReleaseState.FAILED, error
        release.save(update_fields=["state", "error"])
    return release


def lock_release(release_id: uuid.UUID | str) -> Release:
    locked = Release.objects.select_for_update(of=("self",), no_key=True)
    return locked.select_related("dataset", "parent").get(pk=release_id)
