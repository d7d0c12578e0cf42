"""HDF5 files of raw pixels and labels: PlantSeg's ``raw`` and ``label``, ilastik's and others of the kind.

Source: https://kreshuklab.github.io/plant-seg (``raw`` and ``label``, axes yx, zyx, cyx or czyx, ``element_size_um`` in
micrometres along z, y, x) and ilastik's HDF5 (``exported_data`` with ``axistags``). Where a file names no axes, two
dimensions are yx, three zyx, four czyx; three are cyx where the labels beside them are flat. Labels of several channels
are several label maps of one image.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, InvalidDocument, MismatchedShapes, UnknownLayout, UnreadableFile
from cellcommons.extras import require
from cellcommons.images.data import ImageData
from cellcommons.images.lazy import ImageFile, LazyImage
from cellcommons.images.readers import open_image
from cellcommons.labels import LabelMap
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.npy_facts import facts_text, with_facts
from cellcommons.layouts.stardist_masks import label_map
from cellcommons.layouts.tables import is_split, parse_split, read_tables, write_tables

EXTENSIONS = frozenset({".h5", ".hdf5", ".hdf"})
RAW = ("raw", "image", "images", "img", "data", "exported_data", "intensity")
LABELS = ("label", "labels", "segmentation", "seg", "mask", "masks", "gt", "ground_truth", "neuron_ids", "instances")
OWN = "cellcommons"
_EXTRA = "hdf5"


class Hdf5:
    """One image and its labels a file, by the names of the arrays: ``raw`` or the like, and ``label`` or the like.

    Labels of several channels give an entry each, ``NAME`` and ``NAME.label2`` and so on, all of the same image and
    source. Negative labels mean that nobody looked there. ``train``, ``val`` and ``test`` folders are the split.
    """

    name = "hdf5"
    title = "HDF5 of raw pixels and labels (PlantSeg, ilastik)"
    task = "instance_segmentation"
    carries = Carries(
        (LabelMap,),
        axes=("cyx", "czyx"),
        features=features(
            *("source", "stratum", "split", "pixel_size", "channel_names", "wavelengths", "plate_position"),
            *("ids", "outlines", "holes", "pieces", "annotated"),
        ),
        note="`raw` and `label`, gzip; needs h5py.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        files = _files(path)
        if not files:
            return 0.0, "no .h5 or .hdf5 file"
        try:
            with _opened(files[0]) as found:
                _, labels = _arrays(found, files[0].name)
        except CellCommonsError as error:
            return 0.1, f"{len(files)} HDF5 files, but {error.line()}"
        return (
            0.8 if labels else 0.5
        ), f"{len(files)} HDF5 files, the first with pixels{' and labels' if labels else ''}"

    def scan(self, path: Path) -> Scan:
        files = _files(path)
        if not files:
            raise UnknownLayout("no .h5 or .hdf5 file here", where=str(path), remedy="Choose another layout.")
        base = path if path.is_dir() else path.parent
        tables = read_tables(base)
        stems = [file.stem.casefold() for file in files]
        entries, skipped = [], []
        for file in files:
            name = file.stem if stems.count(file.stem.casefold()) == 1 else _below(file, base)
            try:
                with _opened(file) as found:
                    raw, labels = _arrays(found, file.name)
                    count = labels.facts.size("c") if labels else 1
            except CellCommonsError as error:
                skipped.append(Skipped(file, error.line()))
                continue
            split = parse_split(file.parent.name) if is_split(file.parent.name) and file.parent != base else ""
            metadata = {"source_known": False, "raw": raw.name, **({"label": labels.name} if labels else {})}
            for channel in range(count):
                called = f"{name}.label{channel + 1}" if channel else name
                part = str(channel) if count > 1 else ""
                entry = Entry(called, (file,), name, metadata=metadata, split=split, part=part)
                entries.append(tables.applied(entry, name, file.name))
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        file = entry.paths[0]
        with _opened(file) as found:
            raw, labels = _arrays(found, file.name)
            image = raw.load(where=file.name)
            stack = None if labels is None else labels.load(where=file.name)
        image = with_facts(image, _own_facts(file, raw.name), where=file.name)
        if labels is None or stack is None:
            return Record(entry, image, None, file)
        channel = int(entry.part or 0)
        axes = stack.axes.replace("c", "")
        array = stack.data[:, channel] if stack.axes.startswith("tc") else stack.data[channel]
        shape = tuple(image.size(axis) for axis in axes)
        if array.shape != shape or "t" in stack.axes or ("z" in image.axes) != ("z" in axes):
            raise MismatchedShapes(
                f"the labels are {array.shape} ({axes}), their image {image.data.shape} ({image.axes})",
                where=f"{file.name}/{labels.name}",
                remedy="Save raw and label at one size.",
            )
        size = image.pixel_size if image.pixel_size.known else stack.pixel_size
        truth = label_map(array, axes, size, where=f"{file.name}/{labels.name}")
        region = _own_region(file, labels.name, truth.data.shape)
        return Record(entry, image, truth if region is None else replace(truth, annotated=region), file)

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """One ``NAME.h5`` an image; what PlantSeg has no place for is an attribute ``cellcommons`` of ``raw``."""
        h5py = require("h5py", extra=_EXTRA, what="writing HDF5")
        entries = []
        for record in records:
            with h5py.File(folder / f"{record.entry.name}.h5", "w") as file:
                _write_raw(file, record.image)
                if isinstance(record.truth, LabelMap):
                    _write_labels(file, record.truth, record.image.pixel_size)
            entries.append(record.entry)
        write_tables(folder, entries)


def _files(path: Path) -> list[Path]:
    """HDF5 files in order: ``path`` itself, those in it, and those in folders below it."""
    if path.is_file():
        return [path] if path.suffix.lower() in EXTENSIONS else []
    if not path.is_dir():
        return []
    found = []
    for folder, below, names in os.walk(path):
        below[:] = [name for name in below if not name.startswith(".")]
        found += [Path(folder, name) for name in names if Path(name).suffix.lower() in EXTENSIONS and name[0] != "."]
    return sorted(f for f in found if f.is_file() and not f.is_symlink())


def _below(file: Path, base: Path) -> str:
    return file.relative_to(base).with_suffix("").as_posix()


def _opened(file: Path) -> ImageFile:
    """The file with the axes that this layout's files have where they name none."""
    return open_image(file, axes=_untold_axes(file))


def _untold_axes(file: Path) -> str:
    """For arrays that name no axes: three dimensions are channels of a plane where the labels are flat."""
    h5py = require("h5py", extra=_EXTRA, what="reading HDF5")
    try:
        with h5py.File(file, "r") as found:
            shapes = {
                name.lower(): found[name].shape
                for name in found
                if isinstance(found.get(name, getlink=True), h5py.HardLink) and isinstance(found[name], h5py.Dataset)
            }
    except Exception:  # libhdf5 reports damage as nearly every type; opening says what it is
        return "yx,zyx,czyx"
    raw = next((shapes[name] for name in RAW if name in shapes), ())
    labels = next((shapes[name] for name in LABELS if name in shapes), ())
    return "yx,cyx,czyx" if len(raw) == 3 and len(labels) == 2 else "yx,zyx,czyx"


def _arrays(found: ImageFile, where: str) -> tuple[LazyImage, LazyImage | None]:
    """The pixels and the labels among the arrays of a file. Raises UnknownLayout."""
    named = [(image, image.name.lower().split("/")) for image in found.images]
    labels = next((image for word in LABELS for image, parts in named if parts[-1] == word), None)
    labels = labels or next((image for word in LABELS for image, parts in named if word in parts[:-1]), None)
    raw = next((image for word in RAW for image, parts in named if parts[-1] == word and image is not labels), None)
    if raw is None:
        rest = [image for image, _ in named if image is not labels]
        if labels is None or len(rest) != 1:
            listed = ", ".join(image.name for image, _ in named[:10])
            raise UnknownLayout(
                f"its arrays ({listed}) are not called {', '.join(RAW[:3])} and {', '.join(LABELS[:3])}",
                where=where,
                remedy="Call them raw and label.",
            )
        raw = rest[0]
    return raw, labels


def _own_facts(file: Path, name: str) -> object:
    """The attribute ``cellcommons`` of an array; None where there is none."""
    h5py = require("h5py", extra=_EXTRA, what="reading HDF5")
    try:
        with h5py.File(file, "r") as found:
            return found[name].attrs.get(OWN)
    except Exception as error:  # libhdf5 reports damage as nearly every type
        raise UnreadableFile(f"its attributes are damaged ({error})", where=file.name) from error


def _own_region(file: Path, name: str, shape: tuple[int, ...]) -> Any:
    """The mask of where somebody looked, which ``_write_labels`` keeps beside the labels; None without one."""
    h5py = require("h5py", extra=_EXTRA, what="reading HDF5")
    with h5py.File(file, "r") as found:
        if name != "label" or not isinstance(found.get(OWN, getlink=True), h5py.HardLink):
            return None
        group = found[OWN]
        if not isinstance(group, h5py.Group) or not isinstance(group.get("annotated", getlink=True), h5py.HardLink):
            return None
        region = group["annotated"]
        # Anything but what is written here is not ours: it could be larger than memory, or kept elsewhere.
        ours = (
            isinstance(region, h5py.Dataset) and region.dtype == np.bool_ and not (region.is_virtual or region.external)
        )
        if not ours or region.shape != shape:
            raise InvalidDocument("the mask of what was annotated does not fit the labels", where=file.name)
        try:
            return np.asarray(region[...])
        except (OSError, RuntimeError, ValueError) as error:
            raise InvalidDocument(f"the mask of what was annotated is damaged ({error})", where=file.name) from error


def _write_raw(file: Any, image: ImageData) -> None:
    single = image.size("c") == 1
    axes = image.axes.replace("c", "") if single else image.axes
    raw = file.create_dataset("raw", data=image.data[0] if single else image.data, compression="gzip", chunks=True)
    _describe(raw, axes, image.pixel_size)
    raw.attrs[OWN] = facts_text(image)


def _write_labels(file: Any, labels: LabelMap, size: PixelSize) -> None:
    top = int(labels.data.max(initial=0))
    kind = np.uint16 if top < 1 << 16 else np.uint32
    label = file.create_dataset("label", data=labels.data.astype(kind), compression="gzip", chunks=True)
    _describe(label, labels.axes, size)
    if labels.annotated is not None:
        region = file.create_dataset(f"{OWN}/annotated", data=labels.annotated, compression="gzip", chunks=True)
        region.attrs["meaning"] = "where somebody looked; elsewhere 0 is unknown and not background"


def _describe(array: Any, axes: str, size: PixelSize) -> None:
    """Name the axes, for HDF5 and for ilastik; state the size where it is known, as PlantSeg does."""
    for place, letter in enumerate(axes):
        array.dims[place].label = letter
    flags = {"c": 1, "t": 8}
    tags = [{"key": a, "typeFlags": flags.get(a, 2), "resolution": 0, "description": ""} for a in axes]
    array.attrs["axistags"] = json.dumps({"axes": tags})
    if size.known and ("z" not in axes or size.z is not None):
        # A plane has no thickness to state; PlantSeg wants three numbers all the same, and 1 is its own default.
        array.attrs["element_size_um"] = np.array([size.z or 1.0, size.y, size.x], dtype=np.float64)
