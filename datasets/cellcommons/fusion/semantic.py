"""Semantic segmentation: several readers' classes of every pixel -> one map, with how sure it is.

Source: Warfield, Zou & Wells, "Simultaneous truth and performance level estimation (STAPLE)", IEEE TMI 23:903-921,
2004, in its form for several classes. Pixels on which all agree tell nothing about skill and, being most of the
frame, would drown the others; they are left out of its estimate (Rohlfing, Russakoff & Maurer, IPMI 2003). Errors come
by regions, not by pixels, so that a reader's many pixels are few observations: the prior grows with the disputed area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.fusion.dawid_skene import Floats, Votes, confusion_prior, fit_votes
from cellcommons.semantic import SemanticMap

Method = Literal["em", "majority"]
PRIOR_SHARE = 0.3
"""Weight of the prior of a reader's confusion, as a share of the disputed pixels a class.

Chosen among 0.03, 0.1, 0.3, 1 and 3 on generated tissue and on the crowds of BU-BIL, see docs/formats.md.
"""
_AGREED = 1e-6
_LEAST_WEIGHT = 0.05


@dataclass(frozen=True)
class SemanticFusion:
    """The consensus of several readings of one image.

    Attributes:
        consensus: unknown where nobody said anything.
        certainty: of the class chosen, float32, axes yx, 0..1; 0 where unknown. A share of votes for a majority.
        confusion: probability of each vote given the truth, shape (readers, truth, vote); None for a majority.
    """

    consensus: SemanticMap = field(repr=False)
    certainty: NDArray[np.float32] = field(repr=False)
    confusion: Floats | None = field(repr=False)

    def skill(self) -> tuple[float, ...]:
        """For each reader the mean over classes of the probability of a right vote, on disputed pixels."""
        if self.confusion is None:
            return ()
        return tuple(np.diagonal(self.confusion, axis1=1, axis2=2).mean(axis=1).tolist())


def fuse_semantic(
    readings: Sequence[SemanticMap],
    *,
    method: Method = "em",
    quorum: float = 0.5,
    prior_share: float = PRIOR_SHARE,
    weights: Sequence[float] | None = None,
) -> SemanticFusion:
    """Fuse readings of one image. Unknown is no vote; equal support goes to the earlier class.

    Args:
        method: ``em`` weighs readers by their estimated confusion; ``majority`` counts heads.
        quorum: of a majority of two classes, the share of votes that the second class needs more than. A crowd that
            paints too far out needs a quorum above a half; ``learn_quorum`` finds it from gold.
        prior_share: see ``PRIOR_SHARE``; the larger, the nearer to a majority of readers taken to be alike.
        weights: of each reader's vote in a majority, above 0; equal if None. ``em`` finds its own.

    Raises:
        InvalidDocument: no readings, readings of different ontologies, or a quorum or weights that do not fit.
        MismatchedShapes: readings of different shapes.
    """
    _check(readings, method, quorum, prior_share)
    share = _vote_weights(weights, len(readings), method)
    first = readings[0]
    count = len(first.ontology)
    patterns, place, times = _patterns(readings)
    heard = patterns >= 0
    item, reader = np.nonzero(heard)
    lowest = np.where(heard, patterns, count).min(axis=1)
    agreed = lowest == patterns.max(axis=1)
    alike = np.where(agreed, _AGREED, 1.0) * times.astype(np.float64)
    votes = Votes(item, reader, patterns[heard], len(patterns), len(readings), count, alike)
    if method == "em":
        disputed = int(times[~agreed].sum())
        prior = confusion_prior(count, strength=max(1.0, prior_share * disputed / count))
        fit = fit_votes(votes, prior)
        support, confusion = fit.posterior, fit.confusion
    else:
        support, confusion = _shares(patterns, share, count), None
    rounded = np.round(support, 9)
    chosen = rounded.argmax(axis=1)
    if method == "majority" and count == 2:
        chosen = (rounded[:, 1] > quorum).astype(np.int64)
    chosen = np.where(agreed & heard.any(axis=1), lowest, chosen)
    certainty = support[np.arange(len(chosen)), chosen]
    silent = ~heard.any(axis=1)
    shape = first.data.shape
    data = np.where(silent, first.unknown, chosen).astype(np.uint8)[place].reshape(shape)
    sure = np.where(silent, 0.0, certainty).astype(np.float32)[place].reshape(shape)
    return SemanticFusion(SemanticMap(data, first.ontology, first.unknown, first.pixel_size), sure, confusion)


def peer_weights(readings: Sequence[SemanticMap]) -> tuple[float, ...]:
    """What each reader's vote weighs: how often the others name a pixel alike, of those that are in dispute; at least
    0.05.

    Of three readers no one weighs more than the two others, so that it breaks ties and overrules no majority. Equal
    for one or two, who cannot tell which of them errs.

    Raises:
        InvalidDocument, MismatchedShapes: as ``fuse_semantic``.
    """
    _check(readings, "majority", 0.5, PRIOR_SHARE)
    if len(readings) < 3:
        return (1.0,) * len(readings)
    patterns, _, times = _patterns(readings)
    heard = patterns >= 0
    lowest = np.where(heard, patterns, len(readings[0].ontology)).min(axis=1)
    disputed = (lowest != patterns.max(axis=1)) & heard.any(axis=1)
    patterns, heard, times = patterns[disputed], heard[disputed], times[disputed]
    weights = []
    for reader, own in enumerate(patterns.T):
        shares = []
        for other, theirs in enumerate(patterns.T):
            both = times * (heard[:, reader] & heard[:, other])
            if other != reader and both.any():
                shares.append(float(both[own == theirs].sum() / both.sum()))
        weights.append(max(_LEAST_WEIGHT, float(np.mean(shares))) if shares else _LEAST_WEIGHT)
    return tuple(weights)


def learn_quorum(examples: Sequence[tuple[SemanticMap, Sequence[SemanticMap]]]) -> float:
    """The quorum at which a majority of two classes comes nearest to gold: highest mean Jaccard of the second class.

    It corrects what all readers do alike, which agreement among them cannot show.

    Args:
        examples: gold and readings of some images, at least one; measure on others.
    """
    if not examples:
        raise InvalidDocument("a quorum is learned from at least one image with gold")
    readers = max(len(readings) for _, readings in examples)
    quorums = np.array([(votes - 0.5) / readers for votes in range(1, readers + 1)])
    jaccards = []
    for gold, readings in examples:
        if not readings:
            raise InvalidDocument("a quorum is learned from images with readings")
        _check([gold, *readings], "majority", 0.0, PRIOR_SHARE)
        patterns, place, _ = _patterns(readings)
        share = (patterns == 1).sum(axis=1) / np.maximum((patterns >= 0).sum(axis=1), 1)
        truth = np.where(gold.known, gold.data.astype(np.int64), 2).ravel()
        counts = np.bincount(place.ravel() * 3 + truth, minlength=3 * len(patterns)).reshape(-1, 3)
        said = np.round(share, 9) > quorums[:, None]
        either = counts[:, 1].sum() + said @ counts[:, 0]
        jaccards.append(np.where(either > 0, said @ counts[:, 1] / np.maximum(either, 1), 1.0))
    means = np.mean(jaccards, axis=0)
    # Of equally good ones the nearest to a half.
    good = quorums[means >= means.max() - 1e-12]
    return float(good[np.abs(good - 0.5).argmin()])


def _patterns(readings: Sequence[SemanticMap]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The distinct combinations of votes, axes (pattern, reader), -1 for none; each pixel's; and pixels of each."""
    count = len(readings[0].ontology)
    code = np.zeros(readings[0].data.size, dtype=np.int64)
    span = 1
    for reading in readings:
        if span > 1 << 40:
            distinct, code = np.unique(code, return_inverse=True)
            span = distinct.size
        vote = np.where(reading.known, reading.data.astype(np.int64), count).ravel()
        code = code * (count + 1) + vote
        span *= count + 1
    _, first, place, times = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
    seen = np.stack([np.where(r.known, r.data.astype(np.int64), -1).ravel()[first] for r in readings], axis=1)
    return seen, place, times


def _vote_weights(weights: Sequence[float] | None, readers: int, method: str) -> Floats:
    given = np.ones(readers) if weights is None else np.asarray(weights, dtype=np.float64)
    if given.shape != (readers,) or not (np.isfinite(given) & (given > 0)).all():
        raise InvalidDocument(f"{readers} readers need as many weights above 0, got {weights!r}")
    if weights is not None and method == "em":
        raise InvalidDocument("em finds the weights of the readers itself", remedy="Give none.")
    return given


def _shares(patterns: NDArray[np.int64], weights: Floats, count: int) -> Floats:
    """Share of the weight for each class, (pattern, class); equal where nobody said anything."""
    votes = np.stack([((patterns == place) * weights).sum(axis=1) for place in range(count)], axis=1)
    total = votes.sum(axis=1, keepdims=True)
    return np.where(total > 0, votes / np.where(total > 0, total, 1), 1 / count)


def _check(readings: Sequence[SemanticMap], method: str, quorum: float, prior_share: float) -> None:
    if not readings:
        raise InvalidDocument("a fusion needs at least one reading")
    if len({reading.ontology for reading in readings}) > 1:
        raise InvalidDocument("readings of different ontologies cannot be fused")
    if len({reading.data.shape for reading in readings}) > 1:
        raise MismatchedShapes(f"readings of shapes {[r.data.shape for r in readings]} cannot be fused")
    if readings[0].data.size == 0:
        raise InvalidDocument("a fusion needs at least one pixel")
    if not 0 <= quorum < 1 or prior_share <= 0:
        raise InvalidDocument(f"a quorum lies within 0..1 and a share is positive, got {quorum}, {prior_share}")
    if quorum != 0.5 and (method != "majority" or len(readings[0].ontology) != 2):
        raise InvalidDocument("a quorum is for a majority of two classes")
