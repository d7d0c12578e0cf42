"""``./hub bench diff``: matching and average precision of label maps of a thousand cells, beside StarDist's own.

StarDist's ``matching.py`` needs numba but no TensorFlow; it is installed into an environment of its own, as the others'
software is, and runs there on the same maps. Both compute every criterion at the same thresholds.

StarDist keeps every IoU, their sum and one of its means in single precision. Its figures are compared with ours rounded
at the same places, and, as ``largest_difference_unrounded``, with ours as they are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from cellcommons.diff.cells import cell_changes
from cellcommons.indexes import CellRow
from cellcommons.labels import Labels, cells
from cellcommons.matching import match_overlaps, overlap_table
from cellcommons.synthetic.cells import generate_cells
from tests.bench.result import Goal, Result

ROOT = Path(__file__).resolve().parents[2]
THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
PEERS = ("stardist==0.9.2", "numba==0.68.1", "llvmlite==0.50.0", "csbdeep==0.8.2", "tqdm==4.70.1")
SIDE, CELLS, REPEATS = 2048, 1000, 7


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--no-peers", action="store_true", help="ours only")


def run(asked: argparse.Namespace) -> Result:
    """Measure; the goals are those of issue 5."""
    truth, found = label_maps()
    ours = scores(truth, found)
    figures: dict[str, Any] = {
        "cells": int(np.unique(truth).size - 1),
        "pixels": truth.size,
        "match_seconds": _seconds(lambda: scores(truth, found, THRESHOLDS[:1])),
        "match_ten_thresholds_seconds": _seconds(lambda: scores(truth, found)),
        "cell_changes_seconds": _seconds(_changes(truth, found)),
        "ap_50": ours[0]["accuracy"],
    }
    goals: list[Goal] = []
    peers: dict[str, dict[str, Any]] = {}
    told = None if asked.no_peers else _stardist(truth, found)
    if told is not None:
        peers["stardist 0.9.2"] = {name: told[name] for name in ("match_seconds", "match_ten_thresholds_seconds")}
        figures["largest_difference"] = _difference(scores(truth, found, rounded=True), told["scores"])
        figures["largest_difference_unrounded"] = _difference(ours, told["scores"])
        figures["times_faster"] = told["match_seconds"] / figures["match_seconds"]
        ten = "match_ten_thresholds_seconds"
        figures["times_faster_ten_thresholds"] = told[ten] / figures[ten]
        goals = [
            Goal("times_faster", at_least=5),
            Goal("times_faster_ten_thresholds", at_least=5),
            Goal("largest_difference", at_most=1e-9),
        ]
    return Result("diff", figures, goals, peers)


def label_maps(side: int = SIDE, count: int = CELLS) -> tuple[Labels, Labels]:
    """Cells as they were made, and the same read badly: shifted, some lost, cut in two, merged; ids 1..n."""
    truth = generate_cells(7, height=side, width=side, count=count).labels
    rng = np.random.default_rng(7)
    found = np.roll(truth, (1, 2), axis=(0, 1))
    ids = rng.permutation(np.unique(found[found > 0]))
    found[np.isin(found, ids[: count // 20])] = 0
    columns = np.arange(side)[None, :]
    for cell in ids[count // 20 : count // 10].tolist():
        inside = found == cell
        found[inside & (columns > np.median(np.nonzero(inside)[1]))] = int(found.max()) + 1
    for one, other in ids[count // 10 : count // 10 + 2 * (count // 20)].reshape(-1, 2).tolist():
        found[found == other] = one
    lookup = np.zeros(int(found.max()) + 1, dtype=np.uint32)
    there = np.unique(found[found > 0])
    lookup[there] = np.arange(1, there.size + 1)
    return truth, lookup[found]


def scores(
    truth: Labels, found: Labels, thresholds: tuple[float, ...] = THRESHOLDS, *, rounded: bool = False
) -> list[dict[str, float]]:
    """What ``stardist.matching.matching`` reports at each threshold, from one table of overlaps.

    Args:
        rounded: to single precision where StarDist does.
    """
    table = overlap_table(truth, found)
    real = np.float32 if rounded else np.float64
    rows = []
    for threshold in thresholds:
        matched = match_overlaps(table, threshold=threshold)
        tp, fn, fp = len(matched.pairs), len(matched.only_a), len(matched.only_b)
        total = float(np.array([iou for _, _, iou in matched.pairs], dtype=real).sum())
        rows.append(
            {
                "fp": fp,
                "tp": tp,
                "fn": fn,
                "precision": tp / (tp + fp),
                "recall": tp / (tp + fn),
                "accuracy": tp / (tp + fp + fn),
                "f1": 2 * tp / (2 * tp + fp + fn),
                "n_true": tp + fn,
                "n_pred": tp + fp,
                "mean_true_score": float(real(total) / real(tp + fn)),
                "mean_matched_score": total / tp if tp else 0.0,
                "panoptic_quality": total / (tp + fp / 2 + fn / 2),
            }
        )
    return rows


def _difference(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> float:
    """The largest difference of any figure at any threshold."""
    return max(abs(a[name] - b[name]) for a, b in zip(ours, theirs, strict=True) for name in a)


def _changes(truth: Labels, found: Labels) -> Callable[[], object]:
    """The whole comparison of one image, rows of the index at hand as in a release."""
    before, after = ({c.id: CellRow(c.id, c.box, c.area) for c in cells(labels)} for labels in (truth, found))
    return lambda: cell_changes("image", overlap_table(truth, found), before, after)


def _seconds(work: Callable[[], object]) -> float:
    """Median of several runs, the first not counted."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return median(times)


def _stardist(truth: Labels, found: Labels) -> dict[str, Any] | None:
    """What StarDist says of the same maps; None, and a line that says why, where it cannot be had."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place / "packages")]
        made = subprocess.run([*command, *PEERS], capture_output=True, text=True)
        if made.returncode:
            sys.stderr.write(f"StarDist cannot be installed here: {made.stderr.strip().splitlines()[-1]}\n")
            return None
        np.savez(place / "maps.npz", truth=truth, found=found)
        script = ROOT / "tests/bench/peers/stardist_matching.py"
        asked = json.dumps({"thresholds": THRESHOLDS, "repeats": REPEATS})
        done = subprocess.run(
            [sys.executable, str(script), str(place / "packages"), str(place / "maps.npz"), asked],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.stderr.write(f"StarDist does not run here: {done.stderr.strip().splitlines()[-1]}\n")
            return None
        return dict(json.loads(done.stdout.splitlines()[-1]))
