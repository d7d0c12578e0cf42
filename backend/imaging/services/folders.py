"""A folder becoming images of a dataset, and what became of each of its files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from backend.imaging.conversion import Converted, Outcome, Refused
from backend.imaging.layouts import hub_layout
from backend.imaging.models import FileOutcome, Image, Import, ImportedFile, ImportState
from backend.imaging.services.heartbeat import beating
from backend.imaging.services.images import Added, ImageAlreadyThere, add_images
from backend.imaging.text import plain_text, short_name
from backend.imaging.units import convert_entries
from cellcommons.errors import UnknownLayout
from cellcommons.layouts.contract import Entry, Scan

ALREADY_THERE = "The dataset has these bytes already"
NAME_TAKEN = "The dataset has another image of that name"
_ROWS = 2000

Progress = Callable[[int, int, str], None]


def import_folder(
    *,
    record: Import,
    path: Path,
    scan: Scan | None = None,
    progress: Progress | None = None,
    processes: int = 1,
) -> Import:
    """Import the folder ``path`` for ``record``; images that are there already are skipped, so it can be repeated.

    Images are converted a unit at a time, and a unit's images, their truth, what became of its files and the counts of
    ``record`` are written in one transaction: stopped at any point, nothing is half there.

    Args:
        scan: of ``path`` by the record's layout, where the caller has made it.
        progress: called with entries done, entries in all, and the name of the last one.

    Raises:
        UnknownLayout: the folder does not follow the layout, or holds no image.
    """
    layout = hub_layout(record.layout)
    scan = scan or layout.scan(path)
    entries = list(scan.entries)[: record.limit or None]
    if not entries:
        # A folder of one movie that lacks a frame is such a folder: the reason is worth more than the count.
        why = "; ".join(f"{item.path.name}: {item.reason}" for item in scan.skipped[:3])
        raise UnknownLayout(
            f"no image found that can be imported{f' ({why})' if why else ''}",
            where=str(path.name),
            remedy="Look at what the layout expects.",
        )
    fresh = _begin(record, path, entries, scan)
    done = len(entries) - len(fresh)
    with beating(Import.objects.filter(pk=record.pk, state=ImportState.RUNNING)):
        for unit in convert_entries(settings.OBJECTS_URL, layout, fresh, processes=processes):
            outcomes = [outcome for of_entry in unit for outcome in of_entry]
            # A file of several images counts as one thing found until it is opened.
            _keep_unit(record, path, outcomes, more=len(outcomes) - len(unit))
            done += len(unit)
            if progress:
                progress(done, len(entries), outcomes[-1].name)
    Import.objects.filter(pk=record.pk).update(state=ImportState.FINISHED, heartbeat=timezone.now(), error="")
    record.refresh_from_db()
    return record


def _begin(record: Import, path: Path, entries: Sequence[Entry], scan: Scan) -> list[Entry]:
    """Write down what the scan left out and what is there already; the entries that are left to do."""
    own = set(record.files.filter(outcome=FileOutcome.IMPORTED).values_list("name", flat=True))
    images = Image.objects.filter(dataset=record.dataset)
    known = {(name, digest): pk for pk, name, digest in images.values_list("pk", "name", "original_sha256")}
    names = {name for name, _ in known}
    rows = [
        ImportedFile(
            batch=record,
            name=_below(path, item.path),
            outcome=FileOutcome.LEFT_OUT,
            kind=plain_text(item.reason)[:200],
            reason=plain_text(item.reason),
        )
        for item in scan.skipped
    ]
    fresh = []
    for entry in entries:
        name = short_name(entry.name)
        if name in own:
            continue  # this very import added it before it was cut short
        # Only what bears a known name is read here; other files of known bytes are found when they are converted.
        told = name in names and entry.paths[0].is_file()
        there = known.get((name, _sha256(entry.paths[0]))) if told else None
        if there is None:
            fresh.append(entry)
        else:
            rows.append(_there(record, name, str(there)))
    with transaction.atomic():
        record.files.exclude(outcome=FileOutcome.IMPORTED).delete()
        ImportedFile.objects.bulk_create(rows, batch_size=_ROWS)
        Import.objects.filter(pk=record.pk).update(
            state=ImportState.RUNNING,
            heartbeat=timezone.now(),
            found=len(entries) + len(scan.skipped),
            skipped=len(rows),
        )
    return fresh


def _keep_unit(record: Import, path: Path, unit: Sequence[Outcome], *, more: int) -> None:
    """One transaction: images of a unit, what became of its files, and the counts; ``more`` came than were found."""
    converted = [outcome for outcome in unit if isinstance(outcome, Converted)]
    refused = [outcome for outcome in unit if isinstance(outcome, Refused)]

    def beside(added: list[tuple[Converted, Added]]) -> None:
        _write(record, [_row(record, one, result) for one, result in added])

    with transaction.atomic():
        Import.objects.filter(pk=record.pk).update(found=F("found") + more)
        _write(record, [_refusal(record, path, one) for one in refused])
        add_images(dataset=record.dataset, converted=converted, person=record.created_by, beside=beside)


def _write(record: Import, rows: Sequence[ImportedFile]) -> None:
    ImportedFile.objects.bulk_create(rows)
    imported = sum(row.outcome == FileOutcome.IMPORTED for row in rows)
    Import.objects.filter(pk=record.pk).update(
        imported=F("imported") + imported, skipped=F("skipped") + len(rows) - imported, heartbeat=timezone.now()
    )


def _row(record: Import, one: Converted, added: Added) -> ImportedFile:
    if isinstance(added, Image):
        return ImportedFile(
            batch=record,
            name=one.name,
            outcome=FileOutcome.IMPORTED,
            reason="; ".join(one.notes),
            image=added,
        )
    if isinstance(added, ImageAlreadyThere):
        return _there(record, one.name, added.extra["image"], same_bytes=added.same_bytes)
    return ImportedFile(
        batch=record,
        name=one.name,
        outcome=FileOutcome.REFUSED,
        kind=added.title,
        reason=added.what,
        remedy=added.remedy,
    )


def _there(record: Import, name: str, image: str, *, same_bytes: bool = True) -> ImportedFile:
    return ImportedFile(
        batch=record,
        name=name,
        outcome=FileOutcome.THERE if same_bytes else FileOutcome.REFUSED,
        kind=ALREADY_THERE if same_bytes else NAME_TAKEN,
        reason="" if same_bytes else "another image of that name is there, with other bytes",
        remedy="" if same_bytes else "Give it another name.",
        image_id=image,
    )


def _refusal(record: Import, path: Path, one: Refused) -> ImportedFile:
    where = one.where.replace(f"{path}/", "")
    return ImportedFile(
        batch=record,
        name=plain_text(one.name),
        outcome=FileOutcome.REFUSED,
        kind=one.kind[:200],
        reason=plain_text(f"{where}: {one.reason}" if where != one.name else one.reason),
        remedy=one.remedy,
    )


def _below(path: Path, item: Path) -> str:
    return plain_text(item.relative_to(path).as_posix() if item.is_relative_to(path) else item.name)


def _sha256(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
