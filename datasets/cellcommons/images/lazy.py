"""Images whose pixels are still in their file: what the file says of them, and any part of them on demand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

import numpy as np

from cellcommons.errors import MismatchedShapes, NotFound
from cellcommons.images.data import ImageData, Pixels
from cellcommons.images.limits import DEFAULT_LIMITS, Limits

Region = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class LazyImage:
    """One image in an open file. Valid until its ``ImageFile`` is closed.

    Attributes:
        name: what the file calls it (a scene, a series); empty where it does not.
        facts: an ``ImageData`` of the right axes, channels, sizes and metadata whose ``data`` is one pixel seen
            through strides of zero: it has shape and dtype, takes no memory, and its values mean nothing.
        fetch: ``fetch(region)`` decodes one region, a slice (start, stop, step 1) per axis of ``facts.axes``.
        chunk: a shape, along the same axes, that the file gives cheaply: a plane, a tile, a strip of rows.
        settle: called with the whole image once all is in memory; may note what only pixels tell. Never changes shape,
            type or values.
    """

    name: str
    facts: ImageData
    fetch: Callable[[Region], Pixels] = field(repr=False)
    chunk: tuple[int, ...]
    settle: Callable[[ImageData], ImageData] | None = field(default=None, repr=False)

    @property
    def axes(self) -> str:
        """Names of the dimensions, a subsequence of ``tczyx`` with ``c``."""
        return self.facts.axes

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes along ``axes``."""
        return self.facts.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Kind of pixel."""
        return self.facts.data.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of all pixels, decoded."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def region(self, region: Region) -> Pixels:
        """Decode one region: one slice per axis, within the image.

        Raises:
            UnreadableFile: the bytes of this region are damaged or missing.
            MismatchedShapes: the file gave another shape or type than it declares.
        """
        steps = [range(*part.indices(size)) for part, size in zip(region, self.shape, strict=True)]
        pixels = self.fetch(tuple(slice(s.start, s.stop) for s in steps))
        wanted = tuple(len(s) for s in steps)
        if pixels.shape != wanted or pixels.dtype != self.dtype:
            raise MismatchedShapes(
                f"the file declares {self.dtype} of shape {wanted} here and gave {pixels.dtype} of {pixels.shape}",
                where=self.name,
            )
        return pixels

    def load(self, limits: Limits = DEFAULT_LIMITS, *, where: str = "") -> ImageData:
        """The whole image in memory. Raises TooLarge above ``limits`` before decoding anything; else as ``region``."""
        limits.check_declared(self.axes, self.shape, self.dtype.itemsize, where=where or self.name)
        image = replace(self.facts, data=self.region(tuple(slice(0, n) for n in self.shape)))
        return self.settle(image) if self.settle else image


def declared(shape: tuple[int, ...], dtype: np.dtype[Any] | type[Any] | str) -> Pixels:
    """An array of ``shape`` and ``dtype`` that takes the memory of one pixel: what ``LazyImage.facts`` holds."""
    return np.broadcast_to(np.zeros((), dtype=dtype), shape)


class ImageFile:
    """An open file or folder and the images in it. Use with ``with``; ``images`` are readable until it ends.

    Attributes:
        format: as people call it, e.g. ``ND2``. images: at least one, in the file's order.
        parts: every file that the images are read from, the one that was opened first.
    """

    def __init__(
        self, format: str, images: tuple[LazyImage, ...], *, parts: tuple[Any, ...] = (), stack: ExitStack | None = None
    ) -> None:
        self.format, self.images, self.parts = format, images, parts
        self._stack = stack or ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._stack.close()

    def image(self, series: int | str = 0, *, where: str = "") -> LazyImage:
        """One image by its place or its name. Raises NotFound, which says what there is."""
        for place, image in enumerate(self.images):
            if series in (place, image.name):
                return image
        names = ", ".join(f"{place} {image.name!r}" for place, image in list(enumerate(self.images))[:20])
        raise NotFound(f"no image {series!r} in this {self.format}", where=where, remedy=f"It holds: {names}.")
