"""Generated tissue has every class and a texture for each; simulated painters err as they state."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.measures.semantic import semantic_scores
from cellcommons.semantic import SemanticMap
from cellcommons.synthetic.pixel_annotator import PixelErrorModel, simulate_map, skilled_pixels
from cellcommons.synthetic.semantic import SOURCES, TISSUE, generate_tissue

FAULTLESS = PixelErrorModel(confuse=0, miss=0, boundary_px=0)


def test_equal_seeds_give_equal_images_and_blocks_differ() -> None:
    a, b, c = generate_tissue(3), generate_tissue(3), generate_tissue(4)
    assert np.array_equal(a.image, b.image)
    assert np.array_equal(a.truth.data, b.truth.data)
    assert not np.array_equal(a.truth.data, c.truth.data)
    assert {generate_tissue(seed, height=32, width=32).source for seed in range(24)} == set(SOURCES)


def test_every_class_has_its_share_and_its_texture() -> None:
    means, grains = [], []
    for seed in range(4):
        made = generate_tissue(seed)
        assert (made.image.dtype, made.image.shape) == (np.uint16, (1, 192, 192))
        areas = made.truth.areas()
        assert all(0.08 < areas[name] / made.truth.data.size < 0.42 for name in TISSUE.names)
        light = made.image[0] / made.image.mean()
        rough = ndimage.generic_gradient_magnitude(light, ndimage.sobel)
        means.append([light[made.truth.mask(name)].mean() for name in TISSUE.names])
        grains.append([rough[made.truth.mask(name)].mean() for name in TISSUE.names])
    # No two classes look alike: they differ in brightness or in grain.
    table = np.stack([np.mean(means, axis=0), np.mean(grains, axis=0)], axis=1)
    table /= table.std(axis=0)
    gaps = np.linalg.norm(table[:, None] - table[None], axis=2)[np.triu_indices(4, 1)]
    assert gaps.min() > 0.4


def test_boundaries_may_be_unknown() -> None:
    sharp, vague = generate_tissue(1).truth, generate_tissue(1, unknown_border=2).truth
    assert sharp.known.all()
    assert 0.1 < 1 - vague.known.mean() < 0.6
    assert np.array_equal(sharp.data[vague.known], vague.data[vague.known])
    with pytest.raises(InvalidDocument):
        generate_tissue(0, height=16)


def test_a_faultless_painter_paints_the_truth_and_keeps_unknown() -> None:
    truth = generate_tissue(1, unknown_border=1).truth
    reading = simulate_map(truth, FAULTLESS, np.random.default_rng(0))
    assert np.array_equal(reading.reading.data, truth.data)
    assert reading.seconds > 0


def test_each_error_does_what_it_says() -> None:
    data = np.zeros((60, 60), np.uint8)
    data[20:40, 20:40] = 1
    truth = SemanticMap(data, Ontology(("background", "cell", "debris")))

    def fate(**rates: float) -> SemanticMap:
        model = PixelErrorModel(**{"confuse": 0, "miss": 0, "boundary_px": 0, **rates})
        return simulate_map(truth, model, np.random.default_rng(1)).reading

    assert fate(confuse=1).data[30, 30] != 1
    assert fate(miss=1).data[30, 30] == 0
    assert not fate(unsaid=1).known.any()
    loose = fate(loose_px=3)
    assert loose.areas()["cell"] > 26 * 26 - 40
    assert loose.mask("cell")[30, 17]
    assert not loose.mask("cell")[30, 16]
    wobbly = fate(boundary_px=2.0)
    assert 0.6 < semantic_scores(truth, wobbly).jaccard("cell") < 0.99


def test_people_differ_and_the_seed_decides() -> None:
    truth = generate_tissue(0).truth
    scores = []
    for seed in range(12):
        person = skilled_pixels(seed)
        once, again = (simulate_map(truth, person, np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(once.reading.data, again.reading.data)
        scores.append(semantic_scores(truth, once.reading).mean_dice)
    assert max(scores) > 0.93
    assert min(scores) < 0.8
    for bad in ({"confuse": 1.5}, {"boundary_px": -1.0}, {"loose_px": -1}):
        with pytest.raises(InvalidDocument):
            PixelErrorModel(**bad)
