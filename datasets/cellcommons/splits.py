"""Splits that do not leak: one component of the graph of sources, joined by near-duplicates, lies in one split."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cellcommons.errors import InvalidDocument

FRACTIONS = {"train": 0.7, "validation": 0.1, "test": 0.2}
PLACEMENT = "cellcommons.largest-component-first/2"


@dataclass(frozen=True)
class SplitResult:
    """A split and how it came about.

    Attributes:
        assignment: image -> ``train``, ``validation`` or ``test``.
        components: tuples of sources; each tuple lies in one split.
        images: how many images each component holds, in the same order.
        moved: source -> the split it was locked to, of those that went to test with their component.
        table: split -> ``{"images", "wanted", "sources", "components", "strata": {name: {"images", "wanted"}},
            "classes": {name: {"cells", "wanted"}}}``; wanted are shares of what there is.
    """

    assignment: dict[str, str]
    components: tuple[tuple[str, ...], ...]
    images: tuple[int, ...]
    moved: dict[str, str]
    table: dict[str, Any]


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
    classes: Mapping[str, Mapping[str, int]] | None = None,
) -> SplitResult:
    """Split images so that no source, and no two sources with near-duplicate images, straddle a split.

    Components are placed largest first into a split that is not full yet, the one where they bring the splits nearest
    to ``fractions``: over all images, within each stratum, and over the cells of each class. So what is placed exceeds
    no share by more than the largest component. The result depends on the items and the seed, not on their order.

    Args:
        items: ``(image, source, stratum)``.
        near_duplicates: pairs of images; a pair with an image that is not in ``items`` is left out.
        fractions: split -> share of the images; adds up to 1. Default 0.7 train, 0.1 validation, 0.2 test.
        locked: source -> split of an earlier release. A lock holds, but a component with any source locked to test goes
            to test as a whole: what was once test stays test.
        classes: image -> class -> cells of it, where the task has classes.

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
    inside = sorted({(min(a, b), max(a, b)) for a, b in near_duplicates if a in images and b in images and a != b})
    components = connected_sources({image: source for image, (source, _) in images.items()}, inside)
    # Only sources that are here can bind: a release may drop images of an earlier one.
    here = {source for source, _ in images.values()}
    locks = {source: split for source, split in (locked or {}).items() if source in here}
    fixed = {number: split for number, c in enumerate(components) if (split := _locked_split(c, locks, wanted))}

    number_of = {source: number for number, c in enumerate(components) for source in c}
    strata: list[Counter[str]] = [Counter() for _ in components]
    cells: list[Counter[str]] = [Counter() for _ in components]
    for image, (source, stratum) in images.items():
        strata[number_of[source]][stratum] += 1
        cells[number_of[source]].update((classes or {}).get(image, {}))
    sizes = [_Size(one, two) for one, two in zip(strata, cells, strict=True)]
    placed = _place(components, sizes, fixed, wanted, seed)

    return SplitResult(
        assignment={image: placed[number_of[source]] for image, (source, _) in sorted(images.items())},
        components=components,
        images=tuple(size.images for size in sizes),
        moved={s: locks[s] for c in components for s in c if s in locks and locks[s] != placed[number_of[s]]},
        table=_table(wanted, placed, components, sizes),
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


def connected_sources(sources: Mapping[str, str], pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Connected components of sources, by union-find; sorted, so that they do not depend on the order of the images.

    Args:
        sources: image -> source. pairs: images that join their sources.
    """
    parent = {source: source for source in sources.values()}

    def root(source: str) -> str:
        while parent[source] != source:
            parent[source] = parent[parent[source]]
            source = parent[source]
        return source

    for a, b in pairs:
        parent[root(sources[a])] = root(sources[b])
    groups: dict[str, list[str]] = defaultdict(list)
    for source in sorted(parent):
        groups[root(source)].append(source)
    return tuple(sorted(tuple(group) for group in groups.values()))


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


class _Size:
    """What a component holds: images of each stratum, cells of each class."""

    def __init__(self, strata: Counter[str], cells: Counter[str]) -> None:
        self.strata, self.cells = strata, cells

    @property
    def images(self) -> int:
        return self.strata.total()

    def add(self, other: _Size) -> None:
        self.strata.update(other.strata)
        self.cells.update(other.cells)


def _place(
    components: Sequence[Sequence[str]],
    sizes: Sequence[_Size],
    fixed: Mapping[int, str],
    wanted: Mapping[str, float],
    seed: int,
) -> list[str]:
    """Split of every component: locks first, then the free ones, largest first."""
    total = _Size(Counter(), Counter())
    for size in sizes:
        total.add(size)
    held = {split: _Size(Counter(), Counter()) for split in wanted}
    placed = dict(fixed)
    for number, split in fixed.items():
        held[split].add(sizes[number])
    # Cells are weighed so that all of them together count as much as all images.
    weight = total.images / max(1, total.cells.total())

    def farther(share: float, all_of: float, here: float, more: float, least: float) -> float:
        """How much farther from its share ``more`` brings a split; squares, so that big gaps fill first."""
        return more * (2 * (here - share * all_of) + more) / (share * all_of + least)

    def cost(split: str, extra: _Size) -> float:
        share, here = wanted[split], held[split]
        whole = farther(share, total.images, here.images, extra.images, 0)
        # One is added to a stratum's share, so that strata of a few images do not outweigh the whole.
        parts = sum(
            farther(share, total.strata[n], here.strata[n], more, 1) for n, more in sorted(extra.strata.items())
        )
        cells = sum(
            farther(share, weight * total.cells[n], weight * here.cells[n], weight * more, 1)
            for n, more in sorted(extra.cells.items())
        )
        return 2 * whole + parts + cells

    def draw(number: int) -> str:
        return hashlib.sha256(f"{seed}\0{components[number][0]}".encode()).hexdigest()

    free = sorted(set(range(len(components))) - set(fixed), key=lambda n: (-sizes[n].images, draw(n)))
    for number in free:
        # Rounding may leave none with room, though not all images are placed.
        room = [s for s in wanted if held[s].images < wanted[s] * total.images] or [s for s in wanted if wanted[s]]
        split = min(room, key=lambda name: cost(name, sizes[number]))
        placed[number] = split
        held[split].add(sizes[number])
    _fill_empty(placed, free, sizes, wanted)
    return [placed[number] for number in range(len(components))]


def _fill_empty(
    placed: dict[int, str], free: Sequence[int], sizes: Sequence[_Size], wanted: Mapping[str, float]
) -> None:
    """Give an empty split the smallest free component of a split that can spare one."""
    for split, least in (("train", 2), ("test", 2), ("validation", 3)):
        if not wanted[split] or split in placed.values() or len(placed) < least:
            continue
        spare = Counter(placed.values())
        # Validation gives way to train and test, which a release cannot do without.
        donors = [n for n in free if spare[placed[n]] > 1 or (placed[n] == "validation" and split != "validation")]
        if donors:
            placed[min(donors, key=lambda n: (sizes[n].images, -free.index(n)))] = split
        elif split != "validation":
            raise InvalidDocument(
                f"every source is locked to a split of an earlier release, and none is left for {split}",
                where=split,
                remedy="Add images of a new source.",
            )


def _table(
    wanted: Mapping[str, float], placed: Sequence[str], components: Sequence[Sequence[str]], sizes: Sequence[_Size]
) -> dict[str, Any]:
    total = _Size(Counter(), Counter())
    for size in sizes:
        total.add(size)
    table = {}
    for split, share in wanted.items():
        numbers = [number for number, name in enumerate(placed) if name == split]
        held = _Size(Counter(), Counter())
        for number in numbers:
            held.add(sizes[number])

        def shares(here: Counter[str], there: Counter[str], what: str, share: float = share) -> dict[str, Any]:
            return {name: {what: here[name], "wanted": round(share * n, 2)} for name, n in sorted(there.items())}

        table[split] = {
            "images": held.images,
            "wanted": round(share * total.images, 2),
            "sources": sum(len(components[n]) for n in numbers),
            "components": len(numbers),
            "strata": shares(held.strata, total.strata, "images"),
            "classes": shares(held.cells, total.cells, "cells"),
        }
    return table
