"""The one engine behind consensus of classes: who is how often right about what, and what is therefore likely true.

Source: Dawid & Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", Applied
Statistics 28:20-28, 1979. Here the confusion matrices and class frequencies have Dirichlet priors, so that a reader
with few votes is believed to be like the others (maximum a posteriori EM), and an item may stand for many alike ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import logsumexp

from cellcommons.errors import InvalidDocument

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Votes:
    """One entry a vote, in any order: reader ``reader[i]`` says that item ``item[i]`` is of class ``choice[i]``.

    Attributes:
        item, reader, choice: int64, shape (votes,), each within its count; a reader votes once on an item.
        items, readers, classes: how many there are; items and readers without votes are allowed.
        weights: how many alike items each item stands for, shape (items,), positive; all 1 if None.
    """

    item: Integers = field(repr=False)
    reader: Integers = field(repr=False)
    choice: Integers = field(repr=False)
    items: int
    readers: int
    classes: int
    weights: Floats | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        counts = {"item": self.items, "reader": self.readers, "choice": self.classes}
        for name, count in counts.items():
            column = getattr(self, name)
            if column.shape != self.item.shape or column.ndim != 1 or column.dtype.kind != "i":
                raise InvalidDocument(f"votes need integer columns of one length, {name} is {column.dtype}")
            if column.size and not (int(column.min()) >= 0 and int(column.max()) < count):
                raise InvalidDocument(f"{name} lies outside 0..{count - 1}")
        if self.classes < 1:
            raise InvalidDocument("votes need at least one class")
        if np.unique(self.item * self.readers + self.reader).size != self.item.size:
            raise InvalidDocument("a reader votes twice on an item", remedy="Keep the later of the two readings.")
        if self.weights is not None and (self.weights.shape != (self.items,) or not (self.weights > 0).all()):
            raise InvalidDocument("each item needs a positive weight")

    def shares(self) -> Floats:
        """Share of an item's votes for each class, shape (items, classes); equal shares where there are no votes."""
        counts = np.bincount(self.item * self.classes + self.choice, minlength=self.items * self.classes)
        counts = counts.reshape(self.items, self.classes).astype(np.float64)
        total = counts.sum(axis=1, keepdims=True)
        return np.where(total > 0, counts / np.maximum(total, 1), 1 / self.classes)


@dataclass(frozen=True)
class Fit:
    """What the votes say.

    Attributes:
        posterior: probability of each class for each item, shape (items, classes).
        confusion: probability of each vote given the truth, shape (readers, truth, vote).
        frequency: of the classes, shape (classes,).
        objective: log posterior density, up to a constant, after each iteration; it never falls.
        converged: whether it stopped rising before the iterations ran out.
    """

    posterior: Floats = field(repr=False)
    confusion: Floats = field(repr=False)
    frequency: Floats
    objective: tuple[float, ...] = field(repr=False)
    converged: bool


def confusion_prior(classes: int, *, strength: float, ordinal: bool = False) -> Floats:
    """Pseudo-counts of a reader nobody knows yet, shape (truth, vote): right in about 7 of 10 cases.

    Errors go to the other classes alike, or, where the classes are ranks, to near ranks first (halved at each step).

    Args:
        strength: pseudo-votes in each row.
    """
    if classes == 1:
        return np.full((1, 1), strength)
    ranks = np.arange(classes)
    distance = np.abs(ranks[:, None] - ranks[None, :])
    errors = np.where(distance > 0, 0.5 ** (distance - 1) if ordinal else 1.0, 0.0)
    rows = 0.3 * errors / errors.sum(axis=1, keepdims=True)
    return np.asarray(strength * (rows + 0.7 * np.eye(classes)))


def fit_votes(votes: Votes, prior: Floats, *, iterations: int = 300, tolerance: float = 1e-7) -> Fit:
    """Maximum a posteriori EM, started from the shares of the votes.

    Args:
        prior: pseudo-counts (truth, vote), or one such matrix a reader (readers, truth, vote); positive. The class
            frequencies have one pseudo-item a class.
        tolerance: rise of the objective per unit of weight below which it stops.
    """
    if prior.shape[-2:] != (votes.classes, votes.classes) or not (prior > 0).all():
        raise InvalidDocument(f"a prior of {votes.classes} classes is a positive square, got shape {prior.shape}")
    weights = np.ones(votes.items) if votes.weights is None else votes.weights
    said = csr_matrix(
        (np.ones(votes.item.size), (votes.item, votes.reader * votes.classes + votes.choice)),
        shape=(votes.items, votes.readers * votes.classes),
    )
    heard = said.T.tocsr()
    posterior = votes.shares()
    pseudo = np.broadcast_to(prior, (votes.readers, votes.classes, votes.classes))
    objective: list[float] = []
    converged = False
    for _ in range(iterations):
        counts = np.asarray(heard @ (posterior * weights[:, None])).reshape(votes.readers, votes.classes, -1)
        confusion = counts.transpose(0, 2, 1) + pseudo
        confusion /= confusion.sum(axis=2, keepdims=True)
        frequency = (posterior * weights[:, None]).sum(axis=0) + 1
        frequency /= frequency.sum()
        logs = np.log(confusion).transpose(0, 2, 1).reshape(-1, votes.classes)
        joint = np.log(frequency) + np.asarray(said @ logs)
        evidence = logsumexp(joint, axis=1, keepdims=True)
        posterior = np.exp(joint - evidence)
        value = float((weights * evidence[:, 0]).sum() + (pseudo * np.log(confusion)).sum() + np.log(frequency).sum())
        objective.append(value)
        if len(objective) > 1 and value - objective[-2] <= tolerance * max(1.0, float(weights.sum())):
            converged = True
            break
    return Fit(posterior, confusion, frequency, tuple(objective), converged)


def fit_crowd(votes: Votes, *, ordinal: bool = False, strength: float = 4.0, iterations: int = 300) -> Fit:
    """Fit the crowd as one reader first, then each reader with that crowd as the prior.

    Which classes are easily taken for each other is mostly a property of the cells, and all readers tell about it; how
    good one reader is stands out from there with as many votes as there are. An empirical form of the hierarchical
    model of Passonneau & Carpenter, "The benefits of a model of annotation", TACL 2:311-326, 2014.

    Args:
        strength: votes that the crowd's confusion weighs in each row of a reader's own.
    """
    prior = confusion_prior(votes.classes, strength=strength, ordinal=ordinal)
    if votes.readers < 2:
        return fit_votes(votes, prior, iterations=iterations)
    first = fit_votes(votes, prior, iterations=iterations)
    weights = np.ones(votes.items) if votes.weights is None else votes.weights
    heard = np.zeros((votes.classes, votes.classes))
    np.add.at(heard.T, votes.choice, (first.posterior * weights[:, None])[votes.item])
    crowd = heard + prior
    crowd = strength * crowd / crowd.sum(axis=1, keepdims=True)
    return fit_votes(votes, np.maximum(crowd, 1e-3), iterations=iterations)
