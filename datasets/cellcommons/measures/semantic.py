"""Measures of a semantic map: Dice and Jaccard of each class, with unknown pixels of the truth left out.

Pixels that the prediction leaves unknown, where the truth is known, count against the class that they truly are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.measures.bootstrap import Interval, bootstrap_interval
from cellcommons.semantic import SemanticMap


@dataclass(frozen=True)
class SemanticScores:
    """Counts of one or more images, from which all measures follow.

    Attributes:
        counts: pixels, int64, shape (truth, prediction); the last column is "left unknown by the prediction".
    """

    counts: NDArray[np.int64] = field(repr=False)
    ontology: Ontology

    def jaccard(self, name: str) -> float | None:
        """Intersection over union of one class; None where neither truth nor prediction holds it."""
        both, either, _ = self._overlap(name)
        return both / either if either else None

    def dice(self, name: str) -> float | None:
        """2 |A and B| / (|A| + |B|) of one class; None where neither truth nor prediction holds it."""
        both, _, total = self._overlap(name)
        return 2 * both / total if total else None

    @property
    def mean_jaccard(self) -> float | None:
        """Mean over the classes that are there; None where there is none."""
        return _mean([self.jaccard(name) for name in self.ontology.names])

    @property
    def mean_dice(self) -> float | None:
        """Mean over the classes that are there; None where there is none."""
        return _mean([self.dice(name) for name in self.ontology.names])

    @property
    def accuracy(self) -> float | None:
        """Share of the known pixels that have the right class; None where there are none."""
        total = int(self.counts.sum())
        return int(np.trace(self.counts)) / total if total else None

    def measures(self) -> dict[str, float | None]:
        """Name -> value, classes included."""
        found = {"mean_dice": self.mean_dice, "mean_jaccard": self.mean_jaccard, "pixel_accuracy": self.accuracy}
        for name in self.ontology.names:
            found |= {f"dice_{name}": self.dice(name), f"jaccard_{name}": self.jaccard(name)}
        return found

    def _overlap(self, name: str) -> tuple[int, int, int]:
        place = self.ontology.index(name)
        both = int(self.counts[place, place])
        total = int(self.counts[place].sum()) + int(self.counts[:, place].sum())
        return both, total - both, total


def semantic_scores(truth: SemanticMap, prediction: SemanticMap) -> SemanticScores:
    """Score ``prediction`` against ``truth``.

    Raises:
        MismatchedShapes: the shapes differ.
        InvalidDocument: the ontologies differ.
    """
    if truth.data.shape != prediction.data.shape:
        raise MismatchedShapes(f"maps of shapes {truth.data.shape} and {prediction.data.shape} cannot be compared")
    if truth.ontology != prediction.ontology:
        raise InvalidDocument("maps of different ontologies cannot be compared")
    count = len(truth.ontology)
    known = truth.known
    said = np.where(prediction.known, prediction.data.astype(np.int64), count)[known]
    pairs = truth.data[known].astype(np.int64) * (count + 1) + said
    counts = np.bincount(pairs, minlength=count * (count + 1)).reshape(count, count + 1)
    return SemanticScores(counts.astype(np.int64), truth.ontology)


def pooled(scores: Iterable[SemanticScores]) -> SemanticScores:
    """All pixels of several images together. Raises InvalidDocument if there are none or their ontologies differ."""
    listed = list(scores)
    if not listed or len({score.ontology for score in listed}) > 1:
        raise InvalidDocument("pooling needs scores of one ontology, at least one")
    return SemanticScores(np.sum([score.counts for score in listed], axis=0), listed[0].ontology)


def mean_dice_interval(images: Sequence[SemanticScores], *, seed: int, resamples: int = 1000) -> Interval:
    """Mean Dice of the pooled pixels, with its 95 % interval over images. Raises InvalidDocument."""
    return bootstrap_interval(images, lambda drawn: pooled(drawn).mean_dice or 0.0, seed=seed, resamples=resamples)


def _mean(values: list[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None
