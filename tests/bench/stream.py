"""An epoch of random 256 x 256 crops of a release, beside plain reads with zarr of the same images and labels.

All in one process each way, taking turns; CPU seconds are counted too, as the machine is shared.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from cellcommons.crops import Crops
from cellcommons.folder import ReleaseFolder
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image, write_labels
from cellcommons.indexes import ReleaseItem
from cellcommons.release import Release, open_release
from cellcommons.sealing import seal_release
from cellcommons.splits import split_by_source
from cellcommons.synthetic.cells import generate_cells
from tests.bench.result import Goal, Result

SIZE = 256
Way = Callable[[Path, Release, list[tuple[ReleaseItem, int, int]]], int]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--sides", default="512,1024,2048", help="pixels a side of the images (512,1024,2048)")
    parser.add_argument("--megapixels", type=int, default=24, help="of each set of images (24)")
    parser.add_argument("--repeats", type=int, default=3, help="epochs each way (3)")


def run(asked: argparse.Namespace) -> Result:
    """Generate, read, compare."""
    figures: dict[str, Any] = {}
    peers: dict[str, dict[str, Any]] = {name: {} for name in WAYS if name != "ours"}
    sides = [int(text) for text in asked.sides.split(",")]
    for side in sides:
        with tempfile.TemporaryDirectory(prefix="bench-stream-") as place:
            root = Path(place) / "release"
            release = make_release(root, side, max(2, asked.megapixels * 1_000_000 // side**2))
            drawn = [(item, y, x) for item, y, x in _places(release)]
            spent: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
            for _ in range(asked.repeats):
                for name, way in WAYS.items():
                    wall, cpu = time.perf_counter(), time.process_time()
                    crops = way(root, release, drawn)
                    spent[name].append((time.perf_counter() - wall, time.process_time() - cpu))
                    if crops != len(drawn):
                        raise RuntimeError(f"{name} gave {crops} crops of {len(drawn)}")
        wall_of = {name: statistics.median(wall for wall, _ in rows) for name, rows in spent.items()}
        cpu_of = {name: statistics.median(cpu for _, cpu in rows) for name, rows in spent.items()}
        figures[f"crops_{side}"] = len(drawn)
        figures[f"crops_per_second_{side}"] = len(drawn) / wall_of["ours"]
        for name in peers:
            peers[name][f"crops_per_second_{side}"] = len(drawn) / wall_of[name]
            figures[f"times_{KEYS[name]}_{side}"] = wall_of[name] / wall_of["ours"]
            figures[f"times_{KEYS[name]}_{side}_cpu"] = cpu_of[name] / cpu_of["ours"]
    figures["times_image"] = min(figures[f"times_image_{side}"] for side in sides)
    return Result("stream", figures, [Goal("times_image", at_least=3)], peers)


def make_release(root: Path, side: int, count: int) -> Release:
    """A download of ``count`` generated images of two channels, uint16, with their labels."""
    place = ReleaseFolder(root)
    place.prepare("lab/crops@1.0.0")
    store = place.store
    split = split_by_source([(f"image-{n}", f"source-{n}", "cells") for n in range(count)])
    items = []
    for n in range(count):
        tile = generate_cells(n, height=512, width=512, count=60)
        times = side // 512
        noise = np.random.default_rng(n).normal(0, 40, (2, side, side))
        one = np.tile(tile.image[:1], (1, times, times)).astype(float)
        pixels = np.clip(np.concatenate([one, one[:, ::-1]]) + noise, 0, 65535).astype(np.uint16)
        labels = np.tile(tile.labels, (times, times)).astype(np.uint32)
        tree = write_image(store, ImageData(pixels, "cyx", ("DNA", "actin"))).digest
        items.append(
            ReleaseItem(
                f"image-{n}", f"image {n}", tree, write_labels(store, labels).digest, split.assignment[f"image-{n}"],
                f"source-{n}", "cells", ("DNA", "actin"), side, side,
            )
        )  # fmt: skip
    _, digest = seal_release(
        store, dataset="lab/crops", title="Crops", parent=None, created="2026-11-20T08:00:00Z", licence="CC0-1.0",
        task="instance_segmentation", items=items, card_text="# Crops", split_certificate={"method": "by source"},
    )  # fmt: skip
    release = open_release(store, digest)
    place.show(release, "")
    return release


def _places(release: Release) -> Iterator[tuple[ReleaseItem, int, int]]:
    """As many random crops of each image as ours has, shuffled over all images."""
    rng = np.random.default_rng(0)
    drawn = [
        (item, int(rng.integers(item.height - SIZE + 1)), int(rng.integers(item.width - SIZE + 1)))
        for item in release.items()
        for _ in range((item.height // SIZE) * (item.width // SIZE))
    ]
    yield from (drawn[n] for n in rng.permutation(len(drawn)))


def _arrays(root: Path, item: ReleaseItem) -> tuple[Any, Any]:
    return (
        zarr.open_array(root / "images" / f"{item.path}.zarr" / "0", mode="r"),
        zarr.open_array(root / "labels" / f"{item.path}.zarr" / "0", mode="r"),
    )


def ours(root: Path, release: Release, drawn: list[tuple[ReleaseItem, int, int]]) -> int:
    """One epoch of ``Crops``, from opening on."""
    return sum(sample["image"].shape == (2, SIZE, SIZE) for sample in Crops(release, size=SIZE))


def whole_images(root: Path, release: Release, drawn: list[tuple[ReleaseItem, int, int]]) -> int:
    """What is written first: open the image, read it, cut the crop."""
    count = 0
    for item, y, x in drawn:
        image, labels = _arrays(root, item)
        crop = image[...][:, y : y + SIZE, x : x + SIZE].copy(), labels[...][y : y + SIZE, x : x + SIZE].copy()
        count += crop[0].shape == (2, SIZE, SIZE)
    return count


def regions(root: Path, release: Release, drawn: list[tuple[ReleaseItem, int, int]]) -> int:
    """Arrays opened once; zarr reads the region of each crop."""
    held = {item.image: _arrays(root, item) for item in release.items()}
    count = 0
    for item, y, x in drawn:
        image, labels = held[item.image]
        crop = image[:, y : y + SIZE, x : x + SIZE], labels[y : y + SIZE, x : x + SIZE]
        count += crop[0].shape == (2, SIZE, SIZE)
    return count


def image_by_image(root: Path, release: Release, drawn: list[tuple[ReleaseItem, int, int]]) -> int:
    """No shuffle over images: each is read once, and all its crops are cut from it."""
    wanted: dict[str, list[tuple[int, int]]] = {}
    for item, y, x in drawn:
        wanted.setdefault(item.image, []).append((y, x))
    count = 0
    for item in release.items():
        image, labels = (array[...] for array in _arrays(root, item))
        for y, x in wanted[item.image]:
            crop = image[:, y : y + SIZE, x : x + SIZE].copy(), labels[y : y + SIZE, x : x + SIZE].copy()
            count += crop[0].shape == (2, SIZE, SIZE)
    return count


WAYS: dict[str, Way] = {
    "ours": ours,
    "zarr, the image for each crop": whole_images,
    "zarr, the region of each crop": regions,
    "zarr, image by image, unshuffled": image_by_image,
}
KEYS = {
    "zarr, the image for each crop": "image",
    "zarr, the region of each crop": "region",
    "zarr, image by image, unshuffled": "unshuffled",
}
