"""Uploads: begun, sent in parts, finished, abandoned; what became of the bytes is ``arrivals``' business."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from backend.core.dispatch import dispatch
from backend.core.errors import WrongState
from backend.core.part_links import Part, sign_part
from backend.core.storage import object_store
from backend.imaging.layouts import AUTO, hub_layout
from backend.imaging.models import LIVE_UPLOAD, Dataset, Upload, UploadPurpose, UploadState
from backend.imaging.selectors import domain_has, image_ids_of, import_of_archive
from backend.people.models import Person
from cellcommons.errors import NotFound, StoreUnusable, TooLarge
from cellcommons.object_uploads import PendingUpload, part_size_of

RECEIVE = "imaging.receive_upload"
LINK_SECONDS = 3600
KEPT_FOR = timedelta(days=7)  # an upload nobody goes on with, and the record of one that ended


@dataclass(frozen=True)
class PartLink:
    """Where to PUT the bytes ``offset`` to ``offset + length`` of the file; no other length is taken."""

    part: int
    offset: int
    length: int
    url: str


def begin_upload(
    *,
    person: Person,
    dataset: Dataset,
    purpose: str,
    name: str,
    size: int,
    sha256: str,
    options: dict[str, Any],
) -> tuple[Upload, bool]:
    """The upload of these bytes, and whether it is new: begun, or the one under way, or one with nothing to send.

    Nothing is sent that the dataset's own domain has. What others have is neither asked nor told: it is sent in full.

    Raises:
        UnknownLayout, TooLarge, DiskFull.
        WrongState: too many are under way, or these bytes are for another purpose.
    """
    _check(purpose, name, size, options)
    ours = Upload.objects.filter(person=person, dataset=dataset, sha256=sha256)
    live = ours.filter(state__in=LIVE_UPLOAD).first()
    if live is not None and _goes_on(live, purpose):
        return live, False
    row = Upload(
        person=person,
        dataset=dataset,
        purpose=purpose,
        name=name[:255],
        size=size,
        sha256=sha256,
        options=options,
        part_size=part_size_of(size),
    )
    if _without_sending(row):
        return _kept_before(ours, row) or _created(row)
    if Upload.objects.filter(person=person, state=UploadState.SENDING).count() >= settings.LIVE_UPLOADS:
        raise WrongState(
            f"{settings.LIVE_UPLOADS} uploads of yours are under way, the most that this hub takes",
            remedy="Finish or abandon some of them.",
        )
    pending = object_store().uploads().begin(size, sha256)
    row.place, row.part_size = pending.key, pending.part_size
    try:
        return _created(row)
    except IntegrityError:
        # The same person began the same upload from elsewhere at the same moment.
        object_store().uploads().abandon(pending)
        return ours.get(state__in=LIVE_UPLOAD), False


def missing_parts(*, upload: Upload) -> list[int]:
    """Numbers of the parts that are not here, in order. Raises NotFound where the store has lost the upload."""
    pending = pending_of(upload)
    here = object_store().uploads().parts(pending)
    return [number for number in range(1, pending.count + 1) if number not in here]


def link_parts(*, upload: Upload, first: int, count: int, through_hub: bool) -> list[PartLink]:
    """Links for at most ``count`` missing parts from part ``first`` on.

    Args:
        through_hub: not to the bucket itself, where its address is known: for who cannot reach it there.

    Raises:
        WrongState: it takes no parts any more.
    """
    _check_sending(upload)
    Upload.objects.filter(pk=upload.pk).update(touched=timezone.now())
    wanted = [number for number in missing_parts(upload=upload) if number >= first][:count]
    pending, endpoint = pending_of(upload), "" if through_hub else settings.OBJECTS_PUBLIC_ENDPOINT
    links = []
    for number in wanted:
        url = endpoint and object_store().uploads().link(pending, number, seconds=LINK_SECONDS, endpoint=endpoint)
        part = Part(pending.key, number, pending.length(number))
        links.append(
            PartLink(number, pending.offset(number), part.length, url or sign_part(part, seconds=LINK_SECONDS))
        )
    return links


def finish_upload(*, upload: Upload) -> Upload:
    """All parts are sent: a worker compares and reads them. Asked again, it answers how far that is.

    Raises:
        WrongState: parts are missing, or it was abandoned.
    """
    if upload.state == UploadState.SENDING and (missing := missing_parts(upload=upload)):
        raise WrongState(
            f"{len(missing)} of {pending_of(upload).count} parts are missing",
            where=upload.name,
            remedy="Ask for their links and send them.",
        )
    with transaction.atomic():
        row = Upload.objects.select_for_update(of=("self",)).select_related("dataset").get(pk=upload.pk)
        if row.state == UploadState.ABANDONED:
            _check_sending(row)
        if row.state == UploadState.SENDING:
            row.state, row.touched = UploadState.VERIFYING, timezone.now()
            row.save(update_fields=["state", "touched"])
            dispatch(RECEIVE, row.pk)
    return row


def abandon_upload(*, upload: Upload) -> None:
    """Forget what was sent; of one that ended, nothing is left to forget. Raises WrongState while it is read."""
    with transaction.atomic():
        row = Upload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
        if row.state in (UploadState.VERIFYING, UploadState.READING):
            raise WrongState("the file is being read", where=row.name, remedy="Wait until it is.")
        if row.state == UploadState.SENDING:
            row.state = UploadState.ABANDONED
            row.save(update_fields=["state"])
    forget_parts(row)


def sweep_uploads() -> int:
    """A sweep: send again what no worker took or what died with it; abandon and forget what is old."""
    now = timezone.now()
    waiting = Q(heartbeat=None, touched__lt=now - settings.LOST_AFTER / 2) | Q(heartbeat__lt=now - settings.LOST_AFTER)
    due = Upload.objects.filter(waiting, state__in=[UploadState.VERIFYING, UploadState.READING])
    pks = list(due.values_list("pk", flat=True))
    for pk in pks:
        dispatch(RECEIVE, pk)
    old = Upload.objects.filter(touched__lt=now - KEPT_FOR).exclude(
        state__in=[UploadState.VERIFYING, UploadState.READING]
    )
    for row in old[:500]:
        abandon_upload(upload=row)
        row.delete()
    return len(pks)


def pending_of(upload: Upload) -> PendingUpload:
    """The upload as the store knows it."""
    return PendingUpload(upload.place, upload.size, upload.sha256, upload.part_size)


def forget_parts(upload: Upload) -> None:
    """Let the store drop the parts; what cannot be reached now is tidied up later."""
    if upload.place:
        try:
            object_store().uploads().abandon(pending_of(upload))
        except (StoreUnusable, NotFound):
            return


def ranges_of(numbers: Iterable[int]) -> list[list[int]]:
    """Whole numbers in order as ``[[first, last], ...]``."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def _check(purpose: str, name: str, size: int, options: dict[str, Any]) -> None:
    if purpose == UploadPurpose.IMPORT and options["layout"] != AUTO:
        hub_layout(options["layout"])
    limit = settings.UPLOAD_LIMIT_BYTES if purpose == UploadPurpose.IMAGE else settings.ARCHIVE_LIMIT_BYTES
    if size > limit:
        raise TooLarge(
            f"the file has {size:,} bytes; this hub takes {limit:,}",
            where=name,
            remedy="Split it, or import the folder on the hub's own machine with ./hub import.",
        )


def _check_sending(upload: Upload) -> None:
    if upload.state != UploadState.SENDING:
        raise WrongState(f"the upload is {upload.state}", where=upload.name, remedy="Begin it again.")


def _goes_on(live: Upload, purpose: str) -> bool:
    """Whether a live upload is the one asked for; one whose parts the store has lost is abandoned."""
    if live.purpose != purpose:
        raise WrongState(
            f"the same bytes are on their way as an {live.purpose}", where=live.name, remedy="Wait, or abandon that."
        )
    if live.state == UploadState.SENDING:
        try:
            missing_parts(upload=live)
        except NotFound:
            abandon_upload(upload=live)
            return False
        Upload.objects.filter(pk=live.pk).update(touched=timezone.now())
    return True


def _without_sending(row: Upload) -> bool:
    """Whether the bytes need not be sent; ``row`` says what they are then, or that they are to be read."""
    if row.purpose == UploadPurpose.IMAGE:
        row.images = image_ids_of(dataset=row.dataset, sha256=row.sha256)
    else:
        row.record = import_of_archive(dataset=row.dataset, sha256=row.sha256, **row.options)
    if row.images or row.record:
        row.state, row.already_there = UploadState.KEPT, True
    elif domain_has(dataset=row.dataset, sha256=row.sha256):
        row.state = UploadState.READING
    else:
        return False
    row.object_sha256 = row.sha256
    return True


def _kept_before(ours: Any, row: Upload) -> tuple[Upload, bool] | None:
    """The person's earlier record of the same answer, so that asking again writes nothing."""
    earlier = ours.filter(
        state=UploadState.KEPT, purpose=row.purpose, images=row.images, record=row.record, already_there=True
    ).first()
    return (earlier, False) if earlier and row.state == UploadState.KEPT else None


def _created(row: Upload) -> tuple[Upload, bool]:
    with transaction.atomic():
        row.save(force_insert=True)
        if row.state == UploadState.READING:
            dispatch(RECEIVE, row.pk)
    return row, row.state != UploadState.KEPT
