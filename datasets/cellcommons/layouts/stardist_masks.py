"""Label images: one integer id a pixel, 0 for background, -1 where nobody looked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from cellcommons.axes import PixelSize
from cellcommons.errors import CannotCarry, InvalidDocument, MismatchedShapes, WrongFormat
from cellcommons.images.data import ImageData
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.images.readers import read_image
from cellcommons.images.tiff import refusing
from cellcommons.images.tiff_structure import check_directories, check_segments
from cellcommons.images.writers import write_label_tiff
from cellcommons.labels import LabelMap, as_labels

IGNORED = -1
_UNNAMED = ("QYX", "IYX")
_REMEDY = "Save the labels as whole numbers, 0 for background, in one channel."


def label_map(
    array: NDArray[Any], axes: str, pixel_size: PixelSize | None = None, *, where: str, ignored: int | None = None
) -> LabelMap:
    """A label map from what a tool saved.

    Args:
        array: integers, bool, or floats that are whole numbers; axes yx or zyx. -1: nobody looked there.
        ignored: another value that means the same, where the file declares one.

    Raises:
        WrongFormat: fractions, NaN, or another kind of number. InvalidDocument: ids above 32 bits, other negative
            ones, other axes.
    """
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            whole = array.astype(np.int64)
        if not np.array_equal(whole, array):
            raise WrongFormat("labels that are no whole numbers", where=where, remedy=_REMEDY)
        array = whole
    if array.dtype.kind not in "biu":
        raise WrongFormat(f"labels of type {array.dtype}", where=where, remedy=_REMEDY)
    lowest = int(array.min(initial=0))
    if lowest < IGNORED and lowest != ignored:
        raise InvalidDocument(
            f"a label is {lowest}: {IGNORED} says that nobody looked there, other negative labels say nothing",
            where=where,
            remedy="Number cells from 1, and write 0 for background.",
        )
    outside = array == IGNORED if array.dtype.kind == "i" else np.zeros(array.shape, dtype=np.bool_)
    if ignored is not None:
        outside = outside | (array == ignored)
    known = np.where(outside, array.dtype.type(0), array) if outside.any() else array
    size = pixel_size or PixelSize()
    return LabelMap(
        as_labels(known, where=where, axes=axes),
        size if axes == "zyx" else replace(size, z=None),
        axes,
        ~outside if outside.any() else None,
    )


def read_stack(path: Path) -> ImageData:
    """An image file; of an unnamed stack of more planes than are taken for channels, the planes are z.

    This is what StarDist's own examples say of such files. ``metadata['axes_assumed']`` notes it.

    Raises:
        NotFound, UnreadableFile, TooLarge: as ``read_image``. WrongFormat: axes that cannot be told otherwise.
    """
    try:
        return read_image(path)
    except WrongFormat:
        if path.suffix.lower() not in (".tif", ".tiff"):
            raise
        stack = _unnamed_stack(path)
        if stack is None:
            raise
        return stack


def _unnamed_stack(path: Path) -> ImageData | None:
    """A TIFF whose only series is planes along one unnamed dimension; None for any other."""
    with refusing(path.name):
        check_directories(path, DEFAULT_LIMITS, path.name)
        with tifffile.TiffFile(path) as tiff:
            series = tiff.series[0]
            if len(tiff.series) != 1 or series.axes not in _UNNAMED or series.dtype is None:
                return None
            DEFAULT_LIMITS.check_declared("zyx", series.shape, series.dtype.itemsize, where=path.name)
            check_segments(series, DEFAULT_LIMITS, path.name)
            data = series.asarray()
    if data.dtype.kind not in "uif" or data.dtype.itemsize > 4:
        return None
    note = f"the file does not name its first dimension; its {len(data)} planes were taken as z"
    return ImageData(data[None], "czyx", ("intensity",), metadata={"axes_assumed": note})


def as_volume(image: ImageData) -> ImageData:
    """``image`` with the planes that were taken for channels, as no name said otherwise, taken for z."""
    if image.axes != "cyx" or not image.metadata.get("axes_assumed") or image.rgb:
        return image
    note = f"the file does not name its first dimension; its {image.size('c')} planes were taken as z"
    metadata = {**image.metadata, "axes_assumed": note}
    return ImageData(image.data[None], "czyx", ("intensity",), image.pixel_size, metadata=metadata)


def read_pair(image_path: Path, labels_path: Path, *, where: str) -> tuple[ImageData, LabelMap]:
    """An image and its label image; unnamed planes are z where both have them.

    Raises:
        MismatchedShapes: labels of other planes, rows or columns. WrongFormat: several channels of labels, fractions,
            a movie. NotFound, UnreadableFile, TooLarge: as ``read_image``.
    """
    image, mask = read_stack(image_path), read_stack(labels_path)
    both = image.data.shape[-3] == mask.data.shape[-3] > 1
    if both or "z" in mask.axes:
        image = as_volume(image)
    if both or "z" in image.axes:
        mask = as_volume(mask)
    if mask.size("c") != 1 or "t" in mask.axes or "t" in image.axes:
        raise WrongFormat(
            f"label images have one channel and no time, got {mask.size('c')} of {mask.axes} for an image of "
            f"{image.axes}",
            where=f"{where}, {labels_path.name}",
            remedy="Keep movies in a layout of tracks, such as ctc.",
        )
    axes = mask.axes.replace("c", "")
    shape = tuple(image.size(axis) for axis in axes)
    array = mask.data.reshape(tuple(mask.size(axis) for axis in axes))
    if array.shape != shape or ("z" in image.axes) != ("z" in axes):
        raise MismatchedShapes(
            f"the labels are {array.shape} ({axes}), their image {image.data.shape} ({image.axes})",
            where=f"{where}, {labels_path.name}",
            remedy="Save both at one size.",
        )
    size = image.pixel_size if image.pixel_size.known else mask.pixel_size
    return image, label_map(array, axes, size, where=f"{where}, {labels_path.name}")


def write_mask(path: Path, labels: LabelMap, region: Path) -> None:
    """Write ids as TIFF; int32 with -1 for background where nobody looked.

    Args:
        region: where to write the mask of where somebody looked, if there are cells elsewhere, which -1 cannot say.

    Raises:
        CannotCarry: ids that leave no room for -1.
    """
    if labels.annotated is None:
        write_label_tiff(path, labels.data)
        return
    if int(labels.data.max(initial=0)) >= 1 << 31:
        raise CannotCarry(
            "ids of 2^31 and more leave no room for -1",
            where=path.name,
            remedy="Renumber the cells, or drop annotated.",
            features=("ids", "annotated"),
        )
    nowhere = ~labels.annotated & (labels.data == 0)
    signed = np.where(nowhere, np.int32(IGNORED), labels.data.astype(np.int32))
    tifffile.imwrite(path, signed, photometric="minisblack", compression="zlib", metadata={"axes": labels.axes.upper()})
    if (labels.data[~labels.annotated] != 0).any():
        region.parent.mkdir(exist_ok=True)
        write_label_tiff(region, labels.annotated.astype(np.uint32))


def with_region(labels: LabelMap, region: Path) -> LabelMap:
    """``labels`` with the mask of where somebody looked that ``write_mask`` wrote. Raises as ``read_pair``."""
    found = read_stack(region)
    if found.data.size != labels.data.size:
        raise MismatchedShapes("the mask of what was annotated is of another size", where=region.name)
    return replace(labels, annotated=found.data.reshape(labels.data.shape) != 0)
