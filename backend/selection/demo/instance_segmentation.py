"""Nuclei to outline, from four imaginary slides."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backend.selection.demo.contract import Box, DemoImage, Page, SimulatedAnswer, cut
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap, Labels
from cellcommons.measures.detection import detection_scores
from cellcommons.reading import Reading, Value
from cellcommons.synthetic.annotator import simulate_reading, skilled
from cellcommons.synthetic.cells import SOURCES, SyntheticImage, generate_cells

GUIDELINES = """\
Outline **every nucleus**, each as a cell of its own.

- Start a **new cell** for each nucleus; paint it up to its edge, where brightness falls to half.
- Nuclei that **touch** are two cells: leave no gap between them, and let none run into the other.
- Nuclei **cut by the border** count: outline the part you see.
- Leave out **debris**: specks much smaller than a nucleus, and haze.
- Dim nuclei are nuclei. Raise the contrast before you decide that nothing is there.

Unsure? Outline what you would bet on. Others read the same image without seeing yours, and where you
disagree an expert decides.
"""


class Nuclei:
    page = Page(
        slug="demo",
        task="instance_segmentation",
        dataset="Demo nuclei",
        description=(
            "Generated fluorescence images of nuclei from four imaginary slides: ordinary, crowded, small, and dim. "
            "They are here to try the workbench with; nothing in them comes from a living thing."
        ),
        title="Outline the nuclei",
        guidelines=GUIDELINES,
        images=12,
        images_read=6,
        training_seconds=45.0,
    )
    paints = True
    answers = False

    def make(self, number: int) -> DemoImage:
        cells = demo_cells(number)
        image = ImageData(cells.image, "cyx", cells.channels, cells.pixel_size)
        name = f"{cells.source} field {number // len(SOURCES) + 1}"
        return DemoImage(
            name, cells.source, image, LabelMap(cells.labels, cells.pixel_size), "cellcommons.synthetic.cells"
        )

    def read(self, number: int, reader: int, rng: np.random.Generator) -> SimulatedAnswer:
        made = simulate_reading(demo_cells(number).labels, skilled(reader, level="practised"), rng)
        return SimulatedAnswer(Reading(made.labels), made.seconds)

    def score(self, number: int, box: Box, labels: Labels | None, values: Mapping[str, Value | None]) -> float:
        assert labels is not None
        return detection_scores(cut(demo_cells(number).labels, box), labels).f1_50


def demo_cells(number: int) -> SyntheticImage:
    """The field of view with this number, and its truth."""
    source = SOURCES[number % len(SOURCES)]
    return generate_cells(number, height=320, width=416, channels=2 if number % 3 == 2 else 1, source=source)
