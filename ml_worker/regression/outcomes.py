"""Measures of predicted against real channels: of one image, and of several together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from cellcommons.measures.detection import DetectionScores, summed
from cellcommons.measures.images import ImageScores, image_scores, segmentation_agreement

Known = NDArray[np.bool_]
MEASURES = ("pearson_r", "ssim", "psnr", "nrmse")
# Equal images have no finite PSNR; beyond this nobody could tell them apart.
MAX_DECIBELS = 100.0
ERROR_BLOCK = 32
MIN_IMAGES = 5


@dataclass(frozen=True)
class ChannelOutcome:
    """One channel of one image. ``scores`` is None where the real channel is constant: nothing can be measured."""

    scores: ImageScores | None
    cells: DetectionScores


@dataclass(frozen=True)
class ImageOutcome:
    """One image.

    Attributes:
        channels: name -> outcome. error_r: Spearman's correlation, over blocks of 32 pixels, of expected and true
            error, mean over channels; None where nothing was expected. uncertainty: 0..1, None likewise.
        unadapted: the same image as the network reads it that did not learn from its noisy pixels; None: it never did.
    """

    channels: Mapping[str, ChannelOutcome] = field(repr=False)
    error_r: float | None = None
    uncertainty: float | None = None
    unadapted: ImageOutcome | None = field(repr=False, default=None)

    @property
    def headline(self) -> float:
        """Mean Pearson r over channels; 0 where none can be measured."""
        return _mean(self, "pearson_r") or 0.0


def image_outcome(
    names: Sequence[str],
    truth: NDArray[Any],
    prediction: NDArray[Any],
    *,
    known: Known | None,
    expected: NDArray[np.float32] | None = None,
    uncertainty: float | None = None,
) -> ImageOutcome:
    """Measure one image.

    Args:
        truth, prediction: cyx, in the target's units. known: yx, where the truth counts; None: everywhere.
        expected: expected error at each pixel, cyx.

    Raises:
        MismatchedShapes, InvalidDocument: see ``measures.images.image_scores``.
    """
    found = {}
    for name, real, said in zip(names, truth, prediction, strict=True):
        flat = real if known is None else real[known]
        scores = image_scores(real, said, known=known) if flat.size and np.ptp(flat) > 0 else None
        found[name] = ChannelOutcome(scores, segmentation_agreement(real, said, known=known))
    error_r = None
    if expected is not None:
        error_r = _block_spearman(expected, np.abs(prediction.astype(np.float64) - truth), known)
    return ImageOutcome(found, error_r, uncertainty)


def one_image(outcome: ImageOutcome) -> dict[str, Any]:
    """Measures of one image: means over channels, and by channel where there are several."""
    return _measures([outcome]) | {"uncertainty": outcome.uncertainty}


def pooled_images(outcomes: Sequence[ImageOutcome]) -> dict[str, Any]:
    """Measures of several images: means over images; cells of all images together.

    ``uncertainty_spearman`` says whether the images that the model was unsure of are those that it got wrong (against
    NRMSE); from five images on.
    """
    found = _measures(outcomes)
    pairs = [(o.uncertainty, _mean(o, "nrmse")) for o in outcomes]
    told = [(sure, error) for sure, error in pairs if sure is not None and error is not None]
    if len(told) >= MIN_IMAGES:
        value = float(spearmanr(*zip(*told, strict=True)).statistic)
        found["uncertainty_spearman"] = value if np.isfinite(value) else None
    return found


def mean_pearson(outcomes: Sequence[ImageOutcome]) -> float:
    """The headline of several images."""
    return fmean(outcome.headline for outcome in outcomes)


def _measures(outcomes: Sequence[ImageOutcome]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for outcome in outcomes for name in outcome.channels))
    found: dict[str, Any] = {}
    by_channel: dict[str, dict[str, float]] = {}
    for measure in MEASURES:
        values = {name: _over(outcomes, name, measure) for name in names}
        by_channel[measure] = {name: value for name, value in values.items() if value is not None}
        found[measure] = fmean(by_channel[measure].values()) if by_channel[measure] else None
    found["pearson_r"] = mean_pearson(outcomes)
    cells = {name: summed(o.channels[name].cells for o in outcomes if name in o.channels) for name in names}
    by_channel["segmentation_f1_50"] = {name: scores.f1_50 for name, scores in cells.items() if scores.truth}
    found["segmentation_f1_50"] = summed(cells.values()).f1_50 if cells else None
    plain = [outcome.unadapted for outcome in outcomes if outcome.unadapted is not None]
    if plain and len(plain) == len(outcomes):
        without = _measures(plain)
        found |= {f"{measure}_unadapted": without[measure] for measure in MEASURES}
    found["cells"] = sum(scores.truth for scores in cells.values())
    errors = [outcome.error_r for outcome in outcomes if outcome.error_r is not None]
    found["error_spearman"] = fmean(errors) if errors else None
    if len(names) > 1:
        found |= {f"{measure}_by_channel": values for measure, values in by_channel.items()}
    return found


def _over(outcomes: Iterable[ImageOutcome], name: str, measure: str) -> float | None:
    values = [
        value for o in outcomes if name in o.channels and (value := _value(o.channels[name], measure)) is not None
    ]
    return fmean(values) if values else None


def _mean(outcome: ImageOutcome, measure: str) -> float | None:
    found = [_value(one, measure) for one in outcome.channels.values()]
    values = [value for value in found if value is not None]
    return fmean(values) if values else None


def _value(outcome: ChannelOutcome, measure: str) -> float | None:
    if outcome.scores is None:
        return None
    value: float = getattr(outcome.scores, measure)
    return min(value, MAX_DECIBELS) if measure == "psnr" else value


def _block_spearman(expected: NDArray[Any], error: NDArray[Any], known: Known | None) -> float | None:
    """Mean over channels of the rank correlation over blocks that are wholly known; None under five of them."""
    rows, columns = (n // ERROR_BLOCK for n in expected.shape[1:])
    if rows * columns < MIN_IMAGES:
        return None
    mask = np.ones(expected.shape[1:], bool) if known is None else known
    keep = _blocks(mask.astype(np.float64)) >= 1
    found = []
    for one, other in zip(expected, error, strict=True):
        a, b = _blocks(one.astype(np.float64))[keep], _blocks(other)[keep]
        if len(a) >= MIN_IMAGES and np.ptp(a) > 0 and np.ptp(b) > 0:
            found.append(float(spearmanr(a, b).statistic))
    return fmean(found) if found else None


def _blocks(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, columns = (n // ERROR_BLOCK for n in plane.shape)
    inner = plane[: rows * ERROR_BLOCK, : columns * ERROR_BLOCK]
    return np.asarray(inner.reshape(rows, ERROR_BLOCK, columns, ERROR_BLOCK).mean(axis=(1, 3)))
