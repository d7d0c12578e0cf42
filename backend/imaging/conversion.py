"""Pixels -> objects: all that an image's row will name, made before any transaction begins."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from backend.imaging.kinds.contract import Given, Kept
from backend.imaging.kinds.registry import keep_truth
from cellcommons.errors import CellCommonsError
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image
from cellcommons.images.previews import thumbnail_png
from cellcommons.layouts.contract import Entry, Layout
from cellcommons.layouts.contract import Truth as LayoutTruth
from cellcommons.layouts.registry import get_layout
from cellcommons.store import ObjectStore, open_store

log = logging.getLogger(__name__)

# Entries converted together: their objects are synced together, their rows written in one transaction.
UNIT_ENTRIES = 100
UNIT_BYTES = 32 << 20


@dataclass(frozen=True)
class Converted:
    """An image in the object store: digests, and what its row says."""

    name: str
    source: str
    source_known: bool
    stratum: str
    original_sha256: str
    original_name: str
    tree: str
    preview: str
    axes: str
    shape: list[int]
    dtype: str
    channels: list[str]
    pixel_size_um: dict[str, float | None]
    bytes: int
    part: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    companions: dict[str, Given] = field(default_factory=dict)
    truth: str = ""
    truth_cells: int = 0
    ontology: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """An entry that could not be converted.

    Attributes:
        where: the file or field at fault; the entry's name where it is that itself. kind: the sort of fault in a few
            words, the same for all faults of the sort. reason: one clause. remedy: what the person can do.
    """

    name: str
    where: str
    kind: str
    reason: str
    remedy: str = ""

    @classmethod
    def of(cls, name: str, error: CellCommonsError) -> Refused:
        """A refusal in the library's own words."""
        return cls(name, error.where or name, error.title, error.what, error.remedy)


Outcome = Converted | Refused


def convert_image(
    store: ObjectStore,
    image: ImageData,
    *,
    name: str,
    original: Path,
    original_name: str,
    part: str = "",
    source: str = "",
    source_known: bool = False,
    stratum: str = "",
    truth: LayoutTruth | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Converted:
    """Put tree, preview, original and truth into ``store``.

    Args:
        part: which image of ``original`` it is, where that file holds several.
        truth: what came with it; what of that people may see becomes companions.

    Raises:
        MismatchedShapes: ``truth`` differs in size from the image.
        InvalidDocument: the hub has no place for ``truth``.
    """
    kept = keep_truth(store, image, truth) if truth is not None else Kept()
    image = replace(image, metadata={**image.metadata, **kept.metadata})
    tree = write_image(store, image)
    return Converted(
        name=name,
        source=source or name,
        source_known=bool(source) and source_known,
        stratum=stratum,
        original_sha256=store.put_file(original),
        original_name=original_name,
        part=part,
        tree=tree.digest,
        preview=store.put(thumbnail_png(image)),
        axes=image.axes,
        shape=[int(n) for n in image.data.shape],
        dtype=image.data.dtype.name,
        channels=list(image.channels),
        pixel_size_um={axis: getattr(image.pixel_size, axis) for axis in "yxz"},
        bytes=tree.bytes,
        metadata={**image.metadata, **(metadata or {}), **({"rgb": True} if image.rgb else {})},
        companions=dict(kept.companions),
        truth=kept.truth,
        truth_cells=kept.count,
        ontology=kept.ontology.document() if kept.ontology else None,
        notes=kept.notes,
    )


def convert_entry(store: ObjectStore, layout: Layout, entry: Entry) -> Outcome:
    """Read and convert one entry of a layout."""
    try:
        record = layout.read(entry)
        known = dict(record.entry.metadata)
        return convert_image(
            store,
            record.image,
            name=record.entry.name,
            original=record.original,
            original_name=record.original.name,
            part=record.entry.part,
            source=record.entry.source,
            source_known=bool(known.pop("source_known", True)),
            stratum=record.entry.stratum,
            truth=record.truth,
            metadata=known | ({"set": record.entry.split} if record.entry.split else {}),
        )
    except CellCommonsError as error:
        return Refused.of(entry.name, error)
    except Exception as error:  # one strange file must not stop the thousands after it
        log.exception("%s could not be converted", entry.name)
        return Refused(
            entry.name,
            entry.name,
            "An unexpected fault",
            f"an unexpected fault: {type(error).__name__}: {error}",
            "Send the file and this line to those who keep this software.",
        )


def convert_unit(store_url: str, layout: str, entries: list[Entry]) -> list[Outcome]:
    """Convert entries; all that they name is durable when this returns. Runs in a process of its own."""
    with open_store(store_url).batch() as store:
        return [convert_entry(store, get_layout(layout), entry) for entry in entries]


def units_of(entries: Iterable[Entry], at_most: int = UNIT_ENTRIES) -> Iterator[list[Entry]]:
    """``entries`` in order, ``at_most`` together, or as many as have ``UNIT_BYTES`` on disk, whichever are fewer."""
    unit: list[Entry] = []
    size = 0
    for entry in entries:
        own = sum(path.stat().st_size for path in entry.paths if path.is_file())
        if unit and (len(unit) >= at_most or size + own > UNIT_BYTES):
            yield unit
            unit, size = [], 0
        unit.append(entry)
        size += own
    if unit:
        yield unit


def convert_entries(
    store_url: str, layout: Layout, entries: list[Entry], *, processes: int = 1
) -> Iterator[list[Outcome]]:
    """Convert ``entries`` in order, a unit at a time; with ``processes`` > 1 a few units ahead of the reader."""
    # Few entries are parted so that every process has some.
    units = units_of(entries, max(1, min(UNIT_ENTRIES, len(entries) // (2 * processes))))
    if processes < 2 or len(entries) < 16:
        for unit in units:
            yield convert_unit(store_url, layout.name, unit)
        return
    with ExitStack() as stack:
        # Spawned, not forked: this process holds database connections and threads that must not be copied.
        pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
        stack.callback(pool.shutdown, cancel_futures=True)
        ahead: list[Future[list[Outcome]]] = []
        for unit in islice(units, 2 * processes):
            ahead.append(pool.submit(convert_unit, store_url, layout.name, unit))
        while ahead:
            done = ahead.pop(0).result()
            for unit in islice(units, 1):
                ahead.append(pool.submit(convert_unit, store_url, layout.name, unit))
            yield done
