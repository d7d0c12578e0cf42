"""Splits that do not leak: one component of the graph of sources, joined by near-duplicates, lies in one split."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cellcommons.errors import InvalidDocument
from cellcommons.placement import Apart, Size, place_components, share_table
from cellcommons.summary import Summary

FRACTIONS = {"train": 0.7, "validation": 0.1, "test": 0.2}


@dataclass(frozen=True)
class SplitResult:
    """A split and how it came about.

    Attributes:
        assignment: image -> ``train``, ``validation`` or ``test``, of the images that were given.
        components: tuples of sources; each tuple lies in one split. Without sources that stay and are joined to none.
        free: images of each component that was placed, largest first; the others hold a source that was locked.
        moved: source -> the split it was locked to, of those that went to test with their component.
        table: split -> ``{"images", "wanted", "sources", "components", "strata": {name: {"images", "wanted"}},
            "classes": {name: {"cells", "wanted"}}}``; wanted are shares of what there is.
    """

    assignment: dict[str, str]
    components: tuple[tuple[str, ...], ...]
    free: tuple[int, ...]
    moved: dict[str, str]
    table: dict[str, Any]


@dataclass(frozen=True)
class Staying:
    """The images that a split leaves as they are, counted: those of the release before, without those given anew.

    Attributes:
        summary: of these images, ``sources`` among it: those that still have one. sources: source -> split, of those
            that still have one; of all, or at least of those that images given or pairs are of.
        image_sources: image -> source, of those that pairs name.
    """

    summary: Summary = field(default_factory=Summary)
    sources: Mapping[str, str] = field(default_factory=dict)
    image_sources: Mapping[str, str] = field(default_factory=dict)


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
    staying: Staying | None = None,
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
        staying: images besides ``items`` that stay where they are; the result is as if all had been given. Each of
            their sources is locked, and none of them is of a component that goes to test from elsewhere
            (``sources_to_test``): those have to be given.

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
    kept = staying or Staying()
    sources = {**kept.image_sources, **{image: source for image, (source, _) in images.items()}}
    inside = sorted({(min(a, b), max(a, b)) for a, b in near_duplicates if a in sources and b in sources and a != b})
    named = {image for pair in inside for image in pair} | images.keys()
    components = connected_sources({image: sources[image] for image in named}, inside)
    # Only sources that are here can bind: a release may drop images of an earlier one.
    here = {source for component in components for source in component}
    locks = {source: split for source, split in (locked or {}).items() if source in here}
    fixed = {number: split for number, c in enumerate(components) if (split := _locked_split(c, locks, wanted))}

    number_of = {source: number for number, c in enumerate(components) for source in c}
    strata: list[Counter[str]] = [Counter() for _ in components]
    cells: list[Counter[str]] = [Counter() for _ in components]
    for image, (source, stratum) in images.items():
        strata[number_of[source]][stratum] += 1
        cells[number_of[source]].update((classes or {}).get(image, {}))
    sizes = [Size(one, two) for one, two in zip(strata, cells, strict=True)]
    apart = {split: _apart(kept, split, here) for split in wanted}
    placed, free = place_components(components, sizes, fixed, wanted, seed, apart)

    return SplitResult(
        assignment={image: placed[number_of[source]] for image, (source, _) in sorted(images.items())},
        components=components,
        free=tuple(sizes[number].images for number in free),
        moved={s: locks[s] for c in components for s in c if s in locks and locks[s] != placed[number_of[s]]},
        table=share_table(wanted, placed, components, sizes, apart),
    )


def sources_to_test(
    sources: Mapping[str, str], pairs: Iterable[tuple[str, str]], locked: Mapping[str, str]
) -> set[str]:
    """Sources that go to test from the split that they are locked to, with a component that is locked to test.

    Args:
        sources: image -> source. pairs: near-duplicate images, of these.
    """
    found = set()
    for component in connected_sources(sources, pairs):
        if any(locked.get(source) == "test" for source in component):
            found |= {source for source in component if locked.get(source, "test") != "test"}
    return found


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


def _apart(staying: Staying, split: str, joined: set[str]) -> Apart:
    summary = staying.summary
    size = Size(summary.by_key("strata", split), summary.by_key("classes", split))
    inside = sum(lies == split and source in joined for source, lies in staying.sources.items())
    return Apart(size, summary.total("sources", split) - inside)
