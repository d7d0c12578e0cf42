"""TrackMate: a session ``NAME.xml`` beside the movie that it names.

Spots are points with a radius, so the truth is ``PointTracks``, and no masks are made up from radii; where every spot
has an outline (TrackMate 7 and later, detectors of objects) it is a ``LabelMovie`` of these.
``trackmate_xml`` reads the sessions alone, ``trackmate_writing`` writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any

import tifffile

from cellcommons.errors import CellCommonsError, MismatchedShapes, NotFound, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.images.readers import read_image
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.frames import interval, numbered_frames, read_movie
from cellcommons.layouts.tables import read_tables, write_tables
from cellcommons.layouts.trackmate_outlines import outlined_movie
from cellcommons.layouts.trackmate_writing import write_trackmate
from cellcommons.layouts.trackmate_xml import read_trackmate
from cellcommons.points import PointTracks
from cellcommons.tracks import LabelMovie

_HEAD = 4096


class TrackMate:
    """Sessions of TrackMate (Fiji) and their movies. Two-dimensional movies; merges of tracks are refused."""

    name = "trackmate"
    title = "TrackMate (NAME.xml beside its movie)"
    task = "tracking"
    carries = Carries(
        truths=(PointTracks,),
        unlabelled=False,
        axes=("tcyx",),
        dtypes=("uint8", "uint16", "float32"),
        modes=("gray", "stains"),
        features=features(
            "source",
            "stratum",
            "split",
            "pixel_size",
            "channel_names",
            "seconds_per_frame",
            "ids",
            "divisions",
            "gaps",
            "radii",
            "subpixel",
        ),
        note="spots with a radius; the movie is an ImageJ hyperstack beside the session",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        found = len(_sessions(path))
        return (0.9, f"{found} TrackMate files") if found else (0.0, "no TrackMate .xml")

    def scan(self, path: Path) -> Scan:
        sessions = _sessions(path)
        if not sessions:
            raise UnknownLayout("no .xml of TrackMate here, so this is not the trackmate layout", where=str(path))
        tables = read_tables(path)
        entries, skipped = [], []
        for session in sessions:
            try:
                found = read_trackmate(session)
                movie, files = _movie_of(session, PureWindowsPath(found.image_name).name, found.frames)
            except CellCommonsError as error:  # one broken session must not hide the others
                skipped.append(Skipped(session, error.line()))
                continue
            entry = Entry(session.stem, (*files, session), movie, "", {"source_known": False})
            entries.append(tables.applied(entry))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        files, session = list(entry.paths[:-1]), read_trackmate(entry.paths[-1])
        image = read_image(files[0]) if len(files) == 1 else read_movie(files)
        said = (session.frames, *session.shape_yx)
        if image.axes != "tcyx" or (image.size("t"), *image.shape_yx) != said:
            raise MismatchedShapes(
                f"the session is of {said[0]} frames of {said[1:]}, the movie has axes {image.axes} and shape "
                f"{image.data.shape}",
                where=entry.name,
                remedy="Keep the very movie that was tracked, with named axes, beside the session.",
            )
        size = image.pixel_size if image.pixel_size.known else session.tracks.pixel_size
        seconds = image.seconds_per_frame or session.tracks.seconds_per_frame
        notes = {"loose_spots": session.loose_spots}
        session.tracks = replace(session.tracks, pixel_size=size, seconds_per_frame=seconds)
        truth: PointTracks | LabelMovie = session.tracks
        outlined = outlined_movie(session, where=entry.paths[-1].name)
        if outlined is not None:
            truth, notes["overlap_pixels"] = outlined
        known = replace(entry, metadata={**entry.metadata, **notes})
        names = session.channels if len(session.channels) == image.size("c") else image.channels
        image = replace(image, pixel_size=size, seconds_per_frame=seconds, channels=names)
        return Record(known, image, truth, files[0], tuple(files))

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """Write point tracks as sessions, each beside its movie (an ImageJ hyperstack)."""
        folder.mkdir(parents=True, exist_ok=True)
        entries: list[Entry] = []
        for record in records:
            image, name = record.image, record.entry.name
            assert isinstance(record.truth, PointTracks)  # as ``carries`` says
            seconds = interval(record)
            _write_movie(folder / f"{name}.tif", image, seconds)
            write_trackmate(
                replace(record.truth, pixel_size=image.pixel_size, seconds_per_frame=seconds),
                folder / f"{name}.xml",
                image_name=f"{name}.tif",
                shape_yx=image.shape_yx,
                frames=image.size("t"),
                channels=image.channels,
            )
            entries.append(record.entry)
        write_tables(folder, entries)


def _movie_of(session: Path, name: str, frames: int) -> tuple[str, list[Path]]:
    """What the session's movie is called, and its file beside the session, or its frames ``NAME0000.tif``.

    Raises:
        NotFound: neither is there. InvalidDocument: frames are missing.
    """
    home = session.parent.resolve()
    whole = session.parent / (name or "unnamed")
    if whole.is_file() and whole.resolve().is_relative_to(home):
        return name, [whole]
    try:
        found = numbered_frames(session.parent, rf"{re.escape(whole.stem)}[ _-]?t?(\d+)\.tiff?")
    except NotFound:
        found = {}
    if len(found) == frames and all(path.resolve().is_relative_to(home) for path in found.values()):
        return name, list(found.values())
    raise NotFound(
        f"its movie {name!r} is not beside it",
        where=session.name,
        remedy="Put the movie that was tracked, or all its frames, into the same folder.",
    )


def _write_movie(path: Path, image: ImageData, seconds: float | None) -> None:
    """A hyperstack as ImageJ writes it: it opens OME-TIFF by plug-ins only, and TrackMate asks ImageJ."""
    size = image.pixel_size
    scale = (1 / size.x, 1 / size.y) if size.x and size.y else None
    facts: dict[str, Any] = {"axes": "TCYX", "Labels": [*image.channels] * image.size("t")}
    facts |= {"unit": "um"} if scale else {}
    facts |= {"finterval": seconds, "tunit": "sec"} if seconds else {}
    if image.size("c") > 1:
        facts["mode"] = "composite"
    tifffile.imwrite(path, image.data, imagej=True, metadata=facts, resolution=scale)


def _sessions(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return sorted(p for p in path.glob("*.xml") if p.is_file() and _is_session(p))


def _is_session(path: Path) -> bool:
    try:
        with path.open("rb") as handle:
            return b"<TrackMate" in handle.read(_HEAD)
    except OSError:
        return False
