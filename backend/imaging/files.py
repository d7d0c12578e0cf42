"""One image file -> objects: every image that it holds, whatever its format and size."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from backend.imaging.conversion import Converted, Naming, Outcome, Refused, convert_image, describe
from backend.imaging.kinds.contract import Kept
from cellcommons.errors import CellCommonsError
from cellcommons.images.lazy import LazyImage
from cellcommons.images.limits import DEFAULT_LIMITS, Limits
from cellcommons.images.ome_zarr import read_image_tree
from cellcommons.images.readers import open_image
from cellcommons.images.streaming import stream_to_store
from cellcommons.store import ObjectStore
from cellcommons.tree import Tree


def convert_file(store: ObjectStore, naming: Naming, *, limits: Limits = DEFAULT_LIMITS) -> list[Outcome]:
    """Put every image of the file ``naming.original`` into ``store``.

    A file of one image gives one of that name. Of one that holds several (scenes, series, positions, wells) each is
    called after the file and its own name there, which is also its ``part``; one that cannot be read is refused alone.

    Args:
        limits: images above ``max_decoded_bytes`` are streamed; the other limits refuse.

    Raises:
        CellCommonsError: the file cannot be opened, or holds one image and that is refused.
    """
    with open_image(naming.original, name=naming.original_name, limits=limits) as file:
        if len(file.images) == 1:
            return [convert_lazy(store, file.images[0], naming, limits=limits)]
        outcomes: list[Outcome] = []
        for image, part in zip(file.images, part_names(file.images), strict=True):
            own = replace(naming, name=f"{naming.name} {part}"[:200], part=part, source=naming.source or naming.name)
            try:
                outcomes.append(convert_lazy(store, image, own, limits=limits))
            except CellCommonsError as error:
                outcomes.append(Refused.of(own.name, error))
        return outcomes


def convert_lazy(store: ObjectStore, image: LazyImage, naming: Naming, *, limits: Limits) -> Converted:
    """Put one image of an open file into ``store``, by way of memory where it fits. Raises as ``LazyImage.load``."""
    if image.nbytes <= limits.max_decoded_bytes:
        return convert_image(store, image.load(limits, where=naming.original_name), naming)
    tree = stream_to_store(image, store)
    picture = read_image_tree(store, tree.digest, level=_levels(tree) - 1)
    return describe(store, image.facts, tree, naming, picture=picture, kept=Kept())


def part_names(images: tuple[LazyImage, ...]) -> list[str]:
    """A name for each, unique among them: the file's own, with a number where that is missing or comes twice."""
    given = [image.name.strip()[:150] for image in images]
    twice = {name for name, count in Counter(given).items() if count > 1}
    return [
        f"{name} {number}" if name in twice and name else name or f"image {number}"
        for number, name in enumerate(given, start=1)
    ]


def _levels(tree: Tree) -> int:
    return 1 + max(int(entry.path.partition("/")[0]) for entry in tree.entries if entry.path[0].isdigit())
