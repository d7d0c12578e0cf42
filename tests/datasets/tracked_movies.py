"""Tracked movies that tests of layouts write and read."""

from __future__ import annotations

from pathlib import Path

from cellcommons.axes import PixelSize
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.ctc import Ctc
from cellcommons.layouts.nist_lineage import NistLineage
from cellcommons.layouts.usiigaci import Usiigaci
from cellcommons.linked import lineage_from_ids, relabelled
from cellcommons.synthetic.movies import generate_movie
from cellcommons.tracks import LabelMovie, movie_nodes


def dish() -> Record:
    """A generated movie with divisions."""
    movie = generate_movie(2, density="medium", frames=12, height=96, width=112)
    image = ImageData(movie.image, "tcyx", movie.channels, movie.truth.pixel_size)
    assert movie.truth.lineage.divisions
    return Record(Entry("dish", (), "dish"), image, movie.truth, Path("dish"))


def only(layout: Ctc | Usiigaci | NistLineage, folder: Path) -> Record:
    scan = layout.scan(folder)
    assert [s.reason for s in scan.skipped] == []
    return layout.read(scan.entries[0])


def truth(record: Record) -> LabelMovie:
    assert isinstance(record.truth, LabelMovie)
    assert record.labels is None
    return record.truth


def without_divisions(record: Record) -> Record:
    """As if each daughter had come from nowhere; the first track unseen in frame 2."""
    data = truth(record).data.copy()
    first = truth(record).lineage.tracks[0]
    assert first.end > 3
    data[2][data[2] == first.id] = 0
    nodes = movie_nodes(data)
    lineage, ids = lineage_from_ids(nodes)
    movie = LabelMovie(relabelled(data, nodes, ids), lineage, PixelSize(0.65, 0.65))
    return Record(record.entry, record.image, movie, record.original)
