"""Read TIFF, OME-TIFF, ImageJ TIFF and BigTIFF. Axes come from the file, or the reading is refused or says so."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

import tifffile

from cellcommons.errors import CellCommonsError, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.data import Pixels
from cellcommons.images.lazy import ImageFile, LazyImage, Region
from cellcommons.images.limits import Limits
from cellcommons.images.tiff_metadata import OmeImage, ome_images, stated_by
from cellcommons.images.tiff_planes import Files
from cellcommons.images.tiff_samples import lazy_image, readable_planes
from cellcommons.images.tiff_siblings import Alone, check_siblings, described_elsewhere, description_in, sibling
from cellcommons.images.tiff_structure import check_counts, check_directories, check_segments

# tifffile logs what it repairs; here it either raises below or is checked, so the log would only repeat it.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

_AGAIN = "Copy, export or upload it again."
_ONE_FILE = "Export it as one single file, or open the folder with all its files."


def open_tiff(path: Path, name: str, limits: Limits, companions: bool = False) -> ImageFile:
    """Open a TIFF and describe its images. Decodes no pixels, but as many as it takes to tell gray from colour.

    Args:
        companions: an OME-TIFF may name further files beside it, which are then read too: plain names in the same
            folder, and no links. Without it none is ever opened: an upload must not read its neighbours.

    Raises:
        UnreadableFile: truncated, damaged, or with planes that are not in the file.
        WrongFormat: axes that cannot be told, or a kind of pixel that is not supported.
        TooLarge: a plane, or their number, is declared above a limit.
    """
    with ExitStack() as stack, refusing(name):
        check_directories(path, limits, name)
        tiff, described = _opened(path, limits, companions, stack, name)
        files = Files(path, stack)
        images: list[LazyImage] = []
        chosen = _chosen(tiff, described, name)
        for place, (series, told) in enumerate(chosen):
            try:
                limits.check_planar(series.axes, series.shape, where=name)
                check_segments(series, limits, name)
                _check_complete(tiff, series, told, name)
                stated = told.stated if told else stated_by(tiff, series)
                image = lazy_image(tiff, series, readable_planes(series, files, limits, name), stated, name)
            except WrongFormat:
                if place == 0:
                    raise
                continue  # a label or macro picture of a kind that is not read; the image itself is
            images.append(_finished(image, tiff, place, len(chosen), name))
        beside = {Path(page.parent.filehandle.path) for series, _ in chosen for page in _pages(series)}
        beside.discard(path.resolve())
        return ImageFile(_format(tiff), tuple(images), parts=(path, *sorted(beside)), stack=stack.pop_all())


@contextmanager
def refusing(name: str) -> Iterator[None]:
    """tifffile and its codecs raise nearly every type on damaged bytes; people get one that names the file."""
    try:
        yield
    except CellCommonsError:
        raise
    except MemoryError as error:
        raise TooLarge("the image does not fit into memory", where=name, remedy="Crop or tile it.") from error
    except Exception as error:
        raise UnreadableFile(f"the TIFF is truncated or damaged ({error})", where=name, remedy=_AGAIN) from error


def _format(tiff: tifffile.TiffFile) -> str:
    return "OME-TIFF" if tiff.is_ome else "ImageJ TIFF" if tiff.is_imagej else "TIFF"


def _opened(
    path: Path, limits: Limits, companions: bool, stack: ExitStack, name: str
) -> tuple[tifffile.TiffFile, list[OmeImage]]:
    """The file, and what its OME-XML describes, both bounded before tifffile is asked for series."""
    stream = stack.enter_context(path.open("rb"))
    tiff = tifffile.TiffFile(cast(IO[bytes], Alone(stream)), name=path.name, _multifile=False)
    if not tiff.is_ome:
        return tiff, []
    xml = tiff.ome_metadata or ""
    elsewhere = described_elsewhere(xml)
    if elsewhere is not None:
        if not companions:
            said = f"its description lies in another file, {elsewhere[:120]!r}"
            raise UnreadableFile(said, where=name, remedy=_ONE_FILE)
        xml = description_in(sibling(path.parent, elsewhere, where=name), where=name)
    described = ome_images(xml)
    for image in described:
        limits.check_planar("".join(image.sizes), tuple(image.sizes.values()), where=name)
    check_counts(xml, limits, name)
    if companions:
        check_siblings(path, xml, limits, name)
        tiff = stack.enter_context(tifffile.TiffFile(path, omexml=None if elsewhere is None else xml))
    return tiff, described


def _chosen(tiff: tifffile.TiffFile, described: list[OmeImage], name: str) -> list[tuple[Any, OmeImage | None]]:
    """The series that are images, not smaller copies, each with its description where there is one."""
    if not len(tiff.pages) or not len(tiff.series):
        raise UnreadableFile("the TIFF holds no image", where=name, remedy=_AGAIN)
    first = tiff.series[0]
    series = [first, *(s for s in tiff.series[1:] if not s.keyframe.is_reduced)]
    if len(series) > 1 and first.kind in ("generic", "uniform"):
        raise WrongFormat(
            f"the TIFF holds {len(series)} images of different shapes and does not say how they belong together",
            where=name,
            remedy="Save each image as a file of its own.",
        )
    told = iter(described)
    if first.kind != "ome" or len(series) == len(described):
        return [(one, next(told, None)) for one in series]
    # tifffile leaves out images without planes: what is left is matched to the descriptions in order, by name.
    return [(one, next((d for d in told if d.name == one.name), None)) for one in series]


def _pages(series: Any) -> list[Any]:
    """Pages in further files; none where all lie in one."""
    return [page for page in series.pages if page is not None] if series.is_multifile else []


def _check_complete(tiff: tifffile.TiffFile, series: Any, told: OmeImage | None, name: str) -> None:
    """The file's own count of planes must be what is there: a stack cut short would pass for a small one."""
    height, width = (series.shape[series.axes.index(a)] for a in "YX")
    planes = series.size // (height * width)
    declared = planes
    if told is not None:
        sizes = told.sizes
        if (sizes["y"], sizes["x"]) != (height, width):
            raise UnreadableFile(
                f"its OME-XML declares {sizes['x']} x {sizes['y']} pixels, its planes have {width} x {height}",
                where=name,
                remedy=_AGAIN,
            )
        declared = sizes["c"] * sizes["z"] * sizes["t"]
    elif tiff.is_imagej and "S" not in series.axes:
        declared = int((tiff.imagej_metadata or {}).get("images", planes))
    if declared != planes:
        raise UnreadableFile(f"it declares {declared:,} planes and holds {planes:,}", where=name, remedy=_AGAIN)


def _finished(image: LazyImage, tiff: tifffile.TiffFile, place: int, count: int, name: str) -> LazyImage:
    """``image`` with notes on the file, and with faults of its bytes told as errors that name the file."""
    notes = {"format": _format(tiff), **image.facts.metadata}
    if count > 1:
        notes["series_read"] = f"image {place + 1} of {count}"
    decode = image.fetch

    def fetch(region: Region) -> Pixels:
        with refusing(name):
            return decode(region)

    return replace(image, facts=replace(image.facts, metadata=notes), fetch=fetch)
