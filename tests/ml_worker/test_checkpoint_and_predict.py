"""Checkpoints travel as safetensors; what is not one is refused; readings are bounded and mapped back rightly."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import save

from cellcommons.errors import InvalidDocument, UnreadableFile, WrongFormat
from cellcommons.measures.detection import detection_scores
from ml_worker.acquire import cell_certainty, image_uncertainty, pixel_entropy
from ml_worker.baseline import otsu_watershed
from ml_worker.checkpoint import FAMILY, CheckpointConfig, load_checkpoint, pack, save_checkpoint
from ml_worker.decoding.flows import DecodeConfig
from ml_worker.networks.unet import NetworkConfig, build_network
from ml_worker.predict import PredictConfig, predict_image

CONFIG = CheckpointConfig(NetworkConfig((16, 32)), DecodeConfig(threshold=0.4), {"run": "r1"})


@pytest.fixture(scope="module")
def checkpoint_bytes() -> bytes:
    torch.manual_seed(0)
    return save_checkpoint(build_network(CONFIG.network).state_dict(), CONFIG)


def test_a_checkpoint_comes_back_whole(checkpoint_bytes: bytes) -> None:
    loaded = load_checkpoint(checkpoint_bytes)
    assert loaded.config == CONFIG
    assert save_checkpoint(loaded.network.state_dict(), loaded.config) == checkpoint_bytes


def test_another_family_is_refused() -> None:
    other = pack("cellcommons.star-convex/1", {"w": torch.zeros(2)}, {})
    with pytest.raises(WrongFormat, match=r"star-convex.*flow-unet"):
        load_checkpoint(other)
    with pytest.raises(WrongFormat, match="None"):
        load_checkpoint(save({"w": torch.zeros(2)}))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 a pickle in a zip", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0[]"])
def test_what_is_no_safetensors_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableFile, match="safetensors"):
        load_checkpoint(data)


def test_a_cut_checkpoint_is_refused(checkpoint_bytes: bytes) -> None:
    with pytest.raises(UnreadableFile):
        load_checkpoint(checkpoint_bytes[:-1])


def test_weights_of_another_shape_are_refused() -> None:
    document = dataclasses.asdict(CONFIG)
    with pytest.raises(InvalidDocument, match="do not fit"):
        load_checkpoint(pack(FAMILY, build_network(NetworkConfig((16, 48))).state_dict(), document))


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 17, 300), (40, 64, 64)])
@pytest.mark.parametrize("flips", [True, False])
def test_any_image_gets_a_reading(checkpoint_bytes: bytes, shape: tuple[int, int, int], flips: bool) -> None:
    image = np.random.default_rng(0).normal(size=shape)
    image[0, 0, 0] = np.nan
    reading = predict_image(load_checkpoint(checkpoint_bytes), image, PredictConfig(flips=flips, tile=64))
    assert reading.labels.shape == reading.foreground.shape == shape[1:]
    assert 0 <= reading.uncertainty <= 1
    assert set(reading.certainty) == set(np.unique(reading.labels).tolist()) - {0}
    assert all(0 <= value <= 1 for value in reading.certainty.values())


def test_a_prediction_is_the_same_each_time(checkpoint_bytes: bytes, discs) -> None:
    image, _ = discs()
    first, second = (predict_image(load_checkpoint(checkpoint_bytes), image) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)
    assert first.certainty == second.certainty


def test_uncertainty_rises_with_doubt_and_disagreement(discs) -> None:
    _, labels = discs()
    sure = np.where(labels > 0, 0.999, 0.001).astype(np.float32)
    doubtful = np.where(labels > 0, 0.6, 0.2).astype(np.float32)
    _, other = discs(seed=9)
    assert image_uncertainty(sure, [labels, labels]) < 0.05
    assert image_uncertainty(sure, [labels, other]) > image_uncertainty(sure, [labels, labels]) + 0.3
    assert image_uncertainty(doubtful, [labels, labels]) > image_uncertainty(sure, [labels, labels]) + 0.3
    assert image_uncertainty(np.zeros((9, 9), np.float32), [np.zeros((9, 9), np.uint32)] * 2) == 0
    assert pixel_entropy(np.array([0.0, 0.5, 1.0], np.float32)) == pytest.approx([0, 1, 0], abs=1e-4)


def test_a_cell_that_one_reading_lacks_is_less_certain() -> None:
    labels = np.zeros((20, 20), np.uint32)
    labels[2:8, 2:8], labels[12:18, 12:18] = 1, 2
    certainty = cell_certainty(labels, np.full(labels.shape, 0.9, np.float32), [np.where(labels == 1, labels, 0)])
    assert certainty == {1: pytest.approx(0.9), 2: 0.0}


@pytest.mark.parametrize("dark", [False, True])
def test_the_baseline_finds_plain_discs_of_either_polarity(discs, dark: bool) -> None:
    image, labels = discs(dark=dark)
    assert detection_scores(labels, otsu_watershed(image)).f1_50 > 0.9


def test_the_baseline_survives_a_constant_image() -> None:
    assert not otsu_watershed(np.full((1, 12, 12), 5, np.uint8)).any()
