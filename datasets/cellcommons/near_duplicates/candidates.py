"""Which images may show parts of one field: interest points alike, and several of them at one offset.

Points are looked up by words, in an inverted index as for text (Sivic and Zisserman 2003, "Video Google"): the signs of
20 random projections of a point's terms, four times over (Charikar 2002, "Similarity estimation techniques from
rounding algorithms"), so that points that differ a little have a word in common. Each pair of points alike votes for
the offset at which they lie on one another. The cost grows with the points and the pairs of points alike, not with the
pairs of images.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from cellcommons.near_duplicates.descriptors import Descriptor, LevelPoints
from cellcommons.near_duplicates.dihedral import TRANSFORMS, turned_points
from cellcommons.near_duplicates.interest_points import TERMS, turned_terms

TABLES, BITS = 4, 20
#: A word of more points than this says nothing: flat cells, or hundreds of copies of one field.
MAX_POSTINGS = 256
MIN_COSINE = 0.9
MIN_VOTES = 3
#: Two votes are enough where both are of points much alike and at one offset to a pixel, as in a crop saved unchanged.
CLOSE_COSINE, CLOSE_VOTES = 0.97, 2
_BIN, _CLOSE_BIN = 6, 2
_HYPOTHESES = 3
_POINTS_AT_ONCE = 1 << 16

Numbers = NDArray[np.int64]


@dataclass(frozen=True, order=True)
class Candidate:
    """``b`` turned by ``transform`` may lie on ``a``, its first pixel at ``offset`` (y, x) of ``a``; pixels of
    ``level``. ``votes``: pairs of points that say so."""

    a: str
    b: str
    votes: int
    transform: int
    level: int
    offset: tuple[int, int]


def candidates(
    new: Iterable[str], descriptors: Mapping[str, Descriptor], *, min_votes: int = MIN_VOTES
) -> dict[tuple[str, str], list[Candidate]]:
    """(a, b) -> at most three candidates, most votes first, of every pair with at least one image of ``new``.

    Args:
        new: names within ``descriptors``. min_votes: pairs of points that agree on the offset within 6 pixels.
    """
    names = sorted(descriptors)
    asked = sorted(set(new))
    place = {name: number for number, name in enumerate(names)}
    fresh = np.zeros(len(names), dtype=np.bool_)
    fresh[[place[name] for name in asked]] = True
    found: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for level in sorted({points.level for d in descriptors.values() for points in d.levels}):
        index = _Index(_gathered(names, range(len(names)), descriptors, level, 0))
        for batch in _batches([place[name] for name in asked], names, descriptors, level):
            for transform in range(TRANSFORMS):
                points = _gathered(names, batch, descriptors, level, transform)
                one, two, cosine = index.alike(points)
                a, b = index.points.image[one], points.image[two]
                # A pair of new images is met from both sides; one of them is enough.
                good = (a != b) & (~fresh[a] | (a < b))
                one, two, close = one[good], two[good], cosine[good] >= CLOSE_COSINE
                offsets = index.points.places[one] - points.places[two]
                pairs = (index.points.image[one], points.image[two])
                for ia, ib, votes, y, x in _agreeing(*pairs, offsets, close, min_votes):
                    first, second = names[ia], names[ib]
                    found[first, second].append(Candidate(first, second, votes, transform, level, (y, x)))
    return {pair: sorted(rows, key=_most_votes)[:_HYPOTHESES] for pair, rows in sorted(found.items())}


def _most_votes(row: Candidate) -> tuple[int, int, int, tuple[int, int]]:
    return -row.votes, row.level, row.transform, row.offset


@dataclass(frozen=True)
class _Points:
    """Points of many images: number of the image (n,), y and x (n, 2), terms (n, 20), each of norm 1."""

    image: Numbers
    places: Numbers
    terms: NDArray[np.float32]


def _gathered(
    names: list[str], numbers: Iterable[int], descriptors: Mapping[str, Descriptor], level: int, transform: int
) -> _Points:
    """The points of some images at one level, the images turned."""
    image, places, terms = [], [], []
    for number in numbers:
        points = descriptors[names[number]].at(level)
        if points is None:
            continue
        image.append(np.full(len(points.places), number, dtype=np.int64))
        places.append(turned_points(points.places, points.shape, transform))
        terms.append(turned_terms(points.terms, transform))
    if not image:
        return _Points(np.zeros(0, np.int64), np.zeros((0, 2), np.int64), np.zeros((0, TERMS), np.float32))
    stacked = np.concatenate(terms)
    norm = np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-6)
    return _Points(np.concatenate(image), np.concatenate(places), stacked / norm)


def _batches(
    numbers: list[int], names: list[str], descriptors: Mapping[str, Descriptor], level: int
) -> Iterator[list[int]]:
    """Whole images of together about 65,536 points."""
    batch: list[int] = []
    size = 0
    for number in numbers:
        points: LevelPoints | None = descriptors[names[number]].at(level)
        if points is None:
            continue
        batch.append(number)
        size += len(points.places)
        if size >= _POINTS_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@cache
def _projections() -> NDArray[np.float32]:
    """(20, 80): -1 and 1 from sha256, so that no version of a random generator changes them."""
    count = TERMS * TABLES * BITS
    digests = b"".join(hashlib.sha256(f"cellcommons words {n}".encode()).digest() for n in range(count // 256 + 1))
    bits = np.unpackbits(np.frombuffer(digests, dtype=np.uint8))[:count]
    return (2.0 * bits - 1).reshape(TERMS, TABLES * BITS).astype(np.float32)


def _words(terms: NDArray[np.float32]) -> NDArray[np.uint32]:
    """(tables, n)."""
    signs = (terms @ _projections() > 0).reshape(len(terms), TABLES, BITS)
    places = (1 << np.arange(BITS)).astype(np.uint32)
    return np.ascontiguousarray((signs * places).sum(axis=2, dtype=np.uint32).T)


class _Index:
    """Postings of every word, as sorted arrays."""

    def __init__(self, points: _Points) -> None:
        self.points = points
        words = _words(points.terms)
        self._order = [np.argsort(table, kind="stable") for table in words]
        self._sorted = [table[order] for table, order in zip(words, self._order, strict=True)]

    def alike(self, asked: _Points) -> tuple[Numbers, Numbers, NDArray[np.float32]]:
        """Places, here and in ``asked``, of points that share a word and whose terms have a cosine of 0.9 or more; and
        the cosine."""
        keys, cosines = [], []
        for table, words, order in zip(_words(asked.terms), self._sorted, self._order, strict=True):
            begin, end = np.searchsorted(words, table, "left"), np.searchsorted(words, table, "right")
            count = np.where(end - begin <= MAX_POSTINGS, end - begin, 0)
            two = np.repeat(np.arange(len(table)), count)
            within = np.arange(len(two)) - np.repeat(np.cumsum(count) - count, count)
            one = order[np.repeat(begin, count) + within]
            other = self.points.image[one] != asked.image[two]
            one, two = one[other], two[other]
            cosine = np.einsum("ij,ij->i", self.points.terms[one], asked.terms[two])
            near = cosine >= MIN_COSINE
            keys.append(one[near] * len(table) + two[near])
            cosines.append(cosine[near])
        key, first = np.unique(np.concatenate(keys), return_index=True)
        many = max(1, len(asked.image))
        return key // many, key % many, np.concatenate(cosines)[first]


def _agreeing(
    a: Numbers, b: Numbers, offsets: Numbers, close: NDArray[np.bool_], least: int
) -> Iterator[tuple[int, int, int, int, int]]:
    """(a, b, votes, y, x) of every offset that ``least`` pairs of points agree on, or two that are ``close``: bins of 6
    pixels, of 2 for those, laid twice along each axis half a bin apart, so that no offset lies at the edge of all."""
    if not len(a):
        return
    base = int(np.maximum(a, b).max()) + 1
    rules = ((np.ones(len(a), dtype=np.bool_), _BIN, least), (close, _CLOSE_BIN, CLOSE_VOTES))
    for among, width, enough in rules:
        pair, places = (a * base + b)[among], offsets[among]
        if not len(pair):
            continue
        for half_y in (0, width // 2):
            for half_x in (0, width // 2):
                bins = (places + np.array([half_y, half_x])) // width
                order = np.lexsort((bins[:, 1], bins[:, 0], pair))
                rows = np.column_stack([pair, bins])[order]
                start = np.flatnonzero(np.r_[True, (rows[1:] != rows[:-1]).any(axis=1)])
                count = np.diff(np.r_[start, len(rows)])
                for begin, votes in zip(start[count >= enough].tolist(), count[count >= enough].tolist(), strict=True):
                    middle = np.median(places[order[begin : begin + votes]], axis=0)
                    first, second = divmod(int(rows[begin, 0]), base)
                    yield first, second, votes, round(float(middle[0])), round(float(middle[1]))
