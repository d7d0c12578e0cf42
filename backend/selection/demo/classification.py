"""Cells to classify, by shape and texture; where they are is given."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backend.selection.demo.contract import Box, DemoImage, Page, SimulatedAnswer, share_right
from cellcommons.images.data import ImageData
from cellcommons.labels import Labels
from cellcommons.reading import Reading, Value, Values
from cellcommons.synthetic.class_annotator import ClassErrorModel, simulate_classes
from cellcommons.synthetic.classes import KINDS, SOURCES, SyntheticField, generate_class_field

GUIDELINES = """\
Say **of each outlined cell which kind it is**.

- **round**: even brightness, like a disc.
- **granular**: round too, but full of bright specks.
- **spindle**: long and thin, striped along its length.
- **lobed**: three or four lobes, darker in the middle.

Size and brightness tell nothing here: look at **shape and texture**. In the gallery you can select many cells and
give them one class with one key.

Unsure? Choose what you would bet on. Others classify the same cells without seeing your answers.
"""
READERS = (
    ClassErrorModel(accuracy=0.9),
    ClassErrorModel(accuracy=0.8),
    ClassErrorModel(accuracy=0.72, habit=0.1, habit_class=0),
)


class Classes:
    page = Page(
        slug="demo-classes",
        task="classification",
        dataset="Demo cells of four kinds",
        description=(
            "Generated cells of four kinds from six imaginary donors, told apart by shape and texture. "
            "Nothing in them comes from a living thing."
        ),
        title="Name the kinds of cells",
        guidelines=GUIDELINES,
        images=12,
        images_read=8,
        training_seconds=40.0,
    )
    paints = False
    answers = True

    def make(self, number: int) -> DemoImage:
        field = _field(number)
        image = ImageData(field.image, "cyx", ("stain",), field.pixel_size)
        name = f"{field.source} field {number // len(SOURCES) + 1}"
        return DemoImage(name, field.source, image, field.truth, "cellcommons.synthetic.classes")

    def read(self, number: int, reader: int, rng: np.random.Generator) -> SimulatedAnswer:
        truth = _values(number)
        made = simulate_classes(tuple(tuple(names) for names in truth.values()), KINDS, READERS[reader], rng)
        said = {key: list(names) for key, names in zip(truth, made.classes, strict=True)}
        return SimulatedAnswer(Reading(None, said), made.seconds)

    def score(self, number: int, box: Box, labels: Labels | None, values: Mapping[str, Value | None]) -> float:
        return share_right(_values(number), values)


def _field(number: int) -> SyntheticField:
    return generate_class_field(400 + number, height=224, width=304, count=26, source=SOURCES[number % len(SOURCES)])


def _values(number: int) -> Values:
    """Subject -> classes, as an import counts the cells: from 1, in the order of their ids."""
    classes = _field(number).truth.classes
    return {str(place): list(classes[cell]) for place, cell in enumerate(sorted(classes), start=1)}
