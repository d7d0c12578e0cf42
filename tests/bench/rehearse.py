"""The loop on 60 real images: does the consensus beat its readers and the model the floor, and in what time?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.bench.result import Goal, Result

ROOT = Path(__file__).resolve().parents[2]
IMAGES = Path(os.environ.get("CELLCOMMONS_REAL_DATA") or ROOT.parent / "shared" / "data") / "seg_dsb2018_fixes"
# Otsu + watershed on kept-apart images of the same source.
FLOOR_F1 = 0.63


def run() -> Result:
    """``./hub rehearse dsb2018 FOLDER --images 60 --annotators 5 --rounds 2 --json``."""
    command = [sys.executable, "-m", "backend.rehearsal", "dsb2018", str(IMAGES)]
    command += ["--images", "60", "--annotators", "5", "--rounds", "2", "--json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    report = json.loads(done.stdout.strip().splitlines()[-1])
    figures = {
        "lost": report["lost"],
        "annotator_f1": report["annotator_f1"],
        "best_annotator_f1": report["best_annotator_f1"],
        "consensus_f1": report["consensus_f1"],
        "consensus_gain_over_majority": report["consensus_score"] - report["majority_score"],
        "consensus_gain_over_best": report["consensus_f1"] - report["best_annotator_f1"],
        "model_f1": report["model"]["f1_50"],
        "seconds": report["seconds"],
        "training_seconds": report["training_seconds"],
        "hub_seconds": report["hub_seconds"],
        "edits": report["edits"],
    }
    goals = [
        Goal("lost", at_most=0),
        Goal("consensus_gain_over_best", at_least=0.0001),
        Goal("model_f1", at_least=0.70),
        Goal("seconds", at_most=720),
        Goal("hub_seconds", at_most=180),
    ]
    otsu = report["model"]["otsu_watershed_against_consensus"]
    peers = {
        "Otsu + watershed, kept-apart images": {"model_f1": FLOOR_F1},
        "Otsu + watershed, this run's test images against consensus": {"model_f1": otsu.get("f1_50")},
    }
    return Result("rehearse", figures, goals, peers)
