"""Read ND2: positions as images; time, depth and channels within. The package ``nd2`` reads what the file says."""

from __future__ import annotations

import itertools
import math
import os
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, UnreadableFile, WrongFormat
from cellcommons.extras import require
from cellcommons.images.arrange import Arrangement, arranged_image
from cellcommons.images.channel_names import named_channels
from cellcommons.images.colour import RGB_NAMES
from cellcommons.images.data import Pixels, Wavelengths
from cellcommons.images.lazy import ImageFile, LazyImage, Region
from cellcommons.images.limits import Limits
from cellcommons.images.nd2_frames import Nd2Frames
from cellcommons.images.units import micrometres, seconds

FORMAT = "ND2"
_LETTERS = {"TimeLoop": "t", "NETimeLoop": "t", "ZStackLoop": "z", "XYPosLoop": "p"}
_AGAIN = "Copy, export or upload it again."


@dataclass(frozen=True)
class _Layout:
    """How frames lie: ``loops`` (letter, length), the slowest first; ``samples`` of each channel; bytes of one row."""

    loops: tuple[tuple[str, int], ...]
    height: int
    width: int
    channels: int
    samples: int
    dtype: np.dtype[Any]
    row_bytes: int
    compressed: bool

    @property
    def kept(self) -> int:
        """Samples that are read: alpha is dropped."""
        return 3 if self.samples == 4 else self.samples

    def count(self, letter: str) -> int:
        return dict(self.loops).get(letter, 1)

    def number(self, **place: int) -> int:
        """Of the frame at ``place``, letters t, z, p."""
        number = 0
        for letter, length in self.loops:
            number = number * length + place[letter]
        return number


def open_nd2(path: Path, name: str, limits: Limits) -> ImageFile:
    """Open an ND2. Each position is one image, called as in the file.

    Raises:
        MissingExtra: the package nd2 is not installed.
        UnreadableFile: truncated, damaged, or with frames missing.
        WrongFormat: the old format based on JPEG 2000, lossy compression, or loops that are not read.
        TooLarge: declared above a limit.
    """
    nd2 = require("nd2", extra="nd2", what="reading ND2")
    with ExitStack() as stack:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, descriptor)
        frames = Nd2Frames(descriptor, where=name)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is damaged raises below, or is checked
                with nd2.ND2File(path) as file:
                    layout = _layout(file, limits, name)
                    facts = _facts(file, layout)
                    names = _positions(file, layout)
        except CellCommonsError:
            raise
        except Exception as error:  # the package raises nearly every type on damaged bytes
            raise UnreadableFile(f"the ND2 is damaged ({error!r})", where=name, remedy=_AGAIN) from error
        _check_complete(frames, layout, name)
        images = tuple(_image(frames, layout, facts, place, called, limits, name) for place, called in enumerate(names))
        return ImageFile(FORMAT, images, parts=(path,), stack=stack.pop_all())


def _layout(file: Any, limits: Limits, where: str) -> _Layout:
    attributes = file.attributes
    if attributes.compressionType not in (None, "none", "lossless"):
        raise WrongFormat(
            f"ND2 compression {attributes.compressionType!r} is not read",
            where=where,
            remedy="Save it without compression in NIS-Elements.",
        )
    loops = tuple((_LETTERS.get(loop.type, ""), int(loop.count)) for loop in file.experiment if loop.count != 1)
    letters = [letter for letter, _ in loops]
    if "" in letters or len(set(letters)) != len(letters):
        raise WrongFormat(
            f"its loops {', '.join(loop.type for loop in file.experiment)} are not read",
            where=where,
            remedy="Split the file by its loops in NIS-Elements.",
        )
    bits = attributes.bitsPerComponentInMemory
    dtype = np.dtype(f"<{'f' if attributes.pixelDataType == 'float' else 'u'}{bits // 8}")
    channels = attributes.channelCount or 1
    samples, rest = divmod(attributes.componentCount, channels)
    height, width = attributes.heightPx, attributes.widthPx or 0
    row = attributes.widthBytes or width * attributes.componentCount * dtype.itemsize
    if rest or min(height, width, samples, *(n for _, n in loops)) < 1:
        raise UnreadableFile("what it says of its frames is damaged", where=where, remedy=_AGAIN)
    if row < width * attributes.componentCount * dtype.itemsize or row > 1 << 31:
        raise UnreadableFile(f"its rows of {width} pixels have {row} bytes", where=where, remedy=_AGAIN)
    limits.check_planar("PYXS", (1, height, width, channels * samples), where=where)
    limits.check_planes(math.prod(n for _, n in loops), where=where)
    compressed = attributes.compressionType == "lossless"
    return _Layout(loops, height, width, channels, samples, dtype, row, compressed)


def _positions(file: Any, layout: _Layout) -> list[str]:
    """Names of the positions, as people gave them; the only one has none."""
    count = layout.count("p")
    if count == 1:
        return [""]
    points = next(loop.parameters.points for loop in file.experiment if loop.type == "XYPosLoop")
    given = [str(point.name or "") for point in points[:count]]
    given += [""] * (count - len(given))
    unique = len(set(given)) == count and all(given)
    return given if unique else [f"position {place + 1}" for place in range(count)]


def _facts(file: Any, layout: _Layout) -> dict[str, Any]:
    """What the file says, as arguments of ``ImageData``."""
    told = list((file.metadata.channels if file.metadata else None) or ())
    notes: dict[str, Any] = {"format": FORMAT}
    bits = file.attributes.bitsPerComponentSignificant
    if bits and bits < layout.dtype.itemsize * 8 and layout.dtype.kind == "u":
        notes["significant_bits"] = int(bits)
    size = PixelSize()
    if told:
        volume = told[0].volume
        along = dict(zip("xyz", zip(volume.axesCalibration, volume.axesCalibrated, strict=True), strict=True))
        size = PixelSize(**{a: micrometres(value, "um") if sure else None for a, (value, sure) in along.items()})
    if len(told) != layout.channels:
        told = []
    rgb = layout.kept == 3 and layout.channels == 1
    if layout.samples > layout.kept:
        notes["alpha"] = "dropped"
    names = [c.channel.name for c in told for _ in range(layout.kept)]
    return {
        "channels": RGB_NAMES if rgb else named_channels(names, layout.channels * layout.kept),
        "pixel_size": size,
        "rgb": rgb,
        "metadata": notes,
        "wavelengths": tuple(
            Wavelengths(_nanometres(c.channel.excitationLambdaNm), _nanometres(c.channel.emissionLambdaNm))
            for c in told
            for _ in range(layout.kept)
        ),
        "seconds_per_frame": _interval(file),
    }


def _nanometres(value: float | None) -> float | None:
    return float(value) if value and 0 < value < 1e5 else None


def _interval(file: Any) -> float | None:
    """Seconds per frame: measured where the file says so, else as asked for; None where periods differ."""
    for loop in file.experiment:
        if loop.type == "TimeLoop":
            return seconds(loop.parameters.periodDiff.avg, "ms") or seconds(loop.parameters.periodMs, "ms")
        if loop.type == "NETimeLoop" and len(loop.parameters.periods) == 1:
            return seconds(loop.parameters.periods[0].periodMs, "ms")
    return None


def _check_complete(frames: Nd2Frames, layout: _Layout, where: str) -> None:
    """Every frame of every loop must be there: one that was not recorded would else be black."""
    total = math.prod(n for _, n in layout.loops)
    missing = [number for number in range(total) if number not in frames.offsets]
    if missing:
        listed = []
        for number in missing[:3]:
            place = np.unravel_index(number, [n for _, n in layout.loops] or [1])
            listed.append(
                ", ".join(f"{a} {i}" for (a, _), i in zip(layout.loops, place, strict=False)) or "the only one"
            )
        raise UnreadableFile(
            f"{len(missing)} of {total} frames are missing: {'; '.join(listed)}",
            where=where,
            remedy="Save the part that is complete from NIS-Elements.",
        )


def _image(
    frames: Nd2Frames,
    layout: _Layout,
    facts: dict[str, Any],
    position: int,
    called: str,
    limits: Limits,
    file_name: str,
) -> LazyImage:
    where = f"{file_name}/{called}".rstrip("/")
    loops = [(letter, length) for letter, length in layout.loops if letter != "p"]
    kept = layout.kept
    inner = "cyx" + ("s" if kept > 1 else "")
    stored = Arrangement(
        "".join(letter for letter, _ in loops) + inner,
        (*(n for _, n in loops), layout.channels, layout.height, layout.width, *((kept,) if kept > 1 else ())),
    )

    def read(region: Region) -> Pixels:
        outer = region[: len(loops)]
        pixels = np.empty(tuple(part.stop - part.start for part in region), layout.dtype)
        for place in itertools.product(*(range(part.start, part.stop) for part in outer)):
            at = tuple(i - part.start for i, part in zip(place, outer, strict=True))
            letters = {letter: i for (letter, _), i in zip(loops, place, strict=True)}
            frame = _frame(frames, layout, layout.number(p=position, **letters))
            pixels[at] = (frame if kept > 1 else frame[..., 0])[region[len(loops) :]]
        return pixels

    chunk = (*(1 for _ in loops), layout.channels, layout.height, layout.width, *((kept,) if kept > 1 else ()))
    return arranged_image(called, stored, layout.dtype, read, chunk, limits, where=where, **facts)


def _frame(frames: Nd2Frames, layout: _Layout, number: int) -> Pixels:
    """One frame, axes (channel, y, x, sample). Colours are stored blue, green, red."""
    item = layout.dtype.itemsize
    components = layout.channels * layout.samples
    length = layout.row_bytes * (layout.height - 1) + layout.width * components * item
    data = frames.frame(number, length, compressed=layout.compressed)
    rows: Pixels = np.ndarray(
        (layout.height, layout.width, layout.channels, layout.samples),
        layout.dtype,
        data,
        strides=(layout.row_bytes, components * item, layout.samples * item, item),
    )
    frame = rows.transpose(2, 0, 1, 3)
    return frame[..., [2, 1, 0]] if layout.samples >= 3 else frame
