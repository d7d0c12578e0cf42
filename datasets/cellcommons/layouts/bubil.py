"""Boston University Biomedical Image Library: one cell an image, drawn by seven crowd workers, experts, and fused gold.

Source: Gurari et al., "How to collect segmentations for biomedical images? A benchmark evaluating the performance of
experts, crowdsourced non-experts, and algorithms", WACV 2015. Masks are black on white. Gold and experts' masks are of
the full frame; the crowd saw a crop about the gold's box, whose place is not published: see ``read_crowd``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from cellcommons.classes import Ontology
from cellcommons.errors import CannotCarry, MismatchedShapes, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.images.png import decode_png
from cellcommons.images.readers import read_image
from cellcommons.images.writers import PNG_TYPES, write_png
from cellcommons.labels import Mask
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.plain import short_names
from cellcommons.layouts.tables import read_tables, write_tables
from cellcommons.layouts.used import is_file_name
from cellcommons.readings import Readings
from cellcommons.semantic import UNKNOWN, SemanticMap

CELL = Ontology(("background", "cell"))
GOLD, RAW, CROWD, EXPERTS = "GoldStandard", "RawImages", "CrowdsourcedAnnotations", "ExpertsAnnotations"
_SET = re.compile(r"BU-BIL_Dataset(\d)")
_SHIFT = 6
"""Pixels to either side of the expected place in which a crop is looked for."""


@dataclass(frozen=True)
class CrowdReadings:
    """Who drew what, in the frame of the image.

    Attributes:
        gold: the fusion of the experts; background and cell. None where it is not published.
        readings: crowd worker's place (1..7) -> reading; unknown outside the crop that the worker saw. The places are
            those of the crowd market's answers: the same place need not be the same person in another image.
        experts: person and tool -> reading; empty where none are published.
    """

    gold: SemanticMap | None
    readings: dict[str, SemanticMap] = field(repr=False)
    experts: dict[str, SemanticMap] = field(repr=False)


class Bubil:
    """Reads the folder that holds ``BU-BIL_Dataset1`` and so on, or one of them.

    Truth is ``Readings`` of ``SemanticMap``: ``worker 1`` and so on of the crowd, and the experts by person and tool,
    with gold as their consensus; gold alone where nobody's own mask is there. An image's source is unknown, so each is
    its own; its stratum is its set. Where the raw image is the crop that the crowd saw (set 4), the gold is cut to it.

    Every reading is written as an expert's: a mask of the full frame.
    """

    name = "bubil"
    title = "BU-BIL (one cell an image, seven crowd workers and gold)"
    task = "semantic_segmentation"
    carries = Carries(
        truths=(SemanticMap, Readings),
        dtypes=PNG_TYPES,
        modes=("gray", "rgb"),
        features=features("source", "stratum", "split", "class_order", "readings", "consensus"),
        note="The classes are background and cell.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        sets = _sets(path)
        if not sets:
            return 0.0, f"no folder BU-BIL_DatasetN with {RAW}/"
        return 0.97, f"{len(sets)} sets with {RAW}/"

    def scan(self, path: Path) -> Scan:
        sets = _sets(path)
        if not sets:
            raise UnknownLayout(
                f"no folder BU-BIL_DatasetN with {RAW}/ here, so this is not the bubil layout",
                where=str(path),
                remedy="Point to the folder that holds BU-BIL_Dataset1, or choose another layout.",
            )
        tables = read_tables(path)
        pictures = {raw: (number, folder) for number, folder in sets for raw in sorted((folder / RAW).glob("*.png"))}
        names = short_names(path, pictures)
        entries, skipped = [], []
        for raw, (number, folder) in pictures.items():
            mask = f"seg_{raw.name}"
            gold = [path for path in (folder / GOLD / mask,) if path.is_file()]
            crowd = sorted((folder / CROWD).glob(f"*/{mask}"))
            if crowd and not gold:
                skipped.append(Skipped(crowd[0], f"no {mask} in {GOLD}/, which says where the crowd's crop is"))
                crowd = []
            experts = sorted((folder / EXPERTS).glob(f"*/{mask}"))
            metadata = {"source_known": False, "gold": bool(gold), "crowd": len(crowd), "experts": len(experts)}
            stratum = f"set {number}" if number else ""
            entry = Entry(names[raw], (raw, *gold, *crowd, *experts), names[raw], stratum, metadata)
            entries.append(tables.applied(entry, raw.relative_to(path).as_posix()))
        for _, folder in sets:
            for gold_mask in sorted((folder / GOLD).glob("seg_*.png")):
                if not (folder / RAW / gold_mask.name.removeprefix("seg_")).is_file():
                    skipped.append(Skipped(gold_mask, f"no image {gold_mask.name.removeprefix('seg_')} in {RAW}/"))
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        image = read_image(entry.paths[0])
        said = self.read_crowd(entry)
        by = {f"worker {place}": one for place, one in said.readings.items()} | said.experts
        sized = {who: replace(one, pixel_size=image.pixel_size) for who, one in by.items()}
        gold = None if said.gold is None else replace(said.gold, pixel_size=image.pixel_size)
        return Record(entry, image, Readings(sized, gold) if sized else gold, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """See ``contract.WritableLayout.write``."""
        entries = []
        for record in records:
            truth, name, stratum = record.truth, record.entry.name, record.entry.stratum
            told = re.fullmatch(r"set ([1-9])", stratum)
            base = folder / f"BU-BIL_Dataset{told[1] if told else 0}"
            for half in (RAW, GOLD):
                (base / half).mkdir(parents=True, exist_ok=True)
            write_png(base / RAW / f"{name}.png", record.image)
            gold = truth.consensus if isinstance(truth, Readings) else truth
            if gold is not None:
                _write_mask(base / GOLD / f"seg_{name}.png", gold, where=name)
            for who, one in truth.by.items() if isinstance(truth, Readings) else ():
                if not is_file_name(who):
                    raise CannotCarry(f"{who!r} cannot name a folder", where=name)
                (base / EXPERTS / who).mkdir(parents=True, exist_ok=True)
                _write_mask(base / EXPERTS / who / f"seg_{name}.png", one, where=name)
            entries.append(replace(record.entry, stratum="") if told else record.entry)
        write_tables(folder, entries)

    def read_crowd(self, entry: Entry, *, experts: bool = True) -> CrowdReadings:
        """Every reading of one image, in its frame; the experts' masks are read only if asked for.

        The crop's place is taken to be the gold's box grown by half its size to each side, moved by up to 6 pixels to
        where all readings together cover the gold best: one move for all readers, so that none is favoured.

        Raises:
            MismatchedShapes: crowd masks of different sizes, or a mask that does not fit its image.
        """
        shape, told = read_image(entry.paths[0]).shape_yx, entry.metadata
        first = 1 + told["gold"]
        gold = _mask(entry.paths[1]) if told["gold"] else None
        crowd = [_mask(path) for path in entry.paths[first : first + told["crowd"]]]
        if any(mask.shape != crowd[0].shape for mask in crowd):
            raise MismatchedShapes("crowd masks of one image differ in size", where=entry.name)
        frame, (top, left), seen = gold, (0, 0), crowd[0].shape if crowd else shape
        if gold is not None and (crowd or gold.shape != shape):
            if not gold.any():
                raise MismatchedShapes("the gold holds no cell", where=str(entry.paths[1]))
            top, left = _place(gold, np.sum(crowd, axis=0) if crowd else np.zeros(seen, np.int64))
            if shape == seen:
                frame = gold[top : top + seen[0], left : left + seen[1]]
                top, left = 0, 0
            elif shape != gold.shape:
                raise MismatchedShapes(
                    f"the gold is {gold.shape[1]} x {gold.shape[0]}, the image {shape[1]} x {shape[0]}, no crop of it",
                    where=str(entry.paths[0]),
                )
        readings = {}
        for path, mask in zip(entry.paths[first:], crowd, strict=False):
            data = np.full(shape, UNKNOWN, dtype=np.uint8)
            data[top : top + seen[0], left : left + seen[1]] = mask
            readings[path.parent.name.rpartition("-")[2]] = SemanticMap(data, CELL)
        drawn = {}
        for path in entry.paths[first + len(crowd) :] if experts else ():
            mask = _mask(path)
            if mask.shape != shape:
                raise MismatchedShapes(f"the mask is {mask.shape}, its image {shape}", where=str(path))
            drawn[path.parent.name] = SemanticMap(mask.astype(np.uint8), CELL)
        fused = None if frame is None else SemanticMap(frame.astype(np.uint8), CELL)
        return CrowdReadings(fused, readings, drawn)


def _sets(path: Path) -> list[tuple[int, Path]]:
    folders = [path, *sorted(p for p in path.glob("*") if p.is_dir())] if path.is_dir() else []
    found = ((_SET.fullmatch(folder.name), folder) for folder in folders if (folder / RAW).is_dir())
    return [(int(number[1]), folder) for number, folder in found if number]


def _mask(path: Path) -> Mask:
    """The cell, black on white; alpha is left out. Bool, axes yx."""
    pixels = decode_png(path.read_bytes(), where=str(path))
    if pixels.ndim == 3:
        pixels = pixels[..., : 1 if pixels.shape[-1] == 2 else 3].max(axis=-1)
    return np.asarray(pixels < 128)


def _write_mask(path: Path, said: object, *, where: str) -> None:
    """Black on white. Unknown can only have been dropped: it has no place in a mask."""
    assert isinstance(said, SemanticMap)
    if said.ontology != CELL:
        raise CannotCarry(
            f"bubil holds the classes {CELL.listed()}, not {said.ontology.listed()}",
            where=where,
            remedy="Write it in another layout of class maps.",
        )
    mask = np.where(said.data == 1, np.uint8(0), np.uint8(255))
    write_png(path, ImageData(mask[None], "cyx", ("intensity",)))


def _place(gold: Mask, votes: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> tuple[int, int]:
    """Row and column of the crop's corner in the gold's frame."""
    expected = []
    for axis in (0, 1):
        inside = np.flatnonzero(gold.any(axis=1 - axis))
        low, high = int(inside[0]), int(inside[-1]) + 1
        grown = (high - low) / 2
        start, stop = max(0.0, low - grown), min(float(gold.shape[axis]), high + grown)
        if votes.shape[axis] > gold.shape[axis]:
            raise MismatchedShapes(f"crowd masks of {votes.shape} are larger than the gold, {gold.shape}")
        free = gold.shape[axis] - votes.shape[axis]
        expected.append(min(max(0, round((start + stop - votes.shape[axis]) / 2)), free))
    # How many votes lie on the gold at each move: one correlation, (2 * _SHIFT + 1) moves a side.
    top, left = expected
    padded = np.pad(gold.astype(np.float64), _SHIFT)
    reach = padded[top : top + votes.shape[0] + 2 * _SHIFT, left : left + votes.shape[1] + 2 * _SHIFT]
    covered = np.rint(fftconvolve(reach, votes[::-1, ::-1].astype(np.float64), mode="valid"))
    for axis, start in enumerate(expected):
        moved = start + np.arange(-_SHIFT, _SHIFT + 1)
        outside = (moved < 0) | (moved + votes.shape[axis] > gold.shape[axis])
        covered[outside if axis == 0 else np.s_[:, outside]] = -1
    dy, dx = np.unravel_index(int(covered.argmax()), covered.shape)
    return top + int(dy) - _SHIFT, left + int(dx) - _SHIFT
