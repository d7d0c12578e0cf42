"""Measures of a checkpoint on held-out images, beside the baseline on the same images."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cellcommons.images.data import ImageData
from cellcommons.labels import Labels
from cellcommons.measures.bootstrap import bootstrap_interval
from cellcommons.measures.detection import DetectionScores, detection_scores, summed
from ml_worker.baseline import otsu_watershed
from ml_worker.checkpoint import Checkpoint
from ml_worker.pixels import image_cyx
from ml_worker.predict import PredictConfig, predict_image


@dataclass(frozen=True)
class HeldOut:
    """One labelled image that training never saw.

    Attributes:
        image: hub id. tree: image tree digest. truth: uint32, yx.
    """

    image: str
    tree: str
    name: str
    stratum: str
    pixels: ImageData = field(repr=False)
    truth: Labels = field(repr=False)


@dataclass(frozen=True)
class Scored:
    """One held-out image with its prediction and scores."""

    held_out: HeldOut
    labels: Labels = field(repr=False)
    scores: DetectionScores
    baseline: DetectionScores


def score_image(
    checkpoint: Checkpoint,
    held_out: HeldOut,
    config: PredictConfig | None = None,
    *,
    on_tile: Callable[[], None] | None = None,
) -> Scored:
    """Predict and score one image, by the same code that pre-annotates."""
    image = image_cyx(held_out.pixels, where=held_out.name)
    reading = predict_image(checkpoint, image, config, where=held_out.name, on_tile=on_tile)
    return Scored(
        held_out,
        reading.labels,
        detection_scores(held_out.truth, reading.labels),
        detection_scores(held_out.truth, otsu_watershed(image)),
    )


def pooled_measures(scores: Iterable[DetectionScores], *, seed: int = 0) -> dict[str, Any]:
    """Measures of several images pooled, each cell weighing the same; empty without images.

    Beside ``f1_50`` stand ``f1_50_low`` and ``f1_50_high``, its 95 % bootstrap interval over images (from two
    images on), and ``images``, ``cells``.
    """
    listed = list(scores)
    if not listed:
        return {}
    total = summed(listed)
    measures: dict[str, Any] = {name: round(value, 6) for name, value in total.measures().items()}
    measures |= {"images": len(listed), "cells": total.truth}
    if len(listed) > 1:
        interval = bootstrap_interval(listed, lambda drawn: summed(drawn).f1_50, seed=seed)
        measures |= {"f1_50_low": round(interval.low, 6), "f1_50_high": round(interval.high, 6)}
    return measures


def stratum_measures(scored: Iterable[Scored], *, seed: int = 0) -> dict[str, Any]:
    """Stratum -> pooled measures."""
    strata: dict[str, list[DetectionScores]] = {}
    for image in scored:
        strata.setdefault(image.held_out.stratum, []).append(image.scores)
    return {name: pooled_measures(listed, seed=seed) for name, listed in sorted(strata.items())}
