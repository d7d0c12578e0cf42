"""Cellpose: ``NAME_seg.npy`` beside ``NAME.tif``, or ``NAME_masks.png`` beside ``NAME_img.png`` or ``NAME.png``.

Source: https://cellpose.readthedocs.io/en/latest/outputs.html (Stringer et al. 2021,
https://doi.org/10.1038/s41592-020-01018-x). A ``_seg.npy`` is a dict that NumPy pickles: it is read by ``npy_objects``,
never by pickle. ``masks`` are the ids (yx, or zyx), ``outlines`` their rims, ``chan_choose`` the channels that were
segmented, ``ismanual`` whether a person drew each cell, ``est_diam`` or ``diameter`` the diameter in pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from cellcommons.errors import InvalidDocument, MismatchedShapes, UnknownLayout, WrongFormat
from cellcommons.images.data import ImageData
from cellcommons.images.writers import write_tiff
from cellcommons.labels import LabelMap, Labels, outlines
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.npy_arrays import read_npy
from cellcommons.layouts.stardist_masks import as_volume, label_map, read_pair, read_stack
from cellcommons.layouts.stardist_pairs import EXTENSIONS
from cellcommons.layouts.tables import is_split, parse_split, read_tables, write_tables

SEG = "_seg.npy"
REGION = "cellcommons_annotated"
_MASKS = ("_cp_masks", "_masks")
# What Cellpose itself writes beside an image, and is no image.
_PRODUCTS = (
    "_cp_output",
    "_cp_outlines",
    "_flows",
    "_flows_0",
    "_flows_1",
    "_flows_2",
    "_dP",
    "_cellprob",
    "_outlines",
)
_LARGEST_LIST = 1 << 24


class Cellpose:
    """Images with the masks that Cellpose's programs save beside them, in one folder and in its ``train`` and ``test``.

    Of a ``_seg.npy``, ``metadata`` keeps ``manual`` (cells drawn by a person; None where it is not said), ``diameter``
    and ``channels``; flows and outlines follow from the masks and are left out.
    """

    name = "cellpose"
    title = "Cellpose (NAME_seg.npy or NAME_masks beside each image)"
    task = "instance_segmentation"
    carries = Carries(
        (LabelMap,),
        axes=("cyx", "czyx"),
        features=features(
            *("source", "stratum", "split", "pixel_size", "channel_names", "wavelengths"),
            *("ids", "outlines", "holes", "pieces", "annotated"),
        ),
        note="OME-TIFF and `_seg.npy`; images without one have no truth.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        entries, _ = _found(path)
        seg = sum(entry.paths[-1].name.endswith(SEG) for entry in entries)
        masks = sum(len(entry.paths) > 1 for entry in entries) - seg
        if seg:
            return 0.97, f"{seg} of {len(entries)} images have a {SEG} beside them"
        if masks:
            own = any(entry.paths[-1].stem.endswith("_cp_masks") for entry in entries)
            return (0.9 if own else 0.7), f"{masks} of {len(entries)} images have NAME_masks beside them"
        if entries:
            return 0.1, f"{len(entries)} images, none with NAME{SEG} or NAME_masks beside it"
        return 0.0, "no images"

    def scan(self, path: Path) -> Scan:
        entries, skipped = _found(path)
        if not entries:
            raise UnknownLayout(
                "no images here", where=str(path), remedy="Point to the folder in which Cellpose saved its masks."
            )
        tables = read_tables(path)
        named = (tables.applied(entry, entry.paths[0].name) for entry in entries)
        return Scan(tuple(sorted(named, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        picture = entry.paths[0]
        if len(entry.paths) == 1:
            return Record(entry, read_stack(picture), None, picture)
        if not entry.paths[1].name.endswith(SEG):
            image, labels = read_pair(picture, entry.paths[1], where=entry.name)
            return Record(entry, image, labels, picture)
        image = read_stack(picture)
        seg = read_seg(entry.paths[1])
        image, labels = _fitted(image, seg, where=f"{entry.name}, {entry.paths[1].name}")
        notes = _notes(seg, labels)
        known = Entry(
            entry.name, entry.paths, entry.source, entry.stratum, {**entry.metadata, **notes}, entry.split, entry.part
        )
        return Record(known, image, labels, picture)

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """``NAME.tif`` and ``NAME_seg.npy``, all in one folder: splits are kept in ``splits.csv``."""
        entries = []
        for record in records:
            entry = record.entry
            picture = folder / f"{entry.name}.tif"
            write_tiff(picture, record.image)
            if isinstance(record.truth, LabelMap):
                np.save(folder / f"{entry.name}{SEG}", np.array(_seg(record.truth, picture.name), dtype=object))
            entries.append(entry)
        write_tables(folder, entries)


def read_seg(path: Path) -> dict[str, Any]:
    """The dict of a ``_seg.npy``; ``masks`` is an array. Raises as ``read_npy``; WrongFormat for another content."""
    found = read_npy(path, objects=True)
    seg = found.item() if found.shape == () else None
    if not isinstance(seg, dict) or not isinstance(seg.get("masks"), np.ndarray):
        raise WrongFormat("it holds no dict with masks", where=path.name, remedy="Save it again with Cellpose.")
    return seg


def _found(path: Path) -> tuple[list[Entry], list[Skipped]]:
    """Entries without what tables say, and what is left out."""
    if not path.is_dir():
        return [], []
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    below = [(f, parse_split(f.name)) for f in sorted(path.iterdir()) if f.is_dir() and is_split(f.name)]
    for folder, split in [(path, ""), *below]:
        files = {f.name: f for f in sorted(folder.iterdir()) if f.is_file() and not f.name.startswith(".")}
        pictures = {f.stem: f for f in files.values() if f.suffix.lower() in EXTENSIONS}
        products = {stem for stem in pictures if stem.endswith((*_MASKS, *_PRODUCTS))}
        taken: set[Path] = set()
        images = {stem: file for stem, file in pictures.items() if stem not in products}
        for stem, file in images.items():
            truth = _truth_of(stem, files, pictures)
            taken |= {truth} if truth else set()
            paths = (file,) if truth is None else (file, truth)
            entries.append(Entry(_called(stem), paths, _called(stem), metadata={"source_known": False}, split=split))
        for file in files.values():
            if file in taken:
                continue
            if file.name.endswith(SEG):
                skipped.append(Skipped(file, "no image of its name beside it"))
            elif file.stem in products:
                masks = file.stem.endswith(_MASKS)
                skipped.append(
                    Skipped(file, "masks without a use here" if masks else "a product of Cellpose, no image")
                )
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.name.casefold()] = counts.get(entry.name.casefold(), 0) + 1
    return [entry if counts[entry.name.casefold()] == 1 else _by_path(entry, path) for entry in entries], skipped


def _truth_of(stem: str, files: dict[str, Path], pictures: dict[str, Path]) -> Path | None:
    """The masks of an image: a ``_seg.npy`` before a picture of masks."""
    for base in (stem, stem.removesuffix("_img")):
        if f"{base}{SEG}" in files:
            return files[f"{base}{SEG}"]
        for suffix in _MASKS:
            if f"{base}{suffix}" in pictures:
                return pictures[f"{base}{suffix}"]
    return None


def _called(stem: str) -> str:
    return stem.removesuffix("_img") or stem


def _by_path(entry: Entry, root: Path) -> Entry:
    name = PurePosixPath(entry.paths[0].relative_to(root).as_posix())
    called = str(name.parent / _called(name.stem))
    return Entry(called, entry.paths, called, metadata=entry.metadata, split=entry.split)


def _fitted(image: ImageData, seg: dict[str, Any], *, where: str) -> tuple[ImageData, LabelMap]:
    """The masks as a label map of the image. Raises MismatchedShapes, WrongFormat, InvalidDocument."""
    masks: Any = seg["masks"]
    if masks.ndim == 3 and masks.shape[0] == 1:
        masks = masks[0]
    if masks.ndim not in (2, 3):
        raise WrongFormat(f"masks of {masks.ndim} dimensions", where=where, remedy="Save them as yx or zyx.")
    axes = "zyx"[-masks.ndim :]
    if axes == "zyx":
        image = as_volume(image)
    shape = tuple(image.size(axis) for axis in axes)
    if masks.shape != shape or ("z" in image.axes) != (axes == "zyx"):
        raise MismatchedShapes(
            f"the masks are {masks.shape}, their image {image.data.shape} ({image.axes})",
            where=where,
            remedy="Run Cellpose again on this image.",
        )
    labels = label_map(masks, axes, image.pixel_size, where=where)
    region = seg.get(REGION)
    if region is not None:
        if not isinstance(region, np.ndarray) or region.shape != masks.shape or region.dtype != np.bool_:
            raise InvalidDocument(f"{REGION} is no mask of the shape of the masks", where=where)
        labels = LabelMap(labels.data, labels.pixel_size, axes, region)
    return image, labels


def _notes(seg: dict[str, Any], labels: LabelMap) -> dict[str, Any]:
    """What is worth keeping of the rest, as JSON."""
    notes: dict[str, Any] = {}
    manual = seg.get("ismanual")
    if isinstance(manual, np.ndarray) and manual.ndim == 1 and manual.dtype == np.bool_:
        ids = labels.ids.astype(np.int64)
        # One flag an id, from 1; files in which the two have come apart say nothing.
        notes["manual"] = int(manual[ids - 1].sum()) if ids.size and manual.size >= ids[-1] else None
    for key in ("est_diam", "diameter"):
        value = seg.get(key)
        if isinstance(value, int | float) and np.isfinite(value):
            notes["diameter"] = float(value)
    chosen = seg.get("chan_choose")
    if isinstance(chosen, list) and len(chosen) <= 4 and all(isinstance(c, int) for c in chosen):
        notes["channels"] = chosen
    return notes


def _seg(labels: LabelMap, picture: str) -> dict[str, Any]:
    """The dict that Cellpose's own ``io`` saves, without flows: these follow from the masks."""
    top = int(labels.data.max(initial=0))
    kind = np.uint16 if top < (1 << 16) - 1 else np.uint32
    planes: Labels = labels.data.reshape(-1, *labels.data.shape[-2:])
    rims = np.stack([np.where(outlines(plane), plane, 0) for plane in planes]).reshape(labels.data.shape)
    seg: dict[str, Any] = {
        "outlines": rims.astype(kind),
        "masks": labels.data.astype(kind),
        "chan_choose": [0, 0],
        # One a cell up to the largest id, as Cellpose counts them; for enormous ids one a cell.
        "ismanual": np.zeros(top if top <= _LARGEST_LIST else labels.ids.size, dtype=np.bool_),
        "filename": picture,
        "flows": [],
        "est_diam": _diameter(labels),
    }
    if labels.annotated is not None:
        seg[REGION] = labels.annotated
    return seg


def _diameter(labels: LabelMap) -> float:
    """Of a disc of the median area of the cells (for a volume: of their largest planes); 30, the default, without."""
    areas = [
        np.bincount(np.unique(plane, return_inverse=True)[1].ravel())[int(plane.min() == 0) :]
        for plane in labels.data.reshape(-1, *labels.data.shape[-2:])
    ]
    flat = np.concatenate(areas)
    return float(2 * np.sqrt(np.median(flat) / np.pi)) if flat.size else 30.0
