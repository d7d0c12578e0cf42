"""A window: the channels and the region of an image that somebody wants, at any level of its pyramid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cellcommons.errors import BadSelection, InvalidDocument
from cellcommons.images.data import Pixels
from cellcommons.images.lazy import LazyImage, Region, declared

_EXAMPLE = "For example 0:256,512:768 (rows, columns), or t=0:10,z=3:8,y=0:256,x=512:768."
_RANGE = re.compile(r"(?:([tzyx])=)?(\d{1,9}):(\d{1,9})")


def parse_roi(text: str) -> dict[str, range]:
    """``Y0:Y1,X0:X1``, or named ranges: axis -> half-open range of pixels at full resolution.

    Raises:
        InvalidDocument: it is not of that form, names an axis twice, or a range is empty.
    """
    found: dict[str, range] = {}
    bare = list("yx")
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        axis = (match[1] or (bare.pop(0) if bare else None)) if match else None
        if match is None or axis is None or axis in found:
            raise InvalidDocument("the region cannot be read", where=text[:200], remedy=_EXAMPLE)
        found[axis] = range(int(match[2]), int(match[3]))
        if not found[axis]:
            raise InvalidDocument(f"the region is empty along {axis}", where=text[:200], remedy=_EXAMPLE)
    if len(bare) == 1 and not {"y", "x"} <= found.keys():
        raise InvalidDocument("the region names rows and no columns", where=text[:200], remedy=_EXAMPLE)
    return found


@dataclass(frozen=True)
class Window:
    """What is wanted of an image.

    Attributes:
        channels: by name; none: all of them. region: axis of ``tzyx`` -> pixels at full resolution; others: all.
    """

    channels: tuple[str, ...] = ()
    region: Mapping[str, range] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.channels or self.region)

    def check_size(self, sizes: Mapping[str, int], *, every_axis: bool = False, where: str) -> None:
        """Refuse a region that is not within the axes of ``sizes``; with ``every_axis`` one of axes that are not there.

        Raises BadSelection.
        """
        told = " x ".join(f"{sizes[a]} ({a})" for a in "tzyx" if a in sizes)
        for axis, wanted in self.region.items():
            if axis not in sizes and not every_axis:
                continue
            if wanted.stop > sizes.get(axis, 0):
                raise BadSelection(
                    f"the region {axis}={wanted.start}:{wanted.stop} lies outside the image, which is {told}",
                    where=where,
                    remedy='Select images that hold it, e.g. --query "height >= 512 and width >= 512".',
                )

    def check_channels(self, channels: Sequence[str], *, where: str) -> None:
        """Refuse channels that are not among ``channels``. Raises BadSelection."""
        for name in self.channels:
            if name not in channels:
                raise BadSelection(
                    f"no channel {name!r}; there are {', '.join(channels) or 'none'}",
                    where=where,
                    remedy=f'Select images that have it: --query "{name!r} in channels".',
                )

    def places(
        self, axes: str, shape: Sequence[int], channels: Sequence[str], level: int = 0
    ) -> tuple[Sequence[int], ...]:
        """Along each axis, which pixels of a level are wanted: all that a pixel of the region went into.

        Args:
            channels: names along c; where the axes lack c, or ``self.channels`` is empty, all are taken.
        """
        found: list[Sequence[int]] = []
        for axis, size in zip(axes, shape, strict=True):
            if axis == "c" and self.channels:
                found.append([n for n, name in enumerate(channels) if name in self.channels])
            elif axis in self.region:
                wanted, step = self.region[axis], 1 << level if axis in "yx" else 1
                found.append(range(min(wanted.start // step, size - 1), min(-(-wanted.stop // step), size)))
            else:
                found.append(range(size))
        return tuple(found)

    def offset(self, axes: str, level: int = 0) -> dict[str, int]:
        """Axis -> first pixel of the window within the whole level, of the axes that it cuts."""
        return {a: r.start >> level if a in "yx" else r.start for a, r in self.region.items() if a in axes}


def cropped(image: LazyImage, window: Window, level: int = 0) -> LazyImage:
    """The window of an image; ``facts.metadata["part"]`` says where in the whole it lies.

    ``part`` holds ``offset`` and ``of`` (axis -> first pixel, and size of the whole, at this level) and ``channels``.

    Raises:
        BadSelection: the window does not fit the image.
    """
    facts, axes = image.facts, image.axes
    sizes = dict(zip(axes, image.shape, strict=True))
    window.check_channels(facts.channels, where=image.name)
    if level == 0:
        window.check_size(sizes, every_axis=True, where=image.name)
    places = window.places(axes, image.shape, facts.channels, level)
    chosen, along = places[axes.index("c")], axes.index("c")
    names = tuple(facts.channels[c] for c in chosen)
    part: dict[str, Any] = {
        "offset": window.offset(axes, level),
        "of": {axis: sizes[axis] for axis in window.region},
        "channels": list(names),
    }

    def fetch(region: Region) -> Pixels:
        inner = [
            slice(place[0] + r.start, place[0] + r.stop) if a != "c" else r
            for a, place, r in zip(axes, places, region, strict=True)
        ]
        pieces = []
        for c in chosen[region[along]]:
            inner[along] = slice(c, c + 1)
            pieces.append(image.region(tuple(inner)))
        if not pieces:
            return np.zeros([r.stop - r.start for r in region], image.dtype)
        return np.concatenate(pieces, axis=along)

    shape = tuple(len(place) for place in places)
    told = replace(
        facts,
        data=declared(shape, image.dtype),
        channels=names,
        wavelengths=tuple(facts.wavelengths[c] for c in chosen),
        rgb=facts.rgb and len(names) == len(facts.channels),
        metadata={**facts.metadata, "part": part},
    )
    chunk = tuple(min(c, n) for c, n in zip(image.chunk, shape, strict=True))
    return LazyImage(image.name, told, fetch, chunk)
