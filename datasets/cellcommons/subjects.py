"""Subjects: what a class is given to, numbered so that the numbers tell nothing of the classes.

The whole image is subject ``"0"``; given boxes and cells count from ``"1"``, boxes in raster order of their corners,
cells in order of their ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cellcommons.classes import CellBoxes, CellClasses, ImageClasses, Ontology
from cellcommons.labels import Labels, relabel

WHOLE = "0"
ClassTruth = ImageClasses | CellBoxes | CellClasses


@dataclass(frozen=True, eq=False)
class Subjects:
    """What a layout says of an image's classes, in the terms of a reading (``cellcommons.reading``).

    Attributes:
        classes: subject -> class names. ontology: what they are of.
        boxes: subject -> ``[y0, x0, y1, x1]``, half-open, where boxed cells are given.
        cells: uint32, yx, ids 1..n, where outlined cells are given.
    """

    classes: dict[str, list[str]]
    ontology: Ontology
    boxes: dict[str, list[int]] | None = None
    cells: Labels | None = field(default=None, repr=False)


def subjects_of(truth: ClassTruth) -> Subjects:
    """Number the subjects of ``truth``; a cell of a label map that has no class is a subject without one."""
    if isinstance(truth, ImageClasses):
        return Subjects({WHOLE: list(truth.classes)}, truth.ontology)
    if isinstance(truth, CellBoxes):
        # In raster order, so that the order in the file tells nothing of the class.
        boxes = list(enumerate(sorted(truth.boxes, key=lambda cell: cell.box), start=1))
        return Subjects(
            {str(number): [cell.name] for number, cell in boxes},
            truth.ontology,
            boxes={str(number): [int(edge) for edge in cell.box] for number, cell in boxes},
        )
    numbers = {int(old): str(new) for new, old in enumerate(truth.labels.ids.tolist(), start=1)}
    classes = {numbers[cell]: list(names) for cell, names in truth.classes.items()}
    return Subjects(classes, truth.ontology, cells=relabel(truth.labels.data))
