"""Which of two pictures is better: many answers to one scale, with intervals.

Bradley & Terry 1952, "Rank analysis of incomplete block designs": item i is preferred to j with probability
``1 / (1 + exp(s_j - s_i))``. Fitted by the minorise-maximise steps of Hunter 2004 ("MM algorithms for generalized
Bradley-Terry models"), finished by Newton's method, whose matrix gives the intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit
from scipy.stats import norm

from cellcommons.errors import InvalidDocument

Float = NDArray[np.float64]
MM_STEPS, NEWTON_STEPS, CLOSE = 20, 100, 1e-10


@dataclass(frozen=True)
class Comparison:
    """One answer: ``winner`` looked better than ``loser``.

    Attributes:
        tie: the person saw no difference; each item then gets half a win.
        weight: of the person who answered, above 0.
    """

    winner: str
    loser: str
    tie: bool = False
    weight: float = 1.0


@dataclass(frozen=True)
class ItemStrength:
    """One item on the scale.

    Attributes:
        item: its name. strength: log odds against an item of average strength.
        low, high: interval of ``strength`` at the level asked for.
        wins, comparisons: weighted; a tie is half a win.
    """

    item: str
    strength: float
    low: float
    high: float
    wins: float
    comparisons: float


@dataclass(frozen=True)
class Preferences:
    """The fitted scale.

    Attributes:
        items: strongest first; equal strengths in order of name.
        agreement: weighted share of answers without ties that name the stronger item the winner; 1 without any.
        prior: see ``fuse_preferences``.
    """

    items: tuple[ItemStrength, ...]
    agreement: float
    prior: float

    def strength(self, item: str) -> float:
        """Strength of one item. Raises InvalidDocument if it was never compared."""
        for known in self.items:
            if known.item == item:
                return known.strength
        raise InvalidDocument("no answer compares this item", where=item)

    def probability(self, item: str, other: str) -> float:
        """Probability that ``item`` is preferred to ``other``. Raises InvalidDocument, see ``strength``."""
        return float(expit(self.strength(item) - self.strength(other)))


def fuse_preferences(comparisons: Sequence[Comparison], *, prior: float = 0.5, level: float = 0.95) -> Preferences:
    """Fit strengths to answers.

    Args:
        prior: every item is given this many wins and as many losses against an imagined item of strength 0. It keeps
            the strengths finite where an item always won, and draws them a little together. 0: plain maximum
            likelihood.
        level: of the intervals, which rest on the normal approximation and are wide for few answers, as they should be.

    Raises:
        InvalidDocument: no answers, an item against itself, a weight not above 0, a prior below 0, a level outside
            0..1, or, without a prior, answers that leave a strength infinite (Ford 1957: there must be a chain of
            wins from each item to each other).
    """
    names = _checked(comparisons, prior, level)
    place = {name: index for index, name in enumerate(names)}
    won = np.zeros((len(names), len(names)))
    for answer in comparisons:
        a, b = place[answer.winner], place[answer.loser]
        won[a, b] += answer.weight * (0.5 if answer.tie else 1.0)
        won[b, a] += answer.weight * (0.5 if answer.tie else 0.0)
    if prior == 0:
        parts, _ = connected_components(csr_array(won), connection="strong")
        if parts > 1:
            raise InvalidDocument(
                "some items always won or lost against the rest, so that their strength has no bound",
                remedy="Ask for more comparisons, or use a prior above 0.",
            )
    strengths, information = _fitted(won, prior)
    # Strengths are told from their mean, so the uncertainty of the mean itself (all of it without a prior) is left out.
    centre = np.eye(len(names)) - 1 / len(names)
    variance = np.diag(centre @ np.linalg.pinv(information, hermitian=True) @ centre)
    margin = float(norm.ppf(0.5 + level / 2)) * np.sqrt(np.maximum(variance, 0))
    wins, met = won.sum(axis=1), (won + won.T).sum(axis=1)
    items = [
        ItemStrength(name, float(s), float(s - m), float(s + m), float(w), float(n))
        for name, s, m, w, n in zip(names, strengths, margin, wins, met, strict=True)
    ]
    return Preferences(
        tuple(sorted(items, key=lambda item: (-item.strength, item.item))),
        _agreement(comparisons, dict(zip(names, strengths.tolist(), strict=True))),
        prior,
    )


def _checked(comparisons: Sequence[Comparison], prior: float, level: float) -> list[str]:
    if not comparisons:
        raise InvalidDocument("a scale needs at least one comparison")
    if not (np.isfinite(prior) and prior >= 0 and 0 < level < 1):
        raise InvalidDocument(f"the prior {prior} must be at least 0, and the level {level} lie between 0 and 1")
    for answer in comparisons:
        if answer.winner == answer.loser:
            raise InvalidDocument("an item cannot be compared with itself", where=answer.winner)
        if not (np.isfinite(answer.weight) and answer.weight > 0):
            raise InvalidDocument(
                f"a weight of {answer.weight} is not above 0",
                where=f"{answer.winner} and {answer.loser}",
                remedy="Leave the answer out rather than weigh it 0.",
            )
    return sorted({name for answer in comparisons for name in (answer.winner, answer.loser)})


def _fitted(won: Float, prior: float) -> tuple[Float, Float]:
    """Strengths (mean 0) and the information matrix there."""
    met, wins = won + won.T, won.sum(axis=1)
    worth = np.ones(len(won))
    for _ in range(MM_STEPS):
        # The imagined item has worth 1: ``prior`` wins and losses against it are 2 prior meetings.
        worth = (wins + prior + 1e-12) / (
            (met / (worth[:, None] + worth)).sum(axis=1) + 2 * prior / (worth + 1) + 1e-12
        )
        worth = np.clip(worth / np.exp(np.log(worth).mean()) if prior == 0 else worth, 1e-12, 1e12)
    strengths = np.log(worth)
    for _ in range(NEWTON_STEPS):
        gradient, information = _derivatives(strengths, won, met, prior)
        step = np.linalg.pinv(information, hermitian=True) @ gradient
        size = float(np.abs(step).max())
        # The likelihood is concave; a bounded step cannot leap over the top where it is flat.
        strengths = strengths + step * min(1.0, 2.0 / max(size, 1e-300))
        if size < CLOSE:
            break
    information = _derivatives(strengths, won, met, prior)[1]
    return np.asarray(strengths - strengths.mean()), information


def _derivatives(strengths: Float, won: Float, met: Float, prior: float) -> tuple[Float, Float]:
    chance = expit(strengths[:, None] - strengths)
    alone = expit(strengths)
    gradient = won.sum(axis=1) - (met * chance).sum(axis=1) + prior * (1 - 2 * alone)
    spread = met * chance * (1 - chance)
    information = np.diag(spread.sum(axis=1) + 2 * prior * alone * (1 - alone)) - spread
    return np.asarray(gradient), np.asarray(information)


def _agreement(comparisons: Sequence[Comparison], strengths: dict[str, float]) -> float:
    clear = [answer for answer in comparisons if not answer.tie]
    total = sum(answer.weight for answer in clear)
    agreed = sum(answer.weight for answer in clear if strengths[answer.winner] > strengths[answer.loser])
    return agreed / total if total else 1.0
