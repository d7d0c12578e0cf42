"""Random crops of a release: right pixels, one order for a seed, workers that share an epoch, exact resume."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_release import items_in, overwrite, seal, serving, small_release

import cellcommons
from cellcommons.crop_plan import Frame, plan_epoch
from cellcommons.crops import Crops
from cellcommons.errors import CellCommonsError, InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import open_image_tree, read_label_stack, write_image, write_labels
from cellcommons.images.tree_array import TreeArray
from cellcommons.release import Release
from cellcommons.store import FolderStore, object_path

SHAPES = ((700, 900), (256, 256), (100, 300), (520, 130))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Images whose pixels say where they are: channel 0 the row, channel 1 the column; labels row * 1000 + column."""
    store = FolderStore(tmp_path_factory.mktemp("store"))
    items = []
    for item, (height, width) in zip(items_in(store, len(SHAPES), size=24), SHAPES, strict=True):
        y, x = np.mgrid[:height, :width]
        tree = write_image(store, ImageData(np.stack([y, x]).astype(np.uint16) + 1, "cyx", ("DNA", "actin")))
        labels = write_labels(store, (1 + y * 1000 + x).astype(np.uint32)).digest
        items.append(replace(item, tree=tree.digest, labels=labels, height=height, width=width, cells=()))
    return seal(store, items)


def plain(sample: dict[str, Any]) -> tuple[str, int, int]:
    return sample["id"], sample["y"], sample["x"]


@pytest.mark.parametrize("size", [64, 256])
def test_every_crop_holds_the_pixels_of_its_place(release: Release, size: int) -> None:
    crops = Crops(release, size=size, seed=3)
    shapes = {item.image: (item.height, item.width) for item in release.items()}
    for sample in crops:
        height, width = shapes[sample["id"]]
        y, x = sample["y"], sample["x"]
        rows, cols = min(size, height - y), min(size, width - x)
        assert min(y, x) >= 0
        assert rows == min(size, height)
        assert cols == min(size, width)
        assert sample["image"].shape == (2, size, size)
        assert sample["labels"].shape == (size, size)
        ys, xs = np.mgrid[y : y + rows, x : x + cols]
        np.testing.assert_array_equal(sample["image"][:, :rows, :cols], np.stack([ys, xs]) + 1)
        np.testing.assert_array_equal(sample["labels"][:rows, :cols], 1 + ys * 1000 + xs)
        assert not sample["image"][:, rows:].any()
        assert not sample["labels"][:, cols:].any()


def test_an_epoch_has_as_many_crops_of_an_image_as_tiles_cover_it(release: Release) -> None:
    crops = Crops(release, seed=1)
    for _ in range(2):
        given_ = Counter(sample["id"] for sample in crops)
        assert given_ == {item.image: -(-item.height // 256) * -(-item.width // 256) for item in release.items()}
        assert given_.total() == len(crops)


def test_one_seed_is_one_order_and_another_epoch_or_seed_another(release: Release) -> None:
    def order(seed: int, epoch: int) -> list[tuple[str, int, int]]:
        crops = Crops(release, size=128, seed=seed)
        crops.set_epoch(epoch)
        return [plain(sample) for sample in crops]

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


def test_by_index_and_by_iteration_are_the_same_crops(release: Release) -> None:
    crops = Crops(release, size=128)
    listed = [plain(crops[index]) for index in range(len(crops))]
    assert [plain(sample) for sample in crops] == listed
    crops.set_epoch(0)
    assert plain(crops[len(crops) - 1]) == listed[-1]
    for index in (-1, len(crops)):
        with pytest.raises(IndexError):
            crops[index]


@dataclass
class Info:
    id: int
    num_workers: int


def loaded(crops_of: Any, workers: int, batch: int) -> list[list[tuple[str, int, int]]]:
    """Batches as a loader collects them from iterables, one batch a worker in turn."""
    streams = []
    for number in range(workers):
        crops = crops_of(lambda number=number: Info(number, workers))
        streams.append([plain(sample) for sample in crops])
    queues = [[stream[n : n + batch] for n in range(0, len(stream), batch)] for stream in streams]
    return [queue[turn] for turn in range(max(map(len, queues))) for queue in queues if turn < len(queue)]


@pytest.mark.parametrize(("workers", "batch"), [(1, 4), (3, 2), (4, 5), (2, 1000)])
def test_workers_together_give_the_epoch_in_its_order(release: Release, workers: int, batch: int) -> None:
    def crops_of(info: Any = None) -> Crops:
        return Crops(release, size=64, batch=batch, workers=workers, mix=2, worker_info=info)

    whole = [plain(sample) for sample in crops_of()]
    batches = loaded(crops_of, workers, batch)
    assert [crop for part in batches for crop in part] == whole

    def resumed(info: Any = None) -> Crops:
        crops = crops_of(info)
        crops.load_state_dict(crops_of().state_dict(position=min(len(whole), 3 * batch)))
        return crops

    rest = loaded(resumed, workers, batch) if 3 * batch < len(whole) else []
    assert [crop for part in rest for crop in part] == whole[3 * batch :]


@pytest.mark.parametrize("stop", [0, 1, 17, 40])
def test_a_resumed_epoch_goes_on_at_the_very_crop(release: Release, stop: int) -> None:
    def draw(sample: dict[str, Any], rng: np.random.Generator) -> tuple[Any, float]:
        return plain(sample), float(rng.random())

    crops = Crops(release, size=96, seed=5, transform=draw)
    stream = iter(crops)
    for _ in range(stop):
        next(stream)
    state = json.loads(json.dumps(crops.state_dict()))
    wanted = [*stream, *crops]
    again = Crops(release, size=96, seed=5, transform=draw)
    again.load_state_dict(state)
    assert [*again, *again] == wanted


def test_a_state_of_other_crops_is_refused(release: Release) -> None:
    state = Crops(release, size=96).state_dict()
    for other in ({"size": 64}, {"seed": 1}, {"mix": 2}, {"batch": 2}, {"workers": 2}, {"split": "train"}):
        with pytest.raises(InvalidDocument, match="another release, split"):
            Crops(release, **{"size": 96, **other}).load_state_dict(state)
    for bad in (
        {},
        {**state, "position": 10**9},
        {**state, "epoch": -1},
        {**state, "kind": "x"},
        {**state, "epoch": "1"},
    ):
        with pytest.raises(InvalidDocument, match="no state of crops"):
            Crops(release, size=96).load_state_dict(bad)
    with pytest.raises(InvalidDocument, match="from 1 on"):
        Crops(release, size=0)


frames = st.lists(st.tuples(st.integers(1, 1500), st.integers(1, 1500)), min_size=1, max_size=4)


@given(frames, st.sampled_from([16, 100, 256, 300]), st.integers(0, 99), st.integers(1, 4), st.integers(1, 4))
@settings(max_examples=60)
def test_a_plan_is_whole_and_its_crops_lie_in_their_windows(
    shapes: list[tuple[int, int]], size: int, seed: int, workers: int, mix: int
) -> None:
    pictures = [Frame(n, 0, height, width) for n, (height, width) in enumerate(shapes)]
    plan = plan_epoch(pictures, size=size, seed=seed, epoch=0, mix=mix, batch=1, workers=workers)
    counted = Counter(plan.windows[plan.crops[:, 0], 0].tolist())
    assert counted == {n: picture.crops(size) for n, picture in enumerate(pictures)}
    frame, y0, x0, y1, x1 = plan.windows[plan.crops[:, 0]].T
    height, width = np.array(shapes)[frame].T
    y, x = plan.crops[:, 1], plan.crops[:, 2]
    assert ((y0 <= y) & (y + np.minimum(size, height) <= y1) & (y1 <= height)).all()
    assert ((x0 <= x) & (x + np.minimum(size, width) <= x1) & (x1 <= width)).all()
    same = plan_epoch(pictures, size=size, seed=seed, epoch=0, mix=mix, batch=7, workers=1)
    assert sorted(map(tuple, same.crops.tolist())) == sorted(map(tuple, plan.crops.tolist()))


def test_places_are_spread_evenly() -> None:
    """Each pixel of the middle of a picture is covered as often as any other, over many epochs."""
    seen = np.zeros((1100, 1100))
    for epoch in range(300):
        plan = plan_epoch([Frame(0, 0, 1100, 1100)], size=256, seed=0, epoch=epoch, mix=4, batch=1, workers=1)
        for _, y, x in plan.crops.tolist():
            seen[y : y + 256, x : x + 256] += 1
    middle = seen[256:-256, 256:-256]
    assert middle.min() > 0
    blocks = middle[:576, :576].reshape(9, 64, 9, 64).mean((1, 3))
    assert blocks.std() / blocks.mean() < 0.25


@pytest.mark.parametrize("task", ["semantic_segmentation", "classification", "tracking", "augmented"])
def test_every_task_gives_its_truth(task: str, tmp_path: Path) -> None:
    release = small_release(FolderStore(tmp_path), task, count=3)
    items = {item.image: item for item in release.items()}
    images = {item.image: release.image(item) for item in items.values()}
    crops = Crops(release, size=32)
    for sample in crops:
        item = items[sample["id"]]
        box = (..., slice(sample["y"], sample["y"] + 32), slice(sample["x"], sample["x"] + 32))
        image = images[item.image]
        frame = image.data[sample["t"]] if "t" in image.axes else image.data
        np.testing.assert_array_equal(sample["image"], frame[box])
        if task == "semantic_segmentation":
            np.testing.assert_array_equal(sample["labels"], release.labels(item)[box])
        elif task == "augmented":
            np.testing.assert_array_equal(sample["target"], release.target(item).data[box])
        else:
            kind = {"tracking": "detections", "classification": "cells"}[task]
            truth = read_label_stack(release.store, item.companions[kind])
            truth = truth[sample["t"]] if task == "tracking" else truth
            np.testing.assert_array_equal(sample["labels"], truth[box])
    if task == "tracking":
        frames_ = {sample["t"] for sample in crops}
        assert len(frames_) > 1


def test_crops_stream_from_a_hub(release: Release, tmp_path: Path) -> None:
    with serving(release) as hub:
        opened = cellcommons.open("lab/noise@1", hub=hub.address, cache=tmp_path, whole=5000)
        ours = [plain(sample) for sample in Crops(opened, size=64)]
    assert ours == [plain(sample) for sample in Crops(release, size=64)]


def test_chunks_are_read_as_zarr_reads_them(release: Release) -> None:
    rng = np.random.default_rng(0)
    for item in release.items():
        lazy, array = open_image_tree(release.store, item.tree), TreeArray(release.store, item.tree)
        assert (array.axes, array.shape, array.dtype, array.chunk) == (lazy.axes, lazy.shape, lazy.dtype, lazy.chunk)
        for _ in range(5):
            region = tuple(slice(a, b) for a, b in (sorted(rng.integers(0, n + 1, 2)) for n in array.shape))
            np.testing.assert_array_equal(array.read(region), lazy.fetch(region))


def test_a_damaged_chunk_is_named(release: Release, tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    tree = write_image(store, ImageData(np.arange(90000, dtype=np.uint16).reshape(1, 300, 300), "cyx", ("DNA",)))
    shard = max(tree.entries, key=lambda entry: entry.size)
    path = tmp_path / object_path(shard.sha256)
    whole = path.read_bytes()
    for place in (20, len(whole) // 2, len(whole) - 30, len(whole) - 2):
        overwrite(path, whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(CellCommonsError, match=tree.digest):
            TreeArray(store, tree.digest).read((slice(0, 1), slice(0, 300), slice(0, 300)))
