"""Augmented microscopy on real images: markers predicted from transmitted light, and noise taken away.

Splits. In silico labeling: one field; rows 0-511 train, rows 576-703 test, the 64 rows between are used by neither: no
target of theirs is looked at. Their phase contrast is shown to network and ridge regression as surroundings, since the
upper test rows never come without what lies above them. Denoising: three confocal images, each denoised by networks
that saw the other two. Both times the mean of three networks is measured, one a seed (``SEEDS``), and each alone.
Nothing is fitted on what is tested, the filters' strengths included. Settings are those that an order gets
(``regression.config.suited``); docs/augmented.md says how they were found.

The confocal pairs are not registered: the clean images lie 0.7 pixels along y from the noisy ones. Comparing as they
lie would credit a network with moving the image. So the shift is measured on the training pairs, the clean images are
moved by it, and ``denoise_gain_db`` with its goal rests on that; ``as_given`` compares with the files as they are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, denoise_wavelet

from cellcommons.layouts.isl import Isl
from cellcommons.layouts.paired import Paired
from cellcommons.measures.images import pearson_r, psnr, segmentation_agreement, ssim
from cellcommons.pairs import ImagePair
from cellcommons.registration import register_pair
from ml_worker.regression.baseline import RidgeBaseline
from ml_worker.regression.checkpoint import load_regression_checkpoint
from ml_worker.regression.config import suited
from ml_worker.regression.outcomes import image_outcome
from ml_worker.regression.predict import RegressionPredictConfig, predict_channels, read_channels
from ml_worker.regression.samples import PairSample
from ml_worker.regression.train import PairData, train_regression
from tests.bench.result import Goal, Result

Image = NDArray[np.float32]
REAL_DATA = Path(os.environ.get("CELLCOMMONS_REAL_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
TRAIN, TEST, SHOWN = np.s_[:, :512], np.s_[:, 576:704], np.s_[:, 512:704]
WITHIN = np.s_[:, 64:192]
SEEDS = (0, 1, 2)
LABELFREE_STEPS, DENOISE_STEPS, BLIND_STEPS = 300, 300, 200
# Steps decide, not the clock, so that a loaded machine gives the same figures later; this only ends a hopeless run.
LIMIT_SECONDS = 1200.0
# The same networks with and without learning from the noisy image that they denoise, and how their figures end.
NETWORKS = {"adapted": "", "unadapted": "_unadapted"}
MARGIN = np.s_[8:-8, 8:-8]


def run() -> Result:
    """Label-free prediction, then denoising; about twelve minutes on two idle cores."""
    figures: dict[str, Any] = {"seeds": list(SEEDS)}
    peers: dict[str, dict[str, Any]] = {}
    _labelfree(figures, peers)
    _denoising(figures, peers)
    goals = [
        Goal("dapi_pearson_r", at_least=0.80),
        Goal("map2_pearson_r", at_least=0.80),
        Goal("nfh_pearson_r", at_least=0.60),
        Goal("denoise_gain_db", at_least=2.0),
        Goal("denoise_gain_db_as_given", at_least=2.0),
        Goal("denoise_over_best_filter_db", at_least=0.0),
    ]
    return Result("augmented", figures, goals, peers)


def _labelfree(figures: dict[str, Any], peers: dict[str, dict[str, Any]]) -> None:
    layout = Isl()
    entry = next(e for e in layout.scan(REAL_DATA / "aug_isl_labelfree").entries if e.metadata["z_planes"] > 1)
    record = layout.read(entry)
    assert isinstance(record.truth, ImagePair)
    source, target = record.image.data[0], record.truth.target.data
    names = [name.removesuffix("_CONFOCAL").lower() for name in record.truth.channels]
    began, steps, said = time.monotonic(), [], []
    settings = suited({"max_steps": LABELFREE_STEPS}, denoising=False)
    for seed in SEEDS:
        data = PairData([PairSample("rows 0-511", source[TRAIN], target[TRAIN])], (), record.truth.channels)
        result = train_regression(data, settings, seed=seed, budget_seconds=LIMIT_SECONDS)
        steps.append(result.steps)
        reading = read_channels(
            load_regression_checkpoint(result.checkpoint), source[SHOWN], RegressionPredictConfig(turns=8, bf16=True)
        )
        said.append(reading.channels[WITHIN])
        if seed == SEEDS[0]:
            outcome = image_outcome(names, target[TEST], said[0], known=None, expected=reading.error[WITHIN])
            figures["error_spearman"] = round(outcome.error_r or 0.0, 3)
    figures |= {"labelfree_seconds": round(time.monotonic() - began, 1), "labelfree_steps": steps}
    ridge = _ridge(source, target)
    peers["ridge regression on Gaussian features"] = {}
    single = {name: [pearson_r(target[TEST][c], one[c]) for one in said] for c, name in enumerate(names)}
    for c, name in enumerate(names):
        truth, mean = target[TEST][c], np.mean(said, axis=0)[c]
        figures[f"{name}_pearson_r"] = round(pearson_r(truth, mean), 4)
        figures[f"{name}_pearson_r_one_network"] = [round(value, 4) for value in single[name]]
        figures[f"{name}_ssim"] = round(ssim(truth, mean), 4)
        peers["ridge regression on Gaussian features"][f"{name}_pearson_r"] = round(pearson_r(truth, ridge[c]), 4)
    nuclei = names.index("dapi")
    for image, into in (
        (np.mean(said, axis=0), figures),
        (ridge, peers["ridge regression on Gaussian features"]),
    ):
        into["dapi_segmentation_f1_50"] = round(segmentation_agreement(target[TEST][nuclei], image[nuclei]).f1_50, 4)


def _ridge(source: NDArray[Any], target: NDArray[Any]) -> Image:
    """The baseline that reports use, on the same rows; test rows."""
    ridge = RidgeBaseline([PairSample("rows 0-511", source[TRAIN], target[TRAIN])])
    return ridge.predict(source[SHOWN], lambda: None)[WITHIN]


def _denoising(figures: dict[str, Any], peers: dict[str, dict[str, Any]]) -> None:
    layout = Paired()
    noisy: dict[str, Image] = {}
    clean: dict[str, Image] = {}
    for entry in layout.scan(REAL_DATA / "aug_denoise_fmd_confocal").entries:
        record = layout.read(entry)
        assert isinstance(record.truth, ImagePair)
        noisy[entry.name] = record.image.plane().astype(np.float32)
        clean[entry.name] = record.truth.target.plane().astype(np.float32)
    every = ("noisy", "Gaussian sigma 1", *FILTERS, *STABILISED)
    filters = {"Gaussian sigma 1": [lambda image: ndimage.gaussian_filter(image, 1.0)], **FILTERS}
    scores: dict[str, list[float]] = {
        name: [] for name in ("noisy", *NETWORKS, "self-supervised", *filters, *STABILISED)
    }
    given: dict[str, list[float]] = {name: [] for name in (*NETWORKS, "Gaussian sigma 1")}
    alone: dict[str, list[list[float]]] = {name: [] for name in NETWORKS}
    shifts, steps = [], []
    for held in noisy:
        others = [name for name in noisy if name != held]
        found = [register_pair(noisy[name], clean[name], same_kind=True).shift for name in others]
        shift = (float(np.mean([y for y, _ in found])), float(np.mean([x for _, x in found])))
        shifts.append([round(value, 2) for value in shift])
        moved = {name: ndimage.shift(image, shift, order=3, mode="nearest") for name, image in clean.items()}
        each, counts = _denoised(noisy, moved, others, held)
        steps += counts
        outputs = {"noisy": noisy[held], "self-supervised": _self_denoised(noisy[held])}
        for name, images in each.items():
            alone[name].append([round(_decibels(moved[held], one), 2) for one in images])
            outputs[name] = np.mean(images, axis=0)
        for name, strengths in filters.items():
            # The strength that is best on the training images.
            best = max(strengths, key=lambda f: sum(_decibels(moved[o], f(noisy[o])) for o in others))
            outputs[name] = best(noisy[held])
        light = fit_noise([noisy[name] for name in others], [moved[name] for name in others])
        for name, denoise in STABILISED.items():
            outputs[name] = light.restored(denoise(light.stabilised(noisy[held])))
        for name, image in outputs.items():
            scores[name].append(_decibels(moved[held], image))
        for name in NETWORKS:
            back = ndimage.shift(outputs[name], [-value for value in shift], order=3, mode="nearest")
            given[name].append(_decibels(clean[held], back))
        given["Gaussian sigma 1"].append(_decibels(clean[held], outputs["Gaussian sigma 1"]))
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    plain, best_filter = means["Gaussian sigma 1"], max(means[name] for name in (*filters, *STABILISED))
    figures |= {
        "denoise_images": list(noisy),
        "denoise_shift_of_the_other_pairs": shifts,
        "denoise_steps": steps,
        "denoise_psnr_self_supervised": [round(value, 2) for value in scores["self-supervised"]],
        "denoise_gain_db_self_supervised": round(means["self-supervised"] - plain, 3),
    }
    for name, ending in NETWORKS.items():
        as_given = float(np.mean(given[name]) - np.mean(given["Gaussian sigma 1"]))
        figures |= {
            f"denoise_psnr{ending}": [round(value, 2) for value in scores[name]],
            f"denoise_psnr_one_network{ending}": alone[name],
            f"denoise_gain_db{ending}": round(means[name] - plain, 3),
            f"denoise_gain_db_as_given{ending}": round(as_given, 3),
            f"denoise_over_best_filter_db{ending}": round(means[name] - best_filter, 3),
        }
    for name in every:
        peers[name] = {"denoise_psnr": [round(value, 2) for value in scores[name]]}


def _denoised(
    noisy: dict[str, Image], clean: dict[str, Image], others: list[str], held: str
) -> tuple[dict[str, list[Image]], list[int]]:
    """What the network of each seed makes of the image held out, and how many steps each took.

    ``adapted``: as an order predicts, having learned from the held-out image's noisy pixels too, never from its clean
    ones; ``unadapted``: the same network without that.
    """
    pairs = [PairSample(name, noisy[name][None], clean[name][None]) for name in others]
    settings = suited({"max_steps": DENOISE_STEPS}, denoising=True)
    results = [train_regression(PairData(pairs), settings, seed=seed, budget_seconds=LIMIT_SECONDS) for seed in SEEDS]
    checkpoints = [load_regression_checkpoint(result.checkpoint) for result in results]
    said: dict[str, list[Image]] = {name: [] for name in NETWORKS}
    for seed, checkpoint in zip(SEEDS, checkpoints, strict=True):
        how = RegressionPredictConfig(turns=8, adapt_seed=seed, adapt_seconds=LIMIT_SECONDS)
        reading = read_channels(checkpoint, noisy[held][None], how)
        assert reading.unadapted is not None
        said["adapted"].append(reading.channels[0])
        said["unadapted"].append(reading.unadapted[0])
    return said, [result.steps for result in results]


def _self_denoised(noisy: Image) -> Image:
    """Noise2Self on the noisy image alone: nothing else is seen, so training on what is denoised is no leak."""
    settings = suited({"max_steps": BLIND_STEPS, "blind_spot": {}}, denoising=True)
    data = PairData([PairSample("itself", noisy[None])])
    result = train_regression(data, settings, seed=SEEDS[0], budget_seconds=LIMIT_SECONDS)
    checkpoint = load_regression_checkpoint(result.checkpoint)
    return predict_channels(checkpoint, noisy[None], RegressionPredictConfig(turns=2))[0]


def _decibels(clean: Image, image: Image) -> float:
    """PSNR at a range of 255, a margin of 8 pixels left out, into which the shift brings no pixels."""
    return psnr(clean[MARGIN], image[MARGIN], data_range=255)


@dataclass(frozen=True)
class Light:
    """Counts whose variance is ``gain`` times what lies above ``offset``: photons.

    Stabilised by Anscombe's transformation (1948) their noise has the same deviation of about 1 everywhere, which is
    what filters are made for; ``restored`` is its unbiased inverse (Makitalo & Foi 2011, closed form).
    """

    gain: float
    offset: float

    def stabilised(self, image: Image) -> Image:
        return np.asarray(2 * np.sqrt(np.maximum((image - self.offset) / self.gain + 3 / 8, 0)), dtype=np.float32)

    def restored(self, image: Image) -> Image:
        d = np.maximum(image.astype(np.float64), 2 * np.sqrt(3 / 8))
        root = np.sqrt(3 / 2)
        photons = d**2 / 4 + root / (4 * d) - 11 / (8 * d**2) + 5 * root / (8 * d**3) - 1 / 8
        return np.asarray(np.maximum(photons, 0) * self.gain + self.offset, dtype=np.float32)


def fit_noise(noisy: list[Image], clean: list[Image]) -> Light:
    """A straight line through the noise's variance against brightness, each of 40 equally full bins weighing alike."""
    level = np.concatenate([image[MARGIN].ravel() for image in clean])
    square = np.concatenate([((a - b)[MARGIN] ** 2).ravel() for a, b in zip(noisy, clean, strict=True)])
    bins = np.array_split(np.argsort(level), 40)
    x, y = (np.array([values[part].mean() for part in bins]) for values in (level, square))
    gain, constant = np.polyfit(x, y, 1, w=1 / np.maximum(y, 1.0))
    return Light(float(gain), float(-constant / gain))


def _means(strength: float) -> Callable[[Image], Image]:
    def denoise(image: Image) -> Image:
        found = denoise_nl_means(
            image, h=0.8 * strength, sigma=strength, patch_size=5, patch_distance=6, fast_mode=True
        )
        return np.asarray(found, dtype=np.float32)

    return denoise


def _variation(strength: float) -> Callable[[Image], Image]:
    return lambda image: np.asarray(denoise_tv_chambolle(image, weight=strength), dtype=np.float32)


def _wavelet(strength: float) -> Callable[[Image], Image]:
    return lambda image: np.asarray(denoise_wavelet(image / 255, sigma=strength / 255) * 255, dtype=np.float32)


STRENGTHS = (3.0, 5.0, 8.0, 12.0)
FILTERS: dict[str, list[Callable[[Image], Image]]] = {
    "Gaussian, best sigma": [lambda image, s=s: ndimage.gaussian_filter(image, s) for s in (0.7, 1.0, 1.4, 2.0)],  # type: ignore[misc]
    "non-local means": [_means(s) for s in STRENGTHS],
    "total variation": [_variation(s) for s in STRENGTHS],
}
if find_spec("pywt"):
    FILTERS["wavelet"] = [_wavelet(s) for s in STRENGTHS]
STABILISED: dict[str, Callable[[Image], Image]] = {
    "Gaussian sigma 1, variance stabilised": lambda image: ndimage.gaussian_filter(image, 1.0),
    "non-local means, variance stabilised": _means(1.0),
}
if find_spec("bm3d"):
    import bm3d

    STABILISED["BM3D, variance stabilised"] = lambda image: np.asarray(bm3d.bm3d(image, 1.0), dtype=np.float32)
