"""Measures of predicted against real images: Pearson r, SSIM, PSNR, NRMSE, and what matters: cells found in both.

Arrays are 2-D (axes yx), integer or float, the truth first. A pixel value's unit cancels in Pearson r and NRMSE; PSNR
and SSIM state their data range. ``known`` (bool, yx) leaves out where the real image cannot be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.metrics import structural_similarity
from skimage.segmentation import watershed

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.labels import Labels, relabel
from cellcommons.measures.detection import DetectionScores, detection_scores

Array = NDArray[Any]
Known = NDArray[np.bool_]
SMOOTHING, MIN_DISTANCE, MIN_AREA = 1.5, 5, 20


@dataclass(frozen=True)
class ImageScores:
    """One channel's measures; see the functions of this module. ``psnr`` is infinite where the images are equal."""

    pearson_r: float
    ssim: float
    psnr: float
    nrmse: float

    def measures(self) -> dict[str, float]:
        """Name -> value."""
        return {"pearson_r": self.pearson_r, "ssim": self.ssim, "psnr": self.psnr, "nrmse": self.nrmse}


def image_scores(
    truth: Array, prediction: Array, *, data_range: float | None = None, known: Known | None = None
) -> ImageScores:
    """All measures of one channel.

    Args:
        data_range: of PSNR and SSIM; the truth's own range (maximum - minimum) over known pixels if None.
        known: where the truth counts; everywhere if None.

    Raises:
        MismatchedShapes: the shapes differ. InvalidDocument: not yx, NaN or infinity, nothing known, or a data range
            not above 0.
    """
    a, b = _checked(truth, prediction)
    if known is None:
        return ImageScores(
            pearson_r(a, b), ssim(a, b, data_range=data_range), psnr(a, b, data_range=data_range), nrmse(a, b)
        )
    if known.shape != a.shape or not known.any():
        raise InvalidDocument(f"a mask of shape {known.shape} leaves nothing known of an image of {a.shape}")
    # Rows of one known pixel after the other: all but SSIM look at pixels one by one.
    line, said = a[known][None], b[known][None]
    found = _range(line, data_range)
    return ImageScores(
        pearson_r(line, said),
        float(_ssim_map(a, b, found)[known].mean()),
        psnr(line, said, data_range=found),
        nrmse(line, said),
    )


def pearson_r(truth: Array, prediction: Array) -> float:
    """Pearson's correlation over all pixels, -1..1; 0 where either image is constant (nothing is explained)."""
    a, b = _checked(truth, prediction)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float(np.clip((a * b).sum() / scale, -1, 1)) if scale > 0 else 0.0


def nrmse(truth: Array, prediction: Array) -> float:
    """Root mean squared error over the truth's standard deviation: 0 is exact, 1 is as good as the truth's mean.

    0 where a constant truth is met exactly, infinite where it is missed.
    """
    a, b = _checked(truth, prediction)
    error, spread = float(np.sqrt(((a - b) ** 2).mean())), float(a.std())
    if spread > 0:
        return error / spread
    return 0.0 if error == 0 else float("inf")


def psnr(truth: Array, prediction: Array, *, data_range: float | None = None) -> float:
    """Peak signal-to-noise ratio, dB: ``10 log10(data_range^2 / mean squared error)``; infinite where equal."""
    a, b = _checked(truth, prediction)
    error = float(((a - b) ** 2).mean())
    return float(10 * np.log10(_range(a, data_range) ** 2 / error)) if error > 0 else float("inf")


def ssim(truth: Array, prediction: Array, *, data_range: float | None = None) -> float:
    """Mean structural similarity (Wang et al. 2004, IEEE TIP 13(4)): Gaussian window, sigma 1.5, 11 pixels wide.

    Raises:
        InvalidDocument: an image under 11 pixels a side.
    """
    a, b = _checked(truth, prediction)
    if min(a.shape) < 11:
        raise InvalidDocument(f"SSIM wants at least 11 pixels a side, not {a.shape}")
    return float(
        structural_similarity(  # type: ignore[no-untyped-call]
            a, b, data_range=_range(a, data_range), gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
    )


def _ssim_map(truth: Array, prediction: Array, data_range: float) -> NDArray[np.float64]:
    if min(truth.shape) < 11:
        raise InvalidDocument(f"SSIM wants at least 11 pixels a side, not {truth.shape}")
    _, found = structural_similarity(  # type: ignore[no-untyped-call]
        truth, prediction, data_range=data_range, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        full=True,
    )  # fmt: skip
    return np.asarray(found)


def segment_fluorescence(image: Array) -> Labels:
    """Bright cells by Otsu's threshold (1979) on the smoothed image and a watershed of the distance to the edge.

    One plain function for real and predicted images: what differs in the result is then due to the images.

    Args:
        image: axes yx.

    Returns:
        uint32, yx, ids 1..n; cells under 20 pixels are left out; none where the image is constant.
    """
    plane, _ = _checked(image, image)
    smooth = ndimage.gaussian_filter(plane, SMOOTHING)
    if float(np.ptp(smooth)) == 0:
        return np.zeros(plane.shape, dtype=np.uint32)
    inside = smooth > threshold_otsu(smooth)  # type: ignore[no-untyped-call]
    # Smoothed, so that a ragged outline does not make two cells of one.
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(inside), 1.0)
    peaks = peak_local_max(  # type: ignore[no-untyped-call]
        depth, min_distance=MIN_DISTANCE, labels=inside.astype(np.int32), exclude_border=False
    )
    seeds = np.zeros(plane.shape, dtype=np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    found = watershed(-depth, seeds, mask=inside)  # type: ignore[no-untyped-call]
    areas = np.bincount(found.ravel())
    return relabel(np.where(areas[found] >= MIN_AREA, found, 0).astype(np.uint32))


def segmentation_agreement(truth: Array, prediction: Array, *, known: Known | None = None) -> DetectionScores:
    """Cells found in the predicted image against those found in the real one, by ``segment_fluorescence`` on both.

    The real image's segmentation stands for the truth here, with its own mistakes; ``f1_50`` of the result is the
    measure to read.

    Args:
        known: where the truth counts; cells, and parts of cells, beyond it are left out on both sides.
    """
    a, b = _checked(truth, prediction)
    real, said = segment_fluorescence(a), segment_fluorescence(b)
    if known is not None:
        real, said = (relabel(np.where(known, labels, np.uint32(0))) for labels in (real, said))
    return detection_scores(real, said)


def _checked(truth: Array, prediction: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if truth.shape != prediction.shape:
        raise MismatchedShapes(
            f"the real image {truth.shape} and the predicted one {prediction.shape} differ in shape",
            remedy="Predict at the size of the real image.",
        )
    if truth.ndim != 2 or truth.size == 0:
        raise InvalidDocument(f"a channel has axes yx, this one shape {truth.shape}")
    a, b = truth.astype(np.float64), prediction.astype(np.float64)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InvalidDocument("an image to be measured holds NaN or infinity")
    return a, b


def _range(truth: NDArray[np.float64], data_range: float | None) -> float:
    value = float(np.ptp(truth)) if data_range is None else float(data_range)
    if not value > 0:
        raise InvalidDocument(
            "the data range must be above 0", remedy="State it: a constant image has none of its own."
        )
    return value
