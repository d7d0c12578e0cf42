"""What needs no network: the most frequent classes, and a logistic regression on size and colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.classes import Ontology
from ml_worker.classification.measures import ClassOutcome
from ml_worker.classification.samples import ClassSample, class_targets
from ml_worker.logistic import Floats, Logistic, fit_logistic

THRESHOLD = 0.5


@dataclass(frozen=True)
class ClassBaseline:
    """Both plain methods, fitted.

    Attributes:
        frequent: classes that most samples show, bool, one value a class; the median where classes are ranks.
        own_channels: features are of each channel; else of the mean, minimum and maximum over them.
    """

    ontology: Ontology
    frequent: NDArray[np.bool_]
    regression: Logistic = field(repr=False)
    own_channels: bool

    def outcome(self, images: Sequence[NDArray[Any]], truth: NDArray[np.bool_]) -> ClassOutcome:
        """The regression's decisions on images, axes cyx."""
        if not len(images):
            return ClassOutcome(truth, truth, np.zeros(truth.shape))
        features = np.stack([size_and_colour(image, own_channels=self.own_channels) for image in images])
        chances = self.regression.chances(features)
        if self.ontology.multi:
            return ClassOutcome(truth, chances >= THRESHOLD, chances)
        places, ranks = chances.argmax(1), None
        if self.ontology.ordinal:
            ranks = chances @ np.arange(len(self.ontology))
            places = np.floor(ranks + 0.5).astype(np.int64)
        return ClassOutcome(truth, np.eye(len(self.ontology), dtype=np.bool_)[places], chances, ranks)

    def constant(self, outcome: ClassOutcome) -> ClassOutcome:
        """The same subjects, all called by the most frequent classes."""
        said = np.broadcast_to(self.frequent, outcome.truth.shape)
        return ClassOutcome(outcome.truth, said, said.astype(np.float64))


def fit_baseline(samples: Sequence[ClassSample], ontology: Ontology, *, own_channels: bool) -> ClassBaseline:
    """Fit both to the training and validation samples, as neither has anything to choose; at least one sample.

    Args:
        own_channels: every image of the release has the same channels.
    """
    targets = class_targets(samples, ontology)
    features = np.stack([size_and_colour(sample.image, own_channels=own_channels) for sample in samples])
    if ontology.multi:
        frequent = targets.mean(0) >= 0.5
    else:
        place = int(np.median(targets.argmax(1))) if ontology.ordinal else int(targets.sum(0).argmax())
        frequent = np.eye(len(ontology), dtype=np.bool_)[place]
    return ClassBaseline(ontology, frequent, fit_logistic(features, targets, multi=ontology.multi), own_channels)


def size_and_colour(image: NDArray[Any], *, own_channels: bool = True) -> Floats:
    """Sides, and each channel's mean, deviation, quartiles and mean of its middle; and how channels correlate.

    Args:
        image: axes cyx, integer or float; NaN and infinity count as 0.
    """
    planes = np.nan_to_num(image.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    if not own_channels:
        planes = np.stack([planes.mean(0), planes.min(0), planes.max(0)])
    height, width = planes.shape[1:]
    middle = planes[:, height // 4 : height - height // 4, width // 4 : width - width // 4]
    sides = np.log([max(height, width), min(height, width)])
    quartiles = np.percentile(planes, (25, 50, 75), axis=(1, 2)).ravel()
    flat = planes.reshape(len(planes), -1)
    flat = flat - flat.mean(1, keepdims=True)
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    pairs = (flat @ flat.T)[np.triu_indices(len(flat), 1)]
    return np.concatenate([sides, planes.mean((1, 2)), planes.std((1, 2)), quartiles, middle.mean((1, 2)), pairs])
