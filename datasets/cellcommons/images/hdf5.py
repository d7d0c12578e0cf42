"""Read HDF5: arrays whose axes are told by ilastik, PlantSeg or HDF5's own dimension labels, or by the caller."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, TooLarge, UnreadableFile, WrongFormat
from cellcommons.extras import require
from cellcommons.images import packing
from cellcommons.images.arrange import LETTERS, Arrangement, arranged_image
from cellcommons.images.channel_names import named_channels
from cellcommons.images.colour import RGB_NAMES
from cellcommons.images.data import UNKNOWN_SIZE, Pixels
from cellcommons.images.lazy import ImageFile, LazyImage, Region
from cellcommons.images.limits import Limits
from cellcommons.images.units import micrometres

FORMAT = "HDF5"
MAX_OBJECTS = 20_000
MAX_DEPTH = 32
_AGAIN = "Copy, export or upload it again."
_ELEMENT_SIZE = "element_size_um"  # PlantSeg and ilastik: micrometres along z, y, x
_LABELS = ("label", "mask", "seg", "gt", "truth", "prediction", "probabilit")
_DEFLATE = 1
_FILTERS = frozenset((1, 2, 3, 4, 5, 6, 32000))  # deflate, shuffle, fletcher32, szip, nbit, scaleoffset, lzf
_CHECKSUM = 4


@dataclass(frozen=True)
class Told:
    """What a dataset says of its dimensions; ``letters`` is empty where it says nothing."""

    letters: str
    pixel_size: PixelSize
    notes: dict[str, str]


def open_hdf5(path: Path, name: str, limits: Limits, axes: str = "") -> ImageFile:
    """Open an HDF5 file: every numeric dataset whose axes are told is one image, called by its path.

    Datasets that are called labels, masks or predictions come after the others. Soft and external links are not
    followed, and data kept outside the file is not read.

    Args:
        axes: for datasets of as many dimensions that do not tell theirs, e.g. ``zyx``; several separated by commas.

    Raises:
        MissingExtra: h5py is not installed.
        UnreadableFile: truncated, damaged, or without arrays.
        WrongFormat: no dataset tells its axes, or kinds of pixel that are not supported.
        TooLarge: declared above a limit.
    """
    h5py = require("h5py", extra="hdf5", what="reading HDF5")
    with ExitStack() as stack:
        try:
            file = stack.enter_context(h5py.File(path, "r"))
            found = sorted(_datasets(h5py, file, name), key=lambda dataset: _is_labels(dataset.name))
            images = tuple(_images(found, [a for a in axes.split(",") if a], limits, name))
        except CellCommonsError:
            raise
        except Exception as error:  # libhdf5 reports damage as OSError, RuntimeError, KeyError, ValueError, TypeError
            raise UnreadableFile(f"the HDF5 is truncated or damaged ({error})", where=name, remedy=_AGAIN) from error
        return ImageFile(FORMAT, images, parts=(path,), stack=stack.pop_all())
    raise AssertionError("unreachable: the stack lets errors through")


def _datasets(h5py: Any, file: Any, where: str) -> Iterator[Any]:
    """Every numeric array of two dimensions or more, over hard links only, each once."""
    seen: set[int] = set()
    todo: list[tuple[Any, int]] = [(file, 0)]
    while todo:
        group, depth = todo.pop()
        groups = []
        for key in group:
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                continue
            found = group[key]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MAX_OBJECTS or depth > MAX_DEPTH:
                raise TooLarge(f"the HDF5 holds more than {MAX_OBJECTS:,} objects", where=where)
            if isinstance(found, h5py.Group):
                groups.append((found, depth + 1))
            elif isinstance(found, h5py.Dataset) and found.dtype.kind in "biuf" and len(found.shape or ()) >= 2:
                yield found
        todo.extend(reversed(groups))


def _is_labels(name: str) -> bool:
    return any(part in name.rsplit("/", 1)[-1].lower() for part in _LABELS)


def _images(datasets: list[Any], axes: list[str], limits: Limits, where: str) -> list[LazyImage]:
    if not datasets:
        raise UnreadableFile("the HDF5 holds no array of two dimensions or more", where=where, remedy=_AGAIN)
    told = [(dataset, _told(dataset, datasets)) for dataset in datasets]
    named = [(d, t.letters or next((a for a in axes if len(a) == d.ndim), ""), t) for d, t in told]
    untold = [dataset for dataset, letters, _ in named if not letters]
    listed = [f"{d.name} of {'x'.join(map(str, d.shape))}" for d in untold[:10]]
    # Labels alone would pass for the image that they were drawn on.
    only_labels = all(_is_labels(d.name) for d, letters, _ in named if letters)
    if (only_labels and any(not _is_labels(d.name) for d in untold)) or len(untold) == len(datasets):
        raise WrongFormat(
            f"the HDF5 does not say what the dimensions of its arrays are ({', '.join(listed)})",
            where=where,
            remedy="Say which they are, e.g. axes='zyx', or label them in the file: dataset.dims[0].label = 'z'.",
        )
    notes = {"format": FORMAT, **({"arrays_left_out": listed} if listed else {})}
    return [_image(d, letters, t, notes, limits, where) for d, letters, t in named if letters]


def _told(dataset: Any, others: list[Any]) -> Told:
    """Axes and pixel size from the attributes of one dataset."""
    try:
        z, y, x = np.asarray(dataset.attrs[_ELEMENT_SIZE], dtype=np.float64).tolist()
    except (KeyError, TypeError, ValueError):
        z = y = x = 0.0
    size = PixelSize(y=micrometres(y, "um"), x=micrometres(x, "um"), z=micrometres(z, "um"))
    notes = {}
    if (z, y, x) == (1, 1, 1):
        size = UNKNOWN_SIZE
        notes["pixel_size_ignored"] = "1 x 1 x 1 micrometres is what PlantSeg writes where it knows none"
    letters = _axistags(dataset) or _dimension_labels(dataset)
    if not letters and _ELEMENT_SIZE in dataset.attrs:
        # PlantSeg gives two channels of a flat image three element sizes as well; a flat neighbour of this size tells.
        flat = any(d.ndim == 2 and d.parent == dataset.parent and d.shape == dataset.shape[1:] for d in others)
        letters = "yx" if dataset.ndim == 2 else "zyx" if dataset.ndim == 3 and not flat else ""
    return Told(letters, size, notes)


def _axistags(dataset: Any) -> str:
    """Letters from vigra's ``axistags``, as ilastik writes them; empty where there are none that fit."""
    try:
        tags = json.loads(dataset.attrs["axistags"])
        return _letters([str(axis["key"]) for axis in tags["axes"]], dataset.ndim)
    except (KeyError, TypeError, ValueError, RecursionError):
        return ""


def _dimension_labels(dataset: Any) -> str:
    """Letters from HDF5's dimension scales, e.g. as written by ``dataset.dims[0].label = "z"``."""
    return _letters([str(dimension.label) for dimension in dataset.dims], dataset.ndim)


def _letters(names: list[str], ndim: int) -> str:
    """One letter a dimension; empty unless every dimension has a known name of its own."""
    known = {"channel": "c", "channels": "c", "time": "t", "sample": "s", "samples": "s"}
    letters = [known.get(name.strip().lower(), name.strip().lower()) for name in names]
    fits = len(letters) == ndim == len(set(letters)) and set(letters) <= set(LETTERS) and {"y", "x"} <= set(letters)
    return "".join(letters) if fits else ""


def _image(dataset: Any, letters: str, told: Told, notes: dict[str, Any], limits: Limits, file_name: str) -> LazyImage:
    name = dataset.name.lstrip("/")
    where = f"{file_name}/{name}"
    if dataset.is_virtual or dataset.external:
        raise WrongFormat(
            "its pixels are kept in other files, which are not opened",
            where=where,
            remedy="Copy the array into this file: h5repack or dataset[...] does that.",
        )
    stored = Arrangement(letters, tuple(dataset.shape))
    chunk = tuple(dataset.chunks or _plane(stored))
    decoded = math.prod(chunk) * dataset.dtype.itemsize
    if dataset.chunks and decoded > limits.max_decoded_bytes:
        raise TooLarge(
            f"one chunk declares {decoded:,} bytes; the limit is {limits.max_decoded_bytes:,}",
            where=where,
            remedy="Write the array again in smaller chunks.",
        )
    colours = stored.size("s") == 3 and stored.size("c") == 1
    return arranged_image(
        name,
        stored,
        dataset.dtype,
        _reader(dataset, decoded, where),
        chunk,
        limits,
        where=where,
        channels=RGB_NAMES if colours else named_channels((), stored.size("c") * stored.size("s")),
        pixel_size=told.pixel_size,
        rgb=colours,
        metadata={**notes, **told.notes},
    )


def _plane(stored: Arrangement) -> tuple[int, ...]:
    """What to read at once of an array that is not in chunks: one plane."""
    return tuple(n if letter in "yxs" else 1 for letter, n in zip(stored.stored, stored.shape, strict=True))


def _check_filters(dataset: Any, where: str) -> bool:
    """Whether chunks are deflated. Raises WrongFormat for filters that HDF5 itself does not bring."""
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(i) for i in range(plist.get_nfilters())]
    foreign = [
        f"{number} {label.decode(errors='replace')}" for number, _, _, label in filters if number not in _FILTERS
    ]
    if foreign or [number for number, *_ in filters].count(_DEFLATE) > 1:
        raise WrongFormat(
            f"its chunks are filtered by {', '.join(foreign) or 'deflate twice'}, which is not read",
            where=where,
            remedy="Write the array again with gzip compression.",
        )
    return any(number == _DEFLATE for number, *_ in filters)


def _reader(dataset: Any, decoded: int, where: str) -> Callable[[Region], Pixels]:
    """Reads regions. Refuses deflate streams that are longer than their chunk: libhdf5 would unpack them to the end."""
    deflated = _check_filters(dataset, where)

    def check(region: Region) -> None:
        spans = [
            range(part.start // size * size, part.stop, size) for part, size in zip(region, dataset.chunks, strict=True)
        ]
        for corner in np.ndindex(*(len(span) for span in spans)):
            at = tuple(span[i] for span, i in zip(spans, corner, strict=True))
            packed = dataset.id.get_chunk_info_by_coord(at).size
            # An honest stream is hardly longer than its chunk. Short ones cannot become large.
            false = packed > decoded + decoded // 64 + 1024
            if not false and packed > packing.SHORT:
                mask, data = dataset.id.read_direct_chunk(at)
                false = mask == 0 and packing.unpacks_beyond("zlib", data, decoded + _CHECKSUM)
            if false:
                raise UnreadableFile(
                    f"a chunk of {decoded:,} bytes is damaged or unpacks to more", where=where, remedy=_AGAIN
                )

    def read(region: Region) -> Pixels:
        try:
            if deflated:
                check(region)
            return np.asarray(dataset[region])
        except CellCommonsError:
            raise
        except MemoryError as error:
            raise TooLarge("the region does not fit into memory", where=where) from error
        except Exception as error:  # as for opening
            raise UnreadableFile(f"chunks are truncated or damaged ({error})", where=where, remedy=_AGAIN) from error

    return read
