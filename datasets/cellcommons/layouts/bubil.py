"""Boston University Biomedical Image Library: one cell an image, drawn by seven crowd workers, experts, and fused gold.

Source: Gurari et al., "How to collect segmentations for biomedical images? A benchmark evaluating the performance of
experts, crowdsourced non-experts, and algorithms", WACV 2015. Masks are black on white. Gold and experts' masks are of
the full frame; the crowd saw a crop about the gold's box, whose place is not published: see ``read_crowd``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from cellcommons.classes import Ontology
from cellcommons.errors import MismatchedShapes, UnknownLayout
from cellcommons.images.png import decode_png
from cellcommons.images.readers import read_image
from cellcommons.labels import Mask
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
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
        gold: the fusion of the experts; background and cell.
        readings: crowd worker's place (1..7) -> reading; unknown outside the crop that the worker saw. The places are
            those of the crowd market's answers: the same place need not be the same person in another image.
        experts: person and tool -> reading; empty where none are published.
    """

    gold: SemanticMap
    readings: dict[str, SemanticMap] = field(repr=False)
    experts: dict[str, SemanticMap] = field(repr=False)


class Bubil:
    """Reads the folder that holds ``BU-BIL_Dataset1`` and so on, or one of them; truth is the gold, as ``SemanticMap``.

    An image's source is unknown, so each is its own; its stratum is its set. Where the raw image is the crop that the
    crowd saw (set 4), the gold is cut to it.
    """

    name = "bubil"
    title = "BU-BIL (one cell an image, seven crowd workers and gold)"
    task = "semantic_segmentation"

    def guess(self, path: Path) -> tuple[float, str]:
        sets = _sets(path)
        if not sets:
            return 0.0, f"no folder BU-BIL_DatasetN with {GOLD}/"
        return 0.97, f"{len(sets)} sets with {GOLD}/"

    def scan(self, path: Path) -> Scan:
        sets = _sets(path)
        if not sets:
            raise UnknownLayout(
                f"no folder BU-BIL_DatasetN with {GOLD}/ here, so this is not the bubil layout",
                where=str(path),
                remedy="Point to the folder that holds BU-BIL_Dataset1, or choose another layout.",
            )
        entries, skipped = [], []
        for number, folder in sets:
            for gold in sorted((folder / GOLD).glob("seg_*.png")):
                raw = folder / RAW / gold.name.removeprefix("seg_")
                if not raw.is_file():
                    skipped.append(Skipped(gold, f"no image {raw.name} in {RAW}/"))
                    continue
                crowd = sorted((folder / CROWD).glob(f"*/{gold.name}"))
                experts = sorted((folder / EXPERTS).glob(f"*/{gold.name}"))
                metadata = {"source_known": False, "crowd": len(crowd), "experts": len(experts)}
                name = f"set{number}/{raw.stem}"
                entries.append(Entry(name, (raw, gold, *crowd, *experts), name, f"set {number}", metadata))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        image = read_image(entry.paths[0])
        gold = replace(self.read_crowd(entry, experts=False).gold, pixel_size=image.pixel_size)
        return Record(entry, image, gold, entry.paths[0])

    def read_crowd(self, entry: Entry, *, experts: bool = True) -> CrowdReadings:
        """Every reading of one image, in its frame; the experts' masks are read only if asked for.

        The crop's place is taken to be the gold's box grown by half its size to each side, moved by up to 6 pixels to
        where all readings together cover the gold best: one move for all readers, so that none is favoured.

        Raises:
            MismatchedShapes: crowd masks of different sizes, or a mask that does not fit its image.
        """
        shape = read_image(entry.paths[0]).shape_yx
        gold, crowd = _mask(entry.paths[1]), [_mask(path) for path in entry.paths[2 : 2 + entry.metadata["crowd"]]]
        if not gold.any():
            raise MismatchedShapes("the gold holds no cell", where=str(entry.paths[1]))
        if any(mask.shape != crowd[0].shape for mask in crowd):
            raise MismatchedShapes("crowd masks of one image differ in size", where=entry.name)
        seen = crowd[0].shape if crowd else shape
        top, left = _place(gold, np.sum(crowd, axis=0) if crowd else np.zeros(seen, np.int64))
        if shape == gold.shape:
            frame = gold
        elif shape == seen:
            frame = gold[top : top + seen[0], left : left + seen[1]]
            top, left = 0, 0
        else:
            raise MismatchedShapes(
                f"the gold is {gold.shape[1]} x {gold.shape[0]}, the image {shape[1]} x {shape[0]} and no crop of it",
                where=str(entry.paths[0]),
            )
        readings = {}
        for path, mask in zip(entry.paths[2:], crowd, strict=False):
            data = np.full(frame.shape, UNKNOWN, dtype=np.uint8)
            data[top : top + seen[0], left : left + seen[1]] = mask
            readings[path.parent.name.rpartition("-")[2]] = SemanticMap(data, CELL)
        drawn = {}
        for path in entry.paths[2 + len(crowd) :] if experts else ():
            mask = _mask(path)
            if mask.shape != frame.shape:
                raise MismatchedShapes(f"the mask is {mask.shape}, its image {frame.shape}", where=str(path))
            drawn[path.parent.name] = SemanticMap(mask.astype(np.uint8), CELL)
        return CrowdReadings(SemanticMap(frame.astype(np.uint8), CELL), readings, drawn)


def _sets(path: Path) -> list[tuple[int, Path]]:
    folders = [path, *sorted(p for p in path.iterdir() if p.is_dir())] if path.is_dir() else []
    found = ((_SET.fullmatch(folder.name), folder) for folder in folders if (folder / GOLD).is_dir())
    return [(int(number[1]), folder) for number, folder in found if number]


def _mask(path: Path) -> Mask:
    """The cell, black on white; alpha is left out. Bool, axes yx."""
    pixels = decode_png(path.read_bytes(), where=str(path))
    if pixels.ndim == 3:
        pixels = pixels[..., : 1 if pixels.shape[-1] == 2 else 3].max(axis=-1)
    return np.asarray(pixels < 128)


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
