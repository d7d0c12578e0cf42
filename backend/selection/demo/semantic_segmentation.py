"""Tissue to paint by class."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backend.selection.demo.contract import Box, DemoImage, Page, SimulatedAnswer, cut
from cellcommons.images.data import ImageData
from cellcommons.kinds.semantic_segmentation import class_raster
from cellcommons.labels import Labels
from cellcommons.reading import Reading, Value
from cellcommons.synthetic.pixel_annotator import PixelErrorModel, simulate_map
from cellcommons.synthetic.semantic import SyntheticTissue, generate_tissue

GUIDELINES = """\
Paint **every region of the section with its class**.

- **background**: empty glass, dark and even.
- **stroma**: fibres that run in one direction.
- **epithelium**: packed with round nuclei.
- **necrosis**: grainy haze without structure.

Paint large regions first, then mend the boundaries. Where you really cannot tell, leave the pixels **unknown**: that
is an answer too, and nothing is learned from them.
"""
READERS = (
    PixelErrorModel(confuse=0.03, boundary_px=1.2),
    PixelErrorModel(confuse=0.08, boundary_px=2.0),
    PixelErrorModel(confuse=0.12, miss=0.08, boundary_px=2.5),
)


class Tissue:
    page = Page(
        slug="demo-tissue",
        task="semantic_segmentation",
        dataset="Demo tissue",
        description=(
            "Generated tissue of four textures from imaginary blocks: background, stroma, epithelium and necrosis. "
            "Nothing in it comes from a living thing."
        ),
        title="Paint the kinds of tissue",
        guidelines=GUIDELINES,
        images=9,
        images_read=6,
        training_seconds=40.0,
    )
    paints = True
    answers = False

    def make(self, number: int) -> DemoImage:
        made = _tissue(number)
        image = ImageData(made.image, "cyx", made.channels)
        name = f"section {number + 1}"
        # The generator draws the block; its sections stand for blocks of their own here, so that a split has some.
        source = f"{made.source}, {name}"
        return DemoImage(name, source, image, made.truth, "cellcommons.synthetic.semantic")

    def read(self, number: int, reader: int, rng: np.random.Generator) -> SimulatedAnswer:
        made = simulate_map(_tissue(number).truth, READERS[reader], rng)
        return SimulatedAnswer(Reading(class_raster(made.reading)), made.seconds)

    def score(self, number: int, box: Box, labels: Labels | None, values: Mapping[str, Value | None]) -> float:
        assert labels is not None
        return float((cut(class_raster(_tissue(number).truth), box) == labels).mean())


def _tissue(number: int) -> SyntheticTissue:
    return generate_tissue(600 + number, height=192, width=256)
