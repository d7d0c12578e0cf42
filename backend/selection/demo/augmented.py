"""Phase contrast with the fluorescence of the same cells, by a stated optical model; a few targets are spoilt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy import ndimage

from backend.selection.demo.contract import Box, DemoImage, Page, SimulatedAnswer, cut
from cellcommons.images.data import ImageData
from cellcommons.labels import Labels, Mask
from cellcommons.measures.overlap import dice
from cellcommons.pairs import ImagePair
from cellcommons.reading import Reading, Value
from cellcommons.synthetic.cells import SOURCES
from cellcommons.synthetic.failure_annotator import FailureModel, annotate_failures
from cellcommons.synthetic.failures import plant_failures
from cellcommons.synthetic.pairs import generate_pair

GUIDELINES = """\
A model shall learn to say **from transmitted light how the fluorescence would look**. You judge what it learns from,
and then what it says.

- **While there is no model yet**: mark the regions in which the real fluorescence is **not to be learned from**:
  out of focus, moved against the transmitted light, saturated. Most images have none; then submit as it is.
- **Once a model has looked**: you see a real and a predicted image in hidden order. Say **which is real**. Then the
  roles are shown: mark where the prediction is **wrong**: cells that are not there, or missing, or of another shape.
- **With two models**: say which prediction is **better**, then mark where the newer is wrong.

Swipe and blink help to compare.
"""
READERS = (FailureModel(miss=0.05, spurious=0.3), FailureModel(), FailureModel(miss=0.25, spurious=1.5))
SPOILT = frozenset({1, 4})


@dataclass(frozen=True)
class _Pair:
    source: ImageData
    target: ImageData
    failed: Mask = field(repr=False)
    slide: str


class Fluorescence:
    page = Page(
        slug="demo-augmented",
        task="augmented",
        dataset="Demo pairs of phase contrast and fluorescence",
        description=(
            "Generated cells seen twice: by a phase contrast microscope (a model of Zernike's scheme, see "
            "cellcommons.synthetic.pairs) and by fluorescence of nuclei and cell bodies. In "
            "some, parts of the fluorescence were spoilt on purpose. "
            "Nothing in them comes from a living thing."
        ),
        title="Judge real and predicted fluorescence",
        guidelines=GUIDELINES,
        images=10,
        images_read=7,
        training_seconds=45.0,
    )
    paints = True
    answers = True

    def make(self, number: int) -> DemoImage:
        pair = _pair(number)
        name = f"{pair.slide} field {number // len(SOURCES) + 1}"
        truth = ImagePair.of(pair.source, pair.target)
        return DemoImage(name, name, pair.source, truth, "cellcommons.synthetic.pairs")

    def read(self, number: int, reader: int, rng: np.random.Generator) -> SimulatedAnswer:
        made = annotate_failures(_pair(number).failed, READERS[reader], seed=int(rng.integers(2**31)))
        regions, _ = ndimage.label(made.marked, structure=np.ones((3, 3)))
        return SimulatedAnswer(Reading(np.asarray(regions, dtype=np.uint32)), made.seconds)

    def score(self, number: int, box: Box, labels: Labels | None, values: Mapping[str, Value | None]) -> float:
        assert labels is not None
        right = cut(_pair(number).failed.astype(np.uint32), box)
        return 1.0 if not right.any() and not labels.any() else dice(right > 0, labels > 0)


@lru_cache(maxsize=4)
def _pair(number: int) -> _Pair:
    made = generate_pair(900 + number, height=192, width=256, source=SOURCES[number % len(SOURCES)])
    target, failed = made.pair.target, np.zeros((192, 256), dtype=np.bool_)
    if number in SPOILT:
        planted = plant_failures(target, seed=number, count=2)
        target, failed = planted.image, planted.failed
    return _Pair(made.source, target, failed, made.slide)
