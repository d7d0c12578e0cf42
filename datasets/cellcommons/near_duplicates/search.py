"""Pairs of images that show the same field: looked for by descriptors, proved on the pixels, and proved again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cellcommons.errors import InvalidDocument
from cellcommons.near_duplicates import borders, fingerprints, overlaps
from cellcommons.near_duplicates.candidates import (
    BITS,
    CLOSE_COSINE,
    CLOSE_VOTES,
    MAX_POSTINGS,
    MIN_COSINE,
    MIN_VOTES,
    TABLES,
    candidates,
)
from cellcommons.near_duplicates.descriptors import METHOD, Descriptor, describe
from cellcommons.near_duplicates.planes import MAX_SIDE, ComparedPlane, Plane

NEAR_IDENTICAL, OVERLAP, ADJOINING = "near-identical", "overlap", "adjoining"
KINDS = (NEAR_IDENTICAL, OVERLAP, ADJOINING)
#: What recomputed correlations may differ by from those stated: other processors and libraries round otherwise.
TOLERANCE = 0.01
_KEPT_PLANES = 256

Planes = Callable[[str], ComparedPlane]


@dataclass(frozen=True, order=True)
class Pair:
    """Two images of one field, and what shows it.

    Attributes:
        a, b: names; ``b`` is turned to lie on ``a``, or where ``kind`` is adjoining lies below or right of it.
        evidence: of a near-identical pair ``transform``, ``hamming`` (bits of 64) and ``correlation`` of thumbnails; of
            an overlap ``transform``, ``level``, ``y``, ``x`` (pixels of the level), ``area``, ``structure`` and
            ``correlation``; of an adjoining pair ``side``, ``correlation``, ``chance`` and ``step``.
    """

    a: str
    b: str
    kind: str
    evidence: Mapping[str, Any] = field(compare=False)

    @property
    def key(self) -> tuple[str, str]:
        """The two names in order."""
        return (self.a, self.b) if self.a < self.b else (self.b, self.a)


def method() -> dict[str, Any]:
    """Name and version of the method, and every threshold."""
    return {
        "name": METHOD,
        "largest_side": MAX_SIDE,
        NEAR_IDENTICAL: {
            "most_bits": fingerprints.MAX_HAMMING,
            "least_correlation": fingerprints.MIN_CORRELATION,
        },
        OVERLAP: {
            "words": {"tables": TABLES, "bits": BITS, "most_points": MAX_POSTINGS},
            "least_cosine": MIN_COSINE,
            "least_votes": MIN_VOTES,
            "least_votes_when_close": {"votes": CLOSE_VOTES, "least_cosine": CLOSE_COSINE},
            "least_side": overlaps.MIN_SIDE,
            "least_structure": overlaps.MIN_STRUCTURE,
            "least_correlation": overlaps.MIN_CORRELATION,
        },
        ADJOINING: {
            "least_correlation": borders.MIN_CORRELATION,
            "least_chance": borders.MIN_CHANCE,
            "most_step": borders.MAX_STEP,
        },
        "tolerance": TOLERANCE,
    }


def find_pairs(new: Iterable[str], descriptors: Mapping[str, Descriptor], plane: Planes) -> list[Pair]:
    """Every pair of images of one field with at least one image of ``new``, in order.

    Pairs among images that are not new are not looked for: an earlier release has them. Near-identical pairs are told
    once, and not as overlaps too.

    Args:
        new: names within ``descriptors``. plane: the pixels of an image; asked for candidates only.
    """
    asked = sorted(set(new))
    prints = {name: kept.fingerprint for name, kept in descriptors.items()}
    found = [_identical_pair(one) for one in fingerprints.near_identical(asked, prints)]
    known = {pair.key for pair in found}
    contrast = _contrasts(plane)
    for (a, b), rows in candidates(asked, descriptors).items():
        if (min(a, b), max(a, b)) in known:
            continue
        best: overlaps.Overlap | None = None
        for row in rows:
            one, two = contrast(row.a, row.level), contrast(row.b, row.level)
            lies = None if one is None or two is None else overlaps.refined(one, two, row)
            if lies is not None and (best is None or lies.correlation > best.correlation):
                best = lies
        if best is not None and best.proven:
            found.append(_overlap_pair(a, b, best))
            known.add(found[-1].key)
    edges = {name: kept.borders for name, kept in descriptors.items() if kept.borders is not None}
    for side_by_side in borders.adjoining([name for name in asked if name in edges], edges):
        pair = _adjoining_pair(side_by_side)
        if pair.key not in known:
            found.append(pair)
            known.add(pair.key)
    return sorted(found)


def recheck(pair: Pair, plane: Planes) -> Pair | None:
    """The same pair with its evidence computed anew from the pixels, where it says it is; None where it shows nothing.

    Raises:
        InvalidDocument: the evidence lacks a field, or its kind is not known.
    """
    evidence = pair.evidence
    try:
        if pair.kind == NEAR_IDENTICAL:
            prints = {name: describe(plane(name)).fingerprint for name in (pair.a, pair.b)}
            same = fingerprints.resemblance(pair.a, pair.b, prints, int(evidence["transform"]))
            return _identical_pair(same) if same.proven else None
        if pair.kind == OVERLAP:
            level = int(evidence["level"])
            contrast = _contrasts(plane)
            one, two = contrast(pair.a, level), contrast(pair.b, level)
            if one is None or two is None:
                return None
            offset = (int(evidence["y"]), int(evidence["x"]))
            lies = overlaps.overlap_at(one, two, int(evidence["transform"]) % 8, level, offset)
            return _overlap_pair(pair.a, pair.b, lies) if lies is not None and lies.proven else None
        if pair.kind == ADJOINING:
            lines = {name: borders.borders(plane(name).pixels) for name in (pair.a, pair.b)}
            if evidence["side"] not in borders.SIDES:
                raise InvalidDocument(f"no side {evidence['side']!r}", where=f"{pair.a}, {pair.b}")
            side_by_side = borders.adjoining_at(pair.a, pair.b, evidence["side"], lines)
            return _adjoining_pair(side_by_side) if side_by_side is not None and side_by_side.proven else None
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidDocument(f"the evidence is damaged ({error})", where=f"{pair.a}, {pair.b}") from error
    raise InvalidDocument(f"a pair of kind {pair.kind!r} is not known", where=f"{pair.a}, {pair.b}")


def _contrasts(plane: Planes) -> Callable[[str, int], Plane | None]:
    @lru_cache(maxsize=_KEPT_PLANES)
    def contrast(name: str, level: int) -> Plane | None:
        pixels = plane(name).at(level)
        return None if pixels is None else overlaps.contrast(pixels)

    return contrast


def _identical_pair(found: fingerprints.Resemblance) -> Pair:
    evidence = {"transform": found.transform, "hamming": found.hamming, "correlation": round(found.correlation, 4)}
    return Pair(found.a, found.b, NEAR_IDENTICAL, evidence)


def _overlap_pair(a: str, b: str, found: overlaps.Overlap) -> Pair:
    evidence = {
        "transform": found.transform,
        "level": found.level,
        "y": found.offset[0],
        "x": found.offset[1],
        "area": found.area,
        "structure": found.structure,
        "correlation": round(found.correlation, 4),
    }
    return Pair(a, b, OVERLAP, evidence)


def _adjoining_pair(found: borders.Adjoining) -> Pair:
    evidence = {
        "side": found.side,
        "correlation": round(found.correlation, 4),
        "chance": round(found.chance, 2),
        "step": round(found.step, 3),
    }
    return Pair(found.a, found.b, ADJOINING, evidence)
