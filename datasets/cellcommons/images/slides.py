"""Read slides from scanners: Aperio SVS as the tiled TIFF that it is, the others by OpenSlide; level 0, by region."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, TooLarge, UnreadableFile, WrongFormat
from cellcommons.extras import require
from cellcommons.images.arrange import Arrangement, arranged_image
from cellcommons.images.colour import RGB_NAMES
from cellcommons.images.data import Pixels
from cellcommons.images.lazy import ImageFile, LazyImage, Region
from cellcommons.images.limits import Limits
from cellcommons.images.tiff import open_tiff
from cellcommons.images.units import micrometres

MAX_SLIDE = 1 << 36
"""Pixels of a slide, which is only ever read tile by tile: 262,144 x 262,144."""
_SVS = "SVS"
_KINDS = {"is_svs": _SVS, "is_ndpi": "NDPI", "is_scn": "SCN", "is_bif": "BIF", "is_philips": "Philips TIFF"}
_JPEG_2000 = (33003, 33005)
_BLOCK = 2048
_AGAIN = "Copy, export or upload it again."


def slide_kind(path: Path) -> str:
    """Which scanner's TIFF the file is: ``SVS``, ``NDPI``, ``SCN``, ``BIF``, ``Philips TIFF``; empty for any other."""
    try:
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            page: Any = tiff.pages.first
            kind = next((kind for test, kind in _KINDS.items() if getattr(page, test)), "")
            # Aperio's JPEG 2000 is left to OpenSlide, which bounds what it decodes.
            return "SVS (JPEG 2000)" if kind == _SVS and int(page.compression) in _JPEG_2000 else kind
    except Exception:  # damaged: the TIFF reader says how
        return ""


def open_slide(path: Path, name: str, limits: Limits, kind: str) -> ImageFile:
    """Open a slide, whose full resolution is one image. Label, macro and thumbnail pictures are left out: the label
    often names a person.

    Args:
        kind: of ``slide_kind``.

    Raises:
        MissingExtra: openslide is not installed, for all but SVS.
        UnreadableFile: truncated or damaged.
        WrongFormat, TooLarge: as for a TIFF; but planes may have ``MAX_SLIDE`` pixels.
    """
    if kind == _SVS:
        return _open_svs(path, name, limits)
    return open_with_openslide(path, name, limits, kind)


def open_scattered(path: Path, name: str, limits: Limits, kind: str, companions: bool) -> ImageFile:
    """Open a slide whose pixels lie in a folder beside it, which only ``companions`` allows.

    Raises:
        WrongFormat: without ``companions``, or where OpenSlide does not read it. Else as ``open_slide``.
    """
    if not companions or kind == "Olympus VSI":
        raise WrongFormat(
            f"the pixels of {kind} lie in a folder beside this file, which is not read here",
            where=name,
            remedy="Export the slide as OME-TIFF or SVS, which are one file.",
        )
    return open_with_openslide(path, name, limits, kind)


def _open_svs(path: Path, name: str, limits: Limits) -> ImageFile:
    tiff = open_tiff(path, name, replace(limits, max_pixels=max(limits.max_pixels, MAX_SLIDE)))
    with ExitStack() as stack:
        stack.callback(tiff.close)
        slide = tiff.images[0]
        tile = dict(zip(slide.axes, slide.chunk, strict=True))
        if tile["y"] * tile["x"] > limits.max_pixels:
            raise TooLarge(
                f"one tile has {tile['x']:,} x {tile['y']:,} pixels; the limit is {limits.max_pixels:,}", where=name
            )
        notes = {**slide.facts.metadata, "format": _SVS, **_aperio(path)}
        notes.pop("series_read", None)
        image = replace(slide, name="", facts=replace(slide.facts, metadata=notes))
        return ImageFile(_SVS, (image,), parts=(path,), stack=stack.pop_all())


def _aperio(path: Path) -> dict[str, Any]:
    """Levels of the pyramid and magnification of the objective."""
    with tifffile.TiffFile(path, _multifile=False) as tiff:
        levels = [level.shape[1::-1] for level in tiff.series[0].levels]
        said = dict(part.split(" = ", 1) for part in tiff.pages.first.description.split("|")[1:] if " = " in part)
    notes: dict[str, Any] = {"pyramid_levels": len(levels)} if len(levels) > 1 else {}
    try:
        return {**notes, "objective_magnification": float(said["AppMag"])}
    except (KeyError, ValueError):
        return notes


def open_with_openslide(path: Path, name: str, limits: Limits, kind: str) -> ImageFile:
    """Open any slide that OpenSlide reads. Raises as ``open_slide``."""
    openslide = require("openslide", extra="slides", what=f"reading {kind}")
    with ExitStack() as stack:
        try:
            slide = stack.enter_context(openslide.OpenSlide(path))
            properties = dict(slide.properties)
            width, height = slide.dimensions
            image = _image(slide, properties, (height, width), slide.level_count, kind, limits, name)
        except CellCommonsError:
            raise
        except Exception as error:  # OpenSlideError and what its binding raises
            raise UnreadableFile(f"the {kind} is truncated or damaged ({error})", where=name, remedy=_AGAIN) from error
        return ImageFile(kind, (image,), parts=(path,), stack=stack.pop_all())


def _image(
    slide: Any, properties: dict[str, str], shape: tuple[int, int], levels: int, kind: str, limits: Limits, where: str
) -> LazyImage:
    stored = Arrangement("yxs", (*shape, 3))
    background = tuple(
        int((properties.get("openslide.background-color") or "ffffff")[i : i + 2], 16) for i in (0, 2, 4)
    )

    def read(region: Region) -> Pixels:
        rows, columns, samples = region
        pixels = np.empty((rows.stop - rows.start, columns.stop - columns.start, 3), np.uint8)
        try:
            for y in range(rows.start, rows.stop, _BLOCK):
                for x in range(columns.start, columns.stop, _BLOCK):
                    size = (min(_BLOCK, columns.stop - x), min(_BLOCK, rows.stop - y))
                    block = np.asarray(slide.read_region((x, y), 0, size))
                    # Where nothing was scanned OpenSlide gives transparent pixels; viewers show the background there.
                    seen = np.where(block[..., 3:] == 0, background, block[..., :3])
                    pixels[y - rows.start :, x - columns.start :][: size[1], : size[0]] = seen
        except Exception as error:  # as for opening
            raise UnreadableFile(f"tiles are truncated or damaged ({error})", where=where, remedy=_AGAIN) from error
        return pixels[..., samples]

    sizes = [_number(properties.get(f"openslide.mpp-{axis}")) for axis in "yx"]
    power = _number(properties.get("openslide.objective-power"))
    tile = [_number(properties.get(f"openslide.level[0].tile-{side}")) or 512 for side in ("height", "width")]
    notes: dict[str, Any] = {"format": kind}
    if levels > 1:
        notes["pyramid_levels"] = levels
    if power:
        notes["objective_magnification"] = power
    return arranged_image(
        "",
        stored,
        np.dtype(np.uint8),
        read,
        (*(max(1, min(_BLOCK, int(side))) for side in tile), 3),
        replace(limits, max_pixels=max(limits.max_pixels, MAX_SLIDE), max_decoded_bytes=sys.maxsize),
        where=where,
        channels=RGB_NAMES,
        pixel_size=PixelSize(y=micrometres(sizes[0], "um"), x=micrometres(sizes[1], "um")),
        rgb=True,
        metadata=notes,
    )


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
