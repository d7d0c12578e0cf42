"""Movies kept as one file a frame: found by number, checked for what is missing, read as one array."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import CannotCarry, InvalidDocument, MismatchedShapes, NotFound, WrongFormat
from cellcommons.images.data import ImageData
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.images.readers import read_image
from cellcommons.images.writers import write_label_png, write_label_tiff, write_tiff
from cellcommons.layouts.contract import Record
from cellcommons.layouts.tables import read_rows, write_rows
from cellcommons.tracks import Movie

SEQUENCES = "sequences.csv"
MAX_ID = np.iinfo(np.uint16).max


def numbered_frames(folder: Path, pattern: str) -> dict[int, Path]:
    """Files of ``folder`` whose name matches ``pattern`` entirely, by the number in its first group, in order.

    Raises:
        NotFound: none match.
        InvalidDocument: a number between the first and the last is missing or comes twice.
    """
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = re.fullmatch(pattern, path.name)
        if match is None or not path.is_file():
            continue
        number = int(match.group(1))
        if number in found:
            raise InvalidDocument(
                f"frame {number} is there twice: {found[number].name} and {path.name}", where=str(folder)
            )
        found[number] = path
    if not found:
        raise NotFound("no frames here", where=str(folder), remedy=f"Files are named like {pattern}.")
    lacking = max(found) - min(found) + 1 - len(found)
    if lacking:
        # Not all of them: a single file may have a number beyond all memory.
        some = list(islice((number for number in count(min(found)) if number not in found), min(lacking, 6)))
        raise InvalidDocument(
            f"{_listed(some, lacking)} missing between {found[min(found)].name} and {found[max(found)].name}",
            where=str(folder),
            remedy="Add the missing files; a movie with holes cannot be tracked.",
        )
    return dict(sorted(found.items()))


def same_frames(images: dict[int, Path], labels: dict[int, Path], *, shift: int, where: Path) -> None:
    """Check that every image has its labels. ``shift``: number of an image less that of its labels.

    Raises:
        InvalidDocument: frames with only one of the two.
    """
    without, alone = (
        sorted(set(images) - {n + shift for n in labels}),
        sorted({n + shift for n in labels} - set(images)),
    )
    if without:
        raise InvalidDocument(f"{_listed(without)} without labels", where=str(where), remedy="Label every frame.")
    if alone:
        raise InvalidDocument(f"{_listed(alone)} missing, though labelled", where=str(where))


def read_movie(paths: list[Path], *, channels: tuple[str, ...] | None = None) -> ImageData:
    """One file a frame as one image, axes tcyx, of the first frame's channels, dtype and pixel size.

    Raises:
        MismatchedShapes: a frame differs in shape or dtype from the first.
        WrongFormat: a frame is no single plane.
        UnreadableFile, TooLarge: as ``read_image``; the whole movie counts.
    """
    first = _plane(paths[0])
    shape = (len(paths), *first.data.shape)
    DEFAULT_LIMITS.check_declared("tcyx", shape, first.data.dtype.itemsize, where=str(paths[0].parent))
    data: NDArray[Any] = np.empty(shape, dtype=first.data.dtype)
    for number, path in enumerate(paths):
        frame = first if number == 0 else _plane(path)
        if frame.data.shape != first.data.shape or frame.data.dtype != first.data.dtype:
            raise MismatchedShapes(
                f"{frame.data.dtype} of shape {frame.data.shape}, but {paths[0].name} is {first.data.dtype} of "
                f"{first.data.shape}",
                where=path.name,
                remedy="All frames of a movie have one shape and one type.",
            )
        data[number] = frame.data
    return replace(first, data=data, axes="tcyx", channels=channels or first.channels, metadata=dict(first.metadata))


def read_label_frames(paths: list[Path]) -> Movie:
    """One label file a frame as uint32, axes tyx. Raises as ``read_movie``; WrongFormat if pixels are no ids."""
    movie = read_movie(paths)
    if movie.size("c") != 1 or movie.data.dtype.kind not in "ui" or int(movie.data.min()) < 0:
        raise WrongFormat(
            f"labels are whole numbers from 0 in one channel, got {movie.data.dtype} with {movie.size('c')} channels",
            where=str(paths[0]),
        )
    return np.ascontiguousarray(movie.data[:, 0].astype(np.uint32))


@dataclass(frozen=True)
class Sequence:
    """What a movie kept as frames is called, and the time between them, which the frames themselves do not say.

    Attributes:
        folder: where its frames are. name: what people call it. seconds_per_frame: None where unknown.
    """

    folder: str
    name: str
    seconds_per_frame: float | None = None


def interval(record: Record) -> float | None:
    """Seconds a frame, of the image or else of the labels."""
    known = None if record.pixels is None else record.pixels.seconds_per_frame
    return known if known is not None else getattr(record.truth, "seconds_per_frame", None)


def write_sequences(folder: Path, sequences: Iterable[Sequence]) -> None:
    """Write ``sequences.csv`` (sequence, name, seconds_per_frame) about those that say more than their folders do."""
    rows = [
        (one.folder, one.name, "" if one.seconds_per_frame is None else repr(one.seconds_per_frame))
        for one in sequences
        if one.name != one.folder or one.seconds_per_frame is not None
    ]
    if rows:
        write_rows(folder / SEQUENCES, ("sequence", "name", "seconds_per_frame"), rows)


def read_sequences(folder: Path) -> dict[str, Sequence]:
    """``sequences.csv`` by folder; empty where there is none.

    Raises:
        InvalidDocument: no table of that kind, a name twice, or an interval that is none.
    """
    if not (folder / SEQUENCES).is_file():
        return {}
    found: dict[str, Sequence] = {}
    names: set[str] = set()
    for row in read_rows(folder / SEQUENCES):
        where = f"{folder / SEQUENCES}, {row.get('sequence', '')}"
        place, text = row.get("sequence", ""), row.get("seconds_per_frame", "")
        name = row.get("name", "") or place
        if not place or place in found or name in names:
            raise InvalidDocument("a sequence is listed twice or not named", where=where)
        try:
            seconds = float(text) if text else None
        except ValueError:
            seconds = -1.0
        if seconds is not None and not 0 < seconds < np.inf:
            raise InvalidDocument(f"{text!r} is no number of seconds per frame", where=where)
        names.add(name)
        found[place] = Sequence(place, name, seconds)
    return found


def write_frames(image: ImageData, folder: Path, pattern: str, *, first: int = 0) -> None:
    """Write each frame of a movie (axes tcyx) as an OME-TIFF ``pattern.format(number)``, counted from ``first``."""
    for number, data in enumerate(image.data, start=first):
        frame = replace(image, data=data, axes="cyx", seconds_per_frame=None)
        write_tiff(folder / pattern.format(number), frame)


def write_label_frames(data: Movie, folder: Path, pattern: str, *, first: int = 0) -> None:
    """Write the masks of each frame as a TIFF or PNG of at most 16 bits; arguments as ``write_frames``.

    Raises:
        CannotCarry: an id above 65,535.
    """
    if int(data.max(initial=0)) > MAX_ID:
        raise CannotCarry(
            f"an id above {MAX_ID:,} does not fit masks of 16 bits",
            where=folder.name,
            remedy="Renumber the tracks from 1.",
            features=("ids",),
        )
    write = write_label_png if pattern.endswith(".png") else write_label_tiff
    for number, labels in enumerate(data, start=first):
        write(folder / pattern.format(number), labels)


def digits(numbers: int, *, least: int) -> int:
    """Digits that so many numbers take, at least ``least``."""
    return max(least, len(str(numbers)))


def _plane(path: Path) -> ImageData:
    frame = read_image(path)
    if frame.axes != "cyx" or frame.metadata.get("axes_assumed"):
        raise WrongFormat(
            f"a frame of axes {frame.axes} is no single plane",
            where=path.name,
            remedy="Movies of z-stacks are not read yet; project or crop them to one plane.",
        )
    return frame


def _listed(numbers: list[int], total: int | None = None) -> str:
    total = len(numbers) if total is None else total
    some = ", ".join(map(str, numbers[:5])) + (f" and {total - 5} more" if total > 5 else "")
    return f"frame {some} is" if total == 1 else f"frames {some} are"
