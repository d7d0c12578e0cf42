"""Single blood cells by class, and wells by dose; each beside its floors in the same run."""

from __future__ import annotations

import os

# Threads that wait must not spin: the machine may be shared. Read when torch starts its threads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.layouts.contract import Layout
from cellcommons.layouts.plate import Plate
from cellcommons.layouts.voc import VocCrops
from cellcommons.measures.calibration import calibration
from cellcommons.measures.classification import class_interval, confusion_scores, spearman
from ml_worker.classification.checkpoint import load_classifier
from ml_worker.classification.config import ClassifierConfig
from ml_worker.classification.predict import predict_classes
from ml_worker.classification.samples import ClassSample
from ml_worker.classification.train import ClassData, train_classifier
from tests.bench.result import Goal, Result
from tests.conftest import REAL_DATA

SEEDS = (0, 1, 2)
TEST_SHARE, VALIDATION_SHARE = 0.25, 0.15
CELLS: dict[str, Any] = {"max_steps": 260}
# Wall clock; steps decide unless the machine is very busy.
CELL_SECONDS, WELL_SECONDS = 120.0, 45.0
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
    features = np.stack([_features(sample) for sample in samples])
    sources = np.array([sample.source for sample in samples])
    scores: dict[str, list[float]] = {"network": [], "logistic regression": [], "nearest class": [], "majority": []}
    figures: dict[str, Any] = {"bccd_seeds": len(SEEDS), "bccd_crops": len(samples)}
    cpu, steps = [], []
    for seed in SEEDS:
        images = np.unique(sources)
        np.random.default_rng(seed).shuffle(images)
        held, chosen = (round(len(images) * share) for share in (TEST_SHARE, TEST_SHARE + VALIDATION_SHARE))
        test, validation = np.isin(sources, images[:held]), np.isin(sources, images[held:chosen])
        train = ~test & ~validation
        data = ClassData(
            ontology,
            [sample for sample, there in zip(samples, train, strict=True) if there],
            [sample for sample, there in zip(samples, validation, strict=True) if there],
        )
        began = time.process_time()
        result = train_classifier(data, ClassifierConfig.from_order(CELLS), seed=seed, budget_seconds=CELL_SECONDS)
        checkpoint = load_classifier(result.checkpoint)
        crops = [sample.image for sample, there in zip(samples, test, strict=True) if there]
        chances = predict_classes(checkpoint, crops).probabilities.astype(np.float64)
        cpu.append(time.process_time() - began)
        steps.append(result.steps)
        said = chances.argmax(1)

        def macro(decisions: NDArray[np.int64], held_out: NDArray[np.bool_] = test) -> float:
            return confusion_scores(truths[held_out], decisions, ontology).macro_f1 or 0.0

        scores["network"].append(macro(said))
        # The floors need no validation, so they learn from it too.
        known, labels = features[~test], truths[~test]
        mean, spread = known.mean(0), known.std(0) + 1e-9
        known, unknown = (known - mean) / spread, (features[test] - mean) / spread
        scores["logistic regression"].append(macro(_logistic(known, labels, len(ontology), unknown)))
        scores["nearest class"].append(macro(_nearest(known, labels, len(ontology), unknown)))
        scores["majority"].append(macro(np.full(test.sum(), np.bincount(labels).argmax())))
        if seed == SEEDS[0]:
            pairs = [(truths[test][sources[test] == s], said[sources[test] == s]) for s in images[:held]]
            interval = class_interval(pairs, ontology, seed=0)
            figures |= {"bccd_seed0_low95": interval.low, "bccd_seed0_high95": interval.high}
            figures["bccd_seed0_confusion"] = confusion_scores(truths[test], said, ontology).counts.tolist()
            plain = replace(checkpoint, config=replace(checkpoint.config, temperature=1.0))
            raw = predict_classes(plain, crops).probabilities.astype(np.float64)
            figures["bccd_seed0_temperature"] = checkpoint.config.temperature
            figures["bccd_seed0_calibration_error"] = calibration(truths[test], chances).error
            figures["bccd_seed0_calibration_error_at_temperature_1"] = calibration(truths[test], raw).error
    figures |= {
        "bccd_macro_f1": float(np.mean(scores["network"])),
        "bccd_macro_f1_by_seed": [round(score, 4) for score in scores["network"]],
        "bccd_cpu_seconds_most": max(cpu),
        "bccd_steps": steps,
    }
    peers = {
        f"bccd, {name}": {"bccd_macro_f1": float(np.mean(found))} for name, found in scores.items() if name != "network"
    }
    return figures, peers


def _features(sample: ClassSample) -> Floats:
    """Size and colour of a crop: side, and each channel's mean, deviation and quartiles, and the mean of its middle."""
    image = sample.image.astype(np.float64)
    height, width = image.shape[1:]
    middle = image[:, height // 4 : -(height // 4), width // 4 : -(width // 4)]
    quartiles = np.percentile(image, (25, 50, 75), axis=(1, 2)).ravel()
    parts = [[np.log(max(height, width))], image.mean((1, 2)), image.std((1, 2)), quartiles, middle.mean((1, 2))]
    return np.concatenate(parts)


def _logistic(known: Floats, labels: NDArray[np.int64], classes: int, unknown: Floats) -> NDArray[np.int64]:
    """Multinomial logistic regression, classes weighted alike, by gradient descent with momentum."""
    design, wanted = np.column_stack([known, np.ones(len(known))]), np.eye(classes)[labels]
    share = (1 / np.bincount(labels, minlength=classes))[labels, None] / classes
    weights, speed = np.zeros((design.shape[1], classes)), np.zeros((design.shape[1], classes))
    for _ in range(1000):
        logits = design @ weights
        chances = np.exp(logits - logits.max(1, keepdims=True))
        chances /= chances.sum(1, keepdims=True)
        speed = 0.9 * speed - 0.2 * (design.T @ (share * (chances - wanted)) + 1e-4 * weights)
        weights = weights + speed
    return (np.column_stack([unknown, np.ones(len(unknown))]) @ weights).argmax(1)


def _nearest(known: Floats, labels: NDArray[np.int64], classes: int, unknown: Floats) -> NDArray[np.int64]:
    """The class whose mean features are nearest, features in standard deviations."""
    means = np.stack([known[labels == k].mean(0) for k in range(classes)])
    return ((unknown[:, None] - means[None]) ** 2).sum(2).argmin(1)


def _wells() -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    samples, ontology = _samples(Plate(), "cls_sbs_translocation")
    found: dict[str, list[float]] = {}
    floors: dict[str, float] = {}
    cpu = []
    for known, held in (("A", "E"), ("E", "A")):
        train = [sample for sample in samples if sample.name.startswith(known)]
        test = [sample for sample in samples if sample.name.startswith(held)]
        doses = np.array([ontology.index(sample.classes[0]) for sample in test])
        correlation = [np.corrcoef(*sample.image.reshape(2, -1).astype(np.float64))[0, 1] for sample in test]
        floors[held] = spearman(doses, np.array(correlation)) or 0.0
        for seed in SEEDS:
            began = time.process_time()
            # Twelve wells, two of one dose at most: none can be spared for validation, so nothing is selected.
            settings = ClassifierConfig.from_order(WELLS)
            result = train_classifier(ClassData(ontology, train), settings, seed=seed, budget_seconds=WELL_SECONDS)
            predictions = predict_classes(load_classifier(result.checkpoint), [sample.image for sample in test])
            assert predictions.ranks is not None
            found.setdefault(held, []).append(spearman(doses, predictions.ranks) or 0.0)
            cpu.append(time.process_time() - began)
    figures = {
        "sbs_seeds": len(SEEDS),
        "sbs_spearman": float(np.mean([score for scores in found.values() for score in scores])),
        **{f"sbs_spearman_row_{row}_held_out": [round(s, 4) for s in scores] for row, scores in found.items()},
        "sbs_cpu_seconds_most": max(cpu),
    }
    floor = {"sbs_spearman": float(np.mean(list(floors.values())))}
    floor |= {f"sbs_spearman_row_{row}_held_out": value for row, value in floors.items()}
    return figures, {"sbs, correlation of the channels": floor}
