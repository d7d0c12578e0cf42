"""Read TIFF, OME-TIFF, ImageJ TIFF and BigTIFF. Axes come from the file, or the reading is refused or says so."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from cellcommons.errors import CellCommonsError, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.colour import RGB_NAMES, channels_from_rgb
from cellcommons.images.data import DTYPES, ImageData, Pixels
from cellcommons.images.limits import Limits
from cellcommons.images.tiff_metadata import Stated, ome_sizes, stated_by
from cellcommons.images.tiff_structure import check_directories, check_segments

# tifffile logs what it repairs; here it either raises below or is checked, so the log would only repeat it.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

ASSUMED_CHANNELS = 6
_AGAIN = "Copy, export or upload it again."
_NAME_AXES = (
    "Save it as OME-TIFF or ImageJ hyperstack, which name their axes, "
    "for example tifffile.imwrite(path, data, ome=True, metadata={'axes': 'ZYX'})."
)
_UNKNOWN_AXES = "QI"
_COLOUR = (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR, tifffile.PHOTOMETRIC.PALETTE)


def read_tiff(path: Path, name: str, limits: Limits) -> ImageData:
    """Read the first image of a TIFF.

    Raises:
        UnreadableFile: truncated, damaged, or with planes that are not in the file.
        WrongFormat: axes that cannot be told, or a kind of pixel that is not supported.
        TooLarge: declared above a limit.
    """
    check_directories(path, limits, name)
    try:
        # Companion files named in OME-XML are never opened: an upload must not read its neighbours.
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            _check_ome(tiff, limits, name)
            series, notes = _chosen_series(tiff, name)
            limits.check_declared(series.axes, series.shape, np.dtype(series.dtype).itemsize, where=name)
            check_segments(series, path.stat().st_size, limits, name)
            _check_complete(tiff, series, name)
            stated = stated_by(tiff, 0)
            return _image(tiff, series, stated, notes | stated.notes, name)
    except CellCommonsError:
        raise
    except MemoryError as error:
        raise TooLarge("the image does not fit into memory", where=name, remedy="Crop or tile it.") from error
    except Exception as error:  # tifffile and its codecs raise nearly every type on damaged bytes
        raise UnreadableFile(f"the TIFF is truncated or damaged ({error})", where=name, remedy=_AGAIN) from error


def _check_ome(tiff: tifffile.TiffFile, limits: Limits, name: str) -> None:
    """Bound what tifffile would build in memory from declared counts alone, before asking it for series."""
    if tiff.is_ome:
        for sizes in ome_sizes(tiff.ome_metadata or ""):
            limits.check_declared("".join(sizes), tuple(sizes.values()), 1, where=name)


def _chosen_series(tiff: tifffile.TiffFile, name: str) -> tuple[Any, dict[str, Any]]:
    """The series to read, and what to note about the choice."""
    if not len(tiff.pages) or not len(tiff.series):
        raise UnreadableFile("the TIFF holds no image", where=name, remedy=_AGAIN)
    series = tiff.series[0]
    notes: dict[str, Any] = {"format": "OME-TIFF" if tiff.is_ome else "ImageJ TIFF" if tiff.is_imagej else "TIFF"}
    others = [s for s in tiff.series[1:] if not s.keyframe.is_reduced]
    if others and series.kind in ("generic", "uniform", "shaped"):
        raise WrongFormat(
            f"the TIFF holds {len(others) + 1} images of different shapes and does not say how they belong together",
            where=name,
            remedy="Save each image as a file of its own.",
        )
    if others:
        notes["series_read"] = f"the first of {len(tiff.series)}"
    return series, notes


def _check_complete(tiff: tifffile.TiffFile, series: Any, name: str) -> None:
    """The file's own count of planes must be what is there: a stack cut short would pass for a small one."""
    height, width = (series.shape[series.axes.index(a)] for a in "YX")
    planes = series.size // (height * width)
    declared = planes
    if tiff.is_ome:
        first = ome_sizes(tiff.ome_metadata or "")[0]
        if (first["y"], first["x"]) != (height, width):
            raise UnreadableFile(
                f"its OME-XML declares {first['x']} x {first['y']} pixels, its planes have {width} x {height}",
                where=name,
                remedy=_AGAIN,
            )
        declared = first["c"] * first["z"] * first["t"]
    elif tiff.is_imagej and "S" not in series.axes:
        declared = int((tiff.imagej_metadata or {}).get("images", planes))
    if declared != planes:
        raise UnreadableFile(f"it declares {declared:,} planes and holds {planes:,}", where=name, remedy=_AGAIN)


def _image(tiff: tifffile.TiffFile, series: Any, stated: Stated, notes: dict[str, Any], name: str) -> ImageData:
    axes = _named_axes(series.axes, series.shape, notes, name)
    shape = series.shape
    keyframe = series.keyframe
    data = _supported(np.asarray(series.asarray()).reshape(shape), notes, name)
    if int(keyframe.photometric) == tifffile.PHOTOMETRIC.MINISWHITE:
        notes["min_is_white"] = "the file shows 0 as white; values are kept as stored"
    if int(keyframe.photometric) == tifffile.PHOTOMETRIC.PALETTE and not tiff.is_imagej:
        data, axes = _through_palette(data, axes, keyframe.colormap, notes)
    # ImageJ writes three stains as an RGB page and calls the mode composite: those are channels, not a colour picture.
    composite = tiff.is_imagej and (tiff.imagej_metadata or {}).get("mode") == "composite"
    rgb = "S" in axes and not composite and int(keyframe.photometric) in _COLOUR
    data, axes = _canonical(data, axes, keyframe, rgb, notes)
    if rgb and data.shape[axes.index("c")] == 3:
        return channels_from_rgb(data, axes, notes, stated.pixel_size)
    count = data.shape[axes.index("c")]
    names = stated.channels if len(stated.channels) == count else ()
    if not names:
        names = ("intensity",) if count == 1 else RGB_NAMES if composite and "S" in axes else ("",) * count
    named = tuple(_printable(n) or f"channel {i + 1}" for i, n in enumerate(names))
    return ImageData(data, axes, named, stated.pixel_size, metadata=notes)


def _printable(name: str) -> str:
    """A channel name without what no database or page can hold (NUL, control characters, lone surrogates)."""
    return "".join(letter for letter in name if letter.isprintable()).strip()[:100]


def _named_axes(axes: str, shape: tuple[int, ...], notes: dict[str, Any], name: str) -> str:
    """``axes`` with its unnamed dimension, if any, taken as channels where that is safe. Letters: TCZYXS."""
    unknown = [a for a in axes if a not in "TCZYXS"]
    if not unknown:
        return axes
    letter = unknown[0]
    size = shape[axes.index(letter)]
    only = len(unknown) == 1 and letter in _UNKNOWN_AXES and "C" not in axes and "S" not in axes
    if only and size <= ASSUMED_CHANNELS and axes.index(letter) == 0:
        notes["axes_assumed"] = f"the file does not name its first dimension; its {size} planes were taken as channels"
        return axes.replace(letter, "C")
    raise WrongFormat(
        f"the TIFF holds an array of shape {'x'.join(map(str, shape))} and does not say what its dimensions are",
        where=name,
        remedy=_NAME_AXES,
    )


def _supported(data: Pixels, notes: dict[str, Any], name: str) -> Pixels:
    """``data`` in native byte order as one of the supported types; lossless, or refused."""
    data = data.astype(data.dtype.newbyteorder("="), copy=False)
    if data.dtype == np.bool_:
        data = data.astype(np.uint8)
    elif data.dtype == np.float16:
        data = data.astype(np.float32)
    elif data.dtype in (np.uint64, np.int64):
        narrow = np.dtype(np.uint32 if data.dtype == np.uint64 else np.int32)
        info = np.iinfo(narrow)
        if int(data.min()) < info.min or int(data.max()) > info.max:
            raise WrongFormat(
                "64-bit values do not fit 32 bits", where=name, remedy="Rescale to 16 or 32 bits and save again."
            )
        data = data.astype(narrow)
    if data.dtype.name not in DTYPES:
        raise WrongFormat(
            f"pixels of type {data.dtype} are not supported",
            where=name,
            remedy=f"Convert to one of {', '.join(DTYPES)}.",
        )
    if data.dtype.kind == "f":
        bad = int(data.size - np.count_nonzero(np.isfinite(data)))
        if bad == data.size:
            raise UnreadableFile("every pixel is NaN or infinite", where=name, remedy="Export the image again.")
        if bad:
            notes["nonfinite_pixels"] = bad
    return data


def _through_palette(data: Pixels, axes: str, colormap: Any, notes: dict[str, Any]) -> tuple[Pixels, str]:
    """Apply a colour table, unless it is a ramp (a display LUT): then the indices are the intensities."""
    if colormap is None or "S" in axes:
        return data, axes
    table = np.asarray(colormap)
    step = np.arange(table.shape[1], dtype=np.float64) / max(1, table.shape[1] - 1)
    if all(np.abs(row - step * float(row.max())).max() <= 257 for row in table):
        notes["palette"] = "a one-colour ramp; the stored values were kept as intensities"
        return data, axes
    notes["palette"] = "expanded to red, green and blue"
    return np.moveaxis((table >> 8).astype(np.uint8)[:, data], 0, -1), axes + "S"


def _canonical(data: Pixels, axes: str, page: Any, rgb: bool, notes: dict[str, Any]) -> tuple[Pixels, str]:
    """Samples become channels; the array is ordered t, c, z, y, x with a c axis."""
    if "S" in axes:
        at = axes.index("S")
        if rgb and data.shape[at] == 4:
            alpha = np.take(data, 3, axis=at)
            data = np.take(data, [0, 1, 2], axis=at)
            top = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "iu" else 1
            if not (alpha == top).all():
                notes["alpha"] = "the fourth sample was dropped; it was not opaque everywhere"
        if "C" in axes:
            data = np.moveaxis(data, at, axes.index("C") + 1 if at > axes.index("C") else axes.index("C"))
            rest = axes.replace("S", "")
            c = rest.index("C")
            data = data.reshape(*data.shape[:c], -1, *data.shape[c + 2 :])
            axes = rest
        else:
            axes = axes.replace("S", "C")
    if "C" not in axes:
        data, axes = data[None], "C" + axes
    order = [a for a in "TCZYX" if a in axes]
    data = np.transpose(data, [axes.index(a) for a in order])
    return np.ascontiguousarray(data), "".join(order).lower()
