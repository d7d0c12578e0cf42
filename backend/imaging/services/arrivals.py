"""What a worker makes of an upload: the declared bytes or nothing, then images or an import."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from backend.core.storage import object_store
from backend.imaging.models import Image, Upload, UploadPurpose, UploadState
from backend.imaging.selectors import image_ids_of
from backend.imaging.services.heartbeat import beating
from backend.imaging.services.images import ImageAlreadyThere, receive_file
from backend.imaging.services.imports import receive_import
from backend.imaging.services.uploads import forget_parts, pending_of
from backend.imaging.uploaded import object_on_disk
from cellcommons.durable import is_full
from cellcommons.errors import CellCommonsError, DiskFull, StoreUnusable

log = logging.getLogger(__name__)

_WORKING = (UploadState.VERIFYING, UploadState.READING)


def receive_upload(*, upload_id: str) -> None:
    """Compare, keep and read one upload; of two deliveries the second does nothing, and death at any point is mended
    by doing it again.

    Raises:
        StoreUnusable, DiskFull: nothing is wrong with what was sent; the row says so and the sweep takes it up again.
    """
    upload = _taken(upload_id)
    if upload is None:
        return
    rows = Upload.objects.filter(pk=upload.pk, state__in=_WORKING)
    try:
        with beating(rows):
            if upload.state == UploadState.VERIFYING:
                _verify(upload)
            (_read_images if upload.purpose == UploadPurpose.IMAGE else _read_archive)(upload)
    except (StoreUnusable, DiskFull) as error:
        _wait(upload, error)
        raise
    except CellCommonsError as error:
        _refuse(upload, error)
    except OSError as error:
        if is_full(error):
            full = DiskFull("the hub's disk is full", where=upload.name)
            _wait(upload, full)
            raise full from error
        _refuse(upload, _fault())
        raise
    except Exception:
        _refuse(upload, _fault())
        raise


def _taken(upload_id: str) -> Upload | None:
    with transaction.atomic():
        rows = Upload.objects.select_for_update(of=("self",)).select_related("dataset", "person")
        upload = rows.filter(pk=upload_id, state__in=_WORKING).first()
        if upload is None or (upload.heartbeat and upload.heartbeat > timezone.now() - settings.LOST_AFTER):
            return None
        upload.heartbeat = timezone.now()
        upload.save(update_fields=["heartbeat"])
    return upload


def _verify(upload: Upload) -> None:
    """The parts become an object, if they are what was declared. Raises DigestMismatch, NotFound, InvalidDocument."""
    object_store().uploads().finish(pending_of(upload))
    upload.state, upload.object_sha256 = UploadState.READING, upload.sha256
    upload.save(update_fields=["state", "object_sha256"])
    forget_parts(upload)


def _read_images(upload: Upload) -> None:
    try:
        with object_on_disk(object_store(), upload.object_sha256, upload.name) as path:
            received = receive_file(
                dataset=upload.dataset, path=path, filename=upload.name, person=upload.person, **upload.options
            )
    except ImageAlreadyThere as error:
        if not error.same_bytes:
            raise
        # Sent by somebody else meanwhile; or by us, in a run that died before it could say so.
        there = image_ids_of(dataset=upload.dataset, sha256=upload.sha256)
        ours = Image.objects.filter(pk__in=there, uploaded_by=upload.person, created__gte=upload.created).exists()
        _end(upload, state=UploadState.KEPT, images=there, already_there=not ours)
    else:
        refused = [{"name": one.name, "reason": one.reason, "remedy": one.remedy} for one in received.refused]
        images = [str(image.pk) for image in received.images]
        _end(upload, state=UploadState.KEPT, images=images, refused=refused)


def _read_archive(upload: Upload) -> None:
    with object_on_disk(object_store(), upload.object_sha256, upload.name) as path, transaction.atomic():
        record = receive_import(
            dataset=upload.dataset,
            archive=path,
            digest=upload.object_sha256,
            filename=upload.name,
            person=upload.person,
            **upload.options,
        )
        _end(upload, state=UploadState.KEPT, record=record)


def _refuse(upload: Upload, error: CellCommonsError) -> None:
    _end(upload, state=UploadState.REFUSED, object_sha256="", error=_said(error))
    forget_parts(upload)


def _end(upload: Upload, *, state: UploadState, **found: Any) -> None:
    fields = {"error": None} | found | {"state": state, "heartbeat": None, "touched": timezone.now()}
    for name, value in fields.items():
        setattr(upload, name, value)
    upload.save(update_fields=list(fields))


def _wait(upload: Upload, error: CellCommonsError) -> None:
    """Let the sweep take it up in a while."""
    log.error("upload %s waits: %s", upload.pk, error.line())
    plain = type(error)(
        "the hub cannot read it at the moment: " + ("its disk is full" if isinstance(error, DiskFull) else "no store"),
        remedy="Nothing is lost; it is tried again.",
    )
    Upload.objects.filter(pk=upload.pk).update(heartbeat=None, touched=timezone.now(), error=_said(plain))


def _said(error: CellCommonsError) -> dict[str, Any]:
    return {
        "code": error.code,
        "title": error.title,
        "detail": error.what,
        "where": error.where,
        "remedy": error.remedy,
        **getattr(error, "extra", {}),
    }


def _fault() -> CellCommonsError:
    return CellCommonsError("an unexpected fault; the hub's log says more", remedy="Ask the hub's operator.")
