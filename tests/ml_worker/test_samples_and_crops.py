"""Any image becomes three finite planes; crops are balanced, repeatable and keep targets true."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellcommons.errors import InvalidDocument, MismatchedShapes
from ml_worker.crops import CropConfig, CropSampler, augment
from ml_worker.samples import Sample, channel_planes, normalise


def sample(discs, name: str = "a", stratum: str = "", **kwargs) -> Sample:
    image, labels = discs(**kwargs)
    return Sample(name, channel_planes(image), labels, stratum)


def test_channels_in_any_number_and_order_give_the_same_planes(discs) -> None:
    image, _ = discs(channels=6)
    planes = channel_planes(image)
    assert planes.shape == (3, 96, 96)
    np.testing.assert_allclose(planes, channel_planes(image[::-1]), atol=1e-6)
    gray = channel_planes(image[:1])
    np.testing.assert_allclose(gray, channel_planes(np.repeat(image[:1], 40, axis=0)), atol=1e-5)
    assert (planes[1] <= planes[0] + 1e-6).all()
    assert (planes[0] <= planes[2] + 1e-6).all()


@pytest.mark.parametrize(
    "image",
    [
        np.full((1, 8, 8), 7, np.uint8),
        np.full((2, 8, 8), np.nan, np.float32),
        np.zeros((3, 1, 1), np.uint16),
        np.full((1, 9, 9), np.inf, np.float64),
    ],
)
def test_images_that_say_nothing_become_zeros(image: np.ndarray) -> None:
    assert (channel_planes(image) == 0).all()


def test_nan_pixels_are_low_and_the_rest_is_kept(discs) -> None:
    image, labels = discs()
    holed = image.astype(np.float32)
    holed[0, :5] = np.nan
    normal = normalise(holed)
    assert np.isfinite(normal).all()
    assert normal[0][labels > 0].mean() > 0.5


def test_a_few_bright_pixels_on_flat_ground_are_not_lost() -> None:
    image = np.zeros((1, 100, 100), np.uint16)
    image[0, 50, 50] = 900
    assert normalise(image)[0, 50, 50] == 1


def test_an_empty_or_flat_array_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="cyx"):
        normalise(np.zeros((4, 4)))
    with pytest.raises(InvalidDocument, match="cyx"):
        normalise(np.zeros((0, 4, 4)))


def test_labels_of_another_size_are_refused(discs) -> None:
    image, labels = discs()
    with pytest.raises(MismatchedShapes, match="differ"):
        Sample("x", channel_planes(image), labels[1:])


def test_rare_strata_are_drawn_as_often_as_the_balance_says(discs) -> None:
    samples = [sample(discs, str(i), "common", seed=i) for i in range(9)] + [sample(discs, "r", "rare")]
    even = CropSampler(samples, CropConfig(balance=1.0), seed=0).weights
    assert even[9] == pytest.approx(0.5)
    assert CropSampler(samples, CropConfig(balance=0.0), seed=0).weights[9] == pytest.approx(0.1)


def test_a_batch_depends_on_seed_and_step_alone(discs) -> None:
    samples = [sample(discs)]
    first, again = (CropSampler(samples, CropConfig(batch=3), seed=5) for _ in range(2))
    again.batch(0)
    assert torch.equal(first.batch(7).planes, again.batch(7).planes)
    assert not torch.equal(first.batch(7).planes, first.batch(8).planes)


def test_turned_and_zoomed_flows_still_point_at_the_centre(discs) -> None:
    labels = np.zeros((200, 200), np.uint32)
    rows, columns = np.indices(labels.shape)
    labels[(rows - 100) ** 2 + ((columns - 100) / 1.5) ** 2 < 400] = 1
    sampler = CropSampler(
        [Sample("one", channel_planes((labels * 200)[None]), labels)], CropConfig(batch=8, on_cells=1.0), seed=1
    )
    batch = sampler.batch(0)
    rows, columns = np.indices((128, 128))
    for targets in batch.targets.numpy():
        inside = targets[0] > 0
        y, x = (rows + targets[2])[inside], (columns + targets[3])[inside]
        # Nearest-neighbour sampling moves a vector's foot by at most about a pixel of the source.
        assert y.std() < 1.2
        assert x.std() < 1.2


@pytest.mark.parametrize("size", [(5, 7), (40, 300)])
def test_images_smaller_than_a_crop_are_used_and_their_outside_ignored(size: tuple[int, int]) -> None:
    labels = np.zeros(size, np.uint32)
    labels[1:4, 1:5] = 1
    batch = CropSampler([Sample("s", channel_planes((labels * 9)[None]), labels)], CropConfig(batch=4), seed=0).batch(0)
    assert batch.planes.shape == (4, 3, 128, 128)
    assert torch.isfinite(batch.planes).all()
    assert 0 < float(batch.known.mean()) < 0.7


def test_inversion_swaps_minimum_and_maximum() -> None:
    planes = torch.tensor([0.3, 0.1, 0.8])[None, :, None, None].expand(64, 3, 8, 8)
    changed = augment(planes, np.random.default_rng(0), invert=1.0)
    assert (changed[:, 2] >= changed[:, 1]).all()


def test_no_images_are_refused() -> None:
    with pytest.raises(InvalidDocument, match="no labelled image"):
        CropSampler([], CropConfig(), seed=0)
