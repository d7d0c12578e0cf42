"""What the demo needs to know about a task; one file a task says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from cellcommons.images.data import ImageData
from cellcommons.labels import Labels
from cellcommons.layouts.contract import Truth as LayoutTruth
from cellcommons.reading import Reading, Value

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Page:
    """A dataset and its campaign as people meet them.

    Attributes:
        slug: of both, within the hub's first lab. title: of the campaign. guidelines: Markdown.
        images: how many are generated; those read by simulated readers come first, the others are for people.
        training_seconds, config: of the training that is ordered on the first release.
    """

    slug: str
    task: str
    dataset: str
    description: str
    title: str
    guidelines: str
    images: int
    images_read: int
    training_seconds: float
    config: dict[str, Any] = field(default_factory=dict)
    ontology: dict[str, Any] | None = None


@dataclass(frozen=True)
class DemoImage:
    """One generated image. ``generator``: the module that made it, with its number as seed."""

    name: str
    source: str
    image: ImageData
    truth: LayoutTruth
    generator: str


@dataclass(frozen=True)
class SimulatedAnswer:
    """What a simulated reader says of an image, and the simulated seconds it took."""

    reading: Reading
    seconds: float


class DemoTask(Protocol):
    """One task. ``page``: see there. ``paints``, ``answers``: which halves of a reading it uses."""

    page: Page
    paints: bool
    answers: bool

    def make(self, number: int) -> DemoImage:
        """The image with this number and its truth: the same each time it is asked for."""

    def read(self, number: int, reader: int, rng: np.random.Generator) -> SimulatedAnswer:
        """What the simulated reader says of image ``number``; equal seeds give equal answers."""

    def score(self, number: int, box: Box, labels: Labels | None, values: Mapping[str, Value | None]) -> float:
        """How close to the truth an option of a disagreement is: pixels of its box, answers by key."""


def share_right(truth: Mapping[str, Value], values: Mapping[str, Value | None]) -> float:
    """Share of ``values`` that are the truth's; None means not said."""
    right = [value == truth.get(key) for key, value in values.items()]
    return float(np.mean(right)) if right else 0.0


def cut(labels: Labels, box: Box) -> Labels:
    """The part of ``labels`` in a half-open box."""
    y0, x0, y1, x1 = box
    return labels[y0:y1, x0:x1]
