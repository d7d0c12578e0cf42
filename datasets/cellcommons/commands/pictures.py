"""Single images: what a file says of them, whether every pixel can be read, and OME-Zarr out of them."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.commands.meter import Meter
from cellcommons.errors import AlreadyThere, CellCommonsError, MismatchedShapes, UnreadableFile
from cellcommons.images.lazy import LazyImage, Region
from cellcommons.images.limits import STREAMED
from cellcommons.images.ome_zarr_reader import is_zarr
from cellcommons.images.planes import is_pattern
from cellcommons.images.readers import open_image
from cellcommons.images.streaming import stream_to_folder

STRIPE = 64 << 20


def is_picture(path: Path) -> bool:
    """Whether ``path`` is one file, an OME-Zarr, or a pattern of planes: an image, and no folder in a layout."""
    return path.is_file() or is_pattern(path) or is_zarr(path)


def picture_info(path: Path) -> dict[str, Any]:
    """What a file or an OME-Zarr says of its images."""
    with open_image(path, companions=True, limits=STREAMED) as opened:
        return {"format": opened.format, "images": [_facts(image) for image in opened.images]}


def _facts(image: LazyImage) -> dict[str, Any]:
    facts = image.facts
    return {
        "name": image.name,
        "axes": image.axes,
        "shape": list(image.shape),
        "dtype": str(image.dtype),
        "bytes": image.nbytes,
        "channels": list(facts.channels),
        "rgb": facts.rgb,
        "pixel_size_um": asdict(facts.pixel_size),
        "wavelengths_nm": [asdict(light) for light in facts.wavelengths],
        "seconds_per_frame": facts.seconds_per_frame,
        "plate_position": None if facts.position is None else asdict(facts.position),
        "metadata": facts.metadata,
    }


def validate_pictures(path: Path) -> dict[str, Any]:
    """Decode every pixel of every image, a part at a time; each that cannot be read is named with the reason."""
    meter = Meter(sys.stderr)
    rows: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    with open_image(path, companions=True, limits=STREAMED) as opened:
        total, done = sum(image.nbytes for image in opened.images), 0
        try:
            for image in opened.images:
                try:
                    finite = False
                    for region in stripes(image):
                        part = image.region(region)
                        finite = finite or part.dtype.kind != "f" or bool(np.isfinite(part).any())
                        done += part.nbytes
                        meter.count(done >> 20, total >> 20, "MiB")
                    if not finite:
                        raise UnreadableFile("every pixel is NaN or infinite", remedy="Export the image again.")
                except CellCommonsError as error:
                    skipped.append({"where": image.name or path.name, "reason": error.line()})
                else:
                    rows.append({"name": image.name, "axes": image.axes, "shape": list(image.shape)})
        finally:
            meter.end()
        found = len(opened.images)
        return {
            "format": opened.format,
            "found": found,
            "read": len(rows),
            "images": rows,
            "skipped": skipped,
            "valid": not skipped,
        }


def stripes(image: LazyImage, most: int = STRIPE) -> Iterator[Region]:
    """Regions that together cover ``image`` once, in the order of the file, each of about ``most`` bytes or a row of
    its chunks."""
    step = list(image.chunk)
    for axis in reversed(range(len(step))):
        room = most // max(1, math.prod(step) * image.dtype.itemsize)
        if room < 2:
            break
        step[axis] = min(image.shape[axis], step[axis] * room)
    counts = [math.ceil(size / width) for size, width in zip(image.shape, step, strict=True)]
    for number in range(math.prod(counts)):
        region = []
        for size, width, count in reversed(list(zip(image.shape, step, counts, strict=True))):
            number, place = divmod(number, count)
            region.append(slice(place * width, min(size, (place + 1) * width)))
        yield tuple(reversed(region))


def convert_pictures(source: Path, target: Path, *, series: str | None) -> dict[str, Any]:
    """Write an image as OME-Zarr 0.5: ``target`` itself for one, ``target/NAME.zarr`` each for several.

    Raises:
        AlreadyThere: the target is another finished image, or two images would have one name.
    """
    with open_image(source, companions=True, limits=STREAMED) as opened:
        images = opened.images
        if series is not None:
            images = (opened.image(int(series) if series.isdecimal() else series, where=str(source)),)
        written, meter = [], Meter(sys.stderr)
        places = {target: images[0]} if len(images) == 1 else _places(target, images)
        try:
            for folder, image in places.items():
                fresh = not folder.exists()
                try:
                    stream_to_folder(
                        image, folder, progress=lambda done, total: meter.count(done >> 20, total >> 20, "MiB")
                    )
                except (UnreadableFile, MismatchedShapes) as error:
                    if fresh:  # a file that is damaged will not be better next time: nothing is to be resumed
                        shutil.rmtree(folder, ignore_errors=True)
                    where = f"{source.name}, {image.name}" if image.name else source.name
                    raise UnreadableFile(error.what, where=where, remedy=error.remedy) from error
                written.append(
                    {"name": image.name, "path": str(folder), "axes": image.axes, "shape": list(image.shape)}
                )
        finally:
            meter.end()
        return {"format": opened.format, "to": "ome-zarr", "written": len(written), "images": written}


def _places(target: Path, images: tuple[LazyImage, ...]) -> dict[Path, LazyImage]:
    places: dict[Path, LazyImage] = {}
    for number, image in enumerate(images):
        kept = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in image.name).strip("._")
        place = target / f"{kept or f'image_{number}'}.zarr"
        if place in places:
            place = target / f"{kept}_{number}.zarr"
        if place in places:
            raise AlreadyThere(
                "two images of this file have one name", where=image.name, remedy="Name one by --series."
            )
        places[place] = image
    return places
