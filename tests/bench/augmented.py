"""Augmented microscopy on real images: markers predicted from transmitted light, and noise taken away.

Splits. In silico labeling: one field; rows 0-511 train, rows 576-703 test, the 64 rows between are used by neither.
Settings were compared on columns 0-783 (training) and 800-1023 (validation) of rows 0-511; here all columns train, and
nothing is chosen. Denoising: three confocal images, each denoised by a network that saw the other two. Seeds are
``SEEDS``. Nothing is fitted on what is tested, the filters' strengths included.

The confocal pairs are not registered: the clean images lie 0.7 pixels along y from the noisy ones. Comparing as they
lie would credit a network with moving the image. So the shift is measured on the training pairs, the clean images are
moved by it, and ``denoise_gain_db`` with its goal rests on that; ``as_given`` compares with the files as they are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
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
from ml_worker.regression.checkpoint import load_regression_checkpoint
from ml_worker.regression.config import RegressionConfig
from ml_worker.regression.predict import RegressionPredictConfig, predict_channels
from ml_worker.regression.samples import PairSample
from ml_worker.regression.train import PairData, train_regression
from tests.bench.result import Goal, Result

Image = NDArray[np.float32]
REAL_DATA = Path(os.environ.get("CELLCOMMONS_REAL_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
TRAIN, TEST = np.s_[:, :512], np.s_[:, 576:704]
SEEDS = (0, 1, 2)
LABELFREE_SECONDS, DENOISE_SECONDS = 40.0, 45.0
MARGIN = np.s_[8:-8, 8:-8]

LABELFREE: dict[str, Any] = {
    "loss": {"l1": 0.0, "mse": 1.0},
    "network": {"widths": [32, 64, 96], "full": 0},
    "crops": {"size": 128, "batch": 8, "turn": 0.5, "scale": 1.2, "gain": 1.15},
}
DENOISE: dict[str, Any] = {
    "loss": {"l1": 0.0, "mse": 1.0},
    "same_units": True,
    "learning_rate": 4e-3,
    "network": {"widths": [32, 64], "full": 16, "layers": 2, "residual": True},
    "crops": {"size": 64, "batch": 8, "gain": 1.3, "same_gain": True},
}
BLIND: dict[str, Any] = {
    **DENOISE,
    "same_units": False,
    "blind_spot": {"spacing": 4},
    "network": {"widths": [32, 64], "full": 16, "layers": 2},
    "crops": {"size": 64, "batch": 8},
}


def run() -> Result:
    """Label-free prediction, then denoising; about six minutes on two idle cores."""
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
    for seed in SEEDS:
        data = PairData([PairSample("rows 0-511", source[TRAIN], target[TRAIN])], (), record.truth.channels)
        result = train_regression(
            data, RegressionConfig.from_order(LABELFREE), seed=seed, budget_seconds=LABELFREE_SECONDS
        )
        steps.append(result.steps)
        checkpoint = load_regression_checkpoint(result.checkpoint)
        said.append(predict_channels(checkpoint, source[TEST], RegressionPredictConfig(turns=8, bf16=True)))
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
    """Ridge regression on each plane's Gaussians (1, 2, 4, 8 px) and gradient magnitudes (1, 3 px); test rows."""

    def features(rows: tuple[slice, ...]) -> Image:
        planes = source[rows].astype(np.float32)
        made = [ndimage.gaussian_filter(plane, sigma) for plane in planes for sigma in (1, 2, 4, 8)]
        made += [ndimage.gaussian_gradient_magnitude(plane, sigma) for plane in planes for sigma in (1, 3)]
        return np.stack(made)

    train, test = features(TRAIN), features(TEST)
    mean, spread = train.mean(axis=(1, 2)), train.std(axis=(1, 2))
    wide = (train[:, ::2, ::2].reshape(len(train), -1).T - mean) / spread
    wanted = target[TRAIN][:, ::2, ::2].reshape(len(target), -1).T.astype(np.float64)
    weights = np.linalg.solve(wide.T @ wide + 100 * np.eye(len(train)), wide.T @ (wanted - wanted.mean(axis=0)))
    found = ((test.reshape(len(test), -1).T - mean) / spread) @ weights + wanted.mean(axis=0)
    return np.asarray(found.T.reshape(len(target), *test.shape[1:]), dtype=np.float32)


def _denoising(figures: dict[str, Any], peers: dict[str, dict[str, Any]]) -> None:
    layout = Paired()
    noisy: dict[str, Image] = {}
    clean: dict[str, Image] = {}
    for entry in layout.scan(REAL_DATA / "aug_denoise_fmd_confocal").entries:
        record = layout.read(entry)
        assert isinstance(record.truth, ImagePair)
        noisy[entry.name] = record.image.plane().astype(np.float32)
        clean[entry.name] = record.truth.target.plane().astype(np.float32)
    filters = {"Gaussian sigma 1": [lambda image: ndimage.gaussian_filter(image, 1.0)], **FILTERS}
    scores: dict[str, list[float]] = {name: [] for name in ("noisy", "network", "self-supervised", *filters)}
    given: dict[str, list[float]] = {name: [] for name in ("network", "Gaussian sigma 1")}
    shifts, steps = [], []
    for held in noisy:
        others = [name for name in noisy if name != held]
        found = [register_pair(noisy[name], clean[name], same_kind=True).shift for name in others]
        shift = (float(np.mean([y for y, _ in found])), float(np.mean([x for _, x in found])))
        shifts.append([round(value, 2) for value in shift])
        moved = {name: ndimage.shift(image, shift, order=3, mode="nearest") for name, image in clean.items()}
        said, count = _denoised(noisy, moved, others, held)
        steps.append(count)
        outputs = {"noisy": noisy[held], "network": said, "self-supervised": _self_denoised(noisy[held])}
        for name, strengths in filters.items():
            # The strength that is best on the training images.
            best = max(strengths, key=lambda f: sum(_decibels(moved[o], f(noisy[o])) for o in others))
            outputs[name] = best(noisy[held])
        for name, image in outputs.items():
            scores[name].append(_decibels(moved[held], image))
        back = ndimage.shift(said, [-value for value in shift], order=3, mode="nearest")
        given["network"].append(_decibels(clean[held], back))
        given["Gaussian sigma 1"].append(_decibels(clean[held], outputs["Gaussian sigma 1"]))
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    figures |= {
        "denoise_images": list(noisy),
        "denoise_shift_of_the_other_pairs": shifts,
        "denoise_steps": steps,
        "denoise_psnr": [round(value, 2) for value in scores["network"]],
        "denoise_psnr_self_supervised": [round(value, 2) for value in scores["self-supervised"]],
        "denoise_gain_db": round(means["network"] - means["Gaussian sigma 1"], 3),
        "denoise_gain_db_self_supervised": round(means["self-supervised"] - means["Gaussian sigma 1"], 3),
        "denoise_over_best_filter_db": round(means["network"] - max(means[name] for name in filters), 3),
        "denoise_gain_db_as_given": round(float(np.mean(given["network"]) - np.mean(given["Gaussian sigma 1"])), 3),
    }
    for name in ("noisy", *filters):
        peers[name] = {"denoise_psnr": [round(value, 2) for value in scores[name]]}


def _denoised(noisy: dict[str, Image], clean: dict[str, Image], others: list[str], held: str) -> tuple[Image, int]:
    pairs = [PairSample(name, noisy[name][None], clean[name][None]) for name in others]
    result = train_regression(
        PairData(pairs), RegressionConfig.from_order(DENOISE), seed=SEEDS[0], budget_seconds=DENOISE_SECONDS
    )
    checkpoint = load_regression_checkpoint(result.checkpoint)
    return predict_channels(checkpoint, noisy[held][None], RegressionPredictConfig(turns=8))[0], result.steps


def _self_denoised(noisy: Image) -> Image:
    """Noise2Self on the noisy image alone: nothing else is seen, so training on what is denoised is no leak."""
    result = train_regression(
        PairData([PairSample("itself", noisy[None])]),
        RegressionConfig.from_order(BLIND),
        seed=SEEDS[0],
        budget_seconds=DENOISE_SECONDS / 2,
    )
    checkpoint = load_regression_checkpoint(result.checkpoint)
    return predict_channels(checkpoint, noisy[None], RegressionPredictConfig(turns=2))[0]


def _decibels(clean: Image, image: Image) -> float:
    """PSNR at a range of 255, a margin of 8 pixels left out, into which the shift brings no pixels."""
    return psnr(clean[MARGIN], image[MARGIN], data_range=255)


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
