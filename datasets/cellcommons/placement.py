"""Components of a split placed largest first, each where it brings the splits nearest to the shares aimed at."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cellcommons.errors import InvalidDocument

PLACEMENT = "cellcommons.largest-component-first/2"


class Size:
    """What a component holds: images of each stratum, cells of each class."""

    def __init__(self, strata: Counter[str], cells: Counter[str]) -> None:
        self.strata, self.cells = strata, cells

    @property
    def images(self) -> int:
        return self.strata.total()

    def add(self, other: Size) -> None:
        self.strata.update(other.strata)
        self.cells.update(other.cells)


@dataclass(frozen=True)
class Apart:
    """What stays in a split: all its images counted, and its sources that are joined to none, each a component."""

    size: Size
    sources: int


def _sum(sizes: Iterable[Size]) -> Size:
    total = Size(Counter(), Counter())
    for size in sizes:
        total.add(size)
    return total


def place_components(
    components: Sequence[Sequence[str]],
    sizes: Sequence[Size],
    fixed: Mapping[int, str],
    wanted: Mapping[str, float],
    seed: int,
    apart: Mapping[str, Apart],
) -> tuple[list[str], list[int]]:
    """Split of every component, locks first, then the free ones, largest first; and the numbers of the free ones."""
    total = _sum([*sizes, *(one.size for one in apart.values())])
    held = {split: _sum([apart[split].size]) for split in wanted}
    placed = dict(fixed)
    for number, split in fixed.items():
        held[split].add(sizes[number])
    # Cells are weighed so that all of them together count as much as all images.
    weight = total.images / max(1, total.cells.total())

    def farther(share: float, all_of: float, here: float, more: float, least: float) -> float:
        """How much farther from its share ``more`` brings a split; squares, so that big gaps fill first."""
        return more * (2 * (here - share * all_of) + more) / (share * all_of + least)

    def cost(split: str, extra: Size) -> float:
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
    _fill_empty(placed, free, sizes, wanted, apart)
    return [placed[number] for number in range(len(components))], free


def _fill_empty(
    placed: dict[int, str],
    free: Sequence[int],
    sizes: Sequence[Size],
    wanted: Mapping[str, float],
    apart: Mapping[str, Apart],
) -> None:
    """Give an empty split the smallest free component of a split that can spare one."""
    for split, least in (("train", 2), ("test", 2), ("validation", 3)):
        spare = Counter({name: one.sources for name, one in apart.items()})
        spare.update(placed.values())
        if not wanted[split] or spare[split] or spare.total() < least:
            continue
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


def share_table(
    wanted: Mapping[str, float],
    placed: Sequence[str],
    components: Sequence[Sequence[str]],
    sizes: Sequence[Size],
    apart: Mapping[str, Apart],
) -> dict[str, Any]:
    total = _sum([*sizes, *(one.size for one in apart.values())])
    table = {}
    for split, share in wanted.items():
        numbers = [number for number, name in enumerate(placed) if name == split]
        held = _sum([apart[split].size, *(sizes[number] for number in numbers)])

        def shares(here: Counter[str], there: Counter[str], what: str, share: float = share) -> dict[str, Any]:
            return {name: {what: here[name], "wanted": round(share * n, 2)} for name, n in sorted(there.items())}

        table[split] = {
            "images": held.images,
            "wanted": round(share * total.images, 2),
            "sources": apart[split].sources + sum(len(components[n]) for n in numbers),
            "components": apart[split].sources + len(numbers),
            "strata": shares(held.strata, total.strata, "images"),
            "classes": shares(held.cells, total.cells, "cells"),
        }
    return table
