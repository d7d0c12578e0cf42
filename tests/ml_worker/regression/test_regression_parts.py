"""The parts of image regression: crops, scaling, blind spots, losses, tiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.metrics import structural_similarity

from cellcommons.errors import InvalidDocument, MismatchedShapes
from ml_worker.regression.adversarial import AdversarialConfig, Critic
from ml_worker.regression.blind_spot import BlindSpotConfig, grid_mask, hide
from ml_worker.regression.checkpoint import RegressionCheckpoint, RegressionCheckpointConfig
from ml_worker.regression.config import suited
from ml_worker.regression.crops import PairCropConfig, PairSampler
from ml_worker.regression.error_model import ErrorModel, fit_error_model, plain_error_model
from ml_worker.regression.losses import LossConfig, regression_loss, ssim_map
from ml_worker.regression.network import RegressionNetworkConfig, build_regression_network
from ml_worker.regression.predict import RegressionPredictConfig, predict_channels
from ml_worker.regression.samples import PairSample
from ml_worker.regression.scaling import Scaling, fit_scaling


def places(size: int) -> np.ndarray:
    """An image whose pixels say where they are: rows and columns as two channels."""
    return np.stack(np.indices((size, size))).astype(np.float32)


@pytest.mark.parametrize("turn", [0.0, 1.0])
def test_source_and_target_are_cut_from_the_same_place(turn: float) -> None:
    image = places(200)
    config = PairCropConfig(size=64, batch=6, turn=turn)
    sampler = PairSampler([(image, image * 2 + 1)], ["a"], config, seed=3)
    batch = sampler.batch(7)
    known = (batch.weight > 0).expand_as(batch.source)
    assert torch.allclose(batch.target[known], batch.source[known] * 2 + 1, atol=1e-2)
    again = PairSampler([(image, image * 2 + 1)], ["a"], config, seed=3).batch(7)
    assert torch.equal(batch.source, again.source)
    assert not torch.equal(batch.source, sampler.batch(8).source)
    if turn == 0:
        # Quarter turns move pixels and mix none.
        assert torch.equal(batch.source, batch.source.round())


def test_gains_are_shared_where_the_light_is_the_same() -> None:
    image = np.ones((1, 64, 64), dtype=np.float32)
    batch = PairSampler([(image, image)], [""], PairCropConfig(64, 8, gain=3.0, same_gain=True), seed=0).batch(0)
    assert torch.equal(batch.source, batch.target)
    assert float(batch.source.max()) > 1.2 * float(batch.source.min())
    apart = PairSampler([(image, image)], [""], PairCropConfig(64, 8, gain=3.0), seed=0).batch(0)
    assert float(apart.target.min()) == float(apart.target.max()) == 1.0


def test_focus_moves_the_planes_of_a_stack_and_not_its_target() -> None:
    stack = np.arange(5, dtype=np.float32)[:, None, None] * np.ones((5, 64, 64), dtype=np.float32)
    batch = PairSampler([(stack, stack)], [""], PairCropConfig(64, 16, focus=2), seed=0).batch(0)
    seen = {tuple(crop[:, 0, 0].tolist()) for crop in batch.source}
    assert seen <= {(0, 0, 0, 1, 2), (0, 0, 1, 2, 3), (0, 1, 2, 3, 4), (1, 2, 3, 4, 4), (2, 3, 4, 4, 4)}
    assert len(seen) > 2
    assert {tuple(crop[:, 0, 0].tolist()) for crop in batch.target} == {(0, 1, 2, 3, 4)}
    with pytest.raises(InvalidDocument, match="focus"):
        PairCropConfig(focus=-1)


def test_scaling_goes_there_and_back_and_keeps_planes_apart_or_together() -> None:
    random = np.random.default_rng(0)
    images = [(random.normal(size=(2, 30, 40)) * [[[2]], [[50]]] + [[[10]], [[300]]]).astype(np.float32) for _ in "ab"]
    apart = fit_scaling(images)
    planes = np.concatenate([apart.forward(image) for image in images], axis=1)
    np.testing.assert_allclose(planes.mean(axis=(1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(planes.std(axis=(1, 2)), 1, atol=1e-4)
    np.testing.assert_allclose(apart.backward(apart.forward(images[0])), images[0], rtol=1e-4, atol=1e-3)
    shared = fit_scaling(images, shared=True)
    assert shared.gain[0] == shared.gain[1]
    assert shared.forward(images[0]).mean(axis=(1, 2))[0] < shared.forward(images[0]).mean(axis=(1, 2))[1]
    assert fit_scaling([np.full((1, 4, 4), 7)]).gain == (1.0,)
    with pytest.raises(MismatchedShapes):
        fit_scaling([np.zeros((1, 4, 4)), np.zeros((2, 4, 4))])
    with pytest.raises(InvalidDocument):
        Scaling((0.0,), (0.0,))
    with pytest.raises(MismatchedShapes, match="a: source"):
        PairSample("a", np.zeros((1, 4, 4)), np.zeros((1, 4, 5)))


@pytest.mark.parametrize("fill", ["mean", "neighbour"])
def test_a_hidden_pixel_leaves_no_trace_of_itself(fill: str) -> None:
    config = BlindSpotConfig(spacing=4, fill=fill)
    mask = grid_mask((16, 16), 4, (1, 2))
    first = torch.rand(1, 1, 16, 16)
    second = torch.where(mask > 0, first + 5, first)
    hidden = [hide(planes, mask, config, np.random.default_rng(0)) for planes in (first, second)]
    assert torch.equal(*hidden)
    assert torch.equal(hidden[0][mask == 0], first[mask == 0])
    assert mask.sum() == 16


def test_losses_count_known_pixels_only_and_ssim_is_the_published_one() -> None:
    random = np.random.default_rng(0)
    a, b = (torch.from_numpy(random.normal(size=(1, 1, 40, 50))).float() for _ in "ab")
    weight = torch.zeros(1, 1, 40, 50)
    weight[..., :20, :] = 1
    far = b.clone()
    far[..., 20:, :] += 100
    for config in (LossConfig(1, 0, 0), LossConfig(0, 1, 0), LossConfig(0, 0, 1)):
        assert torch.allclose(regression_loss(a, b, weight, config), regression_loss(a, far, weight, config))
        assert float(regression_loss(a, a, weight, config)) == pytest.approx(0, abs=1e-5)
    _, reference = structural_similarity(
        a[0, 0].numpy().astype(float), b[0, 0].numpy().astype(float), data_range=6.0, gaussian_weights=True,
        sigma=1.5, use_sample_covariance=False, full=True,
    )  # fmt: skip
    np.testing.assert_allclose(ssim_map(a, b)[0, 0].numpy(), reference[5:-5, 5:-5], atol=1e-4)


@pytest.mark.parametrize("full", [0, 16])
def test_tiles_leave_no_seam_and_turns_come_back(full: int) -> None:
    torch.manual_seed(0)
    config = RegressionNetworkConfig(2, 3, (16, 32), full=full, layers=2 if full else 1)
    network = build_regression_network(config).eval()
    scaling = [Scaling((0.0,) * n, (1.0,) * n) for n in (2, 3)]
    checkpoint = RegressionCheckpoint(network, RegressionCheckpointConfig(*scaling, network=config))
    image = np.random.default_rng(0).normal(size=(2, 150, 171)).astype(np.float32)
    whole = predict_channels(checkpoint, image, RegressionPredictConfig(tile=1024))
    assert whole.shape == (3, 150, 171)
    tiled = predict_channels(checkpoint, image, RegressionPredictConfig(tile=32))
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    # Averaged over all eight positions, the reading of a turned image is the turned reading.
    square = image[:, :144, :144]
    every = RegressionPredictConfig(turns=8)
    turned = predict_channels(checkpoint, np.rot90(square, 1, (1, 2)), every)
    np.testing.assert_allclose(turned, np.rot90(predict_channels(checkpoint, square, every), 1, (1, 2)), atol=1e-5)


def test_unknown_pixels_are_cut_and_turned_with_their_pair() -> None:
    image = places(160)
    known = image[0] < 70
    for turn in (0.0, 1.0):
        sampler = PairSampler([(image, image)], ["a"], PairCropConfig(64, 8, turn=turn), seed=1, known=[known])
        batch = sampler.batch(0)
        rows = batch.target[:, :1][batch.weight > 0]
        assert rows.numel()
        assert float(rows.max()) < 70
        assert (batch.weight == 0).any()
    with pytest.raises(InvalidDocument, match="marked as a failure"):
        PairSampler([(image, image)], ["a"], PairCropConfig(64, 8), seed=1, known=[np.zeros((160, 160), bool)])


def test_an_error_model_learns_where_errors_are_and_never_bends_down() -> None:
    random = np.random.default_rng(0)
    bright = ndimage.gaussian_filter(random.normal(size=(2, 160, 160)), (0, 6, 6))
    planes = (bright / bright.std(axis=(1, 2), keepdims=True)).astype(np.float32)
    spread = np.abs(ndimage.gaussian_filter(random.normal(size=planes.shape), (0, 8, 8))).astype(np.float32)
    spread /= spread.mean()
    # The first channel errs where readings differ, the second where it is bright.
    scale = np.stack([spread[0], 0.2 + np.maximum(planes[1], 0)])
    truth = planes + (random.normal(size=planes.shape) * scale).astype(np.float32)
    known = np.ones(planes.shape[1:], bool)
    model = fit_error_model([planes], [spread], [truth], [known])
    assert len(model.weights) == 8
    assert min(model.weights) >= 0
    assert model.weights[1] == pytest.approx(1, abs=0.15)
    expected = model.expected(planes, spread)
    np.testing.assert_allclose(expected**2, scale**2, rtol=0.6, atol=0.35)
    assert np.corrcoef(expected[1].ravel(), scale[1].ravel())[0, 1] > 0.95
    np.testing.assert_allclose(plain_error_model(2).expected(planes, spread), spread, rtol=1e-5)
    for bad in ((), (1.0,), (0.0, -1.0, 0.0, 0.0)):
        with pytest.raises(InvalidDocument):
            ErrorModel(bad)


def test_a_critic_learns_what_is_real_and_tells_what_a_prediction_lacks() -> None:
    torch.manual_seed(0)
    critic = Critic(2, AdversarialConfig(weight=1.0, features=16, layers=2))
    source, weight = torch.rand(4, 1, 32, 32), torch.ones(4, 1, 32, 32)
    blurred = torch.full_like(source, 0.5).requires_grad_()
    first = critic.loss(source, source, blurred, weight)
    for _ in range(30):
        last = critic.loss(source, source, blurred, weight)
    assert float(last) > float(first)
    last.backward()
    assert blurred.grad is not None
    assert float(blurred.grad.abs().sum()) > 0
    assert float(critic.loss(source, source, source, weight)) < float(last)
    other = Critic(2, AdversarialConfig(weight=1.0, features=16, layers=2))
    other.restore({name: tensor.clone() for name, tensor in critic.tensors().items()})
    pair = (source, source, blurred.detach(), weight)
    assert float(other.loss(*pair)) == float(critic.loss(*pair))
    for bad in ({"weight": 0.0}, {"features": 8}, {"layers": 0}):
        with pytest.raises(InvalidDocument):
            AdversarialConfig(**bad)  # type: ignore[arg-type]


def test_settings_suit_the_pairs_and_an_order_has_the_last_word() -> None:
    denoising, other = suited({}, denoising=True), suited({}, denoising=False)
    assert denoising.network.residual
    assert denoising.same_units
    assert denoising.crops.turn == 0
    assert not other.network.residual
    assert not other.same_units
    assert suited({}, denoising=False, smallest=100).crops.size == 96
    stated = {"crops": {"size": 160}, "network": {"full": 16}, "loss": {"ssim": 1.0}}
    found = suited(stated, denoising=False, smallest=100)
    assert (found.crops.size, found.network.full, found.loss.l1, found.loss.mse) == (160, 16, 1.0, 0.0)
    assert found.crops.turn == other.crops.turn
    assert not suited({"blind_spot": {}}, denoising=True).network.residual
    with pytest.raises(InvalidDocument, match="needs real targets"):
        suited({"blind_spot": {}, "adversarial": {}}, denoising=True)
    with pytest.raises(InvalidDocument, match="tolerance"):
        suited({"registration": {"tolerance": 0.0}}, denoising=True)


def test_shapes_of_networks_are_checked() -> None:
    for bad in ({"inputs": 0}, {"full": 5}, {"widths": (5,)}, {"inputs": 2, "residual": True}):
        with pytest.raises(InvalidDocument):
            RegressionNetworkConfig(**bad)  # type: ignore[arg-type]
