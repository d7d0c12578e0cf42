"""The sample that a rehearsal works on: stratified, drawn by seed, and zipped as a lab would."""

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from backend.rehearsal.kinds.registry import TASKS, get_kind
from backend.rehearsal.pool import Ask
from cellcommons.errors import InvalidDocument, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.dsb2018 import Dsb2018
from cellcommons.layouts.isl import Isl
from tests.backend.rehearsal.folders import write_crowd, write_isl, write_movies, write_pairs, write_voc

STRATA = {"fluorescence": 12, "bright": 6, "purple": 2}
CELLS = "instance_segmentation"


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


@pytest.fixture
def draw(tmp_path):
    def draw(layout, folder, *, task=CELLS, images=None, seed=0, work="work"):
        (tmp_path / work).mkdir()
        return get_kind(task).draw_pool(Ask(layout, folder, images, seed, tmp_path / work))

    return draw


def test_strata_are_met_in_proportion(bowl, draw):
    pool = draw("dsb2018", bowl, images=10)
    assert Counter(pool.strata.values()) == {"fluorescence": 6, "bright": 3, "purple": 1}
    assert set(pool.cases) == set(pool.strata)


@pytest.mark.parametrize("images", [1, 3, 7, 19, 20])
def test_the_sample_has_the_size_asked_for(bowl, draw, images):
    pool = draw("dsb2018", bowl, images=images, seed=4)
    assert len(pool.cases) == images
    for stratum, found in Counter(pool.strata.values()).items():
        assert abs(found - images * STRATA[stratum] / 20) < 1


def test_a_seed_draws_the_same_and_another_seed_another(bowl, draw):
    one, two = (draw("dsb2018", bowl, images=8, seed=1, work=work) for work in ("one", "two"))
    assert list(one.cases) == list(two.cases)
    samples = {tuple(draw("dsb2018", bowl, images=8, seed=seed, work=f"w{seed}").cases) for seed in range(6)}
    assert len(samples) > 1


def test_too_few_images_are_refused_with_how_many_there_are(bowl, draw):
    with pytest.raises(InvalidDocument, match="20 images found, 21 asked for") as caught:
        draw("dsb2018", bowl, images=21)
    assert "--images 20" in caught.value.line()


def test_not_asked_for_a_number_it_takes_what_is_there(bowl, draw):
    assert len(draw("dsb2018", bowl).cases) == 20


def test_an_image_without_labels_is_refused(tmp_path, draw):
    image = ImageData(np.zeros((1, 8, 8), np.uint8), "cyx", ("nuclei",))
    Dsb2018().write([Record(Entry("bare", (), ""), image, None, Path())], tmp_path / "bare")
    with pytest.raises(InvalidDocument, match="labels"):
        draw("dsb2018", tmp_path / "bare")


def test_a_folder_of_another_layout_is_refused(tmp_path, draw):
    with pytest.raises(UnknownLayout):
        draw("dsb2018", tmp_path)


@pytest.mark.parametrize("task", ["classification", "tracking", "augmented"])
def test_labels_of_another_task_are_refused_with_what_they_are(bowl, draw, task):
    with pytest.raises(InvalidDocument, match="LabelMap"):
        draw("dsb2018", bowl, task=task, images=3)


def test_an_unknown_task_is_refused_with_those_there_are():
    with pytest.raises(InvalidDocument) as caught:
        get_kind("nonsense")
    assert all(task in caught.value.line() for task in TASKS)


def test_the_zip_is_the_sample_in_its_layout(bowl, draw, tmp_path):
    pool = draw("dsb2018", bowl, images=5, seed=2)
    (upload,) = pool.uploads
    with zipfile.ZipFile(upload.zip_into(tmp_path / "pool.zip")) as archive:
        archive.extractall(tmp_path / "out")
    again = draw("dsb2018", tmp_path / "out", work="again")
    assert set(again.cases) == set(pool.cases)
    assert again.strata == pool.strata
    for name, case in pool.cases.items():
        np.testing.assert_array_equal(again.cases[name].truth.labels, case.truth.labels)


def test_masks_are_reduced_to_background_and_nucleus(bowl, draw):
    pool = draw("dsb2018", bowl, task="semantic_segmentation", images=4)
    whole = draw("dsb2018", bowl, images=4, work="whole")
    assert pool.ontology.names == ("background", "nucleus")
    assert pool.notes
    for name, case in pool.cases.items():
        np.testing.assert_array_equal(case.truth.labels, (whole.cases[name].truth.labels > 0) + 1)


def test_the_tables_beside_a_sample_go_with_it(tmp_path, draw):
    pool = draw("voc", write_voc(tmp_path / "voc", 4), task="classification", images=2)
    with zipfile.ZipFile(pool.uploads[0].zip_into(tmp_path / "pool.zip")) as archive:
        names = set(archive.namelist())
    assert "ontology.json" in names
    assert len(names) == 1 + 2 * 2
    assert pool.ontology.names == ("round", "granular", "spindle", "lobed")


def test_one_movie_gets_generated_ones_beside_it_and_is_held_out(tmp_path, draw):
    pool = draw("ctc", write_movies(tmp_path / "movies", 1), task="tracking", images=4)
    assert pool.into_test == ("01",)
    assert [case.name for case in pool.cases.values() if case.generated] == ["51", "52", "53"]
    assert "generated" in pool.notes[0]
    assert [upload.images for upload in pool.uploads] == [1, 3]
    again = draw("ctc", pool.uploads[1].root, task="tracking", images=3, work="again")
    assert {case.source for case in again.cases.values()} == {"51", "52", "53"}
    assert again.into_test == ()


def test_two_movies_are_too_few(tmp_path, draw):
    with pytest.raises(InvalidDocument, match="2 movies"):
        draw("ctc", write_movies(tmp_path / "movies", 1), task="tracking", images=2)


def test_one_field_is_cut_into_bands_that_are_sources(tmp_path, draw):
    pool = draw("isl", write_isl(tmp_path / "isl", height=480, width=520), task="augmented")
    assert len(pool.cases) == 10
    assert len({case.source for case in pool.cases.values()}) == 5
    assert {case.shape for case in pool.cases.values()} == {(83, 260)}
    assert all(case.given["source"].axes == "czyx" for case in pool.cases.values())
    assert any("bands" in note for note in pool.notes)


def test_the_bands_are_the_field_but_for_the_rows_between_them(tmp_path, draw):
    folder = write_isl(tmp_path / "isl", height=480, width=64)
    pool = draw("isl", folder, task="augmented")
    bands = sorted(pool.cases.values(), key=lambda case: int(case.source.rpartition("rows")[2].split("-")[0]))
    assert [case.given["target"].data.shape[1] for case in bands] == [83] * 5
    from_bands = np.concatenate([case.given["target"].data for case in bands], axis=1)
    (entry,) = Isl().scan(folder).entries
    whole = Isl().read(entry)
    kept = np.concatenate([np.arange(y0, y0 + 83) for y0 in range(0, 480, 99)])
    np.testing.assert_array_equal(from_bands, whole.truth.target.data[:, kept])


def test_of_several_peoples_readings_the_consensus_is_the_truth(tmp_path, draw):
    folder = write_crowd(tmp_path / "crowd")
    gold = folder / "BU-BIL_Dataset1" / "GoldStandard"
    alone = {
        name: case.truth.labels for name, case in draw("bubil", folder, task="semantic_segmentation").cases.items()
    }
    expert = folder / "BU-BIL_Dataset1" / "ExpertsAnnotations" / "Person1"
    expert.mkdir(parents=True)
    for mask in gold.iterdir():
        (expert / mask.name).write_bytes(next(iter(sorted(gold.iterdir()))).read_bytes())
    again = draw("bubil", folder, task="semantic_segmentation", work="again").cases
    assert set(again) == set(alone)
    for name, labels in alone.items():
        np.testing.assert_array_equal(again[name].truth.labels, labels)


def test_stated_failures_of_real_counterparts_are_the_truth_and_stay_here(tmp_path, draw):
    pool = draw("paired", write_pairs(tmp_path / "pairs", 4, spoilt=2), task="augmented")
    spoilt = {name for name, case in pool.cases.items() if case.truth.labels.any()}
    assert spoilt == {"pair-0", "pair-1"}
    with zipfile.ZipFile(pool.uploads[0].zip_into(tmp_path / "pool.zip")) as archive:
        assert not [name for name in archive.namelist() if "failures" in name]


def test_a_sequence_goes_with_its_masks(tmp_path, draw):
    folder = write_movies(tmp_path / "movies", 3)
    pool = draw("ctc", folder, task="tracking", images=3)
    with zipfile.ZipFile(pool.uploads[0].zip_into(tmp_path / "pool.zip")) as archive:
        archive.extractall(tmp_path / "out")
    again = draw("ctc", tmp_path / "out", task="tracking", images=3, work="again")
    assert {name: case.truth.values for name, case in again.cases.items()} == {
        name: case.truth.values for name, case in pool.cases.items()
    }
