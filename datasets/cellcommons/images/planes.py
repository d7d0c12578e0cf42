"""A folder of planes, one file each, whose names say which: one image of time, depth and channels."""

from __future__ import annotations

import itertools
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellcommons.errors import InvalidDocument, MismatchedShapes, NotFound, UnreadableFile, WrongFormat
from cellcommons.images.arrange import Arrangement, arranged_image
from cellcommons.images.channel_names import named_channels
from cellcommons.images.data import ImageData, Pixels
from cellcommons.images.lazy import ImageFile, LazyImage, Region
from cellcommons.images.limits import Limits
from cellcommons.images.pictures import open_plane

FORMAT = "planes"
_PLACES = "tzc"
_FIELD = re.compile(r"\{([tzcp])\}")
# A number, except for channels and positions, which are often called by a word.
_MATCHES = {"t": r"\d+", "z": r"\d+", "c": r"[A-Za-z0-9-]+", "p": r"[A-Za-z0-9-]+"}
_HOW = "Write the pattern as 'img_t{t}_z{z}_c{c}.tif', or as a regular expression with groups such as (?P<z>[0-9]+)."
_Key = tuple[int | str, ...]


@dataclass(frozen=True)
class _Plane:
    """One file: its value of each letter."""

    name: str
    values: dict[str, int | str]


def is_pattern(path: Path) -> bool:
    """Whether the last part of ``path`` is a pattern of planes and no file of that very name."""
    return bool(_FIELD.search(path.name) or "(?P<" in path.name) and not os.path.lexists(path)


def open_planes(folder: Path, pattern: str, limits: Limits) -> ImageFile:
    """Open the planes in ``folder`` whose names ``pattern`` fits: TIFF, PNG or JPEG, all of one shape and type.

    Args:
        pattern: a file name with ``{t}``, ``{z}`` (numbers), ``{c}`` (number or name) and ``{p}`` (position: an image
            of its own) in it; or a regular expression with the named groups t, z, c, p, which must fit the whole name.

    Raises:
        NotFound: no such folder, or no name fits.
        InvalidDocument: the pattern is senseless. UnreadableFile: planes are missing, named; or damaged, when read.
        WrongFormat, TooLarge: as the planes' own reader. MismatchedShapes: when read, a plane unlike the first.
    """
    planes = _found(folder, _expression(pattern), pattern)
    limits.check_planes(len(planes), where=pattern)
    positions: dict[int | str, list[_Plane]] = {}
    for plane in planes:
        positions.setdefault(plane.values.get("p", ""), []).append(plane)
    ordered = sorted(positions, key=_order)
    images = tuple(_image(folder, str(p), positions[p], limits, pattern) for p in ordered)
    parts = tuple(folder / plane.name for p in ordered for plane in positions[p])
    return ImageFile(FORMAT, images, parts=parts)


def _expression(pattern: str) -> re.Pattern[str]:
    if "(?P<" in pattern:
        try:
            expression = re.compile(pattern)
        except re.error as error:
            raise InvalidDocument(f"the pattern is no regular expression ({error})", where=pattern) from error
    else:
        pieces = _FIELD.split(pattern)
        if len(set(pieces[1::2])) != len(pieces[1::2]):
            raise InvalidDocument("the pattern names a place twice", where=pattern, remedy=_HOW)
        expression = re.compile(
            "".join(f"(?P<{p}>{_MATCHES[p]})" if i % 2 else re.escape(p) for i, p in enumerate(pieces))
        )
    if not expression.groupindex or not set(expression.groupindex) <= set("tzcp"):
        raise InvalidDocument("the pattern names no t, z, c or p", where=pattern, remedy=_HOW)
    return expression


def _found(folder: Path, expression: re.Pattern[str], pattern: str) -> list[_Plane]:
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError as error:
        raise NotFound(f"the folder cannot be opened ({error.strerror})", where=str(folder)) from error
    planes: dict[_Key, _Plane] = {}
    letters = [letter for letter in "tzcp" if letter in expression.groupindex]
    for name in names:
        if not (fits := expression.fullmatch(name)):
            continue
        values = {letter: _value(fits[letter], letter, name) for letter in letters}
        key = tuple(values[letter] for letter in letters)
        if key in planes:
            raise InvalidDocument(
                f"{name} and {planes[key].name} are the same plane", where=pattern, remedy="Keep one of them."
            )
        planes[key] = _Plane(name, values)
    if not planes:
        raise NotFound("no file's name fits the pattern", where=f"{folder.name}/{pattern}", remedy=_HOW)
    return list(planes.values())


def _value(text: str | None, letter: str, name: str) -> int | str:
    if text is None or (letter in "tz" and not text.isdecimal()):
        raise InvalidDocument(f"its {letter} is {text!r} and no number", where=name, remedy=_HOW)
    return int(text) if text.isdecimal() and len(text) < 19 else text


def _order(value: int | str) -> tuple[bool, int, str]:
    """Numbers by size before names by letter."""
    return (False, value, "") if isinstance(value, int) else (True, 0, value)


def _image(folder: Path, name: str, planes: list[_Plane], limits: Limits, pattern: str) -> LazyImage:
    letters = [letter for letter in _PLACES if letter in planes[0].values]
    along = [sorted({plane.values[letter] for plane in planes}, key=_order) for letter in letters]
    by_place = {tuple(plane.values[letter] for letter in letters): plane.name for plane in planes}
    _check_complete(along, letters, set(by_place), pattern)
    names = {
        place: by_place[key]
        for place, key in zip(
            itertools.product(*(range(len(values)) for values in along)), itertools.product(*along), strict=True
        )
    }
    with open_plane(folder / planes[0].name, planes[0].name, limits) as file:
        first = file.image().facts
    inner = first.axes.replace("c", "") if "c" in letters else first.axes
    if set(inner) & set(letters) or ("c" in letters and first.size("c") > 1):
        raise WrongFormat(
            f"one file holds an image of axes {first.axes}, and the pattern names {', '.join(letters)} besides",
            where=planes[0].name,
            remedy="Leave out of the pattern what the files hold themselves.",
        )
    stored = Arrangement(
        "".join(letters) + inner, tuple(map(len, along)) + tuple(first.size(letter) for letter in inner)
    )

    def read(region: Region) -> Pixels:
        outer, within = region[: len(letters)], region[len(letters) :]
        shape = tuple(part.stop - part.start for part in region)
        pixels = np.empty(shape, first.data.dtype)
        for place in itertools.product(*(range(part.start, part.stop) for part in outer)):
            at = tuple(i - part.start for i, part in zip(place, outer, strict=True))
            pixels[at] = _plane(folder, names[place], first, within, inner, limits)
        return pixels

    channels = first.channels
    if "c" in letters:
        values = along[letters.index("c")]
        channels = named_channels([value if isinstance(value, str) else "" for value in values], len(values))
    return arranged_image(
        name,
        stored,
        first.data.dtype,
        read,
        (1,) * len(letters) + tuple(first.size(letter) for letter in inner),
        limits,
        where=pattern,
        channels=channels,
        pixel_size=first.pixel_size,
        rgb=first.rgb,
        metadata={**first.metadata, "format": f"planes of {first.metadata.get('format', 'pictures')}"},
    )


def _check_complete(along: list[list[int | str]], letters: list[str], there: set[_Key], pattern: str) -> None:
    """Every combination must be there, and numbers must follow one another: a gap is a missing plane."""
    expected = []
    for letter, values in zip(letters, along, strict=True):
        numbers = [v for v in values if isinstance(v, int)]
        if letter in "tz" and len(numbers) == len(values) and len(values) > 1:
            step = min(b - a for a, b in itertools.pairwise(numbers))
            # Every tenth frame kept is a choice; one number left out of an even series is a hole.
            span = range(numbers[0], numbers[-1] + step, step)
            if len(span) <= 4 * len(numbers) and set(numbers) <= set(span):
                values = list(span)
        expected.append(values)
    total = math.prod(map(len, expected))
    if total != len(there):
        missing = itertools.islice((key for key in itertools.product(*expected) if key not in there), 5)
        listed = "; ".join(", ".join(f"{a} {v}" for a, v in zip(letters, key, strict=True)) for key in missing)
        raise UnreadableFile(
            f"{total - len(there)} of {total} planes are missing: {listed}{' ...' if total - len(there) > 5 else ''}",
            where=pattern,
            remedy="Copy the missing files, or narrow the pattern to planes that are all there.",
        )


def _plane(folder: Path, name: str, first: ImageData, within: Region, inner: str, limits: Limits) -> Pixels:
    """The region of one file, axes ``inner``."""
    with open_plane(folder / name, name, limits) as file:
        image = file.image()
        if (image.axes, image.shape, image.dtype) != (first.axes, first.data.shape, first.data.dtype):
            raise MismatchedShapes(
                f"a plane of {image.dtype}, {image.shape}, among planes of {first.data.dtype}, {first.data.shape}",
                where=name,
                remedy="All planes of one image must be alike.",
            )
        if "c" in inner:
            return image.region(within)
        at = first.axes.index("c")
        return image.region((*within[:at], slice(0, 1), *within[at:])).squeeze(at)
