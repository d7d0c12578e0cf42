"""How large a file may be. Checked on the declared size, before anything is allocated."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cellcommons.errors import TooLarge

_REMEDY = "Crop, tile or downsample the image, or ask the hub's operator to raise the limit."


@dataclass(frozen=True)
class Limits:
    """Upper bounds for one image file.

    Attributes:
        max_file_bytes: bytes on disk.
        max_pixels: pixels of one plane, rows times columns.
        max_channels: channels (colour samples included).
        max_planes: planes over all channels, z and t; also the pages of a TIFF, each of which costs time to visit.
        max_decoded_bytes: bytes of all planes once decoded. Reading needs at most about three times as much memory.
    """

    max_file_bytes: int = 2 << 30
    max_pixels: int = 1 << 28
    max_channels: int = 64
    max_planes: int = 20_000
    max_decoded_bytes: int = 1 << 30

    def check_file(self, size: int, *, where: str) -> None:
        """Raises TooLarge if a file of ``size`` bytes is above the limit."""
        if size > self.max_file_bytes:
            raise TooLarge(
                f"the file has {size:,} bytes; the limit is {self.max_file_bytes:,}", where=where, remedy=_REMEDY
            )

    def check_planes(self, planes: int, *, where: str) -> None:
        """Raises TooLarge if ``planes`` is above the limit."""
        if planes > self.max_planes:
            raise TooLarge(
                f"the file declares {planes:,} planes; the limit is {self.max_planes:,}", where=where, remedy=_REMEDY
            )

    def check_declared(self, axes: str, shape: tuple[int, ...], itemsize: int, *, where: str) -> None:
        """Check a declared array that is to be decoded whole; ``axes`` as in ``check_planar``.

        Raises:
            TooLarge: a plane, the number of channels or of planes, or the whole array is above its limit.
        """
        self.check_planar(axes, shape, where=where)
        decoded = math.prod(shape) * itemsize
        if decoded > self.max_decoded_bytes:
            raise TooLarge(
                f"the file declares {decoded:,} bytes of pixels; the limit is {self.max_decoded_bytes:,}",
                where=where,
                remedy=_REMEDY,
            )

    def check_planar(self, axes: str, shape: tuple[int, ...], *, where: str) -> None:
        """Check a declared array that is read in parts; ``axes`` names each dimension (S, samples, are channels).

        Raises:
            TooLarge: a plane, the number of channels or the number of planes is above its limit.
        """
        sizes = dict(zip(axes.lower(), shape, strict=True))
        height, width = sizes.get("y", 1), sizes.get("x", 1)
        if height * width > self.max_pixels:
            raise TooLarge(
                f"the file declares {width:,} x {height:,} pixels; the limit is {self.max_pixels:,} pixels a plane",
                where=where,
                remedy=_REMEDY,
            )
        channels = sizes.get("c", 1) * sizes.get("s", 1)
        if channels > self.max_channels:
            raise TooLarge(
                f"the file declares {channels:,} channels; the limit is {self.max_channels}",
                where=where,
                remedy=_REMEDY,
            )
        self.check_planes(math.prod(shape) // max(1, height * width * sizes.get("s", 1)), where=where)


DEFAULT_LIMITS = Limits()
# For what is read part by part and never whole: a slide of 500,000 x 500,000 pixels, a file of 64 TiB.
STREAMED = Limits(max_file_bytes=1 << 46, max_pixels=1 << 38, max_planes=2_000_000)
