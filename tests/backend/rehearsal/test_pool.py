"""The sample that a rehearsal works on: stratified, drawn by seed, and zipped as a lab would."""

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from backend.rehearsal.pool import draw_pool
from cellcommons.errors import InvalidDocument, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.dsb2018 import Dsb2018

STRATA = {"fluorescence": 12, "bright": 6, "purple": 2}


@pytest.fixture(scope="module")
def bowl(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool") / "bowl"
    records = []
    for stratum, count in STRATA.items():
        for index in range(count):
            labels = np.zeros((20, 24), np.uint32)
            labels[3 : 6 + index % 5, 3:9] = 1
            image = ImageData(np.full((1, 20, 24), 10 + index, np.uint8), "cyx", ("nuclei",))
            records.append(Record(Entry(f"{stratum}-{index}", (), "", stratum), image, LabelMap(labels), Path()))
    Dsb2018().write(records, folder)
    return folder


def names(pool):
    return [entry.name for entry in pool.entries]


def test_strata_are_met_in_proportion(bowl):
    pool = draw_pool("dsb2018", bowl, images=10, seed=0)
    assert Counter(pool.strata.values()) == {"fluorescence": 6, "bright": 3, "purple": 1}
    assert set(pool.truths) == set(names(pool)) == set(pool.strata)


@pytest.mark.parametrize("images", [1, 3, 7, 19, 20])
def test_the_sample_has_the_size_asked_for(bowl, images):
    pool = draw_pool("dsb2018", bowl, images=images, seed=4)
    assert len(set(names(pool))) == images
    for stratum, found in Counter(pool.strata.values()).items():
        assert abs(found - images * STRATA[stratum] / 20) < 1


def test_a_seed_draws_the_same_and_another_seed_another(bowl):
    assert names(draw_pool("dsb2018", bowl, images=8, seed=1)) == names(draw_pool("dsb2018", bowl, images=8, seed=1))
    samples = {tuple(names(draw_pool("dsb2018", bowl, images=8, seed=seed))) for seed in range(6)}
    assert len(samples) > 1


def test_too_few_images_are_refused_with_how_many_there_are(bowl):
    with pytest.raises(InvalidDocument, match="20 images found, 21 asked for") as caught:
        draw_pool("dsb2018", bowl, images=21, seed=0)
    assert "--images 20" in caught.value.line()


def test_an_image_without_labels_is_refused(bowl, tmp_path):
    image = ImageData(np.zeros((1, 8, 8), np.uint8), "cyx", ("nuclei",))
    Dsb2018().write([Record(Entry("bare", (), ""), image, None, Path())], tmp_path / "bare")
    with pytest.raises(InvalidDocument, match="labels"):
        draw_pool("dsb2018", tmp_path / "bare", images=1, seed=0)


def test_a_folder_of_another_layout_is_refused(tmp_path):
    with pytest.raises(UnknownLayout):
        draw_pool("dsb2018", tmp_path, images=1, seed=0)


def test_the_zip_is_the_sample_in_its_layout(bowl, tmp_path):
    pool = draw_pool("dsb2018", bowl, images=5, seed=2)
    with zipfile.ZipFile(pool.zip_into(tmp_path / "pool.zip")) as archive:
        archive.extractall(tmp_path / "out")
    again = draw_pool("dsb2018", tmp_path / "out", images=5, seed=0)
    assert sorted(names(again)) == sorted(names(pool))
    assert again.strata == pool.strata
    for name, truth in pool.truths.items():
        np.testing.assert_array_equal(again.truths[name], truth)
