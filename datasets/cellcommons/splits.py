"""Splits that do not leak: one component of the graph of sources, joined by near-duplicates, lies in one split."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cellcommons.canonical import canonical_json, sha256_hex
from cellcommons.errors import InvalidDocument

FRACTIONS = {"train": 0.7, "validation": 0.1, "test": 0.2}
FORMAT = "cellcommons.split-certificate/1"


@dataclass(frozen=True)
class SplitResult:
    """A split and how it came about.

    Attributes:
        assignment: image -> ``train``, ``validation`` or ``test``.
        components: tuples of sources; each tuple lies in one split.
        certificate: JSON for people and machines: seed, counts by split and stratum, sources moved into test.
    """

    assignment: dict[str, str]
    components: tuple[tuple[str, ...], ...]
    certificate: dict[str, Any]


@dataclass(frozen=True)
class Leak:
    """A source, or a pair of near-duplicate images, that lies in more than one split."""

    kind: str
    source: str
    images: tuple[str, str]
    splits: tuple[str, str]

    def line(self) -> str:
        """The leak as one clause."""
        what = f"source {self.source!r}" if self.kind == "source" else "a near-duplicate pair"
        return f"{what} lies in both {self.splits[0]} and {self.splits[1]} (images {self.images[0]}, {self.images[1]})"


def split_by_source(
    items: Sequence[tuple[str, str, str]],
    *,
    near_duplicates: Iterable[tuple[str, str]] = (),
    fractions: Mapping[str, float] | None = None,
    seed: int = 0,
    locked: Mapping[str, str] | None = None,
) -> SplitResult:
    """Split images so that no source, and no two sources with near-duplicate images, straddle a split.

    Components are placed largest first where they bring the splits nearest to ``fractions``, over all images and within
    each stratum. The result depends on the items and the seed, not on the order of the items.

    Args:
        items: ``(image, source, stratum)``.
        near_duplicates: pairs of images; a pair with an image that is not in ``items`` is counted and left out.
        fractions: split -> share of the images; adds up to 1. Default 0.7 train, 0.1 validation, 0.2 test.
        locked: source -> split of an earlier release. A lock holds, but a component with any source locked to test goes
            to test as a whole: what was once test stays test.

    Returns:
        Train and test are never empty with two components or more, nor validation with three or more that are free.

    Raises:
        InvalidDocument: repeated images, bad fractions, a component locked to both train and validation, or locks that
            leave train or test empty.
    """
    wanted = _checked_fractions(fractions or FRACTIONS)
    images = {image: (source, stratum) for image, source, stratum in items}
    if len(images) != len(items):
        raise InvalidDocument("an image occurs twice among the images to split")
    pairs = [tuple(sorted(pair)) for pair in near_duplicates]
    inside = sorted({(a, b) for a, b in pairs if a in images and b in images and a != b})
    components = _components(images, inside)
    # Only sources that are here can bind: a release may drop images of an earlier one.
    here = {source for source, _ in images.values()}
    locks = {source: split for source, split in (locked or {}).items() if source in here}
    fixed = {number: split for number, c in enumerate(components) if (split := _locked_split(c, locks, wanted))}

    strata: list[Counter[str]] = [Counter() for _ in components]
    number_of = {source: number for number, c in enumerate(components) for source in c}
    for source, stratum in images.values():
        strata[number_of[source]][stratum] += 1
    placed = _place(components, strata, fixed, wanted, seed)

    assignment = {image: placed[number_of[source]] for image, (source, _) in sorted(images.items())}
    moved = {s: locks[s] for c in components for s in c if s in locks and locks[s] != placed[number_of[s]]}
    return SplitResult(
        assignment,
        components,
        {
            "format": FORMAT,
            "seed": seed,
            "fractions": wanted,
            "images": len(images),
            "sources": len(number_of),
            "components": len(components),
            "largest_component": max((sum(c.values()) for c in strata), default=0),
            "near_duplicate_pairs": len(inside),
            "near_duplicate_pairs_outside": len({p for p in pairs if not (p[0] in images and p[1] in images)}),
            "locked_sources": len(locks),
            "moved_to_test": moved,
            "splits": _table(wanted, placed, components, strata),
            "assignment_sha256": sha256_hex(canonical_json(assignment)),
        },
    )


def check_leaks(
    assignment: Mapping[str, str], sources: Mapping[str, str], pairs: Iterable[tuple[str, str]]
) -> list[Leak]:
    """Every source and every pair of near-duplicates that lies in two splits; empty if the split is leak-free.

    Args:
        assignment: image -> split. sources: image -> source. pairs: near-duplicate images; unassigned ones are skipped.
    """
    first: dict[str, str] = {}
    leaks = []
    for image, split in sorted(assignment.items()):
        other = first.setdefault(sources[image], image)
        if assignment[other] != split:
            leaks.append(Leak("source", sources[image], (other, image), (assignment[other], split)))
    for a, b in pairs:
        if a in assignment and b in assignment and assignment[a] != assignment[b]:
            leaks.append(Leak("near-duplicate", sources[a], (a, b), (assignment[a], assignment[b])))
    return leaks


def _checked_fractions(fractions: Mapping[str, float]) -> dict[str, float]:
    known = {name: float(fractions.get(name, 0.0)) for name in FRACTIONS}
    # Written so that a NaN is refused too.
    good = all(share >= 0 for share in known.values()) and abs(sum(known.values()) - 1) <= 1e-6
    if set(fractions) - set(FRACTIONS) or not good:
        raise InvalidDocument(
            "split fractions are not shares that add up to 1",
            where=", ".join(f"{name}={value}" for name, value in fractions.items()),
            remedy="For example train 0.7, validation 0.1, test 0.2.",
        )
    return known


def _components(images: Mapping[str, tuple[str, str]], pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Connected components of sources, by union-find; sorted, so that they do not depend on the order of the images."""
    parent = {source: source for source, _ in images.values()}

    def root(source: str) -> str:
        while parent[source] != source:
            parent[source] = parent[parent[source]]
            source = parent[source]
        return source

    for a, b in pairs:
        parent[root(images[a][0])] = root(images[b][0])
    groups: dict[str, list[str]] = defaultdict(list)
    for source in sorted(parent):
        groups[root(source)].append(source)
    return tuple(sorted(tuple(group) for group in groups.values()))


def _locked_split(component: Sequence[str], locks: Mapping[str, str], wanted: Mapping[str, float]) -> str | None:
    held = {locks[source]: source for source in component if source in locks}
    if unknown := set(held) - set(wanted):
        raise InvalidDocument(f"split {min(unknown)!r} of a locked source is not known", where=held[min(unknown)])
    if "test" in held:
        return "test"
    if len(held) > 1:
        (one, a), (two, b) = sorted(held.items())
        raise InvalidDocument(
            f"sources {a!r} ({one}) and {b!r} ({two}) of an earlier release are now joined by near-duplicate images",
            where=a,
            remedy="Leave out the images that join them, or publish them as a new dataset.",
        )
    return next(iter(held), None)


def _place(
    components: Sequence[Sequence[str]],
    strata: Sequence[Counter[str]],
    fixed: Mapping[int, str],
    wanted: Mapping[str, float],
    seed: int,
) -> list[str]:
    """Split of every component: locks first, then the free ones, largest first."""
    totals = sum(strata, Counter[str]())
    images = totals.total()
    held: dict[str, Counter[str]] = {split: Counter() for split in wanted}
    placed = dict(fixed)
    for number, split in fixed.items():
        held[split] += strata[number]

    def cost(split: str, extra: Counter[str]) -> float:
        """How much farther from the wanted shares ``extra`` brings this split; squares, so that big gaps fill first."""
        share = wanted[split]
        if not share:
            return float("inf")
        size = extra.total()
        whole = size * (2 * (held[split].total() - share * images) + size) / (share * images)
        # One is added to a stratum's share, so that strata of a few images do not outweigh the whole.
        parts = sum(
            n * (2 * (held[split][name] - share * totals[name]) + n) / (share * totals[name] + 1)
            for name, n in extra.items()
        )
        return 2 * whole + parts

    def draw(number: int) -> str:
        return hashlib.sha256(f"{seed}\0{components[number][0]}".encode()).hexdigest()

    free = sorted(set(range(len(components))) - set(fixed), key=lambda n: (-strata[n].total(), draw(n)))
    for number in free:
        split = min(wanted, key=lambda name: cost(name, strata[number]))
        placed[number] = split
        held[split] += strata[number]
    _fill_empty(placed, free, strata, wanted)
    return [placed[number] for number in range(len(components))]


def _fill_empty(
    placed: dict[int, str], free: Sequence[int], strata: Sequence[Counter[str]], wanted: Mapping[str, float]
) -> None:
    """Give an empty split the smallest free component of a split that can spare one."""
    for split, least in (("train", 2), ("test", 2), ("validation", 3)):
        if not wanted[split] or split in placed.values() or len(placed) < least:
            continue
        spare = Counter(placed.values())
        # Validation gives way to train and test, which a release cannot do without.
        donors = [n for n in free if spare[placed[n]] > 1 or (placed[n] == "validation" and split != "validation")]
        if donors:
            placed[min(donors, key=lambda n: (strata[n].total(), -free.index(n)))] = split
        elif split != "validation":
            raise InvalidDocument(
                f"every source is locked to a split of an earlier release, and none is left for {split}",
                where=split,
                remedy="Add images of a new source.",
            )


def _table(
    wanted: Mapping[str, float],
    placed: Sequence[str],
    components: Sequence[Sequence[str]],
    strata: Sequence[Counter[str]],
) -> dict[str, Any]:
    table = {}
    for split in wanted:
        numbers = [number for number, name in enumerate(placed) if name == split]
        held = sum((strata[n] for n in numbers), Counter[str]())
        table[split] = {
            "images": held.total(),
            "sources": sum(len(components[n]) for n in numbers),
            "components": len(numbers),
            "strata": dict(sorted(held.items())),
        }
    return table
