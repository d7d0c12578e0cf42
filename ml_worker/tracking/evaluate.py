"""Measures of links over given detections, of one movie and of several pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cellcommons.errors import NotFound
from cellcommons.linked import linked_movie
from cellcommons.measures.ctc import CtcScores, ctc_scores
from cellcommons.measures.tracking import Counts, TrackingScores, pooled, tracking_scores
from cellcommons.tracks import Edges, Movie

HEADLINE = "link_f1"
CTC = ("tra", "det", "seg", "lnk", "bio")


@dataclass(frozen=True)
class LinkOutcome:
    """Scores of one movie.

    Attributes:
        counts: links and divisions (in the very frame). ctc: the challenge's measures; None without py-ctcmetrics.
        others: counts of further linkers on the same movie, by name.
    """

    counts: TrackingScores
    ctc: CtcScores | None
    others: dict[str, TrackingScores]


def link_outcome(detections: Movie, truth: Edges, found: Edges, others: dict[str, Edges] | None = None) -> LinkOutcome:
    """Score the links ``found`` over ``detections``, which the true links join too."""
    right, said = linked_movie(detections, truth), linked_movie(detections, found)
    try:
        challenge = ctc_scores(right, said, tolerance=0) if right.lineage.tracks else None
    except NotFound:
        challenge = None
    beside = {
        name: tracking_scores(right, linked_movie(detections, edges), tolerance=0)
        for name, edges in (others or {}).items()
    }
    return LinkOutcome(tracking_scores(right, said, tolerance=0), challenge, beside)


def measures(outcomes: Sequence[LinkOutcome]) -> dict[str, Any]:
    """Links and divisions pooled, each link weighing the same; the challenge's measures as means over movies.

    Division measures stand only where the truth or the prediction divides; a challenge's measure only where it is
    defined in a movie.
    """
    found = _named(pooled(one.counts for one in outcomes))
    for name in CTC:
        known = [getattr(one.ctc, name) for one in outcomes if one.ctc is not None]
        defined = [value for value in known if value is not None]
        if defined:
            found[name] = sum(defined) / len(defined)
    for other in outcomes[0].others if outcomes else ():
        scores = _named(pooled(one.others[other] for one in outcomes))
        found |= {f"{other}_{name}": scores[name] for name in (HEADLINE, "division_f1") if name in scores}
    return found


def link_f1(outcomes: Sequence[LinkOutcome]) -> float | None:
    """The headline; None where neither truth nor prediction holds a link."""
    counts = pooled(one.counts for one in outcomes).edges
    return counts.f1 if counts.truth or counts.prediction else None


def _named(scores: TrackingScores) -> dict[str, Any]:
    """link_* and division_* ratios, missed and wrong ones counted."""
    found: dict[str, Any] = {}
    for name, counts in (("link", scores.edges), ("division", scores.divisions)):
        found |= {f"{name}s": counts.truth, f"{name}s_missed": counts.truth - counts.tp}
        found[f"{name}s_wrong"] = counts.prediction - counts.tp
        if counts.truth or counts.prediction:
            found |= _ratios(name, counts)
    return found


def _ratios(name: str, counts: Counts) -> dict[str, float]:
    return {f"{name}_{ratio}": float(getattr(counts, ratio)) for ratio in ("f1", "precision", "recall")}
