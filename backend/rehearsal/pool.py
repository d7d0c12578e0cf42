"""The images of a rehearsal: a stratified sample of a folder, and the truth that only the simulated eyes see."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.registry import get_layout
from cellcommons.reading import Reading
from cellcommons.readings import Readings

# Small tables beside the images, which say what the files themselves cannot.
TABLES = frozenset({".csv", ".json"})


@dataclass(frozen=True)
class Case:
    """One image of the pool.

    Attributes:
        truth: what a perfect reader would say, in the hub's terms; augmented microscopy knows it once there is a
            prediction to judge.
        given: what lies beside the image, as far as simulated eyes need it: ``detections`` (uint32, tyx), ``subjects``
            (keys in order), ``target`` (ImageData), ``ontology``.
        generated: made here, and not of the folder.
    """

    name: str
    source: str
    stratum: str
    truth: Reading
    shape: tuple[int, int]
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)
    generated: bool = False


@dataclass(frozen=True)
class Upload:
    """Files that go to the hub as one zip in one layout."""

    layout: str
    root: Path
    paths: tuple[Path, ...]
    images: int

    def zip_into(self, path: Path) -> Path:
        """Write the zip, the way a lab would upload it: the files, and the tables in the folders above them."""
        members: set[Path] = set()
        for item in self.paths:
            members |= {m for m in item.rglob("*") if m.is_file()} if item.is_dir() else {item}
        above = {self.root} | {p for m in members for p in m.parents if p.is_relative_to(self.root)}
        tables = {f for folder in above for f in folder.iterdir() if f.is_file() and f.suffix.lower() in TABLES}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for member in sorted(members | tables):
                if member.is_file():
                    archive.write(member, member.relative_to(self.root).as_posix())
        return path


@dataclass(frozen=True)
class Pool:
    """All that a rehearsal works on.

    Attributes:
        layout, task: as asked. cases: by name. uploads: how they come into the hub.
        ontology: the classes asked for; None where the task has none.
        notes: what was left out, cut or added, for the report.
        config: settings for the trainer.
        into_test: images that the split shall hold out, as far as a seed can be found that does.
    """

    layout: str
    task: str
    cases: dict[str, Case]
    uploads: tuple[Upload, ...]
    ontology: Ontology | None = None
    notes: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    into_test: tuple[str, ...] = ()

    @property
    def strata(self) -> dict[str, str]:
        """Image name -> stratum."""
        return {name: case.stratum for name, case in self.cases.items()}


@dataclass(frozen=True)
class Ask:
    """What ``./hub rehearse`` was asked for.

    Attributes:
        images: how many; None: as many as is usual for the task, at most all. folder: a place for files made here.
    """

    layout: str
    root: Path
    images: int | None
    seed: int
    folder: Path


def scan_entries(ask: Ask) -> list[Entry]:
    """The entries of the folder, in order of name. Raises UnknownLayout; InvalidDocument where there are none."""
    scan = get_layout(ask.layout).scan(ask.root)
    if not scan.entries:
        why = f": {scan.skipped[0].reason}" if scan.skipped else ""
        raise InvalidDocument(f"no image that can be used{why}", where=str(ask.root))
    return sorted(scan.entries, key=lambda entry: entry.name)


def count_of(ask: Ask, available: int, *, usual: int) -> int:
    """How many images to take. Raises InvalidDocument: there are fewer than asked for, or none."""
    wanted = min(usual, available) if ask.images is None else ask.images
    if available < wanted or available == 0:
        raise InvalidDocument(
            f"{available} images found, {wanted} asked for",
            where=str(ask.root),
            remedy=f"Ask for --images {available}." if available else "Point to a folder with images.",
        )
    return wanted


def stratified(entries: Sequence[Entry], count: int, seed: int) -> list[Entry]:
    """``count`` entries over the strata in proportion (largest remainder), by seed."""
    rng = np.random.default_rng(seed)
    strata: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        strata[entry.stratum].append(entry)
    shares = {name: count * len(members) / len(entries) for name, members in strata.items()}
    counts = {name: int(share) for name, share in shares.items()}
    for name in sorted(shares, key=lambda name: (counts[name] - shares[name], name))[: count - sum(counts.values())]:
        counts[name] += 1
    return [
        members[index]
        for name, members in sorted(strata.items())
        for index in sorted(rng.permutation(len(members))[: counts[name]])
    ]


def upload_of(ask: Ask, entries: Sequence[Entry]) -> Upload:
    """The entries' own files, in their own layout."""
    paths = dict.fromkeys(path for entry in entries for path in entry.paths)
    return Upload(ask.layout, ask.root, tuple(paths), len(entries))


def read_records(ask: Ask, entries: Sequence[Entry]) -> list[Record]:
    """Every entry with its truth; of several people's readings their consensus.

    Raises:
        InvalidDocument: an image without labels, or with readings and no consensus. Others as the layout's ``read``.
    """
    reader = get_layout(ask.layout)
    records = []
    for entry in entries:
        record = reader.read(entry)
        if isinstance(record.truth, Readings):
            record.truth = record.truth.consensus
        if record.truth is None:
            raise InvalidDocument("a rehearsal needs the labels of every image", where=entry.name)
        records.append(record)
    return records


def has_truth(record: Record, kind: type[Any], *, task: str) -> Any:
    """The record's truth where it is of this kind. Raises InvalidDocument where it is of another task's."""
    if not isinstance(record.truth, kind):
        raise InvalidDocument(
            f"its labels are {type(record.truth).__name__}, which say nothing about {task}",
            where=record.entry.name,
            remedy="Choose another --task, or a folder in a layout of this task.",
        )
    return record.truth
