"""Classification: many readers' classes of the same items -> the likely class of each, and each reader's skill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.fusion.dawid_skene import Fit, Floats, Votes, fit_crowd

Method = Literal["dawid_skene", "majority"]


@dataclass(frozen=True)
class ClassReading:
    """What one reader said about one item (an image or a cell): names within the ontology."""

    item: str
    reader: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class ClassConsensus:
    """The consensus on many items.

    Attributes:
        ontology: what the classes are of.
        items: in order of first appearance; the rows of ``posterior``.
        posterior: probability of each class, shape (items, classes); rows sum to 1 unless the ontology is multi, where
            each is the probability that the class is there.
        classes: the decision on each item: the likeliest class; of ranks the median, which is least far off; of a multi
            ontology all that are likelier there than not. Equal probabilities go to the earlier class, or to "absent".
        readers: in order of first appearance.
        confusion: probability of each vote given the truth, shape (readers, truth, vote); (readers, classes, 2, 2) of a
            multi ontology. None for a majority, which knows no readers.
        converged: False where the iterations ran out first.
    """

    ontology: Ontology
    items: tuple[str, ...]
    posterior: Floats = field(repr=False)
    classes: tuple[tuple[str, ...], ...] = field(repr=False)
    readers: tuple[str, ...]
    confusion: Floats | None = field(repr=False)
    converged: bool

    def certainty(self) -> Floats:
        """How probable each item's decision is, shape (items,); of a multi ontology, its least sure class."""
        places = [[self.ontology.index(name) for name in names] for names in self.classes]
        if not self.ontology.multi:
            return np.asarray(self.posterior[np.arange(len(self.items)), [place for (place,) in places]])
        decided = np.zeros(self.posterior.shape, dtype=np.bool_)
        for row, found in enumerate(places):
            decided[row, found] = True
        return np.asarray(np.where(decided, self.posterior, 1 - self.posterior).min(axis=1))

    def unsettled(self, threshold: float) -> tuple[str, ...]:
        """Items whose decision is less probable than ``threshold``, least sure first."""
        sure = self.certainty()
        return tuple(self.items[row] for row in np.argsort(sure, kind="stable") if sure[row] < threshold)

    def skill(self) -> dict[str, float]:
        """Reader -> mean over classes of the probability of a right vote; empty for a majority."""
        if self.confusion is None:
            return {}
        right = np.diagonal(self.confusion, axis1=-2, axis2=-1).reshape(len(self.readers), -1).mean(axis=1)
        return dict(zip(self.readers, right.tolist(), strict=True))


def fuse_classes(
    readings: Sequence[ClassReading], ontology: Ontology, *, method: Method = "dawid_skene", strength: float = 4.0
) -> ClassConsensus:
    """Fuse readings of any number of items by any number of readers; not everyone needs to have read everything.

    ``dawid_skene`` weighs readers by their estimated confusion (a class at a time where the ontology is multi);
    ``majority`` counts heads.

    Args:
        strength: votes that the crowd's errors weigh in the estimate of one reader's, see ``fit_crowd``.

    Raises:
        InvalidDocument: no readings, a class outside the ontology, or two readings of an item by one reader.
    """
    if not readings:
        raise InvalidDocument("a fusion needs at least one reading")
    if strength <= 0:
        raise InvalidDocument(f"strength is a positive number of votes, not {strength}")
    items = {name: place for place, name in enumerate(dict.fromkeys(r.item for r in readings))}
    readers = {name: place for place, name in enumerate(dict.fromkeys(r.reader for r in readings))}
    item = np.array([items[r.item] for r in readings], dtype=np.int64)
    reader = np.array([readers[r.reader] for r in readings], dtype=np.int64)
    present = np.array([ontology.vector(r.classes, where=f"{r.item}, read by {r.reader}") for r in readings])
    if ontology.multi:
        columns = [present[:, place].astype(np.int64) for place in range(len(ontology))]
        classes = 2
    else:
        columns, classes = [present.argmax(axis=1).astype(np.int64)], len(ontology)
    tables = [Votes(item, reader, column, len(items), len(readers), classes) for column in columns]
    fits: list[Fit] = []
    if method == "dawid_skene":
        fits = [fit_crowd(votes, ordinal=ontology.ordinal, strength=strength) for votes in tables]
        posteriors = [fit.posterior for fit in fits]
    else:
        posteriors = [votes.shares() for votes in tables]
    confusion: Floats | None = None
    if fits:
        confusion = np.stack([fit.confusion for fit in fits], axis=1) if ontology.multi else fits[0].confusion
    posterior = np.stack([found[:, 1] for found in posteriors], axis=1) if ontology.multi else posteriors[0]
    return ClassConsensus(
        ontology,
        tuple(items),
        posterior,
        tuple(_decided(row, ontology) for row in posterior),
        tuple(readers),
        confusion,
        all(fit.converged for fit in fits),
    )


def _decided(probabilities: Floats, ontology: Ontology) -> tuple[str, ...]:
    # Rounded, so that what is equal but for the last bit goes to the earlier class on every machine.
    rounded = np.round(probabilities, 9)
    if ontology.multi:
        return tuple(ontology.names[place] for place in np.flatnonzero(rounded > 0.5))
    if ontology.ordinal:
        return (ontology.names[int(np.argmax(np.round(np.cumsum(rounded), 8) >= 0.5))],)
    return (ontology.names[int(np.argmax(rounded))],)
