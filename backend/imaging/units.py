"""Entries of a layout -> objects, a unit at a time: what is synced together, and written in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from backend.imaging.conversion import Naming, Outcome, Refused, convert_image
from backend.imaging.files import convert_file
from cellcommons.durable import is_full
from cellcommons.errors import CellCommonsError, DiskFull, StoreUnusable
from cellcommons.layouts.contract import Entry, Layout
from cellcommons.store import ObjectStore, open_store

log = logging.getLogger(__name__)

# For each entry what its images became.
Unit = list[list[Outcome]]

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
    except (StoreUnusable, DiskFull):
        raise  # nothing is wrong with the file
    except CellCommonsError as error:
        return [Refused.of(entry.name, error)]
    except Exception as error:  # one strange file must not stop the thousands after it
        if is_full(error):
            raise DiskFull("the disk is full") from error
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


def convert_unit(store_url: str, layout: Layout, entries: list[Entry]) -> Unit:
    """Convert entries, in order; all that they name is durable when this returns. Runs in a process of its own."""
    with open_store(store_url).batch() as store:
        return [convert_entry(store, layout, entry) for entry in entries]


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


def convert_entries(store_url: str, layout: Layout, entries: list[Entry], *, processes: int = 1) -> Iterator[Unit]:
    """Convert ``entries`` in order, a unit at a time; with ``processes`` > 1 a few units ahead of the reader.

    With ``processes`` > 1 an entry that takes its process down is refused, and the others go on.
    """
    if processes < 2 or len(entries) < 16:
        for unit in units_of(entries, UNIT_ENTRIES):
            yield convert_unit(store_url, layout, unit)
        return
    # Few entries are parted so that every process has some.
    units = units_of(entries, max(1, min(UNIT_ENTRIES, len(entries) // (2 * processes))))
    with _Pool(store_url, layout, processes) as pool:
        ahead = [(unit, pool.submit(unit)) for unit in islice(units, 2 * processes)]
        while ahead:
            unit, future = ahead.pop(0)
            try:
                done = future.result()
            except BrokenProcessPool:
                done = convert_alone(store_url, layout, unit)
                pool.renew()
                ahead = [(waiting, pool.submit(waiting)) for waiting, _ in ahead]
            ahead += [(more, pool.submit(more)) for more in islice(units, 1)]
            yield done


def convert_alone(store_url: str, layout: Layout, entries: list[Entry]) -> Unit:
    """Convert entries one by one, each in a process that may die of it: a reader that crashes, memory that runs out."""
    done: Unit = []
    with _Pool(store_url, layout, 1) as pool:
        for entry in entries:
            try:
                done += pool.submit([entry]).result()
            except BrokenProcessPool:
                log.error("%s took the process that read it down", entry.name)
                pool.renew()
                fault = "the process that read it died: its reader failed, or memory ran out"
                remedy = "Export the file again, or import it alone on a machine with more memory."
                done.append([Refused(entry.name, entry.name, "The file brought its reader down", fault, remedy)])
    return done


class _Pool:
    """Processes that convert units. Spawned, not forked: this one holds connections and threads not to be copied."""

    def __init__(self, store_url: str, layout: Layout, processes: int) -> None:
        self.store_url, self.layout, self.processes = store_url, layout, processes
        self.pool = self._made()

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(cancel_futures=True)

    def submit(self, unit: list[Entry]) -> Future[Unit]:
        try:
            return self.pool.submit(convert_unit, self.store_url, self.layout, unit)
        except BrokenProcessPool as error:
            broken: Future[Unit] = Future()
            broken.set_exception(error)
            return broken

    def renew(self) -> None:
        self.__exit__()
        self.pool = self._made()

    def _made(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.processes, mp_context=get_context("spawn"))
