"""Tracking: the labels are links between given detections; tracks and divisions follow from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from cellcommons.cards.front_matter import table
from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.images.outline import read_outline
from cellcommons.indexes import SPLITS, CellRow, ReleaseItem
from cellcommons.kinds.checks import check_companions
from cellcommons.kinds.given import DETECTIONS, Given, read_given
from cellcommons.links import movie_of
from cellcommons.reading import Reading, read_values
from cellcommons.store import ObjectStore
from cellcommons.summary import Summary
from cellcommons.tracks import LabelMovie


def track_rows(movie: LabelMovie) -> tuple[CellRow, ...]:
    """One row a track: the box that holds all its masks, and their pixels together."""
    boxes: dict[int, tuple[int, int, int, int]] = {}
    areas = np.bincount(movie.data.ravel())
    for labels in movie.data:
        for index, found in enumerate(ndimage.find_objects(labels.astype(np.int64)), start=1):
            if found is None:
                continue
            rows, cols = found
            y0, x0, y1, x1 = boxes.get(index, (rows.start, cols.start, rows.stop, cols.stop))
            boxes[index] = (min(y0, rows.start), min(x0, cols.start), max(y1, rows.stop), max(x1, cols.stop))
    return tuple(CellRow(track.id, boxes[track.id], int(areas[track.id])) for track in movie.lineage.tracks)


class Tracking:
    """Child -> parent over detections; a row of ``cells`` is a track."""

    task = "tracking"
    classed = False
    companions: tuple[str, ...] = (DETECTIONS,)
    required: tuple[str, ...] = (DETECTIONS,)
    judges = False
    baseline = "overlap linking"
    loading: tuple[str, ...] = (
        "image = release.image(item)  # ImageData, axes tcyx",
        "movie = release.movie(item)  # LabelMovie: data uint32 tyx labelled by track, lineage with parents",
    )

    def rows(self, reading: Reading, given: Given, ontology: Ontology | None) -> tuple[CellRow, ...]:
        return track_rows(movie_of(given.frame_movie(), reading.values))

    def sealed(self, store: ObjectStore, item: ReleaseItem, ontology: Ontology | None) -> ReleaseItem:
        check_companions(item, self.companions, self.required)
        try:
            given = read_given(store, item.companions, read_outline(store, item.tree))
            movie = movie_of(given.frame_movie(), read_values(store, item.labels))
        except InvalidDocument as error:
            raise InvalidDocument(error.what, where=f"{item.name}, {error.where}", remedy=error.remedy) from error
        tracks = movie.lineage.tracks
        if item.cells and {row.id for row in item.cells} != {track.id for track in tracks}:
            raise InvalidDocument("the rows of its cells are not the tracks of its labels", where=item.name)
        return replace(item, tracks=tracks)

    def contents(self, summary: Summary, ontology: Ontology | None) -> list[str]:
        facts = ("images", "sources", "tracks", "divisions")
        rows: list[list[object]] = [
            [split or "all", *(summary.total(fact, split) for fact in facts)] for split in (*SPLITS, None)
        ]
        return [
            *table(["split", "movies", "sources", "tracks", "divisions"], rows),
            "",
            "Images have axes t, c, y, x. Beside each lie the masks of its frames (`detections`, uint32, axes t, y, x, "
            "ids unique within a frame). Labels are `values.json` in each label tree, child -> parent, as `frame:id`; "
            "`indexes/tracks` lists the tracks that follow from it, with their parents.",
        ]

    def limits(self, summary: Summary, ontology: Ontology | None) -> list[str]:
        lines = ["- Links join the masks that were given; a cell that they miss or merge with another stays so."]
        for split in SPLITS:
            if summary.total("images", split) and not summary.total("divisions", split):
                lines.append(f"- No division in {split}: it measures no division F1.")
        return lines
