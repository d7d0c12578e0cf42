"""Measures of predicted images: known values, units that cancel, cells in both."""

from __future__ import annotations

import numpy as np
import pytest

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.labels import cells
from cellcommons.measures.images import (
    image_scores,
    nrmse,
    pearson_r,
    psnr,
    segment_fluorescence,
    segmentation_agreement,
    ssim,
)
from cellcommons.synthetic.cells import SOURCES, generate_cells

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.integers(0, 200, (40, 50)).astype(np.uint8)


def test_values_of_simple_cases() -> None:
    assert pearson_r(TRUTH, TRUTH * 2.0 + 7) == pytest.approx(1.0)
    assert pearson_r(TRUTH, -TRUTH.astype(float)) == pytest.approx(-1.0)
    assert pearson_r(TRUTH, np.full(TRUTH.shape, 3)) == 0.0
    # An error of 10 everywhere at a range of 255: 20 log10(25.5).
    assert psnr(TRUTH, TRUTH.astype(int) + 10, data_range=255) == pytest.approx(28.1308, abs=1e-4)
    assert psnr(TRUTH, TRUTH) == float("inf")
    assert nrmse(TRUTH, np.full(TRUTH.shape, TRUTH.mean())) == pytest.approx(1.0)
    assert nrmse(np.ones((4, 4)), np.zeros((4, 4))) == float("inf")
    assert ssim(TRUTH, TRUTH) == pytest.approx(1.0)
    worse = [ssim(TRUTH, TRUTH + RANDOM.normal(0, sigma, TRUTH.shape), data_range=255) for sigma in (2, 10, 40)]
    assert worse == sorted(worse, reverse=True)


def test_all_measures_at_once_and_unsigned_bytes_do_not_wrap() -> None:
    scores = image_scores(TRUTH, TRUTH[::-1]).measures()
    assert set(scores) == {"pearson_r", "ssim", "psnr", "nrmse"}
    low, high = np.zeros((16, 16), np.uint8), np.full((16, 16), 255, np.uint8)
    assert psnr(low, high, data_range=255) == pytest.approx(0.0)


def test_what_is_not_known_has_no_say() -> None:
    known = np.ones(TRUTH.shape, bool)
    assert image_scores(TRUTH, TRUTH[::-1], known=known).measures() == pytest.approx(
        image_scores(TRUTH, TRUTH[::-1]).measures(), abs=0.05
    )
    broken = TRUTH.copy()
    broken[:12] = 255
    known[:12] = False
    spoilt, clean = image_scores(broken, TRUTH), image_scores(broken, TRUTH, known=known)
    assert spoilt.pearson_r < 0.9
    assert (clean.pearson_r, clean.nrmse, clean.psnr) == (pytest.approx(1.0), 0.0, float("inf"))
    # Windows of known pixels near the border see some of the unknown ones.
    assert spoilt.ssim < clean.ssim <= 1
    with pytest.raises(InvalidDocument, match="nothing known"):
        image_scores(TRUTH, TRUTH, known=np.zeros(TRUTH.shape, bool))


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(MismatchedShapes, match="differ in shape"):
        image_scores(TRUTH, TRUTH[1:])
    with pytest.raises(InvalidDocument, match="NaN"):
        pearson_r(TRUTH, np.full(TRUTH.shape, np.nan))
    with pytest.raises(InvalidDocument, match="axes yx"):
        pearson_r(TRUTH[None], TRUTH[None])
    with pytest.raises(InvalidDocument, match="data range"):
        psnr(np.ones((4, 4)), np.zeros((4, 4)))
    with pytest.raises(InvalidDocument, match="11 pixels"):
        ssim(TRUTH[:5], TRUTH[:5])


def test_cells_are_found_in_both_by_one_function() -> None:
    made = generate_cells(2, source=SOURCES[0])
    real = made.image[0]
    found = segment_fluorescence(real)
    wanted = len(list(cells(made.labels)))
    assert 0.7 * wanted <= len(list(cells(found))) <= 1.3 * wanted
    assert segmentation_agreement(real, real).f1_50 == 1.0
    # Gain and offset change nothing; a missing half does.
    assert segmentation_agreement(real, real * 3.0 + 100).f1_50 > 0.99
    half = real.astype(float)
    half[:, 128:] = half.min()
    assert segmentation_agreement(real, half).f1_50 < 0.8
    flat = segment_fluorescence(np.full((32, 32), 7))
    assert flat.dtype == np.uint32
    assert not flat.any()


def test_cells_in_what_is_not_known_are_left_out_on_both_sides() -> None:
    made = generate_cells(2, source=SOURCES[0])
    nuclei = made.image[0]
    half = np.zeros(nuclei.shape, bool)
    half[:, : nuclei.shape[1] // 2] = True
    gone = np.where(half, nuclei, nuclei.min())
    assert segmentation_agreement(nuclei, gone).f1_50 < 0.9
    found = segmentation_agreement(nuclei, gone, known=half)
    assert 0 < found.truth < segmentation_agreement(nuclei, nuclei).truth
    assert found.f1_50 > segmentation_agreement(nuclei, gone).f1_50
