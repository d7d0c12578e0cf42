"""Files that come in: 10,000 small images into a hub's database and object folder; masks through the library alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from backend.door.home import ROOT
from backend.door.services import PYTHON
from cellcommons.images.data import ImageData
from cellcommons.images.lazy import declared
from cellcommons.layouts.coco import Coco
from cellcommons.layouts.coco_json import open_coco
from cellcommons.layouts.coco_truths import truth_of
from cellcommons.layouts.dsb2018 import Dsb2018
from cellcommons.overlapping import OverlappingCells
from tests.bench.bare_hub import bare_hub
from tests.bench.peers.ingest import assemble_masks, parse_json, read_and_write_zarr, save_masks
from tests.bench.result import Goal, Result

IMAGES = int(os.environ.get("BENCH_INGEST_IMAGES", "10000"))
CLASSES = ("debris", "dividing", "interphase", "round")
SIDE = 512
REAL = Path(os.environ.get("CELLCOMMONS_REAL_DATA") or ROOT.parent / "shared" / "data") / "seg_dsb2018_fixes"
_PROGRESS = re.compile(r"(\d+) of (\d+) images")


def run() -> Result:
    """Every arm. ``BENCH_INGEST_IMAGES`` makes the first two smaller."""
    figures: dict[str, Any] = {"images": IMAGES, "processes": _processes()}
    peers: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as name, bare_hub(Path(name) / "hub") as env:
        folder = Path(name)
        arms = {"classes": _class_folders(folder / "classes"), "plain": _unlabelled(folder / "plain")}
        for arm, (layout, path) in arms.items():
            took = _import(env, layout, path, arm)
            figures |= {
                f"{arm}_images_per_second": took.images / took.seconds,
                f"{arm}_seconds": took.seconds,
                f"{arm}_late_over_early": took.late_over_early,
                f"{arm}_seconds_by_tenth": [round(part, 2) for part in took.tenths],
                f"{arm}_imported": took.images,
            }
        files = sorted((folder / "classes").rglob("*.png"))[:1000]
        seconds = read_and_write_zarr(files, folder / "zarr")
        peers["read + zarr.create_array, 1 process, no database"] = {"classes_images_per_second": len(files) / seconds}
        alone = _import(env, "class_folders", folder / "classes", "alone", "--limit", str(len(files)), units=1)
        peers["one image a transaction and sync, a tenth of the images"] = {
            "classes_images_per_second": alone.images / alone.seconds
        }
        for arm in (_masks, _coco):
            more, beside = arm(folder)
            figures |= more
            peers |= beside
    goals = [
        Goal("dsb2018_times_scikit_image", at_least=3),
        Goal("coco_read_over_json_load", at_most=2),
        Goal("classes_images_per_second", at_least=100),
        Goal("plain_images_per_second", at_least=100),
        Goal("classes_late_over_early", at_most=1.25),
    ]
    return Result("ingest", figures, goals, peers)


@dataclass(frozen=True)
class Took:
    """One import: images taken, seconds of the whole command, and of each tenth of its images."""

    images: int
    seconds: float
    tenths: list[float]

    @property
    def late_over_early(self) -> float:
        """Median of the last three tenths by that of the first three: other work on the machine comes and goes."""
        return float(np.median(self.tenths[-3:]) / np.median(self.tenths[:3]))


def _processes() -> int:
    return min(2, os.cpu_count() or 1)


def _import(env: dict[str, str], layout: str, path: Path, slug: str, *more: str, units: int = 0) -> Took:
    """``manage.py import``, its progress timed line by line; ``units``: images that are written together."""
    program = [str(ROOT / "manage.py")]
    if units:
        change = f"from backend.imaging import units; units.UNIT_ENTRIES = {units}"
        program = ["-c", f"import runpy, sys; {change}; runpy.run_path(sys.argv.pop(1), run_name='__main__')", *program]
    command = [str(PYTHON), *program, "import", layout, str(path), "--dataset", slug, "--json"]
    began = time.perf_counter()
    stamps: list[tuple[int, float]] = [(0, 0.0)]
    report: dict[str, Any] = {}
    with subprocess.Popen(
        [*command, "--processes", str(_processes()), *more], env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout or ():
            if match := _PROGRESS.match(line):
                stamps.append((int(match[1]), time.perf_counter() - began))
            elif line.startswith("{"):
                report = json.loads(line)
    if process.returncode or report.get("imported") != report.get("found"):
        raise RuntimeError(f"{slug}: {report.get('imported')} of {report.get('found')} came in")
    seconds = time.perf_counter() - began
    counts, times = (np.asarray(part, dtype=float) for part in zip(*stamps[1:], strict=True))
    # From the first progress line on: the scan and the start of Python belong to the whole, not to an image.
    at = np.interp(np.linspace(counts[0], counts[-1], 11), counts, times)
    return Took(report["imported"], seconds, [float(part) for part in np.diff(at)])


def _class_folders(path: Path) -> tuple[str, Path]:
    """96 x 96 pixels, 8 and 16 bits, in a folder a class."""
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        target = path / CLASSES[number % len(CLASSES)] / f"cell{number:05d}.png"
        if number < len(CLASSES):
            target.parent.mkdir(parents=True)
        _png(target, rng, 96, np.uint8 if number % 2 else np.uint16)
    (path / "ontology.json").write_text(json.dumps({"names": list(CLASSES), "ordinal": False, "multi": False}))
    return "class_folders", path


def _unlabelled(path: Path) -> tuple[str, Path]:
    """64 x 64 pixels, 8 bits, in one folder."""
    path.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for number in range(IMAGES):
        _png(path / f"field{number:05d}.png", rng, 64, np.uint8)
    return "plain", path


def _png(path: Path, rng: np.random.Generator, side: int, dtype: type[np.unsignedinteger[Any]]) -> None:
    """A bright disc on noise: neither empty nor of one value, as cells are."""
    yy, xx = np.mgrid[:side, :side]
    centre, radius = rng.uniform(0.3, 0.7, 2) * side, rng.uniform(0.1, 0.3) * side
    disc = ((yy - centre[0]) ** 2 + (xx - centre[1]) ** 2 < radius**2) * 120.0
    scale = 1 if dtype is np.uint8 else 200
    pixels = ((disc + rng.normal(60, 12, (side, side)).clip(0, 130)) * scale).astype(dtype)
    Image.fromarray(pixels).save(path, "PNG", compress_level=1)


def _masks(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The 242 real images of DSB2018 and their 10,527 masks to label maps and back, beside a loop over masks."""
    layout = Dsb2018()
    entries = layout.scan(REAL).entries
    folders = [entry.paths[0].parent.parent for entry in entries]
    ours: dict[str, float] = {}
    theirs: dict[str, float] = {}
    theirs["read"], maps, images = assemble_masks(folders)  # first, so that files lie in memory for both
    began = time.perf_counter()
    records = [layout.read(entry) for entry in entries]
    ours["read"] = time.perf_counter() - began
    began = time.perf_counter()
    layout.write(records, folder / "dsb2018")
    ours["write"] = time.perf_counter() - began
    theirs["write"] = save_masks(maps, images, folder / "dsb2018-peer")
    figures = {
        "dsb2018_cells": sum(len(entry.paths) - 1 for entry in entries),
        **{f"dsb2018_{way}_seconds": seconds for way, seconds in ours.items()},
        "dsb2018_times_scikit_image": sum(theirs.values()) / sum(ours.values()),
    }
    return figures, {"scikit-image, mask by mask": {f"dsb2018_{way}_seconds": s for way, s in theirs.items()}}


def _coco(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """A file of 100,000 outlined cells in 1,000 images: parsed and checked; then every outline as a mask."""
    path = folder / "coco" / "instances.json"
    cells = _coco_file(path)
    alone = min(parse_json(path) for _ in range(3))
    began = time.perf_counter()
    entries = Coco().scan(path.parent).entries
    read = time.perf_counter() - began
    file = open_coco(path)
    blank = ImageData(declared((1, SIDE, SIDE), "uint8"), "cyx", ("gray",))
    began = time.perf_counter()
    drawn = 0
    for entry in entries:
        truth, _ = truth_of(file, entry.metadata["image_id"], blank, None)
        drawn += len(truth.cells) if isinstance(truth, OverlappingCells) else 0
    masks = time.perf_counter() - began
    if drawn != cells:
        raise RuntimeError(f"{drawn} of {cells} cells were read")
    figures = {
        "coco_cells": cells,
        "coco_megabytes": path.stat().st_size / 1e6,
        "coco_read_over_json_load": read / alone,
        "coco_masks_seconds": masks,
    }
    return figures, {"json.load": {"coco_seconds": alone}}


def _coco_file(path: Path) -> int:
    """LIVECell's form: polygons of about thirty corners. The images are there, one byte long, for a scan to find."""
    rng = np.random.default_rng(2)
    path.parent.mkdir(parents=True)
    angles = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    images, annotations = [], []
    for image in range(1, 1001):
        name = f"field{image:04d}.png"
        (path.parent / name).write_bytes(b"x")
        images.append({"id": image, "file_name": name, "height": SIDE, "width": SIDE})
        for _ in range(100):
            centre, radius = rng.uniform(20, SIDE - 20, 2), rng.uniform(6, 14, angles.size)
            ring = np.stack([centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles)], axis=1).round(2)
            (x0, y0), (x1, y1) = ring.min(axis=0), ring.max(axis=0)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": 1,
                    "iscrowd": 0,
                    "area": 300.0,
                    "bbox": [float(x0), float(y0), float(x1 - x0), float(y1 - y0)],
                    "segmentation": [[float(value) for value in ring.ravel()]],
                }
            )
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cell"}]}
    path.write_text(json.dumps(document))
    return len(annotations)


if __name__ == "__main__":
    sys.stdout.write(run().table() + "\n")
