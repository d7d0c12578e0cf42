"""Image regression learns, resumes exactly, keeps units, and says why it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from cellcommons.errors import InvalidDocument, MismatchedShapes, WrongFormat
from cellcommons.measures.images import pearson_r, psnr
from cellcommons.synthetic.cells import SOURCES
from cellcommons.synthetic.noise import NoiseModel, add_noise
from cellcommons.synthetic.pairs import generate_pair
from ml_worker.checkpoint import load_checkpoint
from ml_worker.loop import TrainingDiverged
from ml_worker.regression.checkpoint import load_regression_checkpoint
from ml_worker.regression.config import RegressionConfig
from ml_worker.regression.predict import RegressionPredictConfig, predict_channels, read_channels
from ml_worker.regression.samples import PairSample
from ml_worker.regression.train import PairData, train_regression

HOURS = 36_000.0
SMALL: dict[str, Any] = {"network": {"widths": [16, 32]}, "crops": {"size": 64, "batch": 4}, "warmup": 5}


def config(**changes: Any) -> RegressionConfig:
    return RegressionConfig.from_order({**SMALL, "max_steps": 12, **changes})


@pytest.fixture(scope="module")
def pairs() -> list[PairSample]:
    made = []
    for seed in range(3):
        pair = generate_pair(seed, height=128, width=128, planes=3, source=SOURCES[0])
        made.append(PairSample(f"field {seed}", pair.source.data[0], pair.pair.target.data))
    return made


@pytest.fixture(scope="module")
def smooth() -> np.ndarray:
    """A clean image of blobs, float32, about 20 to 200."""
    random = np.random.default_rng(0)
    field = ndimage.gaussian_filter(random.normal(size=(160, 160)), 4)
    return ((field - field.min()) / np.ptp(field) * 180 + 20).astype(np.float32)


def test_nuclei_are_predicted_from_phase_contrast_in_their_own_units(pairs: list[PairSample]) -> None:
    data = PairData(pairs[:2], pairs[2:], ("nuclei", "cell bodies"))
    result = train_regression(data, config(max_steps=60), seed=0, budget_seconds=HOURS)
    checkpoint = load_regression_checkpoint(result.checkpoint)
    assert checkpoint.config.channels == ("nuclei", "cell bodies")
    assert (checkpoint.config.network.inputs, checkpoint.config.network.outputs) == (3, 2)
    truth = pairs[2].target
    assert truth is not None
    said = predict_channels(checkpoint, pairs[2].source)
    assert said.shape == truth.shape
    assert pearson_r(truth[0], said[0]) > 0.6
    # Counts, not standard deviations.
    assert 0.5 < said[0].mean() / truth[0].mean() < 2
    assert result.curve[-1]["validation"] > 0.4
    assert result.curve[0]["loss"] > result.curve[-1]["loss"]


def test_a_resumed_run_equals_an_unbroken_one(pairs: list[PairSample]) -> None:
    data = PairData(pairs[:2])
    settings = config(crops={"size": 64, "batch": 2, "turn": 0.5, "gain": 1.3})
    whole = train_regression(data, settings, seed=4, budget_seconds=HOURS)
    states: list[bytes] = []
    steps: list[int] = []
    cut = train_regression(
        data,
        settings,
        seed=4,
        budget_seconds=HOURS,
        on_progress=lambda progress: steps.append(progress.step),
        should_stop=lambda: len(steps) >= 5,
        save_state=states.append,
    )
    assert cut.status == "cancelled"
    resumed = train_regression(data, settings, seed=4, budget_seconds=HOURS, resume=states[-1])
    assert resumed.checkpoint == whole.checkpoint
    with pytest.raises(InvalidDocument, match="other settings"):
        train_regression(data, settings, seed=5, budget_seconds=HOURS, resume=states[-1])


def test_supervised_denoising_beats_the_noise(smooth: np.ndarray) -> None:
    noisy = [add_noise(smooth, NoiseModel(photons=0.5, read=8), seed=seed, clip=False)[None] for seed in range(3)]
    data = PairData([PairSample(f"noise {i}", image, smooth[None]) for i, image in enumerate(noisy[:2])])
    settings = config(network={"widths": [16, 32], "residual": True}, same_units=True, max_steps=80)
    checkpoint = load_regression_checkpoint(train_regression(data, settings, seed=0, budget_seconds=HOURS).checkpoint)
    said = predict_channels(checkpoint, noisy[2], RegressionPredictConfig(turns=2))
    assert psnr(smooth, said[0]) > psnr(smooth, noisy[2][0]) + 4


def test_blind_spots_denoise_without_a_clean_image(smooth: np.ndarray) -> None:
    noisy = add_noise(smooth, NoiseModel(photons=0.5, read=8), seed=0, clip=False)[None]
    for fill in ("mean", "neighbour"):
        result = train_regression(
            PairData([PairSample("noisy", noisy)]),
            config(blind_spot={"fill": fill}, max_steps=100, learning_rate=4e-3),
            seed=0,
            budget_seconds=HOURS,
        )
        checkpoint = load_regression_checkpoint(result.checkpoint)
        said = predict_channels(checkpoint, noisy, RegressionPredictConfig(blind=True))
        assert psnr(smooth, said[0]) > psnr(smooth, noisy[0]) + 3


def test_a_copy_learns_from_the_noisy_image_alone_and_repeats(smooth: np.ndarray) -> None:
    clean = smooth[:96, :96]
    small = clean[:48, :48]
    noisy = add_noise(small, NoiseModel(photons=0.5, read=8), seed=1, clip=False)[None]
    # Trained on far less noise than the image at hand has: the little that it knows does not fit.
    mild = add_noise(clean, NoiseModel(photons=8, read=1), seed=2, clip=False)[None]
    settings = config(network={"widths": [16, 32], "residual": True}, same_units=True, max_steps=20, adapt_steps=20)
    result = train_regression(PairData([PairSample("mild", mild, clean[None])]), settings, seed=0, budget_seconds=HOURS)
    checkpoint = load_regression_checkpoint(result.checkpoint)
    weights = {name: value.clone() for name, value in checkpoint.network.state_dict().items()}
    calls: list[int] = []
    once = RegressionPredictConfig()
    first = read_channels(checkpoint, noisy, once, on_tile=lambda: calls.append(1))
    assert len(calls) > 20
    assert first.unadapted is not None
    assert psnr(small, first.channels[0]) > psnr(small, first.unadapted[0])
    # The next image meets the network as it was trained.
    assert all((weights[name] == value).all() for name, value in checkpoint.network.state_dict().items())
    again, same, other = (
        predict_channels(checkpoint, noisy, RegressionPredictConfig(adapt_steps=2, adapt_seed=seed))
        for seed in (0, 0, 1)
    )
    assert (again == same).all()
    assert (again != other).any()
    # Steps are cut where the time is, and an image without surroundings to learn from is read as it is.
    cut = read_channels(checkpoint, noisy, RegressionPredictConfig(adapt_seconds=1e-9))
    assert (cut.channels == first.unadapted).all()
    assert read_channels(checkpoint, noisy[:, :24, :24]).unadapted is None


def test_only_models_of_one_light_adapt(pairs: list[PairSample]) -> None:
    def trained(**changes: Any) -> bytes:
        return train_regression(
            PairData(pairs[:1]), config(max_steps=1, **changes), seed=0, budget_seconds=1
        ).checkpoint

    checkpoint = load_regression_checkpoint(trained())
    assert read_channels(checkpoint, pairs[1].source, RegressionPredictConfig()).unadapted is None
    with pytest.raises(InvalidDocument, match="one light"):
        read_channels(checkpoint, pairs[1].source, RegressionPredictConfig(adapt_steps=3))
    for changes in ({"blind_spot": {}}, {"same_units": False}):
        with pytest.raises(InvalidDocument, match="one light"):
            trained(adapt_steps=3, **changes)
    with pytest.raises(InvalidDocument, match="adapt_steps"):
        RegressionPredictConfig(adapt_steps=-1)


def test_mixed_losses_learn_and_a_hopeless_rate_is_told(pairs: list[PairSample]) -> None:
    data = PairData(pairs[:1])
    mixed = train_regression(
        data, config(loss={"l1": 0.5, "mse": 0.2, "ssim": 0.5}, max_steps=25), seed=0, budget_seconds=HOURS
    )
    assert mixed.curve[0]["loss"] > mixed.curve[-1]["loss"]
    with pytest.raises(TrainingDiverged):
        train_regression(data, config(learning_rate=1e30, max_steps=60, warmup=1), seed=0, budget_seconds=HOURS)


def test_what_cannot_train_is_refused(pairs: list[PairSample]) -> None:
    one = pairs[0]
    with pytest.raises(InvalidDocument, match="no pair in the train split"):
        train_regression(PairData([]), config(), seed=0, budget_seconds=1)
    with pytest.raises(InvalidDocument, match="field 0: the pair has no target"):
        train_regression(PairData([PairSample("field 0", one.source)]), config(), seed=0, budget_seconds=1)
    with pytest.raises(MismatchedShapes, match=r"sources with \[1, 3\] channels"):
        train_regression(
            PairData([one, PairSample("b", one.source[:1], one.target)]), config(), seed=0, budget_seconds=1
        )
    with pytest.raises(InvalidDocument, match="smaller than crops"):
        train_regression(PairData([one]), config(crops={"size": 256}), seed=0, budget_seconds=1)
    with pytest.raises(InvalidDocument, match="hidden pixel's own noise"):
        config(blind_spot={}, network={"residual": True})
    with pytest.raises(InvalidDocument, match="one is above 0"):
        config(loss={"l1": 0.0})
    with pytest.raises(InvalidDocument, match="unknown fields"):
        config(colour=1)


def test_a_checkpoint_knows_its_channels_and_its_family(pairs: list[PairSample]) -> None:
    result = train_regression(PairData(pairs[:1]), config(max_steps=1), seed=0, budget_seconds=HOURS)
    checkpoint = load_regression_checkpoint(result.checkpoint)
    with pytest.raises(MismatchedShapes, match="reads 3 channels"):
        predict_channels(checkpoint, pairs[0].source[:2])
    with pytest.raises(InvalidDocument, match="NaN"):
        predict_channels(checkpoint, np.full((3, 32, 32), np.nan))
    with pytest.raises(WrongFormat):
        load_checkpoint(result.checkpoint)
