"""A simulated hand: turns a wish for a reading into the edits that a browser would send, one object a stroke."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np

from cellcommons.edits import TILE, encode_tiles, fold_edits
from cellcommons.labels import Labels, cells
from cellcommons.reading import Reading, Value, fold_changes

MOST_KEYS = 8
"""Answers that one action may change: a person selects some crops and gives them a class, or links a few cells."""


class Drawing:
    """A reading under edit, with the tile versions that the protocol asks for.

    Args:
        base: the draft, or zeros; None where the task does not paint. values: the answers so far.
        noun: what ``params`` call the id that a stroke paints.
    """

    def __init__(
        self,
        base: Labels | None,
        values: dict[str, Value] | None = None,
        *,
        seq: int = 0,
        versions: dict[str, int] | None = None,
        noun: str = "cell",
    ) -> None:
        self._painted = None if base is None else base.copy()
        self.values = dict(values or {})
        self.seq = seq
        self.versions = dict(versions or {})
        self.noun = noun

    @property
    def labels(self) -> Labels:
        """The raster, uint32, yx."""
        assert self._painted is not None
        return self._painted

    @property
    def reading(self) -> Reading:
        """What is said so far."""
        return Reading(None if self._painted is None else self._painted.copy(), dict(self.values))

    def edits_towards(self, goal: Reading, rng: np.random.Generator) -> list[dict[str, Any]]:
        """Edits that turn what is said into ``goal``: answers first, then strokes."""
        edits = list(self.answers_towards(dict(goal.values), rng))
        if self._painted is not None and goal.raster is not None:
            edits += self.strokes_towards(goal.raster)
        return edits

    def answers_towards(self, goal: dict[str, Value], rng: np.random.Generator) -> Iterator[dict[str, Any]]:
        """Edits that change a few answers each, in the order in which they would be asked."""
        keys = [key for key in goal.keys() | self.values.keys() if self.values.get(key) != goal.get(key)]
        keys.sort(key=_in_order)
        while keys:
            few = int(rng.integers(1, MOST_KEYS + 1))
            now, keys = keys[:few], keys[few:]
            changes = {key: [self.values.get(key), goal.get(key)] for key in now}
            self.values = fold_changes(self.values, [changes])
            yield self._edit("answer", {"keys": len(now)}, [], changes)

    def strokes_towards(self, goal: Labels) -> Iterator[dict[str, Any]]:
        """Edits that turn the map into ``goal``: what must go is erased one by one, then each object is painted."""
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
            yield self._edit(tool, {self.noun: cell}, tiles, None)

    def _edit(
        self, tool: str, params: dict[str, Any], tiles: list[dict[str, Any]], changes: dict[str, Any] | None
    ) -> dict[str, Any]:
        self.seq += 1
        edit = {"uuid": str(uuid.uuid4()), "seq": self.seq, "tool": tool, "params": params, "tiles": tiles}
        return edit if changes is None else {**edit, "changes": changes}


def fold(base: Reading, edits: list[dict[str, Any]]) -> Reading:
    """What ``edits``, in their wire form and order, make of ``base``."""
    raster = None if base.raster is None else fold_edits(base.raster, [edit["tiles"] for edit in edits])
    return Reading(raster, fold_changes(base.values, [edit.get("changes") or {} for edit in edits]))


def differences(one: Reading, other: Reading) -> int:
    """Pixels and answers in which two readings of one image differ."""
    keys = one.values.keys() | other.values.keys()
    count = sum(one.values.get(key) != other.values.get(key) for key in keys)
    if one.raster is not None and other.raster is not None:
        count += int(np.count_nonzero(one.raster != other.raster))
    return count


def _in_order(key: str) -> tuple[list[int], str]:
    """Numbers in keys count as numbers: 2 before 10, and a movie's early frames before its late ones."""
    return [int(part) for part in key.split(":") if part.isdigit()], key
