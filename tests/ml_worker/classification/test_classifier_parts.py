"""Ranks fall in order, draws are balanced, windows cover, probabilities are calibrated."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.measures.calibration import calibration
from ml_worker.classification.calibration import fit_temperature, share_offset
from ml_worker.classification.crops import ClassCropConfig, augment_windows, sampling_weights
from ml_worker.classification.outcomes import Thresholds, expected_rank, outcome_loss, probabilities
from ml_worker.classification.samples import ReadingConfig, read, window_extras, windows
from ml_worker.classification.scores import validation_score


def test_ranks_rise_with_the_score_and_chances_of_passing_a_rank_fall():
    torch.manual_seed(0)
    link = Thresholds(6)
    with torch.no_grad():
        link.steps.copy_(torch.tensor([-3.0, 0.0, 4.0, -20.0]))
        logits = link(torch.linspace(-8, 8, 40)[:, None])
    assert (logits.diff(dim=1) <= 0).all()
    chances = probabilities(logits, "ordinal")
    assert (chances >= 0).all()
    torch.testing.assert_close(chances.sum(1), torch.ones(40))
    ranks = expected_rank(chances)
    assert (ranks.diff() > 0).all()
    assert ranks[0] < 0.5 < 4.5 < ranks[-1]


def test_the_loss_of_ranks_grows_with_the_distance():
    logits = Thresholds(5)(torch.tensor([[-10.0]])).detach()
    losses = [float(outcome_loss(logits, torch.eye(5)[k : k + 1].bool(), "ordinal", torch.ones(5))) for k in range(5)]
    assert losses == sorted(losses)
    assert losses[0] < 0.01


def test_a_weighted_class_counts_more():
    logits, targets = torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([[True, False], [False, True]])
    even = outcome_loss(logits, targets, "single", torch.tensor([1.0, 1.0]))
    heavy = outcome_loss(logits, targets, "single", torch.tensor([1.0, 3.0]))
    assert heavy > even


def test_draws_are_balanced_over_classes():
    targets = np.repeat(np.eye(2, dtype=bool), [30, 3], axis=0)
    assert sampling_weights(targets, 0.0) == pytest.approx(1 / 33)
    assert sampling_weights(targets, 1.0)[30:].sum() == pytest.approx(0.5)
    offset = share_offset(targets, sampling_weights(targets, 1.0))
    assert offset == pytest.approx(np.log([30 / 33 / 0.5, 3 / 33 / 0.5]))


def test_a_faultless_validation_split_does_not_make_the_next_answer_certain():
    places = np.arange(60) % 3
    targets = torch.from_numpy(np.eye(3, dtype=bool)[places])
    logits = torch.where(targets, 2.0, 0.0)
    surest = float(probabilities(logits, "single", temperature=fit_temperature(logits, targets, "single")).max())
    # Of 60 right answers the rule of succession makes 61 of 62.
    assert 0.97 < surest < 0.995


def test_temperature_mends_overconfidence():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 3000)
    logits = torch.from_numpy(random.normal(0, 1, (3000, 3)) + 1.0 * np.eye(3)[truth])
    # These logits are calibrated as they stand; five times as large they claim too much.
    temperature = fit_temperature(5 * logits[:1500], torch.from_numpy(np.eye(3, dtype=bool)[truth[:1500]]), "single")
    assert temperature == pytest.approx(5, rel=0.15)
    held_out = 5 * logits[1500:]
    raw, mended = (probabilities(held_out, "single", temperature=t).numpy() for t in (1.0, temperature))
    assert calibration(truth[1500:], mended).error < 0.04
    assert calibration(truth[1500:], raw).error > 0.15


def test_windows_cover_an_image_and_crops_keep_their_size_in_mind():
    image = np.arange(100 * 150, dtype=np.uint16).reshape(1, 100, 150)
    field = read(image, ReadingConfig(size=32, window=32), None)
    assert field.planes.shape == (3, 100, 150)
    assert window_extras(field.planes[:, :32, :32], field.side, ReadingConfig(size=32, window=32)).shape == (0,)
    cut = windows(field.planes, 32)
    assert cut.shape == (4 * 5, 3, 32, 32)
    assert torch.equal(cut[0], field.planes[:, :32, :32])
    assert torch.equal(cut[-1], field.planes[:, -32:, -32:])
    assert len(windows(field.planes, 32, most=4)) <= 4
    crop = read(image, ReadingConfig(size=32), None)
    assert crop.planes.shape == (3, 32, 32)
    assert window_extras(crop.planes, crop.side, ReadingConfig(size=32)).tolist() == pytest.approx([np.log2(150 / 32)])
    with pytest.raises(InvalidDocument):
        windows(torch.zeros(3, 16, 16), 32)


def test_augmentation_repeats_and_can_be_turned_off():
    planes = torch.rand(4, 2, 32, 32)
    settings = ClassCropConfig()
    first, second = (augment_windows(planes, settings, np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.allclose(first, planes)
    still = ClassCropConfig(turn=False, scale=1, shift=0, gain=1, offset=0, noise=0)
    torch.testing.assert_close(augment_windows(planes, still, np.random.default_rng(7)), planes, atol=1e-5, rtol=0)


def test_each_kind_is_scored_by_its_measure():
    targets = np.eye(3, dtype=bool)[[0, 0, 1, 2]]
    chances = np.eye(3)[[0, 0, 1, 1]] * 0.8 + 0.1
    assert validation_score(chances, targets, Ontology(("a", "b", "c"))) == pytest.approx((1 + 2 / 3 + 0) / 3)
    ranked = validation_score(np.eye(3)[[0, 0, 1, 2]], targets, Ontology(("a", "b", "c"), ordinal=True))
    assert ranked == pytest.approx(1)
    constant = validation_score(np.full((4, 3), 1 / 3), targets, Ontology(("a", "b", "c"), ordinal=True))
    assert constant == 0
    assert validation_score(targets.astype(float), targets, Ontology(("a", "b", "c"), multi=True)) == pytest.approx(1)


def test_colocalisation_is_the_correlation_of_each_pair_of_channels():
    window = torch.rand(3, 32, 32)
    window[2] = 1.0
    numbers = window_extras(window, 64, ReadingConfig(size=32, channels="own", colocalisation=True))
    expected = np.corrcoef(window[0].flatten(), window[1].flatten())[0, 1]
    assert numbers.tolist() == pytest.approx([1.0, expected, 0.0, 0.0], abs=1e-4)
    assert ReadingConfig(size=32, channels="own", colocalisation=True).extras(3) == 4


@pytest.mark.parametrize("bad", [{"size": 40}, {"window": 4}, {"channels": "some"}, {"brightness": "other"}])
def test_bad_readings_are_refused(bad):
    with pytest.raises(InvalidDocument):
        ReadingConfig(**bad)
