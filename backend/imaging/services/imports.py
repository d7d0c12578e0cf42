"""Folders and archives in a published layout becoming images of a dataset."""

from __future__ import annotations

import logging
import tempfile
from contextlib import closing
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from backend.core.dispatch import dispatch
from backend.core.errors import PART_AWAY, WrongState
from backend.core.storage import object_store
from backend.imaging.layouts import AUTO, LayoutGuess, guess_layouts, hub_layout, sure_guess
from backend.imaging.models import Dataset, Import, ImportState
from backend.imaging.services.folders import import_folder
from backend.people.models import Person
from cellcommons.archives import check_zip, extract_zip
from cellcommons.durable import is_full
from cellcommons.errors import CellCommonsError

log = logging.getLogger(__name__)

RUN = "imaging.run_import"
STOPPED = "stopped; run the same command again to go on"


def receive_import(
    *,
    dataset: Dataset,
    layout: str,
    archive: Path,
    digest: str,
    filename: str = "",
    limit: int | None = None,
    person: Person | None,
) -> Import:
    """Let a worker import a zip that is kept as the object ``digest``.

    Args:
        layout: its name, or ``auto``: the worker tells it from the archive, or asks.
        archive: where the same bytes are on this machine.

    Raises:
        UnknownLayout, UnsafeArchive, UnreadableFile, TooLarge: at once; there is no row then.
    """
    if layout != AUTO:
        hub_layout(layout)
    check_zip(archive, max_bytes=settings.ARCHIVE_LIMIT_BYTES)
    with transaction.atomic():
        record = Import.objects.create(
            dataset=dataset,
            layout="" if layout == AUTO else layout,
            limit=limit,
            archive_sha256=digest,
            archive_name=(filename or archive.name)[:255],
            created_by=person,
        )
        dispatch(RUN, record.pk)
    return record


def choose_layout(*, record: Import, layout: str) -> Import:
    """Import the archive as ``layout``, after the hub could not tell or told wrong; what came in stays.

    Raises:
        UnknownLayout: no such layout. WrongState: it is under way, has no archive, or is finished with images.
    """
    hub_layout(layout)
    with transaction.atomic():
        record = _locked(str(record.pk))
        open_to_it = record.state in (ImportState.ASKING, ImportState.FAILED) or (
            record.state == ImportState.FINISHED and not record.imported
        )
        if not open_to_it or not record.archive_sha256:
            raise WrongState(
                f"the import is {record.state}",
                where=str(record.pk),
                remedy="Upload the archive again and choose its layout." if record.archive_sha256 else "",
            )
        record.layout, record.state, record.error, record.heartbeat = layout, ImportState.WAITING, "", None
        record.save(update_fields=["layout", "state", "error", "heartbeat"])
        dispatch(RUN, record.pk)
    return record


def run_import(*, record_id: str) -> None:
    """Unpack and import what ``receive_import`` kept; of two deliveries the second does nothing."""
    with transaction.atomic():
        record = _locked(record_id)
        alive = record.heartbeat and record.heartbeat > timezone.now() - settings.LOST_AFTER
        idle = record.state in (ImportState.FINISHED, ImportState.FAILED, ImportState.ASKING)
        if idle or (record.state == ImportState.RUNNING and alive):
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
            if not record.layout:
                guesses, folder = _guessed(folder)
                if not tell_layout(record=record, guesses=guesses):
                    return
            elif hub_layout(record.layout).guess(folder)[0] == 0:
                folder = _unwrapped(folder)
            import_folder(record=record, path=folder)
    except PART_AWAY:
        raise  # nothing is wrong with what was sent: the sweep takes it up again
    except CellCommonsError as error:
        fail_import(record=record, error=error.line())
    except Exception as error:
        what = "the hub's disk is full" if is_full(error) else "an unexpected fault; the hub's log says more"
        fail_import(record=record, error=what)
        raise


def tell_layout(*, record: Import, guesses: list[LayoutGuess]) -> bool:
    """Keep what was guessed; True where the import goes on by it, else it waits until somebody chooses."""
    sure = sure_guess(guesses)
    record.guesses = [guess.document() for guess in guesses[:5]]
    if sure is not None:
        record.layout = sure.layout
    else:
        record.state = ImportState.ASKING
        first = guesses[0] if guesses else None
        if first is None:
            record.error = "it looks like no layout that is known here"
        elif first.refused:
            record.error = f"it looks like {first.layout} ({first.reason}), but {first.refused}"
        else:
            record.error = "it may be one of several layouts"
    record.save(update_fields=["layout", "guesses", "state", "error"])
    return sure is not None


def fail_import(*, record: Import, error: str) -> None:
    """It stopped; what came in stays."""
    Import.objects.filter(pk=record.pk).update(state=ImportState.FAILED, error=error)


def _locked(record_id: str) -> Import:
    rows = Import.objects.select_for_update(of=("self",)).select_related("dataset", "created_by")
    return rows.get(pk=record_id)


def _unwrapped(folder: Path) -> Path:
    """Its only folder where it holds no more than that, else itself: many archives wrap."""
    inside = [item for item in folder.iterdir() if not item.name.startswith((".", "__MACOSX"))]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def _guessed(folder: Path) -> tuple[list[LayoutGuess], Path]:
    """Guesses, and the folder they are of: ``folder``, or its only folder where that looks more like something."""
    guesses, inner = guess_layouts(folder), _unwrapped(folder)
    if inner != folder:
        within = guess_layouts(inner)
        if within and (not guesses or within[0].likely > guesses[0].likely):
            return within, inner
    return guesses, folder


def take_up_imports() -> int:
    """A sweep: send again what no worker took, or what died with its worker; say so of a command that was killed."""
    now = timezone.now()
    waiting = Q(state=ImportState.WAITING, created__lt=now - settings.LOST_AFTER / 2)
    dead = Q(state=ImportState.RUNNING, heartbeat__lt=now - settings.LOST_AFTER)
    due = list(Import.objects.exclude(archive_sha256="").filter(waiting | dead).values_list("pk", flat=True))
    for pk in due:
        dispatch(RUN, pk)
    Import.objects.filter(dead, archive_sha256="").update(state=ImportState.FAILED, error=STOPPED)
    return len(due)
