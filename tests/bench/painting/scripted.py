"""A scripted person who splits, joins and renumbers cells of a real image at the workbench, and what must be there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import expect

from tests.bench.painting import reference
from tests.bench.painting.reference import Labels, Pixel

CHANNELS = ("nuclei",)


def read_real_image(folder: Path, cells: int = 60) -> tuple[NDArray[np.uint8], Labels]:
    """Image (uint8, cyx) and masks (uint32, yx) of the first grey image of DSB2018 with at least ``cells`` nuclei."""
    for entry in sorted((folder / "stage1_train").iterdir()):
        masks = sorted((entry / "masks").glob("*.png"))
        picture = imagecodecs.png_decode(next((entry / "images").glob("*.png")).read_bytes())
        if len(masks) < cells or np.ptp(picture[..., :3], axis=2).any():
            continue
        labels = np.zeros(picture.shape[:2], np.uint32)
        for number, path in enumerate(masks, start=1):
            mask = imagecodecs.png_decode(path.read_bytes())
            labels[(mask if mask.ndim == 2 else mask[..., 0]) > 0] = number
        return picture[None, ..., 0], labels
    raise FileNotFoundError(f"no image with {cells} nuclei in {folder}")


class ScriptedUser:
    """Acts by pointer and keys on a fitted picture, and does the same to ``labels`` with the reference.

    Attributes:
        labels: what the map must be now. done: changes made so far, by kind.
    """

    def __init__(self, bench: Any, labels: Labels, seed: int = 0) -> None:
        self.bench, self.labels, self.done = bench, labels, Counter[str]()
        self._rng = np.random.default_rng(seed)
        self._next = int(labels.max()) + 1

    def work(self, count: int) -> None:
        """Make ``count`` changes, each kind in turn."""
        self.bench.fit()
        acts = {"cut": self._cut, "split": self._split, "join": self._join, "renumber": self._renumber}
        turn = 0
        while self.done.total() < count:
            name = list(acts)[turn % len(acts)]
            turn += 1
            after = acts[name]()
            if not np.array_equal(after, self.labels):
                self.done[name] += 1
            self.labels = after
            self._next = max(self._next, int(after.max()) + 1)

    def _pixels(self, least: int = 40) -> list[Pixel]:
        """Two pixels of a random cell of at least ``least`` pixels, some way apart where it is long enough."""
        ids, areas = np.unique(self.labels[self.labels > 0], return_counts=True)
        places = np.argwhere(self.labels == self._rng.choice(ids[areas >= least]))
        some = places[self._rng.choice(len(places), 12)]
        first = some[0]
        last = some[np.abs(some - first).sum(axis=1).argmax()]
        return [(int(first[0]), int(first[1])), (int(last[0]), int(last[1]))]

    def _drag(self, path: list[Pixel]) -> None:
        self.bench.stroke([(row + 0.5, column + 0.5) for row, column in path])

    def _press(self, key: str) -> None:
        self.bench.page.keyboard.press(key)

    def _cut(self) -> Labels:
        """A line right through a cell and out on both sides."""
        (row, column), _ = self._pixels()
        turn, height, width = self._rng.uniform(0, np.pi), *self.labels.shape
        reach = 18 * np.array([np.sin(turn), np.cos(turn)])
        ends = [np.clip(np.rint([row, column] + way * reach), 0, [height - 1, width - 1]) for way in (-1, 1)]
        path = [(int(end[0]), int(end[1])) for end in ends]
        self._press("s")
        self._drag(path)
        return reference.split_along(self.labels, reference.path_pixels(path), self._next)

    def _split(self) -> Labels:
        """Two points of one cell: dragged from one to the other, or two clicks."""
        first, second = self._pixels()
        if max(abs(first[0] - second[0]), abs(first[1] - second[1])) < 3:
            return self.labels
        self._press("q")
        for path in [[first, second]] if self._rng.random() < 0.5 else [[first], [second]]:
            self._drag(path)
        return reference.split_between(self.labels, first, second, self._next)

    def _join(self) -> Labels:
        """From one cell to another within reach: a drag takes all on the way, clicks only the two."""
        start, _ = self._pixels()
        others = np.argwhere((self.labels > 0) & (self.labels != self.labels[start]))
        end = others[np.abs(others - start).sum(axis=1).argmin()]
        path = [start, (int(end[0]), int(end[1]))]
        self._press("j")
        if self._rng.random() < 0.5:
            self._drag(path)
            met = [int(self.labels[at]) for at in reference.path_pixels(path)]
        else:
            for at in path:
                self._drag([at])
            met = [int(self.labels[at]) for at in path]
        return reference.merge(self.labels, [cell for cell in dict.fromkeys(met) if cell])

    def _renumber(self) -> Labels:
        """Select a cell by a click and type another number for it."""
        at, _ = self._pixels()
        self._press("v")
        self._drag([at])
        self._press("r")
        field = self.bench.page.get_by_label("Number of the selected cell")
        expect(field).to_be_focused()
        field.fill(str(self._next))
        field.press("Enter")
        return reference.relabel(self.labels, int(self.labels[at]), self._next)
