"""Files that come in: 10,000 small images into a hub's database and object folder; masks through the library alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from backend.door.home import ROOT
from backend.door.postgres import throw_away_cluster
from backend.door.services import PYTHON, VENV, own_environment
from tests.bench.peers.ingest import read_and_write_zarr
from tests.bench.result import Goal, Result

IMAGES = int(os.environ.get("BENCH_INGEST_IMAGES", "10000"))
CLASSES = ("debris", "dividing", "interphase", "round")
_PROGRESS = re.compile(r"(\d+) of (\d+) images")


def run() -> Result:
    """Every arm. ``BENCH_INGEST_IMAGES`` makes the first two smaller."""
    figures: dict[str, Any] = {"images": IMAGES, "processes": _processes()}
    peers: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as name, _hub(Path(name) / "hub") as env:
        folder = Path(name)
        arms = {"classes": _class_folders(folder / "classes"), "plain": _unlabelled(folder / "plain")}
        for arm, (layout, path) in arms.items():
            took = _import(env, layout, path, arm)
            figures |= {
                f"{arm}_images_per_second": took.images / took.seconds,
                f"{arm}_seconds": took.seconds,
                f"{arm}_last_thousand_over_first": took.last / took.first,
                f"{arm}_imported": took.images,
            }
        files = sorted((folder / "classes").rglob("*.png"))[:1000]
        seconds = read_and_write_zarr(files, folder / "zarr")
        peers["read + zarr.create_array, 1 process, no database"] = {
            "classes_images_per_second": len(files) / seconds,
        }
    goals = [
        Goal("classes_images_per_second", at_least=100),
        Goal("plain_images_per_second", at_least=100),
        Goal("classes_last_thousand_over_first", at_most=1.25),
    ]
    return Result("ingest", figures, goals, peers)


@dataclass(frozen=True)
class Took:
    """One import: images taken, seconds of the whole command, seconds of its first and of its last tenth."""

    images: int
    seconds: float
    first: float
    last: float


def _processes() -> int:
    return min(2, os.cpu_count() or 1)


@contextmanager
def _hub(home: Path) -> Iterator[dict[str, str]]:
    """The environment of a hub that has what an import needs: an embedded Postgres with its tables, a folder."""
    home.mkdir(parents=True)
    with throw_away_cluster(VENV, cwd=ROOT) as url:
        env = own_environment() | {
            "DATABASE_URL": url,
            "OBJECTS_URL": (home / "objects").as_uri(),
            "BROKER_URL": "memory://",
            "SECRET_KEY": "bench",
            "HUB_HOME": str(home),
            "HUB_URL": "http://127.0.0.1:1",
            "DJANGO_SETTINGS_MODULE": "backend.settings.hub",
        }
        subprocess.run([str(PYTHON), str(ROOT / "manage.py"), "migrate", "-v", "0"], env=env, check=True, cwd=ROOT)
        yield env


def _import(env: dict[str, str], layout: str, path: Path, slug: str, *more: str) -> Took:
    """``manage.py import``, its progress timed line by line."""
    command = [str(PYTHON), str(ROOT / "manage.py"), "import", layout, str(path), "--dataset", slug, "--json"]
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
    if process.returncode or report["imported"] != report["found"]:
        raise RuntimeError(f"{slug}: {report.get('imported')} of {report.get('found')} came in")
    seconds = time.perf_counter() - began
    total, tenth = report["imported"], report["imported"] // 10
    counts, times = (np.asarray(part, dtype=float) for part in zip(*stamps[1:], strict=True))
    # From the first progress line on: the scan and the start of Python belong to the whole, not to an image.
    first = np.interp(counts[0] + tenth, counts, times) - times[0]
    last = times[-1] - np.interp(total - tenth, counts, times)
    return Took(total, seconds, float(first), float(last))


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


if __name__ == "__main__":
    sys.stdout.write(run().table() + "\n")
