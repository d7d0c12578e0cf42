"""Releases and movies out, in layouts that other tools read."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.ctc import Ctc
from cellcommons.layouts.geff import Geff
from cellcommons.release import Release
from cellcommons.tracks import LabelMovie

INDEX = "movies.csv"


class MovieWriter(Protocol):
    """A layout that label movies can be written in."""

    name: str

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """Write ``records`` below ``folder``."""


_WRITERS: dict[str, MovieWriter] = {"ctc": Ctc(), "geff": Geff()}


@dataclass(frozen=True)
class Exported:
    """What was written. ``tracks`` and ``divisions``: in all movies together."""

    layout: str
    movies: int
    frames: int
    tracks: int
    divisions: int


def export_layouts() -> tuple[str, ...]:
    """Names of the layouts that movies can be exported in."""
    return tuple(_WRITERS)


def export_release(
    release: Release, folder: Path, *, layout: str, split: str | None = None, channel: int = 0
) -> Exported:
    """Write the movies of a release of tracking, one after the other; ``movies.csv`` says which is which.

    Args:
        folder: must not hold anything yet. layout: one of ``export_layouts()``. split: one split only.
        channel: of the image, for layouts that hold one.

    Raises:
        InvalidDocument: not a release of tracking, an unknown layout, no movie in the split, no such channel, or a
            folder that holds something.
    """
    writer = _writer(layout)
    if release.manifest.task != "tracking":
        raise InvalidDocument(
            f"{release.manifest.reference} is a release of {release.manifest.task}, and {layout} holds tracks",
            where=release.manifest.reference,
            remedy="Export a release of tracking.",
        )
    items = list(release.items(split))
    if not items:
        raise InvalidDocument(f"no movie in split {split!r}", where=release.manifest.reference)
    rows = [["written_as", "image", "name", "split", "source"]]
    for number, item in enumerate(items, start=1):
        written = f"{number:02d}" if layout == Ctc.name else item.path
        rows.append([written, item.image, item.name, item.split, item.source])
    # One at a time: a release may be larger than memory.
    records = (
        _record(item.path, release.image(item), release.movie(item), layout=layout, channel=channel) for item in items
    )
    exported = _written(writer, folder, records)
    with (folder / INDEX).open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    return exported


def export_movie(
    movie: LabelMovie, image: ImageData, folder: Path, *, layout: str, name: str = "movie", channel: int = 0
) -> Exported:
    """Write one movie. Arguments and errors as ``export_release``."""
    writer = _writer(layout)
    return _written(writer, folder, iter([_record(name, image, movie, layout=layout, channel=channel)]))


def _writer(layout: str) -> MovieWriter:
    if layout not in _WRITERS:
        raise InvalidDocument(
            f"movies cannot be exported as {layout!r}", remedy=f"Choose one of: {', '.join(_WRITERS)}."
        )
    return _WRITERS[layout]


def _written(writer: MovieWriter, folder: Path, records: Iterator[Record]) -> Exported:
    if folder.exists() and any(folder.iterdir()):
        raise InvalidDocument(
            "the folder holds something already", where=str(folder), remedy="Name a folder that does not exist yet."
        )
    folder.mkdir(parents=True, exist_ok=True)
    done = Exported(writer.name, 0, 0, 0, 0)

    def counted() -> Iterator[Record]:
        nonlocal done
        for record in records:
            movie = record.truth
            assert isinstance(movie, LabelMovie)
            yield record
            lineage = movie.lineage
            done = Exported(
                done.layout,
                done.movies + 1,
                done.frames + len(movie.data),
                done.tracks + len(lineage.tracks),
                done.divisions + len(lineage.divisions),
            )

    writer.write(counted(), folder)
    return done


def _record(name: str, image: ImageData, movie: LabelMovie, *, layout: str, channel: int) -> Record:
    if image.axes != "tcyx":
        raise InvalidDocument(f"an image with axes {image.axes} is no flat movie", where=name)
    if not 0 <= channel < image.size("c"):
        raise InvalidDocument(f"there is no channel {channel}; it has {image.size('c')}", where=name)
    if layout == Ctc.name:
        data = image.data[:, channel : channel + 1]
        image = replace(image, data=data, channels=(image.channels[channel],), rgb=False)
    return Record(Entry(name, (), name), image, movie, Path())
