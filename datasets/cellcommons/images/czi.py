"""Read CZI: scenes as images, mosaics put together, at full resolution."""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.errors import UnreadableFile, WrongFormat
from cellcommons.images.arrange import Arrangement, arranged_image
from cellcommons.images.channel_names import named_channels
from cellcommons.images.colour import RGB_NAMES
from cellcommons.images.czi_directory import CziFile, Subblock
from cellcommons.images.czi_metadata import CziStated, czi_stated
from cellcommons.images.czi_pixels import PIXEL_TYPES, check_readable, decoded
from cellcommons.images.data import Pixels
from cellcommons.images.lazy import ImageFile, LazyImage, Region
from cellcommons.images.limits import Limits

FORMAT = "CZI"
_WITHIN = ("T", "Z", "C", "Y", "X", "M")
"""Dimensions of one image; along any other (scene, view, phase, illumination, rotation, block) lie further images."""
_CALLED = {"S": "scene", "V": "view", "H": "phase", "I": "illumination", "R": "rotation", "B": "block"}
_AGAIN = "Copy, export or upload it again."
_Plane = tuple[int, int, int]


def open_czi(path: Path, name: str, limits: Limits) -> ImageFile:
    """Open a CZI.

    Raises:
        UnreadableFile: truncated, damaged, or with planes missing.
        WrongFormat: several files, or kinds of pixel or compression that are not read.
        TooLarge: declared above a limit.
    """
    with ExitStack() as stack:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, descriptor)
        file = CziFile(descriptor, limits, where=name)
        stated = czi_stated(file.metadata(), where=name)
        groups: dict[tuple[tuple[str, int], ...], list[Subblock]] = defaultdict(list)
        levels = set()
        for subblock in file.subblocks:
            if subblock.is_full:
                outside = sorted((a, subblock.start(a)) for a in subblock.places if a not in _WITHIN)
                groups[tuple(outside)].append(subblock)
            else:
                levels.add(round(subblock.places["X"][1] / subblock.stored[1]))
        if not groups:
            raise UnreadableFile("the CZI holds no pixels at full resolution", where=name, remedy=_AGAIN)
        varied = [a for a in _CALLED if len({dict(key).get(a, 0) for key in groups}) > 1]
        notes = {**stated.notes, **({"pyramid_levels": 1 + len(levels)} if levels else {})}
        images = tuple(_image(file, dict(key), varied, groups[key], stated, notes, limits) for key in sorted(groups))
        return ImageFile(FORMAT, images, parts=(path,), stack=stack.pop_all())


def _image(
    file: CziFile,
    outside: dict[str, int],
    varied: list[str],
    subblocks: list[Subblock],
    stated: CziStated,
    notes: dict[str, Any],
    limits: Limits,
) -> LazyImage:
    scene, position = stated.scenes.get(outside.get("S", 0), ("", None))
    called = [scene or f"scene {outside.get('S', 0)}"] if "S" in varied else []
    name = ", ".join([*called, *(f"{_CALLED[a]} {outside.get(a, 0)}" for a in varied if a != "S")])
    where = f"{file.where}/{name}".rstrip("/")
    for subblock in subblocks:
        check_readable(subblock, limits, where=where)
    kinds = {PIXEL_TYPES[subblock.pixel_type] for subblock in subblocks}
    samples = {kind.samples for kind in kinds}
    dtype = np.result_type(*(kind.dtype for kind in kinds))
    if len(samples) > 1 or (len(kinds) > 1 and dtype.kind != "u"):
        raise WrongFormat(
            "its channels hold different kinds of pixel", where=where, remedy="Export the channels to separate files."
        )
    (held,) = samples
    first = {a: min(b.start(a) for b in subblocks) for a in "TZCYX"}
    size = {a: max(sum(b.places.get(a, (0, 1))) for b in subblocks) - first[a] for a in "TZCYX"}
    letters = "".join(a.lower() for a in "TZC" if size[a] > 1)
    kept = min(held, 3)
    stored = Arrangement(
        f"{letters}yx{'s' if kept == 3 else ''}",
        (*(size[a.upper()] for a in letters), size["Y"], size["X"], *((3,) if kept == 3 else ())),
    )
    limits.check_planar(stored.axes, stored.image_shape, where=where)
    tiles: dict[_Plane, list[Subblock]] = defaultdict(list)
    for subblock in sorted(subblocks, key=lambda b: b.start("M")):
        t, z, c = (subblock.start(a) - first[a] for a in "TZC")
        tiles[t, z, c].append(subblock)
    _check_complete(tiles, size, where)

    def read(region: Region) -> Pixels:
        wanted = dict(zip(stored.stored, region, strict=True))
        rows, columns = wanted["y"], wanted["x"]
        planes = [wanted.get(a, slice(0, 1)) for a in "tzc"]
        sizes = [part.stop - part.start for part in (*planes, rows, columns)]
        out = np.zeros((*sizes, kept), dtype)
        for t, z, c in itertools.product(*(range(p.start, p.stop) for p in planes)):
            at = tuple(i - p.start for i, p in zip((t, z, c), planes, strict=True))
            for subblock in tiles[t, z, c]:
                _paste(file, subblock, out[at], rows.start + first["Y"], columns.start + first["X"])
        shape = tuple(p.stop - p.start for p in region[: len(stored.stored) - (kept == 3)])
        pixels = out.reshape(*shape, kept)
        return pixels[..., wanted["s"]] if kept == 3 else pixels[..., 0]

    count = size["C"] * kept
    facts = {**notes, "format": FORMAT}
    if held == 4:
        facts["alpha"] = "dropped"
    if stated.bits and stated.bits < dtype.itemsize * 8 and dtype.kind == "u":
        facts["significant_bits"] = stated.bits
    rgb = kept == 3 and size["C"] == 1
    # Lists of another length describe other channels than these.
    told = stated.channels if len(stated.channels) == size["C"] else []
    waves = stated.wavelengths if len(stated.wavelengths) == size["C"] else []
    tile = [max(b.places[a][1] for b in subblocks) for a in "YX"]
    return arranged_image(
        name,
        stored,
        dtype,
        read,
        (*(1 for _ in letters), *tile, *((3,) if kept == 3 else ())),
        limits,
        where=where,
        channels=RGB_NAMES if rgb else named_channels([n for n in told for _ in range(kept)], count),
        pixel_size=stated.pixel_size,
        rgb=rgb,
        metadata=facts,
        wavelengths=tuple(w for w in waves for _ in range(kept)),
        seconds_per_frame=stated.seconds_per_frame,
        position=position,
    )


def _check_complete(tiles: dict[_Plane, list[Subblock]], size: dict[str, int], where: str) -> None:
    """Every plane must have a tile: an acquisition that was stopped would else end in black frames."""
    total = size["T"] * size["Z"] * size["C"]
    if len(tiles) != total:
        every = itertools.product(*(range(size[a]) for a in "TZC"))
        missing = list(itertools.islice((key for key in every if key not in tiles), 3))
        raise UnreadableFile(
            f"{total - len(tiles)} of {total} planes are missing: "
            + "; ".join(f"t {t}, z {z}, c {c}" for t, z, c in missing),
            where=where,
            remedy="Export the part that is complete from ZEN.",
        )


def _paste(file: CziFile, subblock: Subblock, out: Pixels, top: int, left: int) -> None:
    """Put what a tile covers of ``out``, whose first pixel is (``top``, ``left``) of the file. Axes y, x, samples."""
    (y, height), (x, width) = subblock.places["Y"], subblock.places["X"]
    rows = max(y, top), min(y + height, top + out.shape[0])
    columns = max(x, left), min(x + width, left + out.shape[1])
    if rows[0] >= rows[1] or columns[0] >= columns[1]:
        return
    pixels = decoded(file, subblock)[rows[0] - y : rows[1] - y, columns[0] - x : columns[1] - x, : out.shape[2]]
    out[rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left] = pixels
