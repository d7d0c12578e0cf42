"""Read LIF (Leica): every series is an image, every tile of a mosaic one of its own."""

from __future__ import annotations

import math
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.axes import PixelSize
from cellcommons.errors import WrongFormat
from cellcommons.images.arrange import Arrangement, arranged_image
from cellcommons.images.channel_names import named_channels
from cellcommons.images.colour import RGB_NAMES
from cellcommons.images.data import Pixels
from cellcommons.images.lazy import ImageFile, LazyImage, Region
from cellcommons.images.lif_structure import Dimension, LifDescribed, LifFile
from cellcommons.images.limits import Limits
from cellcommons.images.units import micrometres, seconds

FORMAT = "LIF"
_BATCH = 8 << 20


def open_lif(path: Path, name: str, limits: Limits) -> ImageFile:
    """Open a LIF. Images are called by their path in the project, tiles of a mosaic by their number besides.

    Raises:
        UnreadableFile: truncated or damaged. TooLarge: declared above a limit.
        WrongFormat: no series is an image of rows and columns.
    """
    with ExitStack() as stack:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, descriptor)
        file = LifFile(descriptor, limits, where=name)
        images: list[LazyImage] = []
        for described in file.images:
            tiles = described.dimensions["m"].count if "m" in described.dimensions else 1
            limits.check_planes(len(images) + tiles, where=name)
            try:
                images += [_image(file, described, tile, tiles, limits) for tile in range(tiles)]
            except WrongFormat as error:
                file.left_out.append(f"{described.name}: {error.what}")
        if not images:
            reason = "; ".join(file.left_out[:5]) or "it lists none"
            raise WrongFormat(f"the LIF holds no image that is read ({reason})", where=name)
        if file.left_out:
            images[0].facts.metadata["images_left_out"] = file.left_out[:100]
        return ImageFile(FORMAT, tuple(images), parts=(path,), stack=stack.pop_all())


def _image(file: LifFile, described: LifDescribed, tile: int, tiles: int, limits: Limits) -> LazyImage:
    name = f"{described.name}, tile {tile + 1}" if tiles > 1 else described.name
    where = f"{file.where}/{name}"
    # In the order of colours, where there are colours: some cameras keep blue first.
    channels = sorted(described.channels, key=lambda channel: channel.tag)
    rgb = [channel.tag for channel in channels] == [1, 2, 3]
    channels = channels if rgb else list(described.channels)
    types = {channel.dtype for channel in channels}
    if len(types) > 1 and not all(t[1] == "u" for t in types):
        raise WrongFormat("its channels hold different kinds of pixel")
    dtype = np.result_type(*types)
    letters = [a for a in "tz" if a in described.dimensions and described.dimensions[a].count > 1]
    along = [described.dimensions[a] for a in (*letters, "y", "x")]
    stored = Arrangement("c" + "".join(letters) + "yx", (len(channels), *(d.count for d in along)))
    start = described.block[0] + (described.dimensions["m"].step * tile if "m" in described.dimensions else 0)

    def read(region: Region) -> Pixels:
        pixels = np.empty(tuple(part.stop - part.start for part in region), dtype)
        for place, channel in enumerate(channels[region[0]]):
            first = start + channel.offset
            _fill(file, pixels[place], first, along, region[1:], np.dtype(channel.dtype))
        return pixels

    facts: dict[str, Any] = {"format": FORMAT}
    bits = max(channel.bits for channel in channels)
    if bits < dtype.itemsize * 8 and dtype.kind == "u":
        facts["significant_bits"] = bits
    if any(channel.lut for channel in channels) and not rgb:
        facts["channel_colours"] = [channel.lut[:40] for channel in channels]
    return arranged_image(
        name,
        stored,
        dtype,
        read,
        (1, *(1 for _ in letters), along[-2].count, along[-1].count),
        limits,
        where=where,
        channels=RGB_NAMES if rgb else named_channels([channel.name for channel in channels], len(channels)),
        pixel_size=PixelSize(**{a: micrometres(*_step(described.dimensions.get(a))) for a in "yxz"}),
        rgb=rgb,
        metadata=facts,
        seconds_per_frame=seconds(*_step(described.dimensions.get("t"))),
    )


def _step(dimension: Dimension | None) -> tuple[float | None, str]:
    """(distance, unit) from one element to the next: the stated length runs from the first to the last."""
    if dimension is None or dimension.count < 2 or not math.isfinite(dimension.length):
        return None, ""
    return abs(dimension.length) / (dimension.count - 1), dimension.unit


def _fill(file: LifFile, out: Pixels, first: int, along: list[Dimension], region: Region, dtype: np.dtype[Any]) -> None:
    """Fill ``out`` with ``region``, one slice for each of ``along``; ``first`` is the position of the first pixel."""
    (head, *rest), (part, *parts) = along, region
    if len(along) > 2:
        for place, index in enumerate(range(part.start, part.stop)):
            _fill(file, out[place], first + index * head.step, rest, tuple(parts), dtype)
        return
    first += part.start * head.step + parts[0].start * rest[0].step
    if head.step >= rest[0].step:
        _fill_lines(file, out, first, head.step, rest[0].step, dtype)
    else:
        _fill_lines(file, out.T, first, rest[0].step, head.step, dtype)


def _fill_lines(file: LifFile, out: Pixels, first: int, line: int, step: int, dtype: np.dtype[Any]) -> None:
    """Fill ``out`` with lines ``line`` bytes apart, of pixels ``step`` bytes apart; several at once where dense."""
    lines, width = out.shape
    span = (width - 1) * step + dtype.itemsize
    batch = max(1, _BATCH // max(1, line)) if line <= 4 * span else 1
    for at in range(0, lines, batch):
        count = min(batch, lines - at)
        data = file.read(first + at * line, (count - 1) * line + span)
        out[at : at + count] = np.ndarray((count, width), dtype, data, strides=(line, step))
