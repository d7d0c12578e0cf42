"""Cell Tracking Challenge: frames ``NN/t*.tif``; truth ``NN_GT/TRA`` and ``NN_GT/SEG``; results ``NN_RES``.

Source: Ulman et al. 2017, "An objective comparison of cell-tracking algorithms", https://doi.org/10.1038/nmeth.4473,
and the challenge's "Naming and file content conventions". A track row is ``L B E P``: label, first and last frame,
parent or 0. Two-dimensional sequences; the challenge's images state neither pixel size nor interval.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tifffile

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument, MismatchedShapes, NotFound, UnknownLayout, UnreadableFile
from cellcommons.layouts.contract import Entry, Record, Scan, Skipped
from cellcommons.layouts.frames import numbered_frames, read_label_frames, read_movie, same_frames
from cellcommons.tracks import LabelMovie, Lineage, Track

_FRAMES = r"t(\d{3,})\.tiff?"
_TRUTH = (r"man_track(\d{3,})\.tiff?", "man_track.txt")
_RESULT = (r"mask(\d{3,})\.tiff?", "res_track.txt")


class Ctc:
    """Sequences of the Cell Tracking Challenge; each is one image of many frames and a source of its own.

    Truth is ``NN_GT/TRA``. In some of the challenge's datasets those are markers and no outlines; where
    ``NN_GT/SEG`` holds outlines of the frames, ``metadata['seg_frames']`` says of how many.
    """

    name = "ctc"
    title = "Cell Tracking Challenge (NN, NN_GT/TRA, NN_GT/SEG, NN_RES)"
    task = "tracking"

    def guess(self, path: Path) -> tuple[float, str]:
        sequences = _sequences(path)
        if not sequences:
            return 0.0, "no folder NN holds frames t000.tif"
        tracked = sum((path / f"{folder.name}_GT" / "TRA" / "man_track.txt").is_file() for folder in sequences)
        return (0.95 if tracked else 0.6), f"{len(sequences)} sequences, {tracked} of them with NN_GT/TRA"

    def scan(self, path: Path) -> Scan:
        sequences = _sequences(path)
        if not sequences:
            raise UnknownLayout(
                "no folder 01, 02, ... with frames t000.tif here, so this is not the ctc layout",
                where=str(path),
                remedy="Point to the folder that holds 01 and 01_GT, or choose another layout.",
            )
        entries, skipped = [], []
        for folder in sequences:
            try:
                frames = numbered_frames(folder, _FRAMES)
                truth = path / f"{folder.name}_GT"
                seg = len(list((truth / "SEG").glob("man_seg*.tif"))) if (truth / "SEG").is_dir() else 0
                tracked = (truth / "TRA").is_dir()
                if tracked:
                    labels = numbered_frames(truth / "TRA", _TRUTH[0])
                    same_frames(frames, labels, shift=0, where=truth / "TRA")
            except (InvalidDocument, NotFound) as error:
                skipped.append(Skipped(folder, error.line()))
                continue
            metadata = {"source_known": True, "frames": len(frames), "seg_frames": seg, "tracked": tracked}
            paths = (*frames.values(), *((truth / "TRA" / _TRUTH[1],) if tracked else ()))
            entries.append(Entry(folder.name, paths, folder.name, "", metadata))
        return Scan(tuple(entries), tuple(skipped))

    def read(self, entry: Entry) -> Record:
        image = read_movie(list(entry.paths[: entry.metadata["frames"]]))
        truth = None
        if entry.metadata["tracked"]:
            truth = read_ctc_tracks(entry.paths[-1].parent, pixel_size=image.pixel_size)
            if truth.data.shape[1:] != image.shape_yx:
                raise MismatchedShapes(
                    f"labels of {truth.data.shape[1:]}, frames of {image.shape_yx}", where=entry.name
                )
        return Record(entry, image, truth, entry.paths[0])

    def write(self, records: Iterable[Record], folder: Path) -> None:
        """Write sequences 01, 02, ... below ``folder``; label movies as TRA and, being outlines, as SEG too.

        Raises:
            InvalidDocument: an image that is no movie of one channel, or ids above 65,535.
        """
        for number, record in enumerate(records, start=1):
            image, name = record.image, f"{number:02d}"
            if image.axes != "tcyx" or image.size("c") != 1:
                raise InvalidDocument(
                    f"a sequence has axes tcyx and one channel, got {image.axes} with {image.size('c')}",
                    where=record.entry.name,
                    remedy="Write one channel of the movie.",
                )
            (folder / name).mkdir(parents=True)
            digits = max(3, len(str(image.size("t") - 1)))
            for t in range(image.size("t")):
                tifffile.imwrite(folder / name / f"t{t:0{digits}d}.tif", image.data[t, 0])
            if isinstance(record.truth, LabelMovie):
                write_ctc_tracks(record.truth, folder / f"{name}_GT" / "TRA", truth=True)
                _write_frames(record.truth, folder / f"{name}_GT" / "SEG", "man_seg")


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
        InvalidDocument: ids above 65,535, which the challenge's 16-bit masks cannot hold.
    """
    _write_frames(movie, folder, "man_track" if truth else "mask")
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


def _write_frames(movie: LabelMovie, folder: Path, stem: str) -> None:
    if int(movie.data.max(initial=0)) > np.iinfo(np.uint16).max:
        raise InvalidDocument("an id above 65,535 does not fit 16-bit masks", remedy="Renumber the tracks from 1.")
    folder.mkdir(parents=True)
    digits = max(3, len(str(len(movie.data) - 1)))
    for t, labels in enumerate(movie.data):
        tifffile.imwrite(folder / f"{stem}{t:0{digits}d}.tif", labels.astype(np.uint16), compression="zlib")
