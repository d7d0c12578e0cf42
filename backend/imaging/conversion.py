"""Pixels -> objects: all that an image's row will name, made before any transaction begins."""

from __future__ import annotations

import logging
from collections.abc import Iterator
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
from cellcommons.images.previews import preview_png
from cellcommons.layouts.contract import Entry, Layout
from cellcommons.layouts.contract import Truth as LayoutTruth
from cellcommons.layouts.registry import get_layout
from cellcommons.store import ObjectStore, open_store

log = logging.getLogger(__name__)


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
    metadata: dict[str, Any] = field(default_factory=dict)
    companions: dict[str, Given] = field(default_factory=dict)
    truth: str = ""
    truth_cells: int = 0
    ontology: dict[str, Any] | None = None


@dataclass(frozen=True)
class Refused:
    """An entry that could not be converted: which file, and why in one line."""

    name: str
    where: str
    reason: str


def convert_image(
    store: ObjectStore,
    image: ImageData,
    *,
    name: str,
    original: Path,
    original_name: str,
    source: str = "",
    source_known: bool = False,
    stratum: str = "",
    truth: LayoutTruth | None = None,
    metadata: dict[str, Any] | None = None,
) -> Converted:
    """Put tree, preview, original and truth into ``store``.

    Args:
        truth: what came with it; what of that people may see becomes companions.

    Raises:
        MismatchedShapes: ``truth`` differs in size from the image.
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
        tree=tree.digest,
        preview=store.put(preview_png(image)),
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
    )


def convert_entry(store_url: str, layout: str, entry: Entry) -> Converted | Refused:
    """Read and convert one entry of a layout. Runs in a process of its own, so it takes and gives plain values."""
    try:
        record = get_layout(layout).read(entry)
        known = dict(record.entry.metadata)
        return convert_image(
            open_store(store_url),
            record.image,
            name=record.entry.name,
            original=record.original,
            original_name=record.original.name,
            source=record.entry.source,
            source_known=bool(known.pop("source_known", True)),
            stratum=record.entry.stratum,
            truth=record.truth,
            metadata=known,
        )
    except CellCommonsError as error:
        return Refused(entry.name, error.where or entry.name, error.line())
    except Exception as error:  # one strange file must not stop the thousands after it
        log.exception("%s could not be converted", entry.name)
        return Refused(entry.name, entry.name, f"an unexpected fault: {type(error).__name__}: {error}")


def convert_entries(
    store_url: str, layout: Layout, entries: list[Entry], *, processes: int = 1
) -> Iterator[Converted | Refused]:
    """Convert ``entries`` in order; with ``processes`` > 1 a few ahead of the reader, never all at once in memory."""
    if processes < 2 or len(entries) < 16:
        for entry in entries:
            yield convert_entry(store_url, layout.name, entry)
        return
    with ExitStack() as stack:
        # Spawned, not forked: this process holds database connections and threads that must not be copied.
        pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
        stack.callback(pool.shutdown, cancel_futures=True)
        waiting = iter(entries)
        ahead: list[Future[Converted | Refused]] = []
        for entry in islice(waiting, 4 * processes):
            ahead.append(pool.submit(convert_entry, store_url, layout.name, entry))
        while ahead:
            done = ahead.pop(0).result()
            for entry in islice(waiting, 1):
                ahead.append(pool.submit(convert_entry, store_url, layout.name, entry))
            yield done
