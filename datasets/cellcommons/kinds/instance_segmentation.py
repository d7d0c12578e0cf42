"""Instance segmentation: the labels are a label map, one id a cell."""

from __future__ import annotations

from cellcommons.classes import Ontology
from cellcommons.indexes import CellRow, ReleaseItem
from cellcommons.kinds.checks import check_companions, check_raster, counted
from cellcommons.kinds.given import Given
from cellcommons.labels import cells
from cellcommons.reading import Reading
from cellcommons.store import ObjectStore
from cellcommons.summary import Summary


class InstanceSegmentation:
    """One id a cell, 0 is background."""

    task = "instance_segmentation"
    classed = False
    companions: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    judges = False
    baseline = "Otsu + watershed"
    loading: tuple[str, ...] = (
        "image = release.image(item)    # ImageData, axes cyx",
        "labels = release.labels(item)  # uint32, axes yx",
    )

    def rows(self, reading: Reading, given: Given, ontology: Ontology | None) -> tuple[CellRow, ...]:
        return tuple(CellRow(cell.id, cell.box, cell.area) for cell in cells(reading.labels))

    def sealed(self, store: ObjectStore, item: ReleaseItem, ontology: Ontology | None) -> ReleaseItem:
        check_companions(item, self.companions, self.required)
        check_raster(store, item)
        return item

    def contents(self, summary: Summary, ontology: Ontology | None) -> list[str]:
        return [
            *counted("cells", summary, "cells"),
            "",
            "Labels are OME-Zarr label maps, uint32, axes y, x: 0 is background, every other value one cell.",
        ]

    def limits(self, summary: Summary, ontology: Ontology | None) -> list[str]:
        return []
