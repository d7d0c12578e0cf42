"""Tiles leave no trace; the halo is as wide as the network sees."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellcommons.errors import InvalidDocument
from ml_worker.networks.unet import NetworkConfig, SegmentationNetwork, build_network
from ml_worker.tiling import network_output


@pytest.fixture(scope="module")
def network() -> SegmentationNetwork:
    torch.manual_seed(3)
    network = build_network(NetworkConfig((16, 32, 48)))
    # Running statistics of real activations: with the initial ones a deep random network outputs next to nothing.
    with torch.no_grad():
        for _ in range(20):
            network(torch.rand(2, 3, 64, 64))
    return network.eval()


@pytest.mark.parametrize("shape", [(200, 331), (97, 64), (33, 500)])
def test_tiled_equals_whole_everywhere(network: SegmentationNetwork, shape: tuple[int, int]) -> None:
    planes = np.random.default_rng(0).random((3, *shape), dtype=np.float32)
    calls: list[None] = []
    whole = network_output(network, planes, tile=4096, bf16=False)
    tiled = network_output(network, planes, tile=64, bf16=False, on_tile=lambda: calls.append(None))
    assert whole.shape == (4, *shape)
    assert len(calls) > 1
    assert float(np.abs(whole).max()) > 0.1
    assert float(np.abs(whole - tiled).max()) < 1e-4


@pytest.mark.parametrize("widths", [(16, 16), (16, 32, 48), (16, 16, 16, 16)])
def test_nothing_beyond_the_reach_changes_an_output(widths: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network = build_network(NetworkConfig(widths)).eval()
    reach, stride = network.config.reach, network.config.stride
    size = 2 * reach + 4 * stride
    place = slice(reach + stride, reach + 2 * stride)
    image = torch.rand(1, 3, size, size)
    other = torch.rand(1, 3, size, size)
    near = slice(place.start - reach, place.stop + reach)
    other[..., near, near] = image[..., near, near]
    with torch.inference_mode():
        first, second = (network(x)[0, :, place, place] for x in (image, other))
    assert float((first - second).abs().max()) < 1e-5


def test_output_has_the_size_of_the_input() -> None:
    network = SegmentationNetwork().eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 48, 80)).shape == (2, 4, 48, 80)
    assert 0.3e6 < network.parameter_count < 0.7e6


def test_a_single_pixel_is_read(network: SegmentationNetwork) -> None:
    assert network_output(network, np.zeros((3, 1, 1), np.float32)).shape == (4, 1, 1)


@pytest.mark.parametrize("widths", [(), (16,), (0, 16), (16, 5008), (16, 24)])
def test_odd_widths_are_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(InvalidDocument, match="widths"):
        NetworkConfig(widths)
