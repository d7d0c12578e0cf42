"""One image in memory: its pixels, with axes, channels and pixel size named."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from cellcommons.axes import PixelSize, checked_axes
from cellcommons.errors import InvalidDocument

Pixels = NDArray[Any]
UNKNOWN_SIZE = PixelSize()
DTYPES = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")


@dataclass(frozen=True)
class Wavelengths:
    """Light of one channel, in nanometres; None where the file does not say.

    Attributes:
        excitation, emission: nanometres.
    """

    excitation: float | None = None
    emission: float | None = None

    def __post_init__(self) -> None:
        for value in (self.excitation, self.emission):
            if value is not None and not 0 < value < 1e5:
                raise InvalidDocument(f"{value} nm is no wavelength of light")


@dataclass(frozen=True)
class PlatePosition:
    """Where on a multi-well plate an image was taken.

    Attributes:
        row: letter of the row, ``A`` to ``AF``. column: from 1. field: place within the well, from 1; None where the
            file does not say. plate: its name; empty where unknown.
    """

    row: str
    column: int
    field: int | None = None
    plate: str = ""

    def __post_init__(self) -> None:
        letters = 1 <= len(self.row) <= 2 and self.row.isascii() and self.row.isalpha() and self.row.isupper()
        if not letters or self.column < 1 or (self.field is not None and self.field < 1):
            raise InvalidDocument(f"row {self.row!r}, column {self.column}, field {self.field} is no place on a plate")

    @property
    def well(self) -> str:
        """As people write it, e.g. ``B07``."""
        return f"{self.row}{self.column:02d}"


@dataclass(frozen=True, eq=False)
class ImageData:
    """Pixels and what is known about them.

    Attributes:
        data: array with the dimensions ``axes`` names; one of ``DTYPES``.
        axes: subsequence of ``tczyx`` that always holds ``c``; ``cyx`` for a 2-D image.
        channels: one name per channel, in the order of the c axis.
        pixel_size: micrometres per pixel; unknown sizes are ``None``. ``z`` is dropped where there is no z axis.
        rgb: the three channels are red, green and blue of one colour picture, not three stains.
        metadata: JSON values worth keeping: what was assumed, dropped or noted while reading.
        wavelengths: one a channel; all unknown where not given. seconds_per_frame: None where unknown or no t axis.
        position: on a plate; None where unknown.
    """

    data: Pixels = field(repr=False)
    axes: str
    channels: tuple[str, ...]
    pixel_size: PixelSize = UNKNOWN_SIZE
    rgb: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    wavelengths: tuple[Wavelengths, ...] = ()
    seconds_per_frame: float | None = None
    position: PlatePosition | None = None

    def __post_init__(self) -> None:
        checked_axes(self.axes, self.data.ndim)
        if "c" not in self.axes:
            raise InvalidDocument(f"axes {self.axes!r} lack c", remedy="Add a channel axis of length 1.")
        if 0 in self.data.shape:
            raise InvalidDocument(f"an image of shape {self.data.shape} holds no pixels")
        if self.data.dtype.name not in DTYPES:
            raise InvalidDocument(
                f"pixels of type {self.data.dtype} are not supported", remedy=f"Convert to one of {', '.join(DTYPES)}."
            )
        if len(self.channels) != self.size("c"):
            raise InvalidDocument(f"{len(self.channels)} channel names for {self.size('c')} channels")
        if self.rgb and self.size("c") != 3:
            raise InvalidDocument(f"a colour picture has 3 channels, not {self.size('c')}")
        if "z" not in self.axes and self.pixel_size.z is not None:
            object.__setattr__(self, "pixel_size", replace(self.pixel_size, z=None))
        object.__setattr__(self, "wavelengths", self.wavelengths or (Wavelengths(),) * self.size("c"))
        if len(self.wavelengths) != self.size("c"):
            raise InvalidDocument(f"{len(self.wavelengths)} pairs of wavelengths for {self.size('c')} channels")
        if "t" not in self.axes and self.seconds_per_frame is not None:
            object.__setattr__(self, "seconds_per_frame", None)
        if self.seconds_per_frame is not None and not 0 < self.seconds_per_frame < math.inf:
            raise InvalidDocument(f"{self.seconds_per_frame} seconds per frame is no interval of time")

    def size(self, axis: str) -> int:
        """Length along ``axis``; 1 where the image lacks it."""
        return int(self.data.shape[self.axes.index(axis)]) if axis in self.axes else 1

    @property
    def shape_yx(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.size("y"), self.size("x")

    def plane(self, c: int = 0, z: int = 0, t: int = 0) -> Pixels:
        """One plane, axes yx (a view). Raises IndexError beyond the image."""
        chosen = {"c": c, "z": z, "t": t}
        for axis, index in chosen.items():
            if not 0 <= index < self.size(axis):
                raise IndexError(f"{axis}={index} lies outside 0..{self.size(axis) - 1}")
        return self.data[tuple(chosen[a] if a in chosen else slice(None) for a in self.axes)]
