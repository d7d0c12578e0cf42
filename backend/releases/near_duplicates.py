"""Which images of a draft show parts of one field. What is kept of an image to tell is worked out once for its tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as Collection
from functools import lru_cache

from backend.releases.models import ImageDescriptor
from cellcommons.near_duplicates.descriptors import METHOD, Descriptor, describe, parse_descriptor
from cellcommons.near_duplicates.planes import ComparedPlane, stored_plane
from cellcommons.near_duplicates.search import Pair, find_pairs
from cellcommons.release import Release
from cellcommons.split_certificate import is_certificate, parse_certificate
from cellcommons.store import ObjectStore

_KEPT_PLANES = 128


def near_duplicate_pairs(
    store: ObjectStore,
    *,
    new: Mapping[str, str],
    held: Callable[[], Mapping[str, str]],
    gone: Collection[str],
    parent: Release | None,
) -> list[Pair]:
    """Pairs of image ids that show parts of one field and so must not straddle a split.

    Only pairs with an image that is new are looked for; the others stand in the parent's certificate.

    Args:
        new: image id -> tree digest, of images that ``parent`` has not, or with other pixels. held: gives the same of
            the parent's images that stay; asked only where something has to be compared. gone: ids of the parent's
            images that do not stay as they were there. parent: the release before, in ``store``.
    """
    edges = _certified(parent)
    if edges is None:  # certified by another method, or nobody: everything is looked for
        new = {**(held() if parent else {}), **new}
    kept = [edge for edge in edges or () if not set(edge.key) & (gone | new.keys())]
    if not new:
        return sorted(kept)
    trees = {**held(), **new} if parent else dict(new)
    descriptors = image_descriptors(store, trees.values())

    @lru_cache(maxsize=_KEPT_PLANES)
    def plane(image: str) -> ComparedPlane:
        return stored_plane(store, trees[image])

    found = find_pairs(sorted(new), {image: descriptors[tree] for image, tree in trees.items()}, plane)
    return sorted([*kept, *found])


def image_descriptors(store: ObjectStore, trees: Iterable[str]) -> dict[str, Descriptor]:
    """Tree digest -> descriptor; those that nobody worked out before are, and are kept as objects."""
    wanted = sorted(set(trees))
    rows = dict(
        ImageDescriptor.objects.filter(method=METHOD, tree_sha256__in=wanted).values_list("tree_sha256", "sha256")
    )
    descriptors = {}
    for tree in wanted:
        if tree in rows:
            descriptors[tree] = parse_descriptor(store.get(rows[tree]), where=tree)
            continue
        descriptors[tree] = describe(stored_plane(store, tree))
        sha256 = store.put(descriptors[tree].to_bytes())
        ImageDescriptor.objects.get_or_create(tree_sha256=tree, method=METHOD, defaults={"sha256": sha256})
    return descriptors


def _certified(parent: Release | None) -> Sequence[Pair] | None:
    """The pairs among the images of the parent; None where there is none or another method was used."""
    if parent is None:
        return None
    data = parent.store.get(parent.manifest.certificate.sha256)
    if not is_certificate(data):
        return None
    certificate = parse_certificate(data, where=parent.manifest.reference)
    return certificate.edges if certificate.document["method"].get("name") == METHOD else None
