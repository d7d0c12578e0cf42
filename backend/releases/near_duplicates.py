"""Which images of a draft show parts of one field. What is kept of an image to tell is worked out once for its tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from backend.imaging.models import Image
from backend.releases.models import ImageDescriptor
from cellcommons.near_duplicates.descriptors import METHOD, Descriptor, describe, parse_descriptor
from cellcommons.near_duplicates.planes import ComparedPlane, stored_plane
from cellcommons.near_duplicates.search import Pair, find_pairs
from cellcommons.release import Release
from cellcommons.split_certificate import is_certificate, parse_certificate
from cellcommons.store import ObjectStore

_KEPT_PLANES = 128
_BEAT_EVERY = 50


def near_duplicate_pairs(
    store: ObjectStore, images: Iterable[Image], parent: Release | None = None, *, beat: Callable[[], None]
) -> list[Pair]:
    """Pairs of image ids that show parts of one field and so must not straddle a split.

    Only pairs with an image that ``parent`` has not are looked for; the others stand in its certificate.

    Args:
        parent: the release before, in ``store``. beat: called now and then, so that the work is known to be alive.
    """
    held = {str(image.pk): image.tree_sha256 for image in images}
    known, edges = _certified(parent)
    new = sorted(image for image, tree in held.items() if known.get(image) != tree)
    kept = [edge for edge in edges if all(known.get(i) is not None and known[i] == held.get(i) for i in edge.key)]
    descriptors = image_descriptors(store, held.values(), beat=beat) if new else {}
    calls = 0

    @lru_cache(maxsize=_KEPT_PLANES)
    def plane(image: str) -> ComparedPlane:
        nonlocal calls
        calls += 1
        if calls % _BEAT_EVERY == 0:
            beat()
        return stored_plane(store, held[image])

    found = find_pairs(new, {image: descriptors[tree] for image, tree in held.items()}, plane) if new else []
    return sorted([*kept, *found])


def image_descriptors(store: ObjectStore, trees: Iterable[str], *, beat: Callable[[], None]) -> dict[str, Descriptor]:
    """Tree digest -> descriptor; those that nobody worked out before are, and are kept as objects."""
    wanted = sorted(set(trees))
    rows = dict(
        ImageDescriptor.objects.filter(method=METHOD, tree_sha256__in=wanted).values_list("tree_sha256", "sha256")
    )
    descriptors = {}
    for number, tree in enumerate(wanted):
        if number % _BEAT_EVERY == 0:
            beat()
        if tree in rows:
            descriptors[tree] = parse_descriptor(store.get(rows[tree]), where=tree)
            continue
        descriptors[tree] = describe(stored_plane(store, tree))
        sha256 = store.put(descriptors[tree].to_bytes())
        ImageDescriptor.objects.get_or_create(tree_sha256=tree, method=METHOD, defaults={"sha256": sha256})
    return descriptors


def _certified(parent: Release | None) -> tuple[dict[str, str], Sequence[Pair]]:
    """Image -> tree of the parent, and the pairs among them; nothing where another method was used."""
    if parent is None:
        return {}, ()
    data = parent.store.get(parent.manifest.certificate.sha256)
    if not is_certificate(data):
        return {}, ()
    certificate = parse_certificate(data, where=parent.manifest.reference)
    if certificate.document["method"].get("name") != METHOD:
        return {}, ()
    return {item.image: item.tree for item in parent.items()}, certificate.edges
