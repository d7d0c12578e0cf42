"""How a release must be parted so that the real images are held out; splits follow from sources and seed alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cellcommons.errors import InvalidDocument
from cellcommons.splits import FRACTIONS, split_by_source

TRIED = 200
# The usual shares first. With few images test may be full before the real ones have come: then it is made larger.
SHARES: tuple[Mapping[str, float], ...] = (
    FRACTIONS,
    {"train": 0.6, "validation": 0.1, "test": 0.3},
    {"train": 0.5, "validation": 0.1, "test": 0.4},
)


@dataclass(frozen=True)
class Parting:
    """What to ask of a release. ``held``: how many of the wanted images then lie in test, of ``wanted``."""

    seed: int
    fractions: Mapping[str, float]
    held: int
    wanted: int


def part(
    items: Sequence[tuple[str, str, str]], wanted: Collection[str], *, locked: Mapping[str, str], first: int
) -> Parting:
    """The first shares and the first seed from ``first`` on that put most of the ``wanted`` images into test.

    Args:
        items: (image, source, stratum) of what the release will hold. locked: source -> split of earlier releases.
    """
    here = {image for image, _, _ in items} & set(wanted)
    best = Parting(first, FRACTIONS, 0, len(here))
    for fractions in SHARES:
        for seed in range(first, first + TRIED):
            if best.held == len(here):
                return best
            try:
                assignment = split_by_source(items, seed=seed, locked=locked, fractions=fractions).assignment
            except InvalidDocument:
                continue  # the hub will say why, if nothing else does better
            held = sum(assignment[image] == "test" for image in here)
            if held > best.held:
                best = Parting(seed, fractions, held, len(here))
    return best
