"""Generated pairs and camera noise: repeatable, registered, and as the stated models say."""

from __future__ import annotations

import numpy as np
import pytest

from cellcommons.errors import InvalidDocument
from cellcommons.measures.images import pearson_r
from cellcommons.synthetic.cells import SOURCES, generate_cells
from cellcommons.synthetic.noise import NoiseModel, add_noise
from cellcommons.synthetic.pairs import PhaseOptics, generate_pair


def test_a_pair_shows_one_field_and_repeats() -> None:
    made, again = generate_pair(5, planes=3), generate_pair(5, planes=3)
    assert made.source.axes == "czyx"
    assert made.source.data.shape == (1, 3, 256, 256)
    assert made.source.pixel_size.z == PhaseOptics().spacing
    np.testing.assert_array_equal(made.source.data, again.source.data)
    assert made.pair.channels == ("nuclei", "cell bodies")
    np.testing.assert_array_equal(made.pair.target.data, generate_cells(5, channels=2).image)
    assert generate_pair(5, height=40, width=50).source.data.shape == (1, 40, 50)
    with pytest.raises(InvalidDocument):
        generate_pair(0, planes=0)
    with pytest.raises(InvalidDocument):
        PhaseOptics(ring=0)


def test_nuclei_are_dark_under_a_bright_halo_and_focus_changes_planes() -> None:
    made = generate_pair(1, planes=5, source=SOURCES[0])
    middle = made.source.plane(z=2).astype(float)
    nuclei = made.labels > 0
    assert middle[nuclei].mean() < 0.8 * middle[~nuclei].mean()
    assert middle.max() > 1.1 * np.median(middle[~nuclei])
    steps = [pearson_r(middle, made.source.plane(z=z)) for z in (3, 4)]
    assert 1 > steps[0] > steps[1]


def test_noise_has_the_variance_that_it_states() -> None:
    clean = np.repeat(np.array([10.0, 100.0, 1000.0]), 20_000).reshape(3, -1)
    model = NoiseModel(photons=0.5, read=3.0, offset=5.0)
    noisy = add_noise(clean, model, seed=1, clip=False)
    np.testing.assert_allclose(noisy.mean(axis=1), clean[:, 0], rtol=0.02)
    np.testing.assert_allclose(noisy.var(axis=1), model.variance(clean)[:, 0], rtol=0.05)
    np.testing.assert_allclose(model.variance(clean)[:, 0], [19, 199, 1999])


def test_a_camera_rounds_and_clips_and_repeats() -> None:
    clean = np.full((50, 50), 250, np.uint8)
    noisy = add_noise(clean, NoiseModel(photons=0.2, read=10), seed=3)
    assert noisy.dtype == np.uint8
    assert noisy.max() == 255
    np.testing.assert_array_equal(noisy, add_noise(clean, NoiseModel(photons=0.2, read=10), seed=3))
    np.testing.assert_array_equal(add_noise(clean, NoiseModel(photons=0, read=0), seed=3), clean)
    with pytest.raises(InvalidDocument):
        NoiseModel(photons=-1)
    with pytest.raises(InvalidDocument, match="NaN"):
        add_noise(np.array([np.nan]), NoiseModel(), seed=0)
