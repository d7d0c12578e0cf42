"""The simulated hand: its strokes reach the goal exactly, and fold back to it as the hub folds them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from backend.rehearsal.drawing import MOST_KEYS, Drawing, differences, fold
from cellcommons.edits import TILE, check_tiles, fold_edits
from cellcommons.reading import Reading, check_changes
from cellcommons.synthetic.annotator import simulate_reading, skilled
from cellcommons.synthetic.cells import generate_cells

coarse = arrays.arrays(np.uint32, (9, 11), elements=st.integers(0, 4))


def enlarged(labels):
    """Coarse blocks as an image of several tiles, whose sides are no multiple of a tile."""
    return np.kron(labels, np.ones((17, 17), np.uint32)).astype(np.uint32)


@given(coarse, coarse)
def test_strokes_reach_the_goal_and_fold_back_to_it(base, goal):
    base, goal = enlarged(base), enlarged(goal)
    drawing = Drawing(base)
    edits = list(drawing.strokes_towards(goal))
    np.testing.assert_array_equal(drawing.labels, goal)
    np.testing.assert_array_equal(fold_edits(base, [edit["tiles"] for edit in edits]), goal)
    for edit in edits:
        check_tiles(edit["tiles"], goal.shape)


@given(coarse)
def test_nothing_to_change_is_no_stroke(labels):
    drawing = Drawing(enlarged(labels))
    assert list(drawing.strokes_towards(enlarged(labels))) == []
    assert drawing.seq == 0


def test_one_stroke_a_cell_with_the_versions_that_the_hub_counts():
    goal = generate_cells(3, height=200, width=300, count=9).labels
    edits = list(Drawing(np.zeros_like(goal)).strokes_towards(goal))
    cells = np.unique(goal[goal > 0])
    assert [edit["params"]["cell"] for edit in edits] == cells.tolist()
    assert [edit["seq"] for edit in edits] == list(range(1, len(cells) + 1))
    assert len({edit["uuid"] for edit in edits}) == len(edits)
    counted = {}
    for edit in edits:
        for tile in edit["tiles"]:
            place = tile["y"], tile["x"]
            assert tile["version"] == counted.get(place, 0)
            counted[place] = tile["version"] + 1
    assert len(counted) > 1


def test_it_goes_on_where_an_earlier_sitting_stopped():
    goal = generate_cells(5, height=150, width=150, count=6).labels
    first = Drawing(np.zeros_like(goal))
    half = np.where(goal <= 3, goal, 0).astype(np.uint32)
    earlier = list(first.strokes_towards(half))
    second = Drawing(half, seq=first.seq, versions=first.versions)
    later = list(second.strokes_towards(goal))
    assert later[0]["seq"] == len(earlier) + 1
    folded = fold_edits(np.zeros_like(goal), [edit["tiles"] for edit in earlier + later])
    np.testing.assert_array_equal(folded, goal)
    assert first.versions != second.versions


@pytest.mark.parametrize("seed", range(3))
def test_a_draft_is_corrected_into_what_the_person_saw(seed):
    rng = np.random.default_rng(seed)
    truth = generate_cells(seed, height=140, width=270).labels
    draft = simulate_reading(truth, skilled(seed, level="novice"), rng).labels
    seen = simulate_reading(truth, skilled(seed), rng, draft=draft).labels
    drawing = Drawing(draft)
    edits = list(drawing.strokes_towards(seen))
    np.testing.assert_array_equal(drawing.labels, seen)
    assert {edit["tool"] for edit in edits} <= {"brush", "eraser", "delete"}


def test_the_base_is_left_alone():
    base = np.zeros((TILE, TILE), np.uint32)
    goal = base.copy()
    goal[3:9, 3:9] = 1
    list(Drawing(base).strokes_towards(goal))
    assert not base.any()


answers = st.dictionaries(
    st.from_regex(r"\A[0-9]{1,2}(:[0-9]{1,2})?\Z"),
    st.one_of(st.lists(st.sampled_from(["RBC", "WBC"]), max_size=2, unique=True), st.sampled_from(["0:1", "a"])),
    max_size=30,
)


@given(answers, answers, st.integers(0, 99))
def test_answers_reach_the_goal_a_few_at_a_time(base, goal, seed):
    drawing = Drawing(None, base)
    edits = drawing.edits_towards(Reading(None, goal), np.random.default_rng(seed))
    assert drawing.values == goal
    assert fold(Reading(None, base), edits).values == goal
    assert [edit["seq"] for edit in edits] == list(range(1, len(edits) + 1))
    for edit in edits:
        check_changes(edit["changes"])
        assert 1 <= len(edit["changes"]) <= MOST_KEYS
        assert edit["tiles"] == []


def test_answers_are_given_in_the_order_of_the_movie():
    edits = Drawing(None).edits_towards(
        Reading(None, {"10:1": "9:1", "2:1": "1:1", "2:11": "1:1"}), np.random.default_rng(0)
    )
    asked = [key for edit in edits for key in edit["changes"]]
    assert asked == ["2:1", "2:11", "10:1"]


def test_a_reading_of_both_halves_is_reached_and_folds_back():
    goal = Reading(generate_cells(4, height=140, width=140, count=3).labels, {"trial": "a"})
    drawing = Drawing(np.zeros((140, 140), np.uint32), noun="region")
    edits = drawing.edits_towards(goal, np.random.default_rng(0))
    assert edits[0]["changes"] == {"trial": [None, "a"]}
    assert edits[1]["params"] == {"region": 1}
    assert differences(fold(Reading(np.zeros((140, 140), np.uint32)), edits), goal) == 0


def test_what_is_lost_is_counted():
    one = Reading(np.zeros((3, 3), np.uint32), {"a": "b", "c": "d"})
    other = Reading(np.array([[1, 1, 0]] * 3, np.uint32), {"a": "x"})
    assert differences(one, other) == 6 + 2
