"""Movies kept as one file a frame: found by number, checked for what is missing, read as one array."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument, MismatchedShapes, NotFound, WrongFormat
from cellcommons.images.data import ImageData
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.images.readers import read_image
from cellcommons.tracks import Movie


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
    missing = sorted(set(range(min(found), max(found) + 1)) - set(found))
    if missing:
        raise InvalidDocument(
            f"{_listed(missing)} missing between {found[min(found)].name} and {found[max(found)].name}",
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
    return ImageData(data, "tcyx", channels or first.channels, first.pixel_size, first.rgb, dict(first.metadata))


def read_label_frames(paths: list[Path]) -> Movie:
    """One label file a frame as uint32, axes tyx. Raises as ``read_movie``; WrongFormat if pixels are no ids."""
    movie = read_movie(paths)
    if movie.size("c") != 1 or movie.data.dtype.kind not in "ui" or int(movie.data.min()) < 0:
        raise WrongFormat(
            f"labels are whole numbers from 0 in one channel, got {movie.data.dtype} with {movie.size('c')} channels",
            where=str(paths[0]),
        )
    return np.ascontiguousarray(movie.data[:, 0].astype(np.uint32))


def _plane(path: Path) -> ImageData:
    frame = read_image(path)
    if frame.axes != "cyx" or frame.metadata.get("axes_assumed"):
        raise WrongFormat(
            f"a frame of axes {frame.axes} is no single plane",
            where=path.name,
            remedy="Movies of z-stacks are not read yet; project or crop them to one plane.",
        )
    return frame


def _listed(numbers: list[int]) -> str:
    some = ", ".join(map(str, numbers[:5])) + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
    return f"frame {some} is" if len(numbers) == 1 else f"frames {some} are"
