"""What a download of some channels or a region moves, of what the whole release is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from cellcommons.client import Client
from cellcommons.download_settings import DownloadSettings
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image, write_labels
from cellcommons.indexes import ReleaseItem
from cellcommons.release import open_release
from cellcommons.sealing import seal_release
from cellcommons.selection import Selection
from cellcommons.store import FolderStore
from tests.bench.result import Result

IMAGES, SIDE, CELLS, CHANNELS = 4, 2048, 1000, ("DNA", "actin", "tubulin", "ER")
PARTS = {
    "whole": Selection(),
    "one_channel": Selection(channels=("actin",)),
    "region_512": Selection(roi="512:1024,512:1024"),
    "region_512_of_a_channel": Selection(channels=("actin",), roi="512:1024,512:1024"),
    "region_300_off_the_grid_of_a_channel": Selection(channels=("actin",), roi="700:1000,900:1200"),
}


def run() -> Result:
    """Four images of noise, 4 x 2048 x 2048 and 16 bit, with 1,000 labelled squares each, from a folder of objects."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="bench-part-") as folder:
        mirror = Path(folder) / "mirror"
        store = FolderStore(mirror)
        _, digest = seal_release(
            store, dataset="bench/part", title="Noise", parent=None, created="2026-11-20T08:00:00Z", licence="CC0-1.0",
            task="instance_segmentation", card_text="# Noise\n", split_certificate={"seed": 0},
            items=[_item(store, number) for number in range(IMAGES)],
        )  # fmt: skip
        release = open_release(store, digest)
        (mirror / "manifest.json").write_bytes(release.manifest.to_bytes())
        whole = release.counted().bytes
        for name, selection in PARTS.items():
            settings = DownloadSettings(selection=selection or None)
            done = Client(str(mirror)).download("bench/part@1", Path(folder) / name, settings)
            figures[f"{name}_bytes_moved"] = done.fetched
            figures[f"{name}_percent_of_whole"] = round(100 * done.fetched / whole, 2)
    return Result("part", figures, [])


def _item(store: FolderStore, number: int) -> ReleaseItem:
    rng = np.random.default_rng(number)
    pixels = rng.integers(100, 4000, (len(CHANNELS), SIDE, SIDE), dtype=np.uint16)
    labels = np.zeros((SIDE, SIDE), np.uint32)
    for cell, (y, x) in enumerate(rng.integers(0, SIDE - 20, (CELLS, 2)), start=1):
        labels[y : y + 20, x : x + 20] = cell
    return ReleaseItem(
        image=f"image-{number}",
        name=f"field {number}.tif",
        tree=write_image(store, ImageData(pixels, "cyx", CHANNELS)).digest,
        labels=write_labels(store, labels).digest,
        split="train",
        source=f"source-{number}",
        stratum="noise",
        channels=CHANNELS,
        height=SIDE,
        width=SIDE,
    )
