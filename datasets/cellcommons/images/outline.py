"""What a tree says of its image without its pixels: axes, shape, channels, pixel size."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument
from cellcommons.images.tree_store import TreeStore
from cellcommons.store import ObjectStore
from cellcommons.tree import load_tree


@dataclass(frozen=True)
class ImageOutline:
    """An image or label map without its pixels.

    Attributes:
        axes: subsequence of ``tczyx``. shape: sizes along them. channels: names; none where there is no channel axis.
        pixel_size: micrometres. metadata: what was kept beside the pixels. seconds_per_frame: None where unknown.
    """

    axes: str
    shape: tuple[int, ...]
    channels: tuple[str, ...]
    pixel_size: PixelSize = field(default_factory=PixelSize)
    metadata: dict[str, Any] = field(default_factory=dict)
    seconds_per_frame: float | None = None

    def size(self, axis: str) -> int:
        """Length along ``axis``; 1 where the image lacks it."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    @property
    def shape_yx(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.size("y"), self.size("x")


def read_outline(store: ObjectStore, digest: str) -> ImageOutline:
    """The outline of an image or label tree at full resolution.

    Raises:
        NotFound, DigestMismatch: an object is missing or damaged.
        InvalidDocument: the tree is not OME-Zarr.
    """
    reader = TreeStore(store, load_tree(store, digest))
    try:
        attributes = json.loads(reader.read("zarr.json") or b"")["attributes"]
        scales = attributes["ome"]["multiscales"][0]
        named = {str(axis["name"]): axis.get("unit") for axis in scales["axes"]}
        level = scales["datasets"][0]
        shape = tuple(int(n) for n in json.loads(reader.read(f"{level['path']}/zarr.json") or b"")["shape"])
        steps = dict(zip(named, level["coordinateTransformations"][0]["scale"], strict=True))
        channels = tuple(str(c.get("label", "")) for c in attributes["ome"].get("omero", {}).get("channels", []))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise InvalidDocument(f"the tree is not an OME-Zarr 0.5 image ({error!r})", where=digest) from error
    # Only a size that carries its unit was measured.
    known = {a: float(steps[a]) for a in "zyx" if named.get(a) == "micrometer" and math.isfinite(float(steps[a]))}
    kept = attributes.get("cellcommons", {}).get("metadata", {})
    seconds = float(steps["t"]) if named.get("t") == "second" else None
    notes = kept if isinstance(kept, dict) else {}
    return ImageOutline("".join(named), shape, channels, PixelSize(**known), notes, seconds)
