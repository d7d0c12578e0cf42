"""Augmented microscopy: what is learned is the real counterpart; the labels mark where it, or a prediction, is bad."""

from __future__ import annotations

from dataclasses import replace

from cellcommons.cards.front_matter import plain, table
from cellcommons.classes import Ontology
from cellcommons.errors import MismatchedShapes
from cellcommons.images.outline import read_outline
from cellcommons.indexes import SPLITS, CellRow, ReleaseItem
from cellcommons.kinds.checks import check_companions, check_raster, counted
from cellcommons.kinds.given import TARGET, Given, read_given
from cellcommons.labels import cells
from cellcommons.reading import Reading
from cellcommons.store import ObjectStore
from cellcommons.summary import Summary


class Augmented:
    """A pair of images; a row of ``cells`` is a region marked as failed."""

    task = "augmented"
    classed = False
    companions: tuple[str, ...] = (TARGET,)
    required: tuple[str, ...] = (TARGET,)
    judges = True
    baseline = "ridge regression"
    loading: tuple[str, ...] = (
        "image = release.image(item)    # ImageData, axes cyx or czyx",
        "target = release.target(item)  # ImageData, axes cyx: what to predict from it",
        "marked = release.labels(item)  # uint32, axes yx: failed regions of the target, or ...",
        "judged = item.provenance.prediction  # ... where this is set, of that prediction",
    )

    def rows(self, reading: Reading, given: Given, ontology: Ontology | None) -> tuple[CellRow, ...]:
        return tuple(CellRow(cell.id, cell.box, cell.area) for cell in cells(reading.labels))

    def sealed(self, store: ObjectStore, item: ReleaseItem, ontology: Ontology | None) -> ReleaseItem:
        check_companions(item, self.companions, self.required)
        check_raster(store, item)
        try:
            given = read_given(store, item.companions, read_outline(store, item.tree))
        except MismatchedShapes as error:
            raise MismatchedShapes(error.what, where=item.name, remedy=error.remedy) from error
        return replace(item, markers=given.target.channels if given.target else ())

    def contents(self, summary: Summary, ontology: Ontology | None) -> list[str]:
        markers = {split: summary.by_key("markers", split) for split in SPLITS}
        names = sorted(summary.by_key("markers"))
        judged, images = summary.total("drafts"), summary.total("images")
        return [
            *counted("regions marked as failed", summary, "cells"),
            "",
            *table(["pairs with marker", *SPLITS], [[plain(n), *(markers[s][n] for s in SPLITS)] for n in names]),
            "",
            "Each image has a counterpart of the same rows and columns (`target`, an OME-Zarr image). Labels are label "
            "maps, uint32, axes y, x: 0 is good, every other value a region that people marked as failed. "
            f"{judged} of {images} mark failures of a model's prediction (named in "
            "`indexes/provenance`), the others of the target itself.",
        ]

    def limits(self, summary: Summary, ontology: Ontology | None) -> list[str]:
        lines = ["- The target is an image, with the noise, bleed-through and focus of its own channel."]
        everywhere = summary.by_key("markers")
        for split in SPLITS:
            there = summary.by_key("markers", split)
            lacking = sorted(everywhere.keys() - there.keys()) if summary.total("images", split) else []
            if lacking:
                lines.append(f"- Absent from {split}: {', '.join(map(plain, lacking))}.")
        return lines
