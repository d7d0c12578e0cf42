"""Single blood cells by class, and wells by dose; each beside its floors in the same run."""

from __future__ import annotations

import os

# Threads that wait must not spin: the machine may be shared. Read when torch starts its threads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.layouts.contract import Layout
from cellcommons.layouts.plate import Plate
from cellcommons.layouts.voc import VocCrops
from cellcommons.measures.bootstrap import bootstrap_interval
from cellcommons.measures.calibration import calibration
from cellcommons.measures.classification import ConfusionScores, confusion_scores, spearman
from ml_worker.classification.baseline import fit_baseline, size_and_colour
from ml_worker.classification.checkpoint import load_classifier
from ml_worker.classification.config import ClassifierConfig
from ml_worker.classification.predict import predict_classes
from ml_worker.classification.samples import ClassSample
from ml_worker.classification.train import ClassData, train_classifier
from tests.bench.result import Goal, Result
from tests.conftest import REAL_DATA

SEEDS = (0, 1, 2)
TEST_SHARE, VALIDATION_SHARE = 0.25, 0.15
CELLS: dict[str, Any] = {"max_steps": 260, "reading": {"channels": "own"}}
# Wall clock; steps decide, so that a busy machine gives the same figures, only later. CPU seconds are what is counted.
CELL_SECONDS, WELL_SECONDS = 900.0, 600.0
WELLS: dict[str, Any] = {
    "reading": {"channels": "own", "brightness": "image", "window": 96, "size": 48, "colocalisation": True},
    "crops": {"batch": 32},
    "max_steps": 120,
}
Floats = NDArray[np.float64]


def run() -> Result:
    """BCCD: 3 seeds, each with its own split by image (60 / 15 / 25 %); SBS: each row in turn held out, 3 seeds."""
    figures, peers = _cells()
    well_figures, well_peers = _wells()
    goals = [
        Goal("bccd_macro_f1", at_least=0.9),
        Goal("bccd_cpu_seconds_most", at_most=180),
        Goal("sbs_spearman", at_least=0.9),
    ]
    return Result("classification", figures | well_figures, goals, peers | well_peers)


def _samples(layout: Layout, folder: str) -> tuple[list[ClassSample], Any]:
    records = [layout.read(entry) for entry in layout.scan(REAL_DATA / folder).entries]
    samples = [ClassSample(r.entry.name, r.image.data, r.truth.classes, r.entry.source) for r in records]
    return samples, records[0].truth.ontology


def _cells() -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    samples, ontology = _samples(VocCrops(), "cls_det_bccd_voc")
    truths = np.array([ontology.index(sample.classes[0]) for sample in samples])
    sources = np.array([sample.source for sample in samples])
    scores: dict[str, list[float]] = {"network": [], "logistic regression": [], "nearest class": [], "majority": []}
    figures: dict[str, Any] = {"bccd_seeds": len(SEEDS), "bccd_crops": len(samples)}
    intervals: dict[str, list[list[float]]] = {"macro_f1": [], "gain_over_logistic": []}
    cpu, steps = [], []
    for seed in SEEDS:
        images = np.unique(sources)
        np.random.default_rng(seed).shuffle(images)
        held, chosen = (round(len(images) * share) for share in (TEST_SHARE, TEST_SHARE + VALIDATION_SHARE))
        test, validation = np.isin(sources, images[:held]), np.isin(sources, images[held:chosen])
        data = ClassData(ontology, _those(samples, ~test & ~validation), _those(samples, validation))
        began = time.process_time()
        result = train_classifier(data, ClassifierConfig.from_order(CELLS), seed=seed, budget_seconds=CELL_SECONDS)
        checkpoint = load_classifier(result.checkpoint)
        crops = [sample.image for sample in _those(samples, test)]
        predictions = predict_classes(checkpoint, crops)
        chances = predictions.probabilities.astype(np.float64)
        cpu.append(time.process_time() - began)
        steps.append(result.steps)
        # The floors need no validation, so they learn from it too.
        baseline = fit_baseline(_those(samples, ~test), ontology, own_channels=True)
        shown = np.eye(len(ontology), dtype=np.bool_)[truths[test]]
        said = {
            "network": np.array([ontology.index(names[0]) for names in predictions.classes()]),
            "logistic regression": baseline.outcome(crops, shown).said.argmax(1),
            "nearest class": _nearest(samples, truths, ~test, len(ontology)),
            "majority": np.full(test.sum(), baseline.frequent.argmax()),
        }
        for name, decisions in said.items():
            scores[name].append(confusion_scores(truths[test], decisions, ontology).macro_f1 or 0.0)
        folds = [sources[test] == source for source in images[:held]]
        counts = {
            name: [confusion_scores(truths[test][fold], decisions[fold], ontology) for fold in folds]
            for name, decisions in said.items()
        }
        pairs = list(zip(counts["network"], counts["logistic regression"], strict=True))
        interval = bootstrap_interval(counts["network"], _macro, seed=0)
        gain = bootstrap_interval(pairs, _gain, seed=0)
        intervals["macro_f1"].append([round(interval.low, 4), round(interval.high, 4)])
        intervals["gain_over_logistic"].append([round(gain.low, 4), round(gain.high, 4)])
        if seed == SEEDS[0]:
            figures["bccd_seed0_confusion"] = confusion_scores(truths[test], said["network"], ontology).counts.tolist()
            plain = replace(checkpoint, config=replace(checkpoint.config, temperature=1.0))
            raw = predict_classes(plain, crops).probabilities.astype(np.float64)
            figures["bccd_seed0_temperature"] = checkpoint.config.temperature
            figures["bccd_seed0_calibration_error"] = calibration(truths[test], chances).error
            figures["bccd_seed0_calibration_error_at_temperature_1"] = calibration(truths[test], raw).error
    figures |= {
        "bccd_macro_f1": float(np.mean(scores["network"])),
        "bccd_macro_f1_by_seed": [round(score, 4) for score in scores["network"]],
        "bccd_macro_f1_95_by_seed": intervals["macro_f1"],
        "bccd_gain_over_logistic_95_by_seed": intervals["gain_over_logistic"],
        "bccd_cpu_seconds_most": max(cpu),
        "bccd_steps": steps,
    }
    peers = {
        f"bccd, {name}": {
            "bccd_macro_f1": float(np.mean(found)),
            "bccd_macro_f1_by_seed": [round(score, 4) for score in found],
        }
        for name, found in scores.items()
        if name != "network"
    }
    return figures, peers


def _macro(images: Sequence[ConfusionScores]) -> float:
    counts = np.sum([one.counts for one in images], axis=0)
    return ConfusionScores(counts, images[0].ontology).macro_f1 or 0.0


def _gain(images: Sequence[tuple[ConfusionScores, ConfusionScores]]) -> float:
    return _macro([network for network, _ in images]) - _macro([plain for _, plain in images])


def _those(samples: Sequence[ClassSample], there: NDArray[np.bool_]) -> list[ClassSample]:
    return [sample for sample, kept in zip(samples, there, strict=True) if kept]


def _nearest(
    samples: Sequence[ClassSample], truths: NDArray[np.int64], known: NDArray[np.bool_], classes: int
) -> NDArray[np.int64]:
    """The class whose mean features are nearest, features in standard deviations."""
    features = np.stack([size_and_colour(sample.image) for sample in samples])
    features = (features - features[known].mean(0)) / (features[known].std(0) + 1e-9)
    means = np.stack([features[known & (truths == k)].mean(0) for k in range(classes)])
    return ((features[~known][:, None] - means[None]) ** 2).sum(2).argmin(1)


def _wells() -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    samples, ontology = _samples(Plate(), "cls_sbs_translocation")
    found: dict[str, list[float]] = {}
    floors: dict[str, float] = {}
    rows: list[tuple[NDArray[np.int64], Floats, Floats]] = []
    cpu = []
    for known, held in (("A", "E"), ("E", "A")):
        train = [sample for sample in samples if sample.name.startswith(known)]
        test = [sample for sample in samples if sample.name.startswith(held)]
        doses = np.array([ontology.index(sample.classes[0]) for sample in test])
        correlation = np.array([np.corrcoef(*sample.image.reshape(2, -1).astype(np.float64))[0, 1] for sample in test])
        floors[held] = spearman(doses, correlation) or 0.0
        ranks = []
        for seed in SEEDS:
            began = time.process_time()
            # Twelve wells, two of one dose at most: none can be spared for validation, so nothing is selected.
            settings = ClassifierConfig.from_order(WELLS)
            result = train_classifier(ClassData(ontology, train), settings, seed=seed, budget_seconds=WELL_SECONDS)
            predictions = predict_classes(load_classifier(result.checkpoint), [sample.image for sample in test])
            assert predictions.ranks is not None
            ranks.append(predictions.ranks)
            found.setdefault(held, []).append(spearman(doses, predictions.ranks) or 0.0)
            cpu.append(time.process_time() - began)
        rows.append((doses, np.mean(ranks, axis=0), correlation))
    figures = {
        "sbs_seeds": len(SEEDS),
        "sbs_spearman": float(np.mean([score for scores in found.values() for score in scores])),
        "sbs_spearman_of_mean_rank_95": _well_interval([(doses, ranks) for doses, ranks, _ in rows]),
        **{f"sbs_spearman_row_{row}_held_out": [round(s, 4) for s in scores] for row, scores in found.items()},
        "sbs_cpu_seconds_most": max(cpu),
    }
    floor: dict[str, Any] = {"sbs_spearman": float(np.mean(list(floors.values())))}
    floor["sbs_spearman_95"] = _well_interval([(doses, correlation) for doses, _, correlation in rows])
    floor |= {f"sbs_spearman_row_{row}_held_out": value for row, value in floors.items()}
    return figures, {"sbs, correlation of the channels": floor}


def _well_interval(rows: list[tuple[NDArray[np.int64], Floats]]) -> list[float]:
    """95 % interval over wells, drawn again within each row, of the mean of both rows' rank correlations."""
    random, draws = np.random.default_rng(0), []
    for _ in range(1000):
        picks = [random.integers(0, len(doses), len(doses)) for doses, _ in rows]
        draws.append(np.mean([spearman(d[p], said[p]) or 0.0 for (d, said), p in zip(rows, picks, strict=True)]))
    return [round(float(edge), 4) for edge in np.quantile(draws, (0.025, 0.975))]
