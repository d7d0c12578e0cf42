"""Folders and archives in a published layout becoming images of a dataset."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from backend.core.dispatch import dispatch
from backend.core.storage import object_store
from backend.imaging.conversion import Refused, convert_entries
from backend.imaging.layouts import hub_layout
from backend.imaging.models import Dataset, Image, Import, ImportState
from backend.imaging.services.images import ImageAlreadyThere, add_image
from backend.people.models import Person
from cellcommons.archives import check_zip, extract_zip
from cellcommons.errors import CellCommonsError, UnknownLayout

log = logging.getLogger(__name__)

RUN = "imaging.run_import"
STALE = timedelta(minutes=2)  # a live import beats with every image
ALREADY_THERE = "already there"

Progress = Callable[[int, int, str], None]


def receive_import(
    *, dataset: Dataset, layout: str, archive: Path, limit: int | None = None, person: Person | None
) -> Import:
    """Keep an uploaded zip and let a worker import it.

    Raises:
        UnknownLayout, UnsafeArchive, UnreadableFile, TooLarge: at once; nothing is kept.
    """
    hub_layout(layout)
    check_zip(archive, max_bytes=settings.ARCHIVE_LIMIT_BYTES)
    digest = object_store().put_file(archive)
    with transaction.atomic():
        record = Import.objects.create(
            dataset=dataset, layout=layout, limit=limit, archive_sha256=digest, created_by=person
        )
        dispatch(RUN, record.pk)
    return record


def run_import(*, record_id: str) -> None:
    """Unpack and import what ``receive_import`` kept; of two deliveries the second does nothing."""
    with transaction.atomic():
        record = _locked(record_id)
        alive = record.heartbeat and record.heartbeat > timezone.now() - STALE
        if record.state in (ImportState.FINISHED, ImportState.FAILED) or (
            record.state == ImportState.RUNNING and alive
        ):
            return
        record.state, record.heartbeat = ImportState.RUNNING, timezone.now()
        record.save(update_fields=["state", "heartbeat"])
    try:
        with tempfile.TemporaryDirectory(prefix="cellcommons-import-") as name:
            archive, folder = Path(name) / "archive.zip", Path(name) / "files"
            with closing(object_store().open(record.archive_sha256)) as source, open(archive, "wb") as target:
                while block := source.read(1 << 20):
                    target.write(block)
            extract_zip(archive, folder, max_bytes=settings.ARCHIVE_LIMIT_BYTES)
            archive.unlink()
            import_folder(record=record, path=_layout_root(record.layout, folder))
    except CellCommonsError as error:
        fail_import(record=record, error=error.line())
    except Exception:
        fail_import(record=record, error="an unexpected fault; the hub's log says more")
        raise


def import_folder(*, record: Import, path: Path, progress: Progress | None = None, processes: int = 1) -> Import:
    """Import the folder ``path`` for ``record``; images that are there already are skipped, so it can be repeated.

    Each image is converted first and then added with its truth in one transaction, together with the count of the
    record: stopped at any point, nothing is half there.

    Raises:
        UnknownLayout: the folder does not follow the layout, or holds no image.
    """
    layout = hub_layout(record.layout)
    scan = layout.scan(path)
    entries = list(scan.entries)[: record.limit or None]
    if not entries:
        # A folder of one movie that lacks a frame is such a folder: the reason is worth more than the count.
        why = "; ".join(f"{item.path.name}: {item.reason}" for item in scan.skipped[:3])
        raise UnknownLayout(
            f"no image found that can be imported{f' ({why})' if why else ''}",
            where=str(path.name),
            remedy="Look at what the layout expects.",
        )
    skipped = [{"where": str(item.path.relative_to(path)), "reason": item.reason} for item in scan.skipped]
    Import.objects.filter(pk=record.pk).update(
        state=ImportState.RUNNING, heartbeat=timezone.now(), found=len(entries) + len(scan.skipped)
    )
    known = {
        (image.name, image.original_sha256): image.metadata.get("import")
        for image in Image.objects.filter(dataset=record.dataset).only("name", "original_sha256", "metadata")
    }
    fresh = []
    for entry in entries:
        key = (entry.name, _sha256(entry.paths[0]))
        if key not in known:
            fresh.append(entry)
        elif known[key] != str(record.pk):  # else this very import added it before it was cut short
            skipped.append({"where": entry.name, "reason": ALREADY_THERE})
    done = len(entries) - len(fresh)
    for result in convert_entries(settings.OBJECTS_URL, layout, fresh, processes=processes):
        done += 1
        if isinstance(result, Refused):
            skipped.append({"where": result.name, "reason": result.reason.replace(f"{path}/", "")})
        else:
            try:
                with transaction.atomic():
                    add_image(
                        dataset=record.dataset,
                        converted=result,
                        person=record.created_by,
                        extra_metadata={"import": str(record.pk)},
                    )
                    _beat(record, imported=1)
            except ImageAlreadyThere as error:
                reason = ALREADY_THERE if error.same_bytes else error.line()
                skipped.append({"where": result.name, "reason": reason})
            except CellCommonsError as error:
                skipped.append({"where": result.name, "reason": error.line()})
        if progress:
            progress(done, len(entries), result.name)
    Import.objects.filter(pk=record.pk).update(
        state=ImportState.FINISHED, skipped=skipped, heartbeat=timezone.now(), error=""
    )
    record.refresh_from_db()
    return record


def _locked(record_id: str) -> Import:
    rows = Import.objects.select_for_update(of=("self",)).select_related("dataset", "created_by")
    return rows.get(pk=record_id)


def _beat(record: Import, *, imported: int) -> None:
    Import.objects.filter(pk=record.pk).update(imported=F("imported") + imported, heartbeat=timezone.now())


def fail_import(*, record: Import, error: str) -> None:
    """It stopped; what came in stays."""
    Import.objects.filter(pk=record.pk).update(state=ImportState.FAILED, error=error)


def _layout_root(layout: str, folder: Path) -> Path:
    """The folder itself, or, where it does not follow the layout, its only folder: many archives wrap."""
    inside = [item for item in folder.iterdir() if not item.name.startswith((".", "__MACOSX"))]
    wrapped = len(inside) == 1 and inside[0].is_dir() and hub_layout(layout).guess(folder)[0] == 0
    return inside[0] if wrapped else folder


def _sha256(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def take_up_imports() -> int:
    """A sweep: send again what no worker took, or what died with its worker."""
    now = timezone.now()
    waiting = Q(state=ImportState.WAITING, created__lt=now - timedelta(minutes=1))
    dead = Q(state=ImportState.RUNNING, heartbeat__lt=now - STALE)
    due = list(Import.objects.exclude(archive_sha256="").filter(waiting | dead).values_list("pk", flat=True))
    for pk in due:
        dispatch(RUN, pk)
    return len(due)
