"""TissueNet and DeepCell's other ``.npz``: ``X`` (image, y, x, channel), ``y`` (image, y, x, compartment) and tables.

Source: Greenwald et al. 2022, https://doi.org/10.1038/s41587-021-01094-0, and https://datasets.deepcell.org. In
TissueNet, the channels are a nuclear and a membrane stain and the labels those of whole cells, then of nuclei; cells
and nuclei have ids of their own. ``meta`` is a table with a header, or ``tissue_list`` and ``platform_list`` tell of
each image.

Cells and nuclei are two entries of one image and one source, ``NAME`` and ``NAME.nuclei``: a nucleus lies within its
cell, so that one label map cannot hold both, and whoever trains on either finds it whole. Written one after the other,
the two become one image with two compartments again.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, MismatchedShapes, TooLarge, UnknownLayout, WrongFormat
from cellcommons.images.data import DTYPES, ImageData
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.labels import LabelMap
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.deepcell_files import DeepCellFile, opened
from cellcommons.layouts.deepcell_writing import NUCLEI, write_batches
from cellcommons.layouts.npy_arrays import open_npz
from cellcommons.layouts.npy_facts import with_facts
from cellcommons.layouts.pictures import split_said
from cellcommons.layouts.stardist_masks import label_map

TISSUENET = ("nuclear", "membrane")
MAX_IMAGES = 1_000_000
COMPARTMENTS = ("whole cell", "nucleus")
# Columns of ``meta`` and what they say: of TissueNet 1.1, DynamicNuclearNet, and those written here.
_COLUMNS = {
    "name": ("name",),
    "source": ("experiment", "donor", "patient"),
    "stratum": ("specimen", "tissue", "tissue_type"),
    "platform": ("platform", "imaging_platform"),
    "filename": ("filename", "file"),
    "pixel_size": ("pixel_size", "mpp"),
}


class DeepCell:
    """Each image of each ``.npz``, with the labels of one compartment. The split is told by the file's name.

    ``stratum`` is the tissue, ``source`` the experiment where the table names it. A batch of movies or volumes (five
    dimensions) says neither which, and is left out.
    """

    name = "deepcell"
    title = "DeepCell and TissueNet .npz (X and y, a batch of images each)"
    task = "instance_segmentation"
    carries = Carries(
        (LabelMap,),
        features=features(
            *("source", "stratum", "split", "pixel_size", "channel_names", "wavelengths"),
            *("ids", "outlines", "holes", "pieces"),
        ),
        note="One `.npz` a split and kind of image; cells and nuclei of an image are entries `NAME` and `NAME.nuclei`.",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        files = _files(path)
        if not files:
            return 0.0, "no .npz file"
        try:
            with open_npz(files[0]) as npz:
                there = {"X", "y"} & set(npz.names)
        except CellCommonsError as error:
            return 0.1, f"{len(files)} .npz files, but {error.line()}"
        said = " and ".join(sorted(there)) or "neither X nor y"
        return {0: 0.1, 1: 0.5, 2: 0.85}[len(there)], f"{len(files)} .npz files, the first with {said}"

    def scan(self, path: Path) -> Scan:
        files = _files(path)
        if not files:
            raise UnknownLayout("no .npz file here", where=str(path), remedy="Point to the folder of the .npz files.")
        entries, skipped = [], []
        for file in files:
            try:
                with opened(file) as found:
                    entries += _entries(found)
            except CellCommonsError as error:
                skipped.append(Skipped(file, error.line()))
        return Scan(tuple(sorted(_unique(entries), key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        file = entry.paths[0]
        place, _, compartment = entry.part.partition("/")
        with opened(file) as found:
            pixels = found.arrays["X"].row(int(place))
            labels = found.arrays["y"].row(int(place)) if compartment else None
            said = _own(found)
        image = batch_image(pixels if pixels.ndim == 3 else pixels[..., None], where=entry.name)
        if image.size("c") == 2 and not said:
            image = ImageData(image.data, "cyx", TISSUENET)
        image = with_facts(image, said, where=entry.name)
        size = entry.metadata.get("pixel_size")
        if size and not image.pixel_size.known:
            image = ImageData(image.data, "cyx", image.channels, PixelSize(size, size), image.rgb)
        if labels is None:
            return Record(entry, image, None, file)
        plane = labels[..., int(compartment)] if labels.ndim == 3 else labels
        if plane.shape != image.shape_yx:
            raise MismatchedShapes(f"the labels are {plane.shape}, the image {image.shape_yx}", where=entry.name)
        return Record(entry, image, label_map(plane, "yx", image.pixel_size, where=entry.name), file)

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """``train.npz``, ``val.npz``, ``test.npz``, ``data.npz``; more where images differ in size, type or facts."""
        write_batches(records, folder)


def batch_image(pixels: NDArray[Any], *, where: str) -> ImageData:
    """An image of channels last, axes (t)yxc, as ``ImageData``. Raises WrongFormat, TooLarge."""
    if pixels.dtype == np.float16:
        pixels = pixels.astype(np.float32)
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8)
    if pixels.dtype.name in ("int64", "uint64"):
        low, high = int(pixels.min(initial=0)), int(pixels.max(initial=0))
        if not -(2**31) <= low <= high < (2**32 if low >= 0 else 2**31):
            raise WrongFormat("64-bit integers that do not fit 32 bits", where=where, remedy="Save them as float32.")
        pixels = pixels.astype(np.uint32 if low >= 0 else np.int32)
    if pixels.dtype.name not in DTYPES or 0 in pixels.shape:
        raise WrongFormat(f"images of {pixels.dtype} and shape {pixels.shape}", where=where)
    data = np.ascontiguousarray(np.moveaxis(pixels, -1, -3))
    axes = "tcyx"[-data.ndim :]
    DEFAULT_LIMITS.check_declared(axes, data.shape, data.dtype.itemsize, where=where)
    count = data.shape[-3]
    names = ("intensity",) if count == 1 else tuple(f"channel {n + 1}" for n in range(count))
    return ImageData(data, axes, names)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == ".npz" else []
    if not path.is_dir():
        return []
    return sorted(
        f for f in path.iterdir() if f.suffix.lower() == ".npz" and f.is_file() and not f.name.startswith(".")
    )


def _own(found: DeepCellFile) -> str:
    """What was written here of the images' facts; empty in files of others."""
    array = found.small.get("cellcommons")
    return str(array[()]) if isinstance(array, np.ndarray) and array.shape == () and array.dtype.kind == "U" else ""


def _entries(found: DeepCellFile) -> list[Entry]:
    """An entry for each image and compartment. Raises WrongFormat, MismatchedShapes."""
    file = found.path
    if "X" not in found.arrays:
        raise WrongFormat("it holds no array X", where=file.name, remedy="DeepCell's files hold X and y.")
    shape = found.arrays["X"].shape
    if not found.arrays["X"].header.row_bytes or shape[0] > MAX_IMAGES:
        raise TooLarge(
            f"X declares {shape[0]:,} images of shape {shape[1:]}", where=file.name, remedy="Split the file."
        )
    if len(shape) not in (3, 4):
        kind = "movies or volumes, which is not said" if len(shape) == 5 else f"an array of {len(shape)} dimensions"
        raise WrongFormat(f"X holds {kind}", where=file.name, remedy="Save single images, or movies as .trk.")
    labels = found.arrays.get("y")
    compartments = 0
    if labels is not None:
        if labels.shape[:3] != shape[:3] or len(labels.shape) not in (3, 4):
            raise MismatchedShapes(f"y is {labels.shape}, X is {shape}", where=file.name)
        compartments = labels.shape[3] if len(labels.shape) == 4 else 1
    table = _table(found, shape[0])
    named = [row.get("name", "") for row in table]
    names = named if all(named) and len(set(named)) == len(named) else [f"{file.stem}_{n:05d}" for n in range(shape[0])]
    entries = []
    for place, (name, row) in enumerate(zip(names, table, strict=True)):
        source = row.get("source", "")
        metadata: dict[str, Any] = {"source_known": bool(source)}
        metadata |= {key: row[key] for key in ("platform", "filename") if row.get(key)}
        metadata |= _size(row.get("pixel_size", ""))
        for compartment in range(max(1, compartments)):
            called = name if not compartment else f"{name}{NUCLEI if compartments == 2 else f'.label{compartment + 1}'}"
            if compartments > 1:
                metadata = {**metadata, "compartment": COMPARTMENTS[compartment] if compartments == 2 else compartment}
            part = f"{place}/{compartment}" if compartments else str(place)
            stratum, split = row.get("stratum", ""), split_said(file.stem)
            entries.append(Entry(called, (file,), source or name, stratum, metadata, split, part))
    return entries


def _table(found: DeepCellFile, count: int) -> list[dict[str, str]]:
    """What is said of each image: ``meta`` with or without its header among the rows, or one list a column."""
    rows: list[dict[str, str]] = [{} for _ in range(count)]
    meta = found.small.get("meta")
    if isinstance(meta, np.ndarray) and meta.ndim == 2 and len(meta) == count + 1:
        header = [str(name).strip().lower() for name in meta[0]]
        for key, words in _COLUMNS.items():
            column = next((header.index(word) for word in words if word in header), None)
            if column is not None:
                for row, values in zip(rows, meta[1:], strict=True):
                    row[key] = str(values[column])
    for name, key in (("tissue_list", "stratum"), ("platform_list", "platform")):
        listed = found.small.get(name)
        if isinstance(listed, np.ndarray) and listed.shape == (count,):
            for row, value in zip(rows, listed, strict=True):
                row.setdefault(key, str(value))
    return rows


def _size(text: str) -> dict[str, float]:
    try:
        size = float(text)
    except ValueError:
        return {}
    return {"pixel_size": size} if 0 < size < 1e6 else {}


def _unique(entries: list[Entry]) -> list[Entry]:
    """Entries under names of their own: the file's name before those that come in several files."""
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.name] = counts.get(entry.name, 0) + 1
    return [
        entry
        if counts[entry.name] == 1
        else Entry(
            f"{entry.paths[0].stem}/{entry.name}",
            entry.paths,
            entry.source if entry.metadata["source_known"] else f"{entry.paths[0].stem}/{entry.source}",
            entry.stratum,
            entry.metadata,
            entry.split,
            entry.part,
        )
        for entry in entries
    ]
