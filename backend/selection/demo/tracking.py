"""Movies of cells that move, divide and die; the masks of each frame are given."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from backend.selection.demo.contract import Box, DemoImage, Page, SimulatedAnswer, share_right
from cellcommons.images.data import ImageData
from cellcommons.labels import Labels
from cellcommons.links import detections_of, links_of
from cellcommons.reading import Reading, Value, Values
from cellcommons.synthetic.lineage_annotator import LineageErrorModel, simulate_linking
from cellcommons.synthetic.motion import DensityName
from cellcommons.synthetic.movies import SyntheticMovie, generate_movie
from cellcommons.tracks import Edges, Movie

GUIDELINES = """\
Say **which cell of one frame is which of the next**.

- Step through the frames; a cell that stays itself is **linked** to itself in the frame before.
- A cell that **divides** rounds up and brightens first; link **both daughters** to their mother.
- A cell that comes in from the border, or is there from the start, has **no parent**.
- A cell that is unseen for a frame or two and comes back is linked **across the gap**.
- Cells that shrink and vanish have died: their track just ends.

The list of suspicious events is a good place to start. Unsure? Link what you would bet on.
"""
READERS = (
    LineageErrorModel(miss=0.01, swap=0.005, missed_division=0.05),
    LineageErrorModel(),
    LineageErrorModel(miss=0.03, swap=0.015, missed_division=0.2),
)
FRAMES, HEIGHT, WIDTH = 10, 176, 240
DENSITY: tuple[DensityName, ...] = ("medium", "easy")
"""In turn; hard movies hold hundreds of links, too many for a first try."""


class Movies:
    page = Page(
        slug="demo-tracking",
        task="tracking",
        dataset="Demo movies",
        description=(
            "Generated movies of nuclei that walk, push, grow, divide and die, five minutes a frame, at two "
            "densities. Nothing in them comes from a living thing."
        ),
        title="Follow the cells",
        guidelines=GUIDELINES,
        images=8,
        images_read=5,
        training_seconds=30.0,
    )
    paints = False
    answers = True

    def make(self, number: int) -> DemoImage:
        made = _movie(number)
        image = ImageData(made.image, "tcyx", made.channels, made.truth.pixel_size)
        name = f"{made.source} movie {number // len(DENSITY) + 1}"
        return DemoImage(name, name, image, made.truth, "cellcommons.synthetic.movies")

    def read(self, number: int, reader: int, rng: np.random.Generator) -> SimulatedAnswer:
        movie, (detections, _) = _movie(number).truth, _given(number)
        made = simulate_linking(movie, READERS[reader], rng)
        return SimulatedAnswer(Reading(None, links_of(_named(made.edges, movie.data, detections))), made.seconds)

    def score(self, number: int, box: Box, labels: Labels | None, values: Mapping[str, Value | None]) -> float:
        return share_right(_given(number)[1], values)


@lru_cache(maxsize=4)
def _movie(number: int) -> SyntheticMovie:
    return generate_movie(
        800 + number, density=DENSITY[number % len(DENSITY)], frames=FRAMES, height=HEIGHT, width=WIDTH
    )


@lru_cache(maxsize=4)
def _given(number: int) -> tuple[Movie, Values]:
    return detections_of(_movie(number).truth)


def _named(edges: Edges, tracks: Movie, detections: Movie) -> Edges:
    """Links between tracks' cells as links between detections."""
    names = []
    for ours, theirs in zip(tracks, detections, strict=True):
        table = np.zeros(int(ours.max(initial=0)) + 1, dtype=np.int64)
        table[ours.ravel()] = theirs.ravel()
        names.append(table)
    rows = [(t, int(names[t][cell]), later, int(names[later][child])) for t, cell, later, child in edges.tolist()]
    return np.array(rows, dtype=np.int64).reshape(-1, 4)
