"""Tissue classes of pixels, learnt from full labels and from a few strokes an image, beside the class by brightness."""

from __future__ import annotations

import os

# Threads that wait must not spin: the machine may be shared. Read when torch starts its threads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import time
from typing import Any

import numpy as np

from cellcommons.measures.semantic import SemanticScores, mean_dice_interval, pooled, semantic_scores
from cellcommons.semantic import SemanticMap
from cellcommons.synthetic.semantic import TISSUE, generate_tissue
from ml_worker.semantic.baseline import fit_pixels
from ml_worker.semantic.checkpoint import load_semantic
from ml_worker.semantic.config import SemanticConfig
from ml_worker.semantic.predict import predict_semantic
from ml_worker.semantic.samples import SemanticSample, semantic_planes
from ml_worker.semantic.train import SemanticData, train_semantic
from tests.bench.result import Result
from tests.ml_worker.strokes import strokes

SEEDS = (0, 1, 2)
SIDE, TRAIN, TEST = 192, 12, 12
SETTINGS: dict[str, Any] = {"crops": {"size": 96, "batch": 8}, "max_steps": 200}
SECONDS = 600.0
SHARES = {"full": None, "strokes_5": 0.05, "strokes_1": 0.01}


def run() -> Result:
    """3 seeds, each with its own 12 training and 12 test fields of 192 x 192 pixels; no validation."""
    found: dict[str, list[float]] = {}
    figures: dict[str, Any] = {"seeds": len(SEEDS), "steps": SETTINGS["max_steps"]}
    seconds = []
    for seed in SEEDS:
        fields = [generate_tissue(1000 * seed + number, height=SIDE, width=SIDE) for number in range(TRAIN + TEST)]
        for name, share in SHARES.items():
            samples = [
                SemanticSample(f"field {n}", semantic_planes(field.image, "pooled"), _painted(field.truth, share, n))
                for n, field in enumerate(fields[:TRAIN])
            ]
            began = time.process_time()
            result = train_semantic(
                SemanticData(TISSUE, samples), SemanticConfig.from_order(SETTINGS), seed=seed, budget_seconds=SECONDS
            )
            seconds.append(time.process_time() - began)
            checkpoint, plain = load_semantic(result.checkpoint), fit_pixels(samples, TISSUE, seed=seed)
            scores: dict[str, list[SemanticScores]] = {"network": [], "brightness": []}
            for field in fields[TRAIN:]:
                scores["network"].append(
                    semantic_scores(field.truth, predict_semantic(checkpoint, field.image).classes)
                )
                said = plain.classes(semantic_planes(field.image, "pooled"))
                scores["brightness"].append(semantic_scores(field.truth, said))
            for who, listed in scores.items():
                found.setdefault(f"{who} {name}", []).append(pooled(listed).mean_dice or 0.0)
            if seed == SEEDS[0]:
                interval = mean_dice_interval(scores["network"], seed=0)
                figures |= {f"{name}_seed0_low95": interval.low, f"{name}_seed0_high95": interval.high}
                known = float(np.mean([sample.truth.known.mean() for sample in samples]))
                figures[f"{name}_share_known"] = round(known, 4)
    for name in SHARES:
        figures[f"{name}_mean_dice"] = float(np.mean(found[f"network {name}"]))
        figures[f"{name}_mean_dice_by_seed"] = [round(value, 4) for value in found[f"network {name}"]]
    figures["cpu_seconds_most"] = max(seconds)
    peers = {
        f"class by brightness, {name}": {f"{name}_mean_dice": float(np.mean(found[f"brightness {name}"]))}
        for name in SHARES
    }
    return Result("semantic", figures, [], peers)


def _painted(truth: SemanticMap, share: float | None, number: int) -> SemanticMap:
    return truth if share is None else strokes(truth, share, seed=number)
