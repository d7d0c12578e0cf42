"""Movies of a rehearsal: those of the folder, and generated ones beside them, so that a split has sources to part.

A folder of movies often holds one. A release that trains and tests needs several sources, so generated movies join the
dataset, and the split is drawn so that the real ones are held out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.rehearsal.pool import Upload
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.ctc import Ctc
from cellcommons.synthetic.motion import DENSITIES
from cellcommons.synthetic.movies import generate_movie
from cellcommons.tracks import LabelMovie, Movie

FRAMES, SIDE = 10, 192
FIRST = 51
"""Number of the first generated sequence: those of a folder in the same layout start at 01."""


def generated_movies(count: int, *, seed: int, folder: Path, frames: int = FRAMES, side: int = SIDE) -> Upload:
    """Write ``count`` movies in the ctc layout below ``folder``, their densities in turn."""
    written = folder / "generated"
    densities = list(DENSITIES)
    for number in range(count):
        density = densities[number % len(densities)]
        made = generate_movie(seed * 1000 + number, density=density, frames=frames, height=side, width=side)
        image = ImageData(made.image, "tcyx", made.channels, made.truth.pixel_size)
        one = folder / f"one-{number}"
        Ctc().write([Record(Entry("01", (), ""), image, made.truth, Path())], one)
        written.mkdir(exist_ok=True)
        for part in ("", "_GT"):
            (one / f"01{part}").rename(written / f"{FIRST + number:02d}{part}")
    return Upload("ctc", written, (written,), count)


def track_of_detections(movie: LabelMovie, detections: Movie) -> list[NDArray[np.int64]]:
    """Of each frame, the id of its detection at the place of each track id; 0 where the track is not there."""
    tables = []
    for tracks, found in zip(movie.data, detections, strict=True):
        table = np.zeros(int(tracks.max(initial=0)) + 1, dtype=np.int64)
        table[tracks.ravel()] = found.ravel()
        tables.append(table)
    return tables
