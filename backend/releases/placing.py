"""Where the images of a draft go: those that are new or changed are placed, of the others only counts are looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from backend.releases.models import Release
from backend.releases.near_duplicates import near_duplicate_pairs
from backend.releases.selectors import held_of_sources, held_trees, source_names, split_locks
from cellcommons.counting import item_objects
from cellcommons.indexes import ReleaseItem
from cellcommons.near_duplicates.search import Pair
from cellcommons.release import Release as SealedRelease
from cellcommons.split_certificate import Certified, certified_split, class_cells
from cellcommons.splits import Staying, sources_to_test
from cellcommons.store import ObjectStore


@dataclass(frozen=True)
class Placed:
    """The images that a draft has otherwise than its parent, in their splits, and the certificate of all splits.

    Attributes:
        items: new, changed, or moved to test with their source.
    """

    items: list[ReleaseItem]
    certified: Certified

    @property
    def assignment(self) -> dict[str, str]:
        """Image id -> split, of ``items``."""
        return {item.image: item.split for item in self.items}


def place_changes(
    release: Release,
    store: ObjectStore,
    *,
    items: Sequence[ReleaseItem],
    left_out: Sequence[str],
    parent: SealedRelease | None,
) -> Placed:
    """Split a draft; what it costs follows from what changed, and from the pairs of images that share a field.

    Args:
        items: new and changed, whatever their splits say. left_out: ids of the parent's images that are gone.

    Raises:
        InvalidDocument: as ``cellcommons.splits.split_by_source``.
    """
    given = {item.image: item for item in items}
    old = parent.chosen([*given, *left_out]) if parent else {}
    new = {image: item.tree for image, item in given.items() if image not in old or old[image].tree != item.tree}
    pairs = near_duplicate_pairs(
        store,
        new=new,
        held=lambda: held_trees(release.dataset, without=[*given, *left_out]),
        gone=set(left_out),
        parent=parent,
    )
    others = {image for pair in pairs for image in pair.key} - given.keys()
    sources = {**source_names(others), **{image: item.source for image, item in given.items()}}
    locked = split_locks(release.dataset, sources.values())
    if parent is not None:
        moved = sources_to_test(sources, [pair.key for pair in pairs], locked)
        along = parent.chosen(set(held_of_sources(release.dataset, moved)) - given.keys() - set(left_out))
        old, given = {**old, **along}, {**given, **along}
    certified = certified_split(
        [(item.image, item.source, item.stratum) for item in given.values()],
        pairs,
        fractions=release.fractions,
        seed=release.seed,
        locked=locked,
        parent=parent.digest if parent else None,
        classes=class_cells(given.values()),
        staying=_staying(parent, old, given, sources, pairs) if parent else None,
    )
    assignment = certified.split.assignment
    return Placed([replace(item, split=assignment[image]) for image, item in sorted(given.items())], certified)


def _staying(
    parent: SealedRelease,
    old: Mapping[str, ReleaseItem],
    given: Mapping[str, ReleaseItem],
    sources: Mapping[str, str],
    pairs: Sequence[Pair],
) -> Staying:
    """The parent's images without ``old``."""
    leaving = Counter(item.source for item in old.values())
    known = parent.source_counts({*sources.values(), *leaving})
    stay = {source: split for source, (split, images) in known.items() if images > leaving[source]}
    emptied = Counter(split for source, (split, _) in known.items() if source not in stay)
    without = ((item, *item_objects(parent.store, item)) for item in old.values())
    fewer = Counter({split: -number for split, number in emptied.items()})
    named = {image for pair in pairs for image in pair.key} - given.keys()
    return Staying(
        parent.summary.changed(without=without, sources=fewer), stay, {image: sources[image] for image in named}
    )
