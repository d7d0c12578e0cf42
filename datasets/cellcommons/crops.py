"""Random crops of a release for training: shuffled, sharded over workers, and resumed at the very crop.

A dataset as PyTorch takes them, by index or as an iterable, without importing torch.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from cellcommons.canonical import canonical_json, sha256_hex
from cellcommons.crop_plan import Frame, Plan, plan_epoch
from cellcommons.errors import InvalidDocument
from cellcommons.images.data import Pixels
from cellcommons.images.tree_array import TreeArray
from cellcommons.indexes import ReleaseItem
from cellcommons.kinds.given import CELLS, DETECTIONS, TARGET
from cellcommons.release import Release

Sample = dict[str, Any]
Transform = Callable[[Sample, np.random.Generator], Any]
KIND = "cellcommons.crops/1"
_OPEN = 2048
# Task -> (key in a sample, companion that holds it; the item's own labels where None).
_TRUTHS: dict[str, tuple[str, str | None]] = {
    "instance_segmentation": ("labels", None),
    "semantic_segmentation": ("labels", None),
    "tracking": ("labels", DETECTIONS),
    "classification": ("labels", CELLS),
    "augmented": ("target", TARGET),
}


class Crops:
    """Crops of ``size`` x ``size`` pixels at random places, as many an epoch as tiles would cover the images.

    Crop ``i`` of epoch ``e`` is a function of the release, the arguments, ``e`` and ``i`` alone, in any process. It is
    a dict: ``image`` (axes cyx, czyx of a stack; of a movie one frame), ``labels`` (uint32, yx: of tracking the
    detections of the frame, of classification the given cells) or ``target`` (cyx), ``id`` of the image, ``t``, ``y``,
    ``x`` of its first pixel. Where an image is smaller, zeros follow below and to the right.

    Args:
        split: train, validation or test; None: all.
        batch, workers: of the loader that reads; each window of an image is then decoded by one worker. They shape the
            order of an epoch, never which crops it holds.
        mix: windows whose crops are shuffled together, and that are held in memory for each worker.
        transform: called with the sample and a generator of random numbers that is the crop's own.
        worker_info: ``torch.utils.data.get_worker_info``, or anything that returns None or an object with ``id`` and
            ``num_workers``; asked by ``iter``, which then gives the batches of that worker.

    Attributes:
        epoch: number of the epoch. position: crops of it that ``iter`` has given, or that were resumed past.

    Raises:
        InvalidDocument: no image in the split, or numbers below 1.
    """

    def __init__(
        self,
        release: Release,
        split: str | None = None,
        *,
        size: int = 256,
        seed: int = 0,
        batch: int = 1,
        workers: int = 1,
        mix: int = 16,
        transform: Transform | None = None,
        worker_info: Callable[[], Any] | None = None,
    ) -> None:
        if min(size, batch, workers, mix) < 1:
            raise InvalidDocument("size, batch, workers and mix are whole numbers from 1 on", where="crops")
        release.need_whole("cutting crops")
        self.release, self._transform, self._worker_info = release, transform, worker_info
        self._size, self._seed, self._batch, self._workers, self._mix = size, seed, batch, max(1, workers), mix
        self._items = list(release.items(split))
        if not self._items:
            raise InvalidDocument(f"no image in split {split!r}", where=release.manifest.reference)
        self._key, self._companion = _TRUTHS.get(release.manifest.task, ("", None))
        if self._companion and not all(self._companion in item.companions for item in self._items):
            self._key = ""
        self.epoch = self.position = 0
        self._arrays: OrderedDict[str, TreeArray] = OrderedDict()
        self._windows: OrderedDict[int, tuple[Pixels, Pixels | None]] = OrderedDict()
        self._frames = [
            Frame(number, t, item.height, item.width)
            for number, item in enumerate(self._items)
            for t in range(self._length(item))
        ]
        self._count = sum(frame.crops(size) for frame in self._frames)
        self._planned: tuple[int, Plan] | None = None

    def __len__(self) -> int:
        """Crops in an epoch, of all workers together."""
        return self._count

    def __getitem__(self, index: int) -> Any:
        """Crop ``index`` of the epoch, in its shuffled order. Raises IndexError beyond it."""
        if not 0 <= index < len(self):
            raise IndexError(f"crop {index} of {len(self)}")
        plan = self._plan()
        window, y, x = (int(n) for n in plan.crops[index])
        frame = self._frames[int(plan.windows[window, 0])]
        item = self._items[frame.image]
        image, truth = self._window(window, plan)
        y0, x0 = (int(n) for n in plan.windows[window, 1:3])
        sample: Sample = {"image": self._cut(image, y - y0, x - x0), "id": item.image, "t": frame.t, "y": y, "x": x}
        if truth is not None:
            sample[self._key] = self._cut(truth, y - y0, x - x0)
        if self._transform is None:
            return sample
        return self._transform(sample, np.random.default_rng([self._seed, self.epoch, index]))

    def __iter__(self) -> Iterator[Any]:
        """The rest of the epoch; of a worker, every ``num_workers``-th batch of it, from its own on.

        Without workers ``position`` counts along, and the end of the epoch begins the next; else ``set_epoch`` does.
        """
        info = self._worker_info() if self._worker_info else None
        if info is not None:
            for first in range(self.position + info.id * self._batch, len(self), info.num_workers * self._batch):
                for index in range(first, min(first + self._batch, len(self))):
                    yield self[index]
            return
        while self.position < len(self):
            sample = self[self.position]
            self.position += 1
            yield sample
        self.set_epoch(self.epoch + 1)

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch: other places, another order."""
        self.epoch, self.position = epoch, 0
        self._windows.clear()

    def state_dict(self, position: int | None = None) -> dict[str, Any]:
        """Where the reading is, as JSON.

        Args:
            position: crops of this epoch that were used, where a loader with workers reads ahead of who uses them.
        """
        position = self.position if position is None else position
        return {"kind": KIND, "epoch": self.epoch, "position": position, "of": self._identity()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there: the next crop is the one that would have come. Raises InvalidDocument."""
        epoch, position = state.get("epoch"), state.get("position")
        if not isinstance(epoch, int) or not isinstance(position, int) or state.get("kind") != KIND:
            raise InvalidDocument("this is no state of crops", where=str(state)[:200])
        if epoch < 0 or not 0 <= position <= len(self):
            raise InvalidDocument("this is no state of crops", where=str(state)[:200])
        if state.get("of") != self._identity():
            raise InvalidDocument(
                "the state is of another release, split, size, seed, batch, mix or number of workers",
                where=self.release.manifest.reference,
                remedy="Make the crops with the same arguments.",
            )
        self.set_epoch(epoch)
        self.position = position

    def _identity(self) -> str:
        numbers = [self._size, self._seed, self._batch, self._workers, self._mix]
        return sha256_hex(canonical_json([self.release.digest, [item.image for item in self._items], numbers]))

    def _length(self, item: ReleaseItem) -> int:
        if self.release.manifest.task != "tracking":
            return 1
        array = self._array(item.tree)
        return array.shape[array.axes.index("t")] if "t" in array.axes else 1

    def _plan(self) -> Plan:
        if self._planned is None or self._planned[0] != self.epoch:
            plan = plan_epoch(
                self._frames, size=self._size, seed=self._seed, epoch=self.epoch, mix=self._mix, batch=self._batch,
                workers=self._workers,
            )  # fmt: skip
            self._planned = (self.epoch, plan)
            self._windows.clear()
        return self._planned[1]

    def _window(self, number: int, plan: Plan) -> tuple[Pixels, Pixels | None]:
        """Pixels and truth of a window, decoded once while its neighbours in the order are read."""
        if number in self._windows:
            self._windows.move_to_end(number)
            return self._windows[number]
        frame_number, y0, x0, y1, x1 = (int(n) for n in plan.windows[number])
        frame = self._frames[frame_number]
        item = self._items[frame.image]
        box = {"t": slice(frame.t, frame.t + 1), "y": slice(y0, y1), "x": slice(x0, x1)}
        truth = None
        if self._key:
            truth = _read(self._array(item.companions[self._companion] if self._companion else item.labels), box)
        self._windows[number] = _read(self._array(item.tree), box), truth
        while len(self._windows) > self._mix * self._workers:
            self._windows.popitem(last=False)
        return self._windows[number]

    def _array(self, digest: str) -> TreeArray:
        array = self._arrays.get(digest)
        if array is None:
            array = self._arrays[digest] = TreeArray(self.release.store, digest)
            if len(self._arrays) > _OPEN:
                self._arrays.popitem(last=False)
        else:
            self._arrays.move_to_end(digest)
        return array

    def _cut(self, pixels: Pixels, y: int, x: int) -> Pixels:
        part = pixels[..., y : y + self._size, x : x + self._size]
        if part.shape[-2:] == (self._size, self._size):
            return part.copy()
        out = np.zeros((*part.shape[:-2], self._size, self._size), part.dtype)
        out[..., : part.shape[-2], : part.shape[-1]] = part
        return out


def _read(array: TreeArray, box: Mapping[str, slice]) -> Pixels:
    """The box of an array, without its t axis."""
    region = tuple(box.get(axis, slice(0, n)) for axis, n in zip(array.axes, array.shape, strict=True))
    pixels = array.read(region)
    return pixels[array.axes.index("t") * (slice(None),) + (0,)] if "t" in array.axes else pixels
