"""Named axes and physical pixel size. Axes are always named, never guessed from a shape."""

from __future__ import annotations

from dataclasses import dataclass

from cellcommons.errors import InvalidDocument

ORDER = "tczyx"
SPATIAL = "zyx"


def checked_axes(axes: str, ndim: int, *, where: str = "") -> str:
    """Return ``axes`` if it is a subsequence of ``tczyx`` of length ``ndim`` ending in ``yx``.

    Raises:
        InvalidDocument: the names repeat, are out of order, or do not match ``ndim``.
    """
    in_order = [a for a in ORDER if a in axes]
    if "".join(in_order) != axes or len(axes) != ndim or not axes.endswith("yx"):
        raise InvalidDocument(
            f"axes {axes!r} do not name {ndim} dimensions in the order t, c, z, y, x",
            where=where,
            remedy="Name each dimension once, for example 'cyx' for channels, rows, columns.",
        )
    return axes


@dataclass(frozen=True)
class PixelSize:
    """Physical size of one pixel in micrometres; ``None`` where the file does not say.

    Attributes:
        y, x, z: micrometres per pixel along that axis.
    """

    y: float | None = None
    x: float | None = None
    z: float | None = None

    @property
    def known(self) -> bool:
        """Whether both in-plane sizes are known."""
        return self.y is not None and self.x is not None

    def scale(self, axes: str) -> list[float]:
        """Scale factors for ``axes``; 1.0 where unknown or not spatial."""
        return [float(getattr(self, a, None) or 1.0) if a in SPATIAL else 1.0 for a in axes]
