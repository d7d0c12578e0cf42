import hashlib

import numpy as np
import pytest

from cellcommons.canonical import canonical_json
from cellcommons.edits import pixels_sha256
from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.images.ome_zarr import read_label_stack, write_labels
from cellcommons.reading import (
    Reading,
    check_changes,
    fold_changes,
    read_reading,
    read_values,
    reading_sha256,
    write_reading,
)
from cellcommons.store import FolderStore


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path)


def labels(*shape):
    return np.arange(np.prod(shape), dtype=np.uint32).reshape(shape) % 7


def test_a_raster_alone_is_the_label_tree_it_always_was(store):
    tree = write_reading(store, Reading(labels(9, 300)))
    assert tree == write_labels(store, labels(9, 300))
    assert read_reading(store, tree.digest).values == {}


@pytest.mark.parametrize("raster", [None, labels(5, 6), labels(3, 300, 6)])
def test_reading_survives_the_store(store, raster):
    reading = Reading(raster, {"1": ["RBC"], "2:7": "1:3", "sure": True, "n": 3})
    back = read_reading(store, write_reading(store, reading).digest)
    assert back.values == reading.values
    assert (back.raster is None) == (raster is None)
    if raster is not None:
        assert np.array_equal(back.raster, raster)
        assert back.raster.dtype == np.uint32


def test_equal_readings_give_equal_trees_whatever_the_order(store):
    one = write_reading(store, Reading(None, {"a": "1", "b": "2"}))
    assert write_reading(store, Reading(None, {"b": "2", "a": "1"})) == one


def test_no_answer_is_an_answer_of_nothing(store):
    tree = write_reading(store, Reading(None, {}))
    assert read_reading(store, tree.digest).values == {}
    with pytest.raises(NotFound):
        read_values(store, "0" * 64)


def test_movie_masks_keep_their_time_axis(store):
    tree = write_reading(store, Reading(labels(3, 5, 6)))
    assert read_label_stack(store, tree.digest).shape == (3, 5, 6)


def test_what_both_sides_agree_on():
    reading = Reading(labels(4, 4), {"b": "ä", "a": ["x"]})
    pixels = pixels_sha256(reading.labels)
    values = hashlib.sha256('{"a":["x"],"b":"ä"}'.encode()).hexdigest()
    assert reading_sha256(reading, paints=True, answers=False) == pixels
    assert reading_sha256(reading, paints=False, answers=True) == values
    both = hashlib.sha256((pixels + values).encode()).hexdigest()
    assert reading_sha256(reading, paints=True, answers=True) == both
    assert canonical_json(dict(reading.values)).decode() == '{"a":["x"],"b":"ä"}'


def test_changes_fold_in_order_and_undo_is_the_pair_swapped():
    edits = [{"1": [None, ["A"]]}, {"1": [["A"], ["B"]], "2": [None, ["A"]]}, {"2": [["A"], None]}]
    assert fold_changes({"9": "kept"}, edits) == {"9": "kept", "1": ["B"]}
    undone = [{key: [new, old] for key, (old, new) in edit.items()} for edit in reversed(edits)]
    assert fold_changes({"9": "kept"}, edits + undone) == {"9": "kept"}


@pytest.mark.parametrize(
    "changes",
    [[], {"1": "A"}, {"1": ["A"]}, {"1": ["A", "A"]}, {"": [None, "A"]}, {"ä": [None, "A"]}, {"1": [None, {"a": 1}]},
     {"1": [None, 0.5]}, {"1": [None, "x" * 500]}],
)  # fmt: skip
def test_strange_changes_are_refused(changes):
    with pytest.raises(InvalidDocument):
        check_changes(changes)


@pytest.mark.parametrize("raster", [np.zeros((3, 3), np.int64), np.zeros(3, np.uint32)])
def test_strange_rasters_are_refused(raster):
    with pytest.raises(InvalidDocument):
        Reading(raster)
