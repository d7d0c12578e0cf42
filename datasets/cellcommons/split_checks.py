"""A release's split certificate checked from public files alone: its graph, its evidence, what follows from both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cellcommons.errors import CellCommonsError, InvalidDocument, NotFound
from cellcommons.indexes import ReleaseItem
from cellcommons.near_duplicates.descriptors import METHOD, describe
from cellcommons.near_duplicates.planes import ComparedPlane, stored_plane
from cellcommons.near_duplicates.search import NEAR_IDENTICAL, TOLERANCE, Pair, Planes, find_pairs, recheck
from cellcommons.placement import PLACEMENT
from cellcommons.release import Release
from cellcommons.split_certificate import (
    Certificate,
    certified_split,
    class_cells,
    is_certificate,
    parse_certificate,
)
from cellcommons.splits import check_leaks, connected_sources

_KEPT_PLANES = 64


@dataclass(frozen=True)
class Failure:
    """One thing that does not hold: which check, the images and splits it is about, and a line that says it."""

    check: str
    line: str
    images: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()


@dataclass(frozen=True)
class SplitReport:
    """What became of the checks.

    Attributes:
        certified: whether there is a certificate that can be checked at all.
        edges: evidence recomputed. compared: images described anew to look for edges left out; 0 if quick.
        parent: the parent's reference, None where it was not at hand.
    """

    certified: bool
    failures: tuple[Failure, ...]
    edges: int = 0
    compared: int = 0
    parent: str | None = None
    tolerance: float = field(default=TOLERANCE)


def check_splits(
    release: Release,
    *,
    parent: Release | None = None,
    quick: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> SplitReport:
    """Every way in which the splits of ``release`` are not what its certificate says, or not what they should be.

    Args:
        parent: the release before it; without it nothing is said of what was test there.
        quick: do not look for edges that were left out, which reads every image.
        progress: called with the images compared so far and all of them.
    """
    data = release.store.get(release.manifest.certificate.sha256)
    if not is_certificate(data):
        return SplitReport(False, ())
    try:
        certificate = parse_certificate(data, where="splits.json")
    except InvalidDocument as error:
        return SplitReport(True, (Failure("certificate", error.line()),))
    items = list(release.items())
    plane = _planes(release, items)
    failures = [*_documented(release, certificate, items), *_leaks(certificate, items), *_evidence(certificate, plane)]
    compared = 0
    if not quick:
        left_out = list(_left_out(certificate, items, plane, progress))
        failures += left_out
        compared = len(items)
    if parent is not None:
        failures += _inherited(release, certificate, items, parent)
    reference = parent.manifest.reference if parent is not None else None
    return SplitReport(True, tuple(failures), len(certificate.edges), compared, reference)


def _planes(release: Release, items: Sequence[ReleaseItem]) -> Planes:
    trees = {item.image: item.tree for item in items}

    @lru_cache(maxsize=_KEPT_PLANES)
    def plane(image: str) -> ComparedPlane:
        if image not in trees:
            raise NotFound("no such image in the release", where=image)
        return stored_plane(release.store, trees[image])

    return plane


def _nodes(items: Sequence[ReleaseItem]) -> list[tuple[str, str, str]]:
    return [(item.image, item.source, item.stratum) for item in items]


def _documented(release: Release, certificate: Certificate, items: Sequence[ReleaseItem]) -> Iterator[Failure]:
    """Digests, and whether graph, seed, shares and locks give this assignment and nothing else."""
    if not certificate.intact:
        yield Failure("digest", "the split certificate was changed: it does not hash to the digest that it states")
    stated = certificate.document
    named = (stated.get("method") or {}).get("name"), stated.get("placement")
    if named != (METHOD, PLACEMENT):
        yield Failure("method", f"made by {named[0]} and {named[1]}, this program knows {METHOD} and {PLACEMENT}")
        return
    if certificate.parent != release.manifest.parent:
        yield Failure("parent", "the certificate names another parent than the manifest")
    if stated.get("parts") != release.manifest.parts.sha256:
        yield Failure("nodes", "images, sources, strata or splits are not those that were certified")
    splits = {item.source: item.split for item in items}
    try:
        again = certified_split(
            _nodes(items),
            certificate.edges,
            fractions=certificate.fractions,
            seed=certificate.seed,
            locked=certificate.locks(splits),
            parent=certificate.parent,
            classes=class_cells(items),
        )
    except CellCommonsError as error:
        yield Failure("assignment", f"graph, seed, shares and locks give no split: {error.line()}")
        return
    for item in items:
        due = again.split.assignment[item.image]
        if due != item.split:
            yield Failure(
                "assignment",
                f"image {item.image} ({item.name}) lies in {item.split}; graph, seed, shares and locks give {due}",
                (item.image,),
                (item.split, due),
            )
    for name in ("images", "sources", "components", "largest_component", "joined", "pairs", "splits", "moved_to_test"):
        if stated.get(name) != again.document[name]:
            yield Failure("figures", f"the certificate's {name!r} does not follow from its graph")


def _leaks(certificate: Certificate, items: Sequence[ReleaseItem]) -> Iterator[Failure]:
    assignment = {item.image: item.split for item in items}
    sources = {item.image: item.source for item in items}
    for leak in check_leaks(assignment, sources, [edge.key for edge in certificate.edges]):
        yield Failure("straddles", leak.line(), leak.images, leak.splits)


def _evidence(certificate: Certificate, plane: Planes) -> Iterator[Failure]:
    """Every edge's evidence, computed anew from the pixels."""
    for edge in certificate.edges:
        where = f"{edge.kind} pair {edge.a}, {edge.b}"
        try:
            again = recheck(edge, plane)
        except CellCommonsError as error:
            yield Failure("evidence", f"{where}: {error.line()}", edge.key)
            continue
        if again is None:
            yield Failure("evidence", f"{where}: the pixels do not show it", edge.key)
            continue
        for name in sorted(set(again.evidence) | set(edge.evidence)):
            if not _near(edge.evidence.get(name), again.evidence.get(name), name):
                stated, found = edge.evidence.get(name), again.evidence.get(name)
                yield Failure("evidence", f"{where}: {name} is stated as {stated}, the pixels give {found}", edge.key)


def _near(stated: object, found: object, name: str) -> bool:
    """Equal, or a real number within the tolerance: of correlations absolute, of others relative."""
    if not isinstance(stated, int | float) or not isinstance(found, int | float):
        return stated == found
    if name in ("transform", "level", "y", "x", "area"):
        return stated == found
    if name == "hamming":  # a bit whose term is near the median may turn out either way
        return abs(stated - found) <= 2
    return abs(stated - found) <= TOLERANCE * max(1.0, abs(found))


def _left_out(
    certificate: Certificate,
    items: Sequence[ReleaseItem],
    plane: Planes,
    progress: Callable[[int, int], None] | None,
) -> Iterator[Failure]:
    """Pairs that are found anew and whose images the certificate does not hold to be of one component."""
    descriptors = {}
    for number, item in enumerate(items, start=1):
        descriptors[item.image] = describe(plane(item.image))
        if progress:
            progress(number, len(items))
    sources = {item.image: item.source for item in items}
    splits = {item.image: item.split for item in items}
    edges = [edge.key for edge in certificate.edges if edge.a in sources and edge.b in sources]
    component = {s: number for number, c in enumerate(connected_sources(sources, edges)) for s in c}
    for pair in find_pairs(descriptors, descriptors, plane):
        if component[sources[pair.a]] != component[sources[pair.b]]:
            lie = (splits[pair.a], splits[pair.b])
            where = f"both in {lie[0]}" if lie[0] == lie[1] else f"in {lie[0]} and {lie[1]}"
            yield Failure("left out", f"{_said(pair)}, {where}; the certificate has no such pair", pair.key, lie)


def _said(pair: Pair) -> str:
    what = {NEAR_IDENTICAL: "are near-identical", "overlap": "overlap"}.get(pair.kind, "adjoin")
    return f"images {pair.a} and {pair.b} {what} (correlation {pair.evidence['correlation']})"


def _inherited(
    release: Release, certificate: Certificate, items: Sequence[ReleaseItem], parent: Release
) -> Iterator[Failure]:
    """What was test stayed test; other sources stayed too, or moved to test as the certificate says."""
    if parent.digest != release.manifest.parent:
        yield Failure("parent", f"{parent.manifest.reference} is not the release that this one follows")
        return
    before = {item.image: item for item in parent.items()}
    split_before = {item.source: item.split for item in before.values()}
    for item in items:
        earlier = before.get(item.image)
        if earlier is not None and earlier.source != item.source:
            said = f"image {item.image} ({item.name}) was of source {earlier.source!r} and is of {item.source!r}"
            yield Failure("source", said, (item.image,), (earlier.split, item.split))
        was = earlier.split if earlier is not None else split_before.get(item.source)
        if was is None or was == item.split:
            continue
        if was == "test":
            said = f"image {item.image} ({item.name}) was test in {parent.manifest.reference} and is {item.split}"
            yield Failure("test stays test", said, (item.image,), (was, item.split))
        elif item.split != "test" or certificate.moved.get(item.source) != was:
            said = (
                f"image {item.image} ({item.name}) went from {was} to {item.split}, and the certificate does not say so"
            )
            yield Failure("locks", said, (item.image,), (was, item.split))
    for source in sorted((certificate.free or frozenset()) & set(split_before)):
        yield Failure("locks", f"source {source!r} is said to be new, and was {split_before[source]} before")
