"""Cell Tracking Challenge: frames ``NN/t*.tif``; truth ``NN_GT/TRA`` and ``NN_GT/SEG``; results ``NN_RES``.

Source: Ulman et al. 2017, "An objective comparison of cell-tracking algorithms", https://doi.org/10.1038/nmeth.4473,
and the challenge's "Naming and file content conventions". A track row is ``L B E P``: label, first and last frame,
parent or 0. Two-dimensional sequences; the challenge's images state neither pixel size nor interval. Frames written
here are OME-TIFF, which other programs read as TIFF and which keeps pixel size and channel; ``sequences.csv`` keeps
names and intervals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument, MismatchedShapes, NotFound, UnknownLayout, UnreadableFile
from cellcommons.layouts.carries import Carries, features
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.frames import (
    Sequence,
    digits,
    interval,
    numbered_frames,
    read_label_frames,
    read_movie,
    read_sequences,
    same_frames,
    write_frames,
    write_label_frames,
    write_sequences,
)
from cellcommons.layouts.tables import read_tables, write_tables
from cellcommons.tracks import LabelMovie, Lineage, Track

_FRAMES = r"t(\d{3,})\.tiff?"
_TRUTH = (r"man_track(\d{3,})\.tiff?", "man_track.txt")
_RESULT = (r"mask(\d{3,})\.tiff?", "res_track.txt")


class Ctc:
    """Sequences of the Cell Tracking Challenge; each is one image of many frames and a source of its own.

    Truth is ``NN_GT/TRA``, and where that is absent ``NN_RES``, what a tracker gave (``metadata['labels']`` says
    which). In some of the challenge's datasets TRA holds markers and no outlines; where ``NN_GT/SEG`` holds outlines
    of the frames, ``metadata['seg_frames']`` says of how many.
    """

    name = "ctc"
    title = "Cell Tracking Challenge (NN, NN_GT/TRA, NN_GT/SEG, NN_RES)"
    task = "tracking"
    carries = Carries(
        truths=(LabelMovie,),
        axes=("tcyx",),
        dtypes=("uint8", "uint16", "float32"),
        modes=("gray",),
        features=features(
            "source",
            "stratum",
            "split",
            "pixel_size",
            "channel_names",
            "wavelengths",
            "seconds_per_frame",
            "thin_axes",
            "ids",
            "outlines",
            "holes",
            "pieces",
            "divisions",
            "gaps",
        ),
        note="ids up to 65,535; sequences are numbered, sequences.csv keeps their names",
    )

    def guess(self, path: Path) -> tuple[float, str]:
        sequences = _sequences(path)
        if not sequences:
            return 0.0, "no folder NN holds frames t000.tif"
        tracked = sum(_tracks_of(folder) is not None for folder in sequences)
        return (0.95 if tracked else 0.6), f"{len(sequences)} sequences, {tracked} of them with NN_GT/TRA or NN_RES"

    def scan(self, path: Path) -> Scan:
        sequences = _sequences(path)
        if not sequences:
            raise UnknownLayout(
                "no folder 01, 02, ... with frames t000.tif here, so this is not the ctc layout",
                where=str(path),
                remedy="Point to the folder that holds 01 and 01_GT, or choose another layout.",
            )
        tables, said = read_tables(path), read_sequences(path)
        entries, skipped = [], []
        for folder in sequences:
            try:
                frames = numbered_frames(folder, _FRAMES)
                seg = list((path / f"{folder.name}_GT" / "SEG").glob("man_seg*.tif"))
                found = _tracks_of(folder)
                if found is not None:
                    place, (pattern, _) = found
                    same_frames(frames, numbered_frames(place, pattern), shift=0, where=place)
            except (InvalidDocument, NotFound) as error:
                skipped.append(Skipped(folder, error.line()))
                continue
            known = said.get(folder.name, Sequence(folder.name, folder.name))
            metadata: dict[str, Any] = {
                "source_known": True,
                "frames": len(frames),
                "seg_frames": len(seg),
                "tracked": bool(found),
            }
            if found is not None:
                metadata["labels"] = found[0].relative_to(path).as_posix()
            if known.seconds_per_frame is not None:
                metadata["seconds_per_frame"] = known.seconds_per_frame
            paths = (*frames.values(), *((found[0] / found[1][1],) if found else ()))
            entries.append(tables.applied(Entry(known.name, paths, known.name, "", metadata), folder.name))
        skipped += _left_out(path, {folder.name for folder in sequences})
        return Scan(tuple(sorted(entries, key=lambda entry: entry.name)), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        seconds = entry.metadata.get("seconds_per_frame")
        image = read_movie(list(entry.paths[: entry.metadata["frames"]]))
        image = replace(image, seconds_per_frame=seconds)
        truth = None
        if entry.metadata["tracked"]:
            truth = read_ctc_tracks(entry.paths[-1].parent, pixel_size=image.pixel_size, seconds_per_frame=seconds)
            if truth.data.shape[1:] != image.shape_yx:
                raise MismatchedShapes(
                    f"labels of {truth.data.shape[1:]}, frames of {image.shape_yx}", where=entry.name
                )
        return Record(entry, image, truth, entry.paths[0], entry.paths[: entry.metadata["frames"]])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """Write sequences 01, 02, ... below ``folder``; label movies as TRA and, being outlines, as SEG too.

        A record that is called by a number of its own keeps it.

        Raises:
            CannotCarry: ids above 65,535.
        """
        entries: list[Entry] = []
        sequences: list[Sequence] = []
        for record in records:
            taken = {one.folder for one in sequences}
            numbers = (f"{number:02d}" for number in range(1, len(taken) + 2))
            own = record.entry.name if re.fullmatch(r"[0-9]{2,9}", record.entry.name) else ""
            name = own if own and own not in taken else next(number for number in numbers if number not in taken)
            image = record.image
            sequences.append(Sequence(name, record.entry.name, interval(record)))
            entries.append(record.entry)
            width = digits(image.size("t"), least=3)
            (folder / name).mkdir(parents=True)
            write_frames(image, folder / name, f"t{{:0{width}d}}.tif")
            if isinstance(record.truth, LabelMovie):
                write_ctc_tracks(record.truth, folder / f"{name}_GT" / "TRA", truth=True)
                _write_masks(record.truth, folder / f"{name}_GT" / "SEG", "man_seg")
        write_sequences(folder, sequences)
        write_tables(folder, entries)


def read_ctc_tracks(
    folder: Path, *, pixel_size: PixelSize | None = None, seconds_per_frame: float | None = None
) -> LabelMovie:
    """The tracks of a ``NN_GT/TRA`` or ``NN_RES`` folder.

    Raises:
        NotFound: neither man_track.txt nor res_track.txt, or no masks.
        InvalidDocument: frames missing, masks and table disagree, or the table is no lineage.
    """
    for pattern, table in (_TRUTH, _RESULT):
        if (folder / table).is_file():
            frames = numbered_frames(folder, pattern)
            if min(frames):
                raise InvalidDocument(f"frames begin at {min(frames)}, not at 0", where=str(folder))
            lineage = read_track_table(folder / table)
            data = read_label_frames(list(frames.values()))
            return LabelMovie(data, lineage, pixel_size or PixelSize(), seconds_per_frame)
    raise NotFound("neither man_track.txt nor res_track.txt", where=str(folder))


def write_ctc_tracks(movie: LabelMovie, folder: Path, *, truth: bool = False) -> None:
    """Write a movie as results (``mask*.tif``, ``res_track.txt``) or, if ``truth``, as TRA (``man_track*``).

    Raises:
        CannotCarry: ids above 65,535, which the challenge's 16-bit masks cannot hold.
    """
    _write_masks(movie, folder, "man_track" if truth else "mask")
    rows = [f"{t.id} {t.begin} {t.end} {t.parent or 0}\n" for t in movie.lineage.tracks]
    (folder / (_TRUTH if truth else _RESULT)[1]).write_text("".join(rows), encoding="ascii")


def read_track_table(path: Path) -> Lineage:
    """The lineage of a man_track.txt or res_track.txt. Raises InvalidDocument, which names the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"the table cannot be read ({error})", where=str(path)) from error
    tracks = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        words = line.split()
        if len(words) != 4 or not all(re.fullmatch(r"\d{1,10}", word) for word in words):
            raise InvalidDocument(
                f"{line.strip()[:60]!r} is not four whole numbers 'label begin end parent'",
                where=f"{path.name}, line {number}",
            )
        label, begin, end, parent = map(int, words)
        tracks.append(Track(label, begin, end, parent or None))
    try:
        return Lineage(tuple(tracks))
    except InvalidDocument as error:
        raise InvalidDocument(error.what, where=f"{path.name}, {error.where}", remedy=error.remedy) from error


def _sequences(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    folders = sorted(f for f in path.iterdir() if f.is_dir() and re.fullmatch(r"\d{2,}", f.name))
    return [f for f in folders if any(re.fullmatch(_FRAMES, p.name) for p in f.iterdir())]


def _tracks_of(sequence: Path) -> tuple[Path, tuple[str, str]] | None:
    """The folder of a sequence's tracks, with the names of its files; None where there are none."""
    truth, result = sequence.with_name(f"{sequence.name}_GT") / "TRA", sequence.with_name(f"{sequence.name}_RES")
    if truth.is_dir():
        return truth, _TRUTH
    return (result, _RESULT) if (result / _RESULT[1]).is_file() else None


def _left_out(path: Path, sequences: set[str]) -> list[Skipped]:
    """Folders of the challenge that say nothing here: silver truth, and truth or results of no sequence."""
    found = []
    for folder in sorted(path.iterdir()):
        match = re.fullmatch(r"(\d{2,})_(GT|ST|RES|ERR_SEG)", folder.name) if folder.is_dir() else None
        if match is None:
            continue
        if match[1] not in sequences:
            found.append(Skipped(folder, f"there is no folder {match[1]} with its frames"))
        elif match[2] in ("ST", "ERR_SEG"):
            found.append(Skipped(folder, "masks that a program made, without tracks"))
    return found


def _write_masks(movie: LabelMovie, folder: Path, stem: str) -> None:
    folder.mkdir(parents=True)
    write_label_frames(movie.data, folder, f"{stem}{{:0{digits(len(movie.data), least=3)}d}}.tif")
