"""Generated cells of four classes: exact, repeatable, told by shape and texture but not by size or brightness."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import regionprops

from cellcommons.errors import InvalidDocument
from cellcommons.synthetic.classes import KINDS, SOURCES, generate_class_field, generate_crop, generate_crops


def features(image: np.ndarray, mask: np.ndarray) -> list[float]:
    (shape,) = regionprops(mask.astype(np.uint8))
    light = image[mask].astype(np.float64)
    core = ndimage.binary_erosion(mask, iterations=4)
    fine = image - ndimage.gaussian_filter(image.astype(np.float64), 2.5)
    return [
        shape.eccentricity,
        shape.solidity,
        float(fine[mask].std() / light.mean()),
        float(image[core].mean() / light.mean()) if core.any() else 1.0,
    ]


def test_equal_seeds_give_equal_bytes() -> None:
    assert np.array_equal(generate_crop(3).image, generate_crop(3).image)
    first, again = generate_class_field(2), generate_class_field(2)
    assert np.array_equal(first.image, again.image)
    assert first.truth.classes == again.truth.classes
    assert not np.array_equal(generate_crop(3).image, generate_crop(4).image)


def test_classes_are_as_frequent_as_stated_and_donors_in_turn() -> None:
    crops = generate_crops(0, 600, side=32)
    counts = Counter(crop.truth.classes[0] for crop in crops)
    for name, share in zip(KINDS.names, (0.5, 0.26, 0.14, 0.1), strict=True):
        assert abs(counts[name] / 600 - share) < 0.06
    assert Counter(crop.source for crop in crops) == dict.fromkeys(SOURCES, 100)
    assert (crops[0].image.dtype, crops[0].image.shape) == (np.uint16, (1, 32, 32))


def test_every_cell_of_a_field_is_whole_and_has_one_class() -> None:
    for seed in range(3):
        made = generate_class_field(seed)
        labels = made.truth.labels.data
        assert 10 <= len(made.truth.classes) <= 24
        assert made.truth.unclassified == ()
        assert not np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]).any()
        assert made.image[0][labels > 0].mean() > 3 * made.image[0][labels == 0].mean()


def test_shape_and_texture_tell_the_class_across_donors_and_size_and_light_do_not() -> None:
    tables, sizes, kinds, donors = [], [], [], []
    for seed in range(24):
        made = generate_class_field(100 + seed, source=SOURCES[seed % 6])
        for cell, (name,) in made.truth.classes.items():
            mask = made.truth.labels.data == cell
            tables.append(features(made.image[0], mask))
            sizes.append([mask.sum(), made.image[0][mask].mean()])
            kinds.append(KINDS.index(name))
            donors.append(seed % 6)
    kind, donor = np.array(kinds), np.array(donors)

    def nearest_mean(table: np.ndarray) -> float:
        """Balanced accuracy of the nearest class mean, learned on four donors and tried on two."""
        train, test = donor < 4, donor >= 4
        scaled = (table - table[train].mean(axis=0)) / table[train].std(axis=0)
        means = np.stack([scaled[train & (kind == k)].mean(axis=0) for k in range(4)])
        found = np.linalg.norm(scaled[:, None] - means, axis=2).argmin(axis=1)
        return float(np.mean([(found[test & (kind == k)] == k).mean() for k in range(4)]))

    assert nearest_mean(np.array(tables)) > 0.85
    assert nearest_mean(np.array(sizes, dtype=np.float64)) < 0.55


def test_bad_questions_are_refused() -> None:
    with pytest.raises(InvalidDocument, match="'square'"):
        generate_crop(0, kind="square")
    with pytest.raises(InvalidDocument, match="donor"):
        generate_crop(0, source="nobody")
    for bad in (lambda: generate_crop(0, side=16), lambda: generate_class_field(0, height=20)):
        with pytest.raises(InvalidDocument):
            bad()
