"""A simulated annotator of classes: a stated, seeded confusion matrix in place of eyes and a mind.

Errors strike items independently given the class. Real people err together on the same hard items, so a consensus of
simulated readings is an upper bound for real ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument


@dataclass(frozen=True)
class ClassErrorModel:
    """How one person errs about classes, and how fast they work.

    Attributes:
        accuracy: probability of naming the right class (of a multi ontology: of seeing a class that is there).
        lookalike: share of the errors that go to the next class of the ontology, which looks most alike; of ranks, to a
            neighbouring rank. The rest go anywhere.
        habit: probability of naming ``habit_class`` without looking.
        habit_class: place in the ontology of the class named out of habit.
        invented: of a multi ontology, probability of naming a class that is not there.
        seconds: median time for one item.
    """

    accuracy: float = 0.85
    lookalike: float = 0.6
    habit: float = 0.0
    habit_class: int = 0
    invented: float = 0.05
    seconds: float = 2.0

    def __post_init__(self) -> None:
        for name in ("accuracy", "lookalike", "habit", "invented"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidDocument(f"{name} is a probability", where=f"ClassErrorModel.{name}")
        if not 0 < self.seconds < float("inf") or self.habit_class < 0:
            raise InvalidDocument("seconds are positive and finite, habit_class is a place in the ontology")

    def confusion(self, ontology: Ontology) -> NDArray[np.float64]:
        """Probability of each answer given the truth, shape (truth, answer), of an ontology that is not multi."""
        count = len(ontology)
        if count == 1:
            return np.ones((1, 1))
        near = np.zeros((count, count))
        for truth in range(count):
            beside = [truth - 1, truth + 1] if ontology.ordinal else [(truth + 1) % count]
            inside = [place for place in beside if 0 <= place < count]
            near[truth, inside] = 1 / len(inside)
        anywhere = (1 - np.eye(count)) / (count - 1)
        errors = self.lookalike * near + (1 - self.lookalike) * anywhere
        looked = self.accuracy * np.eye(count) + (1 - self.accuracy) * errors
        blind = np.zeros(count)
        blind[min(self.habit_class, count - 1)] = 1
        return np.asarray((1 - self.habit) * looked + self.habit * blind)


@dataclass(frozen=True)
class SimulatedClasses:
    """Answers to some items, in their order, and the simulated working time in seconds."""

    classes: tuple[tuple[str, ...], ...]
    seconds: float


def skilled_classes(seed: int, *, classes: int = 4) -> ClassErrorModel:
    """A person drawn from a population: a fifth careless (with a habit), three fifths practised, a fifth expert."""
    rng = np.random.default_rng(seed)
    level = int(rng.integers(5))
    accuracy = (0.45, 0.75, 0.75, 0.75, 0.93)[level] + rng.uniform(-0.1, 0.05)
    model = ClassErrorModel(accuracy=float(accuracy), seconds=float(2.0 * np.exp(rng.normal(0, 0.25))))
    if level:
        return model
    return replace(model, habit=float(rng.uniform(0.1, 0.5)), habit_class=int(rng.integers(classes)), invented=0.15)


def simulate_classes(
    truth: tuple[tuple[str, ...], ...], ontology: Ontology, model: ClassErrorModel, rng: np.random.Generator
) -> SimulatedClasses:
    """Answer each item as ``model`` would; deterministic given the state of ``rng``.

    Args:
        truth: classes of each item, within ``ontology``.

    Raises:
        InvalidDocument: a class outside the ontology.
    """
    answers: list[tuple[str, ...]] = []
    if ontology.multi:
        for names in truth:
            present = ontology.vector(names)
            seen = rng.random(len(ontology)) < np.where(present, model.accuracy, model.invented)
            answers.append(tuple(name for name, there in zip(ontology.names, seen.tolist(), strict=True) if there))
    else:
        confusion = model.confusion(ontology)
        for names in truth:
            (name,) = ontology.checked(names)
            answers.append((ontology.names[int(rng.choice(len(ontology), p=confusion[ontology.index(name)]))],))
    seconds = model.seconds * float(np.exp(rng.normal(0, 0.3, len(truth))).sum())
    return SimulatedClasses(tuple(answers), seconds)
