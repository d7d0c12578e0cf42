"""What is known about releases."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from backend.imaging.access import seen_by
from backend.imaging.models import Dataset, Image, Visibility
from backend.people.models import Membership, Role
from backend.people.names import by_name
from backend.releases.models import (
    DRAFT,
    Comparison,
    ComparisonState,
    HeldImage,
    Release,
    ReleaseImage,
    ReleaseState,
    SplitLock,
)
from cellcommons.errors import Withdrawn
from cellcommons.versions import NEWEST, WANTED, is_version, parse_reference, parse_wanted

_ORIGIN = ("dataset", "parent__dataset", "parent__opening", "campaign", "withdrawal__person", "opening")


def visible_releases(person: Any) -> QuerySet[Release]:
    """What ``person`` may see, newest first, withdrawn releases among it.

    Published releases of datasets that the hub sees, and those that were opened, for anybody; those of a lab's own
    datasets for its people; drafts for the curators of the lab.
    """
    seen = Q(state=ReleaseState.PUBLISHED) & (
        Q(dataset__visibility=Visibility.HUB) | Q(opening__isnull=False) | seen_by(person, "dataset__")
    )
    if person.is_authenticated and person.is_at_least(Role.CURATOR):
        seen |= Q(dataset__lab__in=Membership.objects.filter(person=person).values("lab"))
    return Release.objects.filter(seen).select_related(*_ORIGIN).order_by("-created", "id")


def latest_published(dataset: Dataset) -> Release | None:
    """The last published release of a dataset, be it withdrawn: what it locked stays locked."""
    return dataset.releases.filter(state=ReleaseState.PUBLISHED).order_by("-major", "-minor", "-patch").first()


def pick_release(releases: QuerySet[Release], name: str, version: str) -> Release | None:
    """The one of dataset ``name`` asked for by its id, as ``draft``, as ``newest``, or the newest that fits ``2``,
    ``2.1`` or ``2.1.0``.

    One that stands goes before one that was withdrawn.
    """
    of_dataset = releases.filter(by_name(name, "dataset__"))
    if version == DRAFT:
        return of_dataset.exclude(state=ReleaseState.PUBLISHED).first()
    if version != NEWEST and not WANTED.fullmatch(version):
        return of_dataset.filter(pk=version).first()
    numbers = () if version == NEWEST else parse_wanted(version)
    wanted = dict(zip(("major", "minor", "patch"), numbers, strict=False))
    fitting = of_dataset.filter(state=ReleaseState.PUBLISHED, **wanted).order_by("-major", "-minor", "-patch")
    return fitting.filter(withdrawal=None).first() or fitting.first()


def find_release(reference: str, person: Any) -> Release | None:
    """The release that fits ``lab/slug@version``, or is ``lab/slug@draft``; None where ``person`` sees none.

    Raises:
        InvalidDocument: it is no reference.
    """
    name, _, version = reference.partition("@")
    if version != DRAFT:
        parse_reference(reference)
    return pick_release(visible_releases(person), name, version)


def refuse_withdrawn(release: Release) -> None:
    """Raises Withdrawn, with the reason, where the release was taken back."""
    if tombstone := release.tombstone:
        raise Withdrawn(
            f"{release.reference} was withdrawn: {tombstone.reason}",
            where=release.reference,
            extra={
                "reference": release.reference,
                "reason": tombstone.reason,
                "withdrawn": tombstone.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        )


def split_locks(dataset: Dataset, sources: Iterable[str]) -> dict[str, str]:
    """Source name -> the split it was published in, of these sources."""
    locks = SplitLock.objects.filter(dataset=dataset, source__name__in=set(sources))
    return dict(locks.values_list("source__name", "split"))


def held_trees(dataset: Dataset, *, without: Iterable[str]) -> dict[str, str]:
    """Image id -> tree digest, of the images of the last release but for some."""
    rows = HeldImage.objects.filter(dataset=dataset, until=None).exclude(image__in=list(without))
    return {str(image): tree for image, tree in rows.values_list("image_id", "image__tree_sha256")}


def held_of_sources(dataset: Dataset, sources: Iterable[str]) -> list[str]:
    """Ids of the images of the last release that are of these sources."""
    rows = HeldImage.objects.filter(
        dataset=dataset, until=None, image__source__dataset=dataset, image__source__name__in=list(sources)
    )
    return [str(image) for image in rows.values_list("image_id", flat=True)]


def source_names(images: Iterable[str]) -> dict[str, str]:
    """Image id -> the name of its source."""
    rows = Image.objects.filter(pk__in=list(images)).values_list("pk", "source__name")
    return {str(image): source for image, source in rows}


def release_images(release: Release) -> QuerySet[ReleaseImage]:
    """The images of a release in order of name."""
    needed = (
        "image__source",
        "release__dataset",
        "release__opening",
        "consensus__item__image__source",
        "consensus__item__campaign",
    )
    return release.images.select_related(*needed).order_by("image__name", "id")


def holds_object(release: Release, sha256: str) -> bool:
    """Whether a release needs the object: what its download route may serve."""
    return release.objects_needed.filter(sha256=sha256).exists()


def sizes_of(release: Release, digests: Collection[str]) -> dict[str, int]:
    """sha256 -> bytes, of those of ``digests`` that the release needs."""
    return dict(release.objects_needed.filter(sha256__in=digests).values_list("sha256", "size"))


def serving_release(releases: QuerySet[Release], name: str, version: str, sha256: str) -> Release | None:
    """The one of ``releases`` of dataset ``name`` that this is the whole version of, if it is published, stands, and
    needs the object. One indexed query; None says nothing of why not.
    """
    if not is_version(version):
        return None
    numbers = dict(zip(("major", "minor", "patch"), parse_wanted(version), strict=True))
    named = releases.filter(by_name(name, "dataset__"), state=ReleaseState.PUBLISHED, withdrawal=None, **numbers)
    return named.filter(objects_needed__sha256=sha256).order_by().first()


def stalled_releases(*, silent_since: datetime) -> list[uuid.UUID]:
    """Drafts nobody took up, unless a curator looks at them, and publications whose worker has fallen silent."""
    waiting = Q(state=ReleaseState.DRAFT, held=False, drafted_at__lt=silent_since)
    silent = Q(state=ReleaseState.PUBLISHING) & Q(heartbeat__lt=silent_since)
    return list(Release.objects.filter(waiting | silent).values_list("pk", flat=True))


def find_comparison(before: Release, after: Release) -> Comparison | None:
    """What is known of the change from one release to the other as it stands now, or None where nobody asked."""
    known = Comparison.objects.filter(before=before, after=after, drafted_at=after.drafted_at)
    return known.select_related("before__dataset", "after__dataset").first()


def same_comparison(comparison: Comparison, before_sha256: str, after_sha256: str) -> Comparison | None:
    """One that was done between the same two manifests."""
    done = Comparison.objects.filter(
        before_sha256=before_sha256, after_sha256=after_sha256, state=ComparisonState.DONE
    ).exclude(pk=comparison.pk)
    return done.order_by("created").first()


def stalled_comparisons(*, silent_since: datetime) -> list[uuid.UUID]:
    """Those that were asked for and that nobody finished."""
    waiting = Comparison.objects.filter(state=ComparisonState.WAITING, asked_at__lt=silent_since)
    return list(waiting.values_list("pk", flat=True))
