"""Learned linking: perceptrons judge every link, gap and division from features; the best choice of them is taken.

Log odds are the weights of the set packing that also solves the global program, so nothing is linked twice. Weights are
trained by ``ml_worker.tracking``; here they are only read, in numpy. In the manner of learned edge costs for global
tracking (Lou & Hamprecht, NeurIPS 2011; Ben-Haim & Riklin Raviv, ECCV 2022), without their graph network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument
from cellcommons.linking.contract import Links, checked_links
from cellcommons.linking.features import CellTable, Column, Rows
from cellcommons.linking.hypotheses import (
    DIVISION_FEATURES,
    GAP_FEATURES,
    PAIR_FEATURES,
    Hypotheses,
    movie_hypotheses,
)
from cellcommons.linking.packing import best_packing
from cellcommons.linking.weights import Perceptron, perceptron, read_weights

FAMILY = "cellcommons.learned-linker/1"
FEATURES: dict[str, tuple[str, ...]] = {"link": PAIR_FEATURES, "gap": GAP_FEATURES, "division": DIVISION_FEATURES}
NO_LINK = -6.0
"""Log odds of a link that was not worth judging."""
TANGLED = 300
"""Hypotheses of a component beyond which its choice is rounded: to a badly trained model nearly all is likely."""
UNSURE = 0.9
"""A cell whose answer is less certain than this counts as unsure."""


@dataclass(frozen=True)
class OperatingPoint:
    """What is added to the log odds of each kind of hypothesis; above 0 more of it is taken."""

    link: float = 0.0
    gap: float = 0.0
    division: float = 0.0


@dataclass(frozen=True, eq=False)
class LinkerModel:
    """A trained linker.

    Attributes:
        link, gap, division: who judges which hypothesis. point: its operating point, chosen on validation movies.
        max_gap: most frames from a cell to its next sighting.
        about: where it comes from.
    """

    link: Perceptron
    gap: Perceptron
    division: Perceptron
    point: OperatingPoint = OperatingPoint()
    max_gap: int = 2
    about: dict[str, Any] = field(default_factory=dict)

    def log_odds(self, hypotheses: Hypotheses) -> LogOdds:
        """Of every hypothesis, without the operating point."""
        return LogOdds(
            self.link.logits(hypotheses.pair_features),
            self.gap.logits(hypotheses.gap_features),
            self.division.logits(hypotheses.division_features),
        )


@dataclass(frozen=True)
class LogOdds:
    """Of links, of links over gaps and of divisions, in the order of the hypotheses."""

    link: Column
    gap: Column
    division: Column


@dataclass(frozen=True)
class Judged:
    """Links, and how certain the answer about each cell's parent is.

    Attributes:
        certainty: of each row of the table, float64, shape (n,): odds of the parent it was given (or of none) against
            those of all its candidates and none, 0..1; NaN in the first frame, where nothing is asked.
    """

    links: Links
    certainty: Column

    @property
    def uncertainty(self) -> float:
        """Share of cells after the first frame whose answer is less certain than ``UNSURE``; 0 where there are none."""
        asked = self.certainty[np.isfinite(self.certainty)]
        return float((asked < UNSURE).mean()) if asked.size else 0.0


def read_linker(data: bytes, *, where: str = "") -> LinkerModel:
    """A linker from its checkpoint.

    Raises:
        UnreadableFile, WrongFormat: see ``weights.read_weights``.
        InvalidDocument: it was trained on other features than this library computes, or is incomplete.
    """
    tensors, document = read_weights(data, FAMILY, where=where)
    features = {name: tuple(listed) for name, listed in (document.get("features") or {}).items()}
    if features != FEATURES:
        raise InvalidDocument(
            "it was trained on other features than this version computes", where=where, remedy="Train it again."
        )
    try:
        point = OperatingPoint(**{name: float(value) for name, value in (document.get("point") or {}).items()})
        max_gap, about = int(document["max_gap"]), dict(document.get("about") or {})
    except (TypeError, ValueError, KeyError) as error:
        raise InvalidDocument(f"its settings are damaged ({error!r})", where=where) from error
    if not 1 <= max_gap <= 10 or not np.isfinite([point.link, point.gap, point.division]).all():
        raise InvalidDocument("its settings are out of range", where=where)
    link, gap, division = (perceptron(tensors, name, len(FEATURES[name]), where=where) for name in FEATURES)
    return LinkerModel(link, gap, division, point, max_gap, about)


@dataclass(frozen=True)
class LearnedLinker:
    """The linker of a checkpoint. ``get_linker("learned", {"checkpoint": path})`` makes one from a file."""

    model: LinkerModel
    name = "learned"

    def link(self, cells: CellTable) -> Links:
        """The links whose log odds add up to most."""
        return self.judge(cells).links

    def judge(self, cells: CellTable) -> Judged:
        """The same, and how certain each is."""
        hypotheses = movie_hypotheses(cells, max_gap=self.model.max_gap)
        return choose(cells, hypotheses, self.model.log_odds(hypotheses), self.model.point)


def choose(cells: CellTable, hypotheses: Hypotheses, odds: LogOdds, point: OperatingPoint) -> Judged:
    """The best choice of hypotheses, each cell with one parent at most and two children at most.

    A division weighs what its better link weighs, and its own log odds on top: what the second daughter adds.
    """
    n = len(cells)
    pairs, gaps, triples = hypotheses.pairs, hypotheses.gaps, hypotheses.triples
    link, gap, division = odds.link + point.link, odds.gap + point.gap, odds.division + point.division
    better = np.maximum(*(np.append(link, NO_LINK)[pair] for pair in (triples.first_pair, triples.second_pair)))
    none = np.full(pairs.before.size + gaps.before.size, -1, dtype=np.int64)
    slots = np.concatenate(
        [
            np.column_stack(
                [np.concatenate([pairs.before, gaps.before]), n + np.concatenate([pairs.after, gaps.after]), none]
            ),
            np.column_stack([triples.mother, n + triples.first, n + triples.second]),
        ]
    )
    taken = slots[best_packing(slots, np.concatenate([link, gap, better + division]), 2 * n, whole=TANGLED)]
    third = taken[:, 2] >= 0
    parents = np.concatenate([taken[:, 0], taken[third, 0]])
    children = np.concatenate([taken[:, 1], taken[third, 2]]) - n
    links = checked_links(cells, parents, children)
    # The operating point is a choice of what to take; how likely a thing is stands before it.
    said = (
        np.concatenate([pairs.before, gaps.before, triples.mother, triples.mother]),
        np.concatenate([pairs.after, gaps.after, triples.first, triples.second]),
        np.concatenate([odds.link, odds.gap, odds.division, odds.division]),
    )
    return Judged(links, _certainty(cells, links, *said))


def _certainty(cells: CellTable, links: Links, parent: Rows, child: Rows, odds: Column) -> NDArray[np.float64]:
    """Share of the odds for each row's own answer among those for every answer; no parent has odds 1."""
    n = len(cells)
    chosen = np.full(n, -1, dtype=np.int64)
    chosen[links.children] = links.parents
    weight = np.exp(np.clip(odds, -30, 30))
    total = 1.0 + np.bincount(child, weights=weight, minlength=n)
    mine = chosen[child] == parent
    own = np.where(chosen >= 0, np.bincount(child[mine], weights=weight[mine], minlength=n), 1.0)
    certainty = own / total
    certainty[cells.frame == 0] = np.nan
    return np.asarray(certainty)
