"""Semantic segmentation: the labels are a map of classes, 0 where nobody said."""

from __future__ import annotations

import numpy as np

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.indexes import CellRow, ReleaseItem
from cellcommons.kinds.checks import (
    check_companions,
    check_raster,
    class_counts,
    class_limits,
    class_table,
    counted,
    known_ontology,
)
from cellcommons.kinds.given import Given
from cellcommons.labels import Labels, cells
from cellcommons.reading import Reading, read_reading
from cellcommons.semantic import UNKNOWN, SemanticMap
from cellcommons.store import ObjectStore
from cellcommons.summary import Summary


def semantic_map(raster: Labels, ontology: Ontology, *, where: str = "") -> SemanticMap:
    """The raster of a reading (uint32, yx: 0 unknown, k + 1 class k) as a map of classes.

    Raises:
        InvalidDocument: a value outside the ontology, or classes that do not exclude each other.
    """
    top = int(raster.max(initial=0))
    if top > len(ontology):
        raise InvalidDocument(
            f"pixel value {top} is no class",
            where=where,
            remedy=f"0 is unknown, 1..{len(ontology)} are: {ontology.listed()}.",
        )
    return SemanticMap(np.where(raster == 0, UNKNOWN, raster - 1).astype(np.uint8), ontology)


def class_raster(classes: SemanticMap) -> Labels:
    """The reverse of ``semantic_map``."""
    return np.where(classes.known, classes.data.astype(np.uint32) + 1, 0).astype(np.uint32)


class SemanticSegmentation:
    """A class for each pixel; a row of ``cells`` is a class that is there."""

    task = "semantic_segmentation"
    classed = True
    companions: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    judges = False
    baseline = "class by brightness"
    loading: tuple[str, ...] = (
        "image = release.image(item)        # ImageData, axes cyx",
        "labels = release.labels(item)      # uint32, axes yx: 0 unknown, k + 1 is ...",
        "classes = release.ontology.names  # ... classes[k]",
    )

    def rows(self, reading: Reading, given: Given, ontology: Ontology | None) -> tuple[CellRow, ...]:
        known = known_ontology(ontology)
        semantic_map(reading.labels, known)
        return tuple(
            CellRow(found.id, found.box, found.area, classes=(known.names[found.id - 1],))
            for found in cells(reading.labels)
        )

    def sealed(self, store: ObjectStore, item: ReleaseItem, ontology: Ontology | None) -> ReleaseItem:
        known = known_ontology(ontology, where=item.name)
        check_companions(item, self.companions, self.required)
        check_raster(store, item)
        semantic_map(read_reading(store, item.labels).labels, known, where=item.name)
        for row in item.cells:
            known.checked(row.classes, where=f"{item.name}, value {row.id}")
        return item

    def contents(self, summary: Summary, ontology: Ontology | None) -> list[str]:
        known = known_ontology(ontology)
        images, pixels = class_counts(summary), class_counts(summary, "class_area")
        total, said = summary.total("pixels"), summary.total("class_area")
        return [
            *counted("pixels with a class", summary, "area"),
            "",
            *class_table("pixels of class", pixels, known),
            "",
            *class_table("images that show class", images, known),
            "",
            "Labels are OME-Zarr label maps, uint32, axes y, x: 0 is unknown, k + 1 the class k of the list above. "
            f"{1 - said / max(1, total):.1%} of the pixels are unknown; leave them out of losses and scores.",
        ]

    def limits(self, summary: Summary, ontology: Ontology | None) -> list[str]:
        return class_limits(summary, known_ontology(ontology))
