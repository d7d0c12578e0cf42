"""Classification: the labels are the classes of given cells, of given boxes, or of the whole image."""

from __future__ import annotations

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.images.outline import read_outline
from cellcommons.indexes import CellRow, ReleaseItem
from cellcommons.kinds.checks import (
    check_companions,
    class_counts,
    class_limits,
    class_table,
    counted,
    known_ontology,
)
from cellcommons.kinds.given import BOXES, CELLS, Given, read_given
from cellcommons.reading import Reading, read_reading
from cellcommons.store import ObjectStore
from cellcommons.summary import Summary


class Classification:
    """Subject -> classes; a row of ``cells`` is a subject that has been classified."""

    task = "classification"
    classed = True
    companions: tuple[str, ...] = (CELLS, BOXES)
    required: tuple[str, ...] = ()
    judges = False
    baseline = "logistic regression on size and colour"
    loading: tuple[str, ...] = (
        "image = release.image(item)  # ImageData, axes cyx",
        "for cell in item.cells:      # what was classified: given cells, boxes, or 0, the whole image",
        "    print(cell.id, cell.box, cell.classes)",
    )

    def rows(self, reading: Reading, given: Given, ontology: Ontology | None) -> tuple[CellRow, ...]:
        known, subjects = known_ontology(ontology), given.subjects()
        rows = []
        for key, names in reading.values.items():
            if not key.isdecimal() or int(key) not in subjects or not isinstance(names, list):
                raise InvalidDocument(
                    "an answer names no subject of the image, or no list of classes", where=f"subject {key}"
                )
            box, area = subjects[int(key)]
            rows.append(CellRow(int(key), box, area, classes=known.checked(names, where=f"subject {key}")))
        return tuple(sorted(rows, key=lambda row: row.id))

    def sealed(self, store: ObjectStore, item: ReleaseItem, ontology: Ontology | None) -> ReleaseItem:
        check_companions(item, self.companions, self.required)
        try:
            given = read_given(store, item.companions, read_outline(store, item.tree))
            said = self.rows(read_reading(store, item.labels), given, ontology)
        except InvalidDocument as error:
            raise InvalidDocument(error.what, where=f"{item.name}, {error.where}", remedy=error.remedy) from error
        listed = {row.id: row.classes for row in item.cells}
        if listed != {row.id: row.classes for row in said}:
            raise InvalidDocument("the rows of its cells say other classes than its labels", where=item.name)
        return item

    def contents(self, summary: Summary, ontology: Ontology | None) -> list[str]:
        known = known_ontology(ontology)
        given = summary.total("given")
        asked = "The whole image was classified" if not given else "Given cells or boxes were classified"
        kept = " (`indexes/companions` names them)" if given else ""
        order = " Their order is a rank." if known.ordinal else ""
        several = " A subject may be of several, or of none." if known.multi else ""
        return [
            *counted("classified", summary, "cells"),
            "",
            *class_table("class", class_counts(summary), known),
            "",
            f"{asked}{kept}. Labels are `values.json` in each label tree, subject -> classes, and the column `classes` "
            f"of `indexes/cells`; the classes are those above.{order}{several}",
        ]

    def limits(self, summary: Summary, ontology: Ontology | None) -> list[str]:
        return class_limits(summary, known_ontology(ontology))
