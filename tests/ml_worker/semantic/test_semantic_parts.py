"""Parts of semantic segmentation: what is unknown stays out, rare classes are looked at, tiles leave no trace."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument, MismatchedShapes, WrongFormat
from cellcommons.semantic import UNKNOWN, SemanticMap
from ml_worker.checkpoint import CheckpointConfig, save_checkpoint
from ml_worker.networks.unet import NetworkConfig, build_network
from ml_worker.semantic.baseline import fit_pixels
from ml_worker.semantic.checkpoint import SemanticCheckpoint, SemanticCheckpointConfig, load_semantic, save_semantic
from ml_worker.semantic.config import SemanticConfig
from ml_worker.semantic.crops import SemanticCropConfig, SemanticSampler
from ml_worker.semantic.losses import semantic_loss
from ml_worker.semantic.network import SemanticNetworkConfig, build_semantic_network
from ml_worker.semantic.predict import SemanticPredictConfig, predict_semantic, read_chances
from ml_worker.semantic.samples import SemanticSample, semantic_planes

TWO = Ontology(("ground", "spot"))


def sample_of(data: np.ndarray, name: str = "a") -> SemanticSample:
    image = np.where(data == 1, 180, 60).astype(np.uint8)[None]
    return SemanticSample(name, semantic_planes(image, "pooled"), SemanticMap(data.astype(np.uint8), TWO))


def test_unknown_pixels_do_not_count() -> None:
    torch.manual_seed(0)
    classes = torch.randint(0, 2, (1, 8, 8))
    classes[:, :, 4:] = -1
    first = torch.randn(1, 2, 8, 8)
    second = first.clone()
    second[:, :, :, 4:] = torch.randn(1, 2, 8, 4)
    weights = torch.ones(2)
    assert semantic_loss(first, classes, weights, dice=0.5) == semantic_loss(second, classes, weights, dice=0.5)
    second[:, :, :, :4] += torch.randn(1, 2, 8, 4)
    assert semantic_loss(first, classes, weights, dice=0.5) != semantic_loss(second, classes, weights, dice=0.5)
    nothing = semantic_loss(first.requires_grad_(), torch.full_like(classes, -1), weights, dice=0.5)
    assert float(nothing.detach()) == 0.0
    nothing.backward()


def test_a_right_answer_costs_less_than_a_wrong_one() -> None:
    classes = torch.zeros(1, 4, 4, dtype=torch.int64)
    classes[0, 0, 0] = 1
    right = torch.stack([5.0 * (classes[0] == 0), 5.0 * (classes[0] == 1)])[None]
    for dice in (0.0, 1.0):
        loss = [float(semantic_loss(logits, classes, torch.ones(2), dice=dice)) for logits in (right, -right)]
        assert loss[0] < 0.1 + 0.5 * dice < loss[1]


def test_crops_aim_at_what_is_painted_and_repeat() -> None:
    data = np.full((200, 200), UNKNOWN)
    data[20:24, 20:24], data[150:154, 150:154] = 1, 0
    config = SemanticCropConfig(size=32, batch=8, on_known=1.0)
    sampler = SemanticSampler([sample_of(data)], config, pooled=True, seed=3)
    batches = [sampler.batch(step) for step in range(4)]
    known = torch.stack([(batch.classes >= 0).flatten(1).any(1) for batch in batches])
    # A crop turned by some angle may just miss what it aims at.
    assert known.float().mean() > 0.9
    assert {-1, 0, 1} == set(torch.cat([batch.classes for batch in batches]).unique().tolist())
    again = SemanticSampler([sample_of(data)], config, pooled=True, seed=3).batch(2)
    assert torch.equal(again.planes, batches[2].planes)
    assert torch.equal(again.classes, batches[2].classes)


def test_a_rare_class_is_drawn_more_often_than_it_is() -> None:
    data = np.zeros((128, 128))
    data[60:68, 60:68] = 1
    config = SemanticCropConfig(size=32, batch=8, balance=1.0, scale=1.0)
    sampler = SemanticSampler([sample_of(data)], config, pooled=True, seed=0)
    classes = torch.cat([sampler.batch(step).classes for step in range(6)])
    assert (classes == 1).float().mean() > 5 * (data == 1).mean()


def checkpoint_of(inputs: int = 3) -> SemanticCheckpoint:
    torch.manual_seed(1)
    shape = SemanticNetworkConfig(inputs, (16, 32))
    channels = "pooled" if inputs == 3 else "own"
    config = SemanticCheckpointConfig(TWO, shape, channels)
    return load_semantic(save_semantic(build_semantic_network(shape, len(TWO)).state_dict(), config))


def test_tiles_equal_the_whole_and_no_pixel_is_left_unknown() -> None:
    image = np.random.default_rng(0).integers(0, 255, (1, 150, 131), dtype=np.uint8)
    checkpoint = checkpoint_of()
    whole = predict_semantic(checkpoint, image, SemanticPredictConfig(bf16=False))
    tiled = predict_semantic(checkpoint, image, SemanticPredictConfig(tile=64, bf16=False))
    assert (whole.classes.data == tiled.classes.data).mean() > 0.999
    assert whole.classes.data.shape == (150, 131)
    assert whole.classes.known.all()
    assert 0 <= whole.uncertainty <= 1


def test_certainty_and_entropy_of_known_chances() -> None:
    chances = np.zeros((2, 2, 2), np.float32)
    chances[0] = [[1.0, 1.0], [0.5, 0.2]]
    chances[1] = 1 - chances[0]
    reading = read_chances(chances, TWO)
    assert reading.classes.data.tolist() == [[0, 0], [0, 1]]
    assert reading.certainty == pytest.approx({"ground": 2.5 / 3, "spot": 0.8})
    expected = (0 + 0 + 1 - (0.2 * np.log2(0.2) + 0.8 * np.log2(0.8))) / 4
    assert reading.uncertainty == pytest.approx(expected, abs=1e-4)


def test_the_plain_method_tells_bright_from_dark() -> None:
    data = np.zeros((64, 64))
    data[20:40, 20:44] = 1
    sample = sample_of(data)
    said = fit_pixels([sample], TWO, seed=0).classes(sample.planes)
    assert (said.data == data).mean() > 0.95


def test_other_channels_other_files_and_other_settings_are_refused() -> None:
    two = np.zeros((2, 32, 32), np.uint8)
    with pytest.raises(MismatchedShapes, match="reads 4 channels"):
        predict_semantic(checkpoint_of(4), two)
    shape = NetworkConfig((16, 32))
    with pytest.raises(WrongFormat, match="flow-unet"):
        load_semantic(save_checkpoint(build_network(shape).state_dict(), CheckpointConfig(shape)))
    for bad in ({"channels": "some"}, {"dice": -1.0}, {"crops": {"on_known": 2.0}}, {"colour": 1}, {"frozen": 2.0}):
        with pytest.raises(InvalidDocument):
            SemanticConfig.from_order(bad)
