"""One image file -> objects: every image that it holds, whatever its format and size."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from backend.imaging.conversion import Converted, Naming, Outcome, Refused, convert_image
from cellcommons.errors import CellCommonsError
from cellcommons.images.lazy import LazyImage
from cellcommons.images.limits import DEFAULT_LIMITS, Limits
from cellcommons.images.readers import open_image
from cellcommons.store import ObjectStore


def convert_file(store: ObjectStore, naming: Naming, *, limits: Limits = DEFAULT_LIMITS) -> list[Outcome]:
    """Put every image of the file ``naming.original`` into ``store``.

    A file of one image gives one of that name. Of one that holds several (scenes, series, positions, wells) each is
    called after the file and its own name there, which is also its ``part``; one that cannot be read is refused alone.

    Args:
        limits: refuse what is above them.

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
    """Put one image of an open file into ``store``. Raises as ``LazyImage.load``."""
    return convert_image(store, image.load(limits, where=naming.original_name), naming)


def part_names(images: tuple[LazyImage, ...]) -> list[str]:
    """A name for each, unique among them: the file's own, with a number where that is missing or comes twice."""
    given = [image.name.strip()[:150] for image in images]
    twice = {name for name, count in Counter(given).items() if count > 1}
    return [
        f"{name} {number}" if name in twice and name else name or f"image {number}"
        for number, name in enumerate(given, start=1)
    ]
