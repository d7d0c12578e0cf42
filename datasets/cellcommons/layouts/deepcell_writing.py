"""Write DeepCell's ``.npz``: images of one size, type and kind together, without holding them in memory."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.npy_facts import facts_text

NUCLEI = ".nuclei"
_FILES = {"train": "train", "validation": "val", "test": "test", "": "data"}
_HEADER = ("name", "experiment", "specimen")


@dataclass
class _Batch:
    """Images that go into one file; pixels and labels wait in files beside it, as rows of bytes."""

    spool: Path
    dtype: np.dtype[Any]
    row: tuple[int, ...]
    compartments: int
    facts: str
    entries: list[Entry] = field(default_factory=list)
    largest: int = 0

    def add(self, image: ImageData, truths: list[LabelMap], entry: Entry) -> None:
        with self.spool.with_suffix(".x").open("ab") as stream:
            stream.write(np.moveaxis(image.data, 0, -1).tobytes())
        if truths:
            labels = np.stack([truth.data for truth in truths], axis=-1)
            self.largest = max(self.largest, int(labels.max(initial=0)))
            with self.spool.with_suffix(".y").open("ab") as stream:
                stream.write(labels.tobytes())
        self.entries.append(entry)


def write_batches(records: Iterable[Record], folder: Path) -> None:
    """Write ``records``; one called ``NAME.nuclei`` right after ``NAME`` becomes its second compartment."""
    batches: dict[tuple[Any, ...], _Batch] = {}
    for record, nuclei in _with_nuclei(records):
        image = record.image
        truths = [one for one in (record.truth, nuclei) if isinstance(one, LabelMap)]
        facts = facts_text(image)
        row = (*image.shape_yx, image.size("c"))
        key = (record.entry.split, image.data.dtype.name, row, len(truths), facts)
        if key not in batches:
            spool = folder / f".batch-{len(batches)}"
            batches[key] = _Batch(spool, image.data.dtype, row, len(truths), facts)
        batches[key].add(image, truths, record.entry)
    taken: dict[str, int] = {}
    for key, batch in batches.items():
        stem = _FILES[key[0]]
        taken[stem] = taken.get(stem, 0) + 1
        number = f"_{taken[stem]}" if taken[stem] > 1 else ""
        _write(folder / f"{stem}{number}.npz", batch)


def _with_nuclei(records: Iterable[Record]) -> Iterator[tuple[Record, LabelMap | None]]:
    """Each record, with the nuclei of its image where they come next."""
    waiting: Record | None = None
    for record in records:
        if waiting is not None and _is_second(waiting, record):
            assert isinstance(record.truth, LabelMap)
            yield waiting, record.truth
            waiting = None
            continue
        if waiting is not None:
            yield waiting, None
        waiting = record
    if waiting is not None:
        yield waiting, None


def _is_second(first: Record, second: Record) -> bool:
    return (
        second.entry.name == f"{first.entry.name}{NUCLEI}"
        and isinstance(first.truth, LabelMap)
        and isinstance(second.truth, LabelMap)
        and facts_text(first.image) == facts_text(second.image)
        and np.array_equal(first.image.data, second.image.data, equal_nan=first.image.data.dtype.kind == "f")
        and (first.entry.split, first.entry.stratum) == (second.entry.split, second.entry.stratum)
    )


def _write(path: Path, batch: _Batch) -> None:
    count = len(batch.entries)
    rows = [_HEADER, *((e.name, e.source if e.metadata.get("source_known") else "", e.stratum) for e in batch.entries)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        pixels = batch.spool.with_suffix(".x")
        with _member(archive, "X", batch.dtype, (count, *batch.row)) as sink, pixels.open("rb") as stream:
            shutil.copyfileobj(stream, sink, 1 << 20)
        pixels.unlink()
        if batch.compartments:
            labels = batch.spool.with_suffix(".y")
            kind = np.dtype(np.int32 if batch.largest < 1 << 31 else np.int64)
            shape = (count, *batch.row[:2], batch.compartments)
            with _member(archive, "y", kind, shape) as sink, labels.open("rb") as stream:
                while block := stream.read(1 << 20):
                    sink.write(np.frombuffer(block, dtype=np.uint32).astype(kind).tobytes())
            labels.unlink()
        for name, array in (("meta", np.array(rows, dtype=np.str_)), ("cellcommons", np.array(batch.facts))):
            with _member(archive, name, array.dtype, array.shape) as sink:
                sink.write(array.tobytes())


def _member(archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> IO[bytes]:
    """An array within the zip, open at its first element."""
    sink = archive.open(f"{name}.npy", "w", force_zip64=True)
    said = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(sink, said)
    return sink
