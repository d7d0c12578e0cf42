"""A simulated hand: turns a wish for a label map into the strokes that draw it, one cell a stroke."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np

from cellcommons.edits import TILE, encode_tiles
from cellcommons.labels import Labels, cells


class Drawing:
    """A label map under edit, with the tile versions that the protocol asks for.

    Args:
        base: uint32, yx: the draft, or zeros.
    """

    def __init__(self, base: Labels, *, seq: int = 0, versions: dict[str, int] | None = None) -> None:
        self.labels = base.copy()
        self.seq = seq
        self.versions = dict(versions or {})

    def strokes_towards(self, goal: Labels) -> Iterator[dict[str, Any]]:
        """Edits that turn the map into ``goal``: what must go is erased cell by cell, then each cell is painted."""
        for cell in list(cells(self.labels)):
            y0, x0, y1, x1 = cell.box
            inside = goal[y0:y1, x0:x1]
            gone = cell.mask & (inside != cell.id)
            if gone.any():
                tool = "delete" if gone.sum() == cell.area else "eraser"
                yield from self._stroke(tool, cell.id, cell.box, gone, 0)
        for cell in cells(goal):
            y0, x0, y1, x1 = cell.box
            missing = cell.mask & (self.labels[y0:y1, x0:x1] != cell.id)
            if missing.any():
                yield from self._stroke("brush", cell.id, cell.box, missing, cell.id)

    def _stroke(
        self, tool: str, cell: int, box: tuple[int, int, int, int], mask: np.ndarray, value: int
    ) -> Iterator[dict[str, Any]]:
        y0, x0, y1, x1 = box
        top, left = y0 // TILE * TILE, x0 // TILE * TILE
        bottom, right = -(-y1 // TILE) * TILE, -(-x1 // TILE) * TILE
        block = self.labels[top:bottom, left:right]
        before = block.copy()
        block[y0 - top : y1 - top, x0 - left : x1 - left][mask] = value
        tiles = encode_tiles(before, block, {})
        for tile in tiles:
            tile["y"] += top // TILE
            tile["x"] += left // TILE
            key = f"{tile['y']},{tile['x']}"
            tile["version"] = self.versions.get(key, 0)
            self.versions[key] = tile["version"] + 1
        if tiles:
            self.seq += 1
            yield {"uuid": str(uuid.uuid4()), "seq": self.seq, "tool": tool, "params": {"cell": cell}, "tiles": tiles}
