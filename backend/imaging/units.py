"""Entries of a layout -> objects, a unit at a time: what is synced together, and written in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from backend.imaging.conversion import Naming, Outcome, Refused, convert_image
from backend.imaging.files import convert_file
from cellcommons.errors import CellCommonsError
from cellcommons.layouts.contract import Entry, Layout
from cellcommons.layouts.registry import get_layout
from cellcommons.store import ObjectStore, open_store

log = logging.getLogger(__name__)

UNIT_ENTRIES = 100
UNIT_BYTES = 32 << 20
# Layouts of image files alone: the hub reads these itself, for a file may hold several images, or more than fits.
FILES_ALONE = frozenset({"plain"})


def convert_entry(store: ObjectStore, layout: Layout, entry: Entry) -> list[Outcome]:
    """Read and convert one entry of a layout: one image, or as many as its file holds where it is an image alone."""
    try:
        known = dict(entry.metadata)
        if layout.name in FILES_ALONE:
            naming = Naming(
                entry.name,
                entry.paths[0],
                entry.paths[0].name,
                source=entry.source,
                source_known=bool(known.pop("source_known", True)),
                stratum=entry.stratum,
                metadata=known,
            )
            return convert_file(store, naming)
        record = layout.read(entry)
        known = dict(record.entry.metadata)
        naming = Naming(
            record.entry.name,
            record.original,
            record.original.name,
            part=record.entry.part,
            source=record.entry.source,
            source_known=bool(known.pop("source_known", True)),
            stratum=record.entry.stratum,
            metadata=known | ({"set": record.entry.split} if record.entry.split else {}),
            originals=record.originals,
        )
        return [convert_image(store, record.image, naming, truth=record.truth)]
    except CellCommonsError as error:
        return [Refused.of(entry.name, error)]
    except Exception as error:  # one strange file must not stop the thousands after it
        log.exception("%s could not be converted", entry.name)
        return [
            Refused(
                entry.name,
                entry.name,
                "An unexpected fault",
                f"an unexpected fault: {type(error).__name__}: {error}",
                "Send the file and this line to those who keep this software.",
            )
        ]


def convert_unit(store_url: str, layout: str, entries: list[Entry]) -> list[list[Outcome]]:
    """Convert entries, in order; all that they name is durable when this returns. Runs in a process of its own."""
    with open_store(store_url).batch() as store:
        return [convert_entry(store, get_layout(layout), entry) for entry in entries]


def units_of(entries: Iterable[Entry], at_most: int = UNIT_ENTRIES) -> Iterator[list[Entry]]:
    """``entries`` in order, ``at_most`` together, or as many as have ``UNIT_BYTES`` on disk, whichever are fewer."""
    unit: list[Entry] = []
    size = 0
    seen: set[Path] = set()  # the one file of labels of a thousand images counts once
    for entry in entries:
        fresh = [path for path in entry.paths if path not in seen]
        seen.update(fresh[1:])
        own = sum(_bytes(path) for path in fresh)
        if unit and (len(unit) >= at_most or size + own > UNIT_BYTES):
            yield unit
            unit, size = [], 0
        unit.append(entry)
        size += own
    if unit:
        yield unit


def _bytes(path: Path) -> int:
    """On disk; of a folder, of all that is in it."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def convert_entries(
    store_url: str, layout: Layout, entries: list[Entry], *, processes: int = 1
) -> Iterator[list[list[Outcome]]]:
    """Convert ``entries`` in order, a unit at a time; with ``processes`` > 1 a few units ahead of the reader."""
    if processes < 2 or len(entries) < 16:
        for unit in units_of(entries, UNIT_ENTRIES):
            yield convert_unit(store_url, layout.name, unit)
        return
    # Few entries are parted so that every process has some.
    units = units_of(entries, max(1, min(UNIT_ENTRIES, len(entries) // (2 * processes))))
    with ExitStack() as stack:
        # Spawned, not forked: this process holds database connections and threads that must not be copied.
        pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
        stack.callback(pool.shutdown, cancel_futures=True)
        ahead: list[Future[list[list[Outcome]]]] = []
        for unit in islice(units, 2 * processes):
            ahead.append(pool.submit(convert_unit, store_url, layout.name, unit))
        while ahead:
            done = ahead.pop(0).result()
            for unit in islice(units, 1):
                ahead.append(pool.submit(convert_unit, store_url, layout.name, unit))
            yield done
