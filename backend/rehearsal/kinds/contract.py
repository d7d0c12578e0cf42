"""What a rehearsal needs to know about a task; one file a task says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from backend.rehearsal.api import Api
from backend.rehearsal.pool import Ask, Case, Pool
from cellcommons.reading import Reading


@dataclass
class Desk:
    """What lies before a person: an assignment with what is given beside its image.

    Attributes:
        base: the draft, or an empty reading. draft: whether there is one.
    """

    case: Case
    assignment: dict[str, Any]
    base: Reading
    draft: bool
    api: Api

    def look_again(self) -> None:
        """Fetch the assignment anew: an answer that was given may have revealed something."""
        self.assignment = self.api.get(f"assignments/{self.assignment['id']}/")


@dataclass(frozen=True)
class Wish:
    """What a person wants their reading to say next.

    Attributes:
        reading: the whole of it. seconds: simulated seconds of work to get there. truth: what is right here, where only
            the desk could tell; else the case's. outcome: what else is worth counting.
    """

    reading: Reading
    seconds: float
    truth: Reading | None = None
    outcome: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Option:
    """One of the answers between which an expert decides: pixels of the box, values by key, or both."""

    index: int
    labels: np.ndarray[Any, np.dtype[np.uint32]] | None
    values: Mapping[str, Any]


@dataclass
class Submission:
    """What one person submitted for one image.

    Attributes:
        score: against the truth. seconds: simulated seconds of work, not wall time.
        lost: edits, pixels or answers that the hub did not give back as sent.
    """

    image: str
    person: str
    score: float
    seconds: float
    edits: int
    from_draft: bool
    reading: Reading = field(repr=False)
    truth: Reading = field(repr=False)
    lost: int = 0
    outcome: dict[str, Any] = field(default_factory=dict)


class Kind(Protocol):
    """One task.

    Attributes:
        score: name of the measure of a reading against the truth.
        paints, answers: which halves of a reading the task uses.
        noun: what a stroke's ``params`` call the id that it paints.
    """

    task: str
    score: str
    paints: bool
    answers: bool
    noun: str

    def draw_pool(self, ask: Ask) -> Pool:
        """Sample the folder. Raises CellCommonsError for one that cannot be rehearsed."""

    def headline(self, pool: Pool) -> str:
        """Name of the measure of a model that matters."""

    def person(self, seed: int, pool: Pool) -> Any:
        """The error model of one simulated person, a dataclass."""

    def wishes(self, desk: Desk, model: Any, rng: np.random.Generator) -> Iterator[Wish]:
        """What the person wants to say, step by step; each is sent to the hub before the next is asked for."""

    def score_reading(self, case: Case, truth: Reading, reading: Reading) -> float:
        """How right a reading is, 0..1."""

    def score_option(self, case: Case, truth: Reading, box: tuple[int, int, int, int], option: Option) -> float:
        """How close to the truth an option of a disagreement is."""

    def majority(self, pool: Pool, submissions: Mapping[str, Sequence[Submission]]) -> dict[str, Reading]:
        """The sceptic's consensus: a plain vote over the same readings, image by image."""

    def read_prediction(self, api: Api, row: Mapping[str, Any]) -> Any:
        """What a row of ``predictions/`` predicts."""

    def measure(self, pool: Pool, predicted: Mapping[str, Any]) -> dict[str, Any]:
        """Measures of predictions (image name -> prediction) against the truth; the headline is among them."""

    def baseline(self, pool: Pool, train: Sequence[str], test: Sequence[str]) -> dict[str, Any]:
        """The plain method on the same images against the truth; empty where only the hub's own is known."""

    def extras(self, submissions: Sequence[Submission]) -> dict[str, Any]:
        """What else the readings say, for the report."""


class PlainKind:
    """What most tasks share."""

    noun = "cell"

    def baseline(self, pool: Pool, train: Sequence[str], test: Sequence[str]) -> dict[str, Any]:
        """None of its own."""
        return {}

    def extras(self, submissions: Sequence[Submission]) -> dict[str, Any]:
        """Nothing else."""
        return {}
