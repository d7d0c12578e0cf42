"""A 16-bit TIFF stack to OME-Zarr with its pyramid, beside ome-zarr-py, ngff-zarr and plain compression in memory.

Each conversion is a process of its own, so that its peak memory is its own. Peers live in an environment that is made
once below ``.cache`` (they want other versions of shared packages). ``--size`` sets the stack that all convert.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from scipy.ndimage import gaussian_filter

from cellcommons.images.blocks import blocks
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.images.shards import CHUNK, GZIP_LEVEL, ZSTD_LEVEL
from cellcommons.images.streaming import stream_to_folder
from cellcommons.images.tiff import open_tiff
from tests.bench.result import Goal, Result

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".cache" / "bench-convert"
PEERS = {"ome-zarr": "ome-zarr==0.18.0", "ngff-zarr": "ngff-zarr[dask-image]==0.50.0"}
NEEDS = [*PEERS.values(), "tifffile==2026.3.3", "imagecodecs==2026.3.6"]
SIDE = 2048
REPEATS = 3
GIB = 1 << 30


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--size", type=float, default=2.0, help="GiB of the stack that all convert (2)")
    parser.add_argument("--flat", default="1,2,8", help="GiB of the stacks whose peak memory is compared (1,2,8)")
    parser.add_argument("--no-peers", action="store_true", help="ours and plain compression only")


def run(asked: argparse.Namespace) -> Result:
    """Convert, compare, clean up."""
    figures: dict[str, Any] = {"gib": asked.size}
    peers: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-convert-") as folder:
        place = Path(folder)
        stack = write_stack(place / "stack.tif", asked.size)
        ours, plain = _ours_and_plain(stack, place)
        for codec in ("gzip", "zstd"):
            figures |= _told(codec, ours[codec])
            figures |= {f"{codec}_of_memory": _ratio(ours[codec], plain[codec], "seconds")}
            figures |= {f"{codec}_of_memory_cpu": _ratio(ours[codec], plain[codec], "cpu")}
            peers[f"{codec} in memory, all cores"] = _told("", plain[codec])
        interpreter = None if asked.no_peers else _environment()
        for name in PEERS if interpreter else ():
            script = ROOT / "tests/bench/peers" / f"convert_{name.replace('-', '_')}.py"
            key = f"times_{name.replace('-', '_')}"
            for how in ("default", "equal"):
                command = [str(interpreter), str(script), str(stack), str(place / "peer"), how]
                # Ours before and after, as the machine is shared and its load changes.
                before = _child(_run_ours(stack, place / "ours.zarr", "gzip"), place / "ours.zarr")
                one = _child(command, place / "peer")
                after = _child(_run_ours(stack, place / "ours.zarr", "gzip"), place / "ours.zarr")
                peers[f"{name}, {how}"] = _told("", [one])
                suffix = "" if how == "default" else f"_{how}"
                for by, end in (("seconds", ""), ("cpu", "_cpu")):
                    figures[f"{key}{suffix}{end}"] = _speed([before, after], by) / _speed([one], by)
        stack.unlink()
        peaks = {}
        for size in (float(text) for text in asked.flat.split(",") if text):
            one = write_stack(place / "flat.tif", size)
            done = _child(_run_ours(one, place / "flat.zarr", "gzip"), place / "flat.zarr")
            peaks[size] = figures[f"peak_mb_{size:g}_gib"] = done["peak"] / 1e6
            one.unlink()
    goals = [Goal("gzip_of_memory", at_least=0.5)]
    if peaks:
        figures["peak_mb"] = max(peaks.values())
        figures["peak_growth"] = peaks[max(peaks)] / peaks[min(peaks)]
        goals += [Goal("peak_mb", at_most=500), Goal("peak_growth", at_most=1.1)]
    goals += [Goal(f"times_{name.replace('-', '_')}", at_least=3) for name in PEERS if interpreter]
    return Result("convert", figures, goals, peers)


def write_stack(path: Path, gib: float, seed: int = 0) -> Path:
    """A z-stack of 2048 x 2048 planes, 16 bit: smooth structures of up to 3,000 photons, with shot and read noise.

    The noise of a plane is one of 16 drawn before, shifted, as drawing it anew would take longer than converting it.
    """
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.random((SIDE, SIDE), dtype=np.float32), 6)
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    signal = (100 + 12_000 * np.clip(smooth - 0.5, 0, 1) ** 2).astype(np.float32)
    noise = rng.normal(0, 1, (16, SIDE, SIDE)).astype(np.float32)
    planes = max(1, round(gib * GIB / (SIDE * SIDE * 2)))

    def drawn() -> Iterator[np.ndarray]:
        for number in range(planes):
            light = np.roll(signal, (7 * number, 3 * number), (0, 1))
            noisy = light + np.sqrt(light + 9) * np.roll(noise[number % 16], 13 * number, 1)
            yield noisy.clip(0, 65535).astype(np.uint16)

    tifffile.imwrite(
        path,
        drawn(),
        shape=(planes, SIDE, SIDE),
        dtype=np.uint16,
        ome=True,
        bigtiff=True,
        photometric="minisblack",
        metadata={"axes": "ZYX", "PhysicalSizeX": 0.325, "PhysicalSizeY": 0.325, "PhysicalSizeZ": 1.0},
    )
    return path


def _ours_and_plain(stack: Path, place: Path) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Several runs of ours and of compression in memory, in turns, as the machine is shared."""
    ours: dict[str, list[Any]] = {"gzip": [], "zstd": []}
    plain: dict[str, list[Any]] = {"gzip": [], "zstd": []}
    for _ in range(REPEATS):
        for codec in ours:
            plain[codec].append(_child([sys.executable, "-m", __spec__.name, "plain", codec, str(stack)], None))
            ours[codec].append(_child(_run_ours(stack, place / "ours.zarr", codec), place / "ours.zarr"))
    return ours, plain


def _run_ours(stack: Path, target: Path, codec: str) -> list[str]:
    return [sys.executable, "-m", __spec__.name, "ours", codec, str(stack), str(target)]


def _child(command: list[str], target: Path | None) -> dict[str, Any]:
    """Run one conversion; what it printed, and the bytes and files it wrote, which are removed."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if target is not None:
        sizes = [path.stat().st_size for path in target.rglob("*") if path.is_file()]
        told |= {"written": sum(sizes), "files": len(sizes)}
        shutil.rmtree(target)
    return told


def _speed(runs: list[dict[str, Any]], by: str) -> float:
    """Median bytes of pixels per second, of wall or CPU time."""
    return statistics.median(run["bytes"] / run[by] for run in runs)


def _ratio(ours: list[dict[str, Any]], plain: list[dict[str, Any]], by: str) -> float:
    """Median over the turns: each of ours against the plain run just before it."""
    return statistics.median((a["bytes"] / a[by]) / (b["bytes"] / b[by]) for a, b in zip(ours, plain, strict=True))


def _told(prefix: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    start = f"{prefix}_" if prefix else ""
    found = {
        f"{start}mb_per_second": _speed(runs, "seconds") / 1e6,
        f"{start}mb_per_cpu_second": _speed(runs, "cpu") / 1e6,
    }
    if "written" in runs[0]:
        found |= {f"{start}mb_written": runs[0]["written"] / 1e6, f"{start}files": runs[0]["files"]}
        found |= {f"{start}peak_mb": max(run["peak"] for run in runs) / 1e6}
    return found


def _environment() -> Path | None:
    """The peers' interpreter; made at the first call. None, and a line that says why, where they cannot be had."""
    python = ENVIRONMENT / "bin" / "python"
    wanted = ENVIRONMENT / "complete"
    if not wanted.exists() or wanted.read_text() != "\n".join(NEEDS):
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], capture_output=True, text=True)
        if made.returncode == 0:
            made = subprocess.run([python, "-m", "pip", "install", "-q", *NEEDS], capture_output=True, text=True)
        if made.returncode:
            sys.stderr.write(f"The peers cannot be installed here: {made.stderr.strip().splitlines()[-1]}\n")
            return None
        wanted.write_text("\n".join(NEEDS))
    return python


def _peak() -> int:
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024


def _convert(codec: Any, source: Path, target: Path) -> dict[str, Any]:
    began, used = time.perf_counter(), time.process_time()
    with open_tiff(source, source.name, DEFAULT_LIMITS) as file:
        image = file.image()
        stream_to_folder(image, target, codec=codec)
        size = image.nbytes
    return {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - used,
        "peak": _peak(),
        "bytes": size,
    }


def _plain(codec: str, source: Path) -> dict[str, Any]:
    """Compress the same chunks, already cut and in memory (up to 1 GiB of them), with as many threads as cores."""
    with tifffile.TiffFile(source) as tiff:
        planes = [page.asarray() for page in tiff.pages[: GIB // (SIDE * SIDE * 2)]]
    chunks = [plane[region].tobytes() for plane in planes for region in blocks((SIDE, SIDE), (CHUNK, CHUNK))]
    encode = {
        "gzip": lambda chunk: imagecodecs.gzip_encode(chunk, level=GZIP_LEVEL),
        "zstd": lambda chunk: imagecodecs.zstd_encode(chunk, level=ZSTD_LEVEL),
    }[codec]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        began, used = time.perf_counter(), time.process_time()
        for _ in pool.map(encode, chunks):
            pass
        seconds, cpu = time.perf_counter() - began, time.process_time() - used
    return {"seconds": seconds, "cpu": cpu, "peak": _peak(), "bytes": sum(map(len, chunks))}


if __name__ == "__main__":
    what, codec_name, *paths = sys.argv[1:]
    found = _plain(codec_name, Path(paths[0])) if what == "plain" else _convert(codec_name, *map(Path, paths))
    sys.stdout.write(json.dumps(found) + "\n")
