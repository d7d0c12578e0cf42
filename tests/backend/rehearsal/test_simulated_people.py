"""People who err as stated, and the votes and measures that judge them: one way for every task."""

from __future__ import annotations

import numpy as np
import pytest

from backend.imaging.kinds.registry import TASKS, keep_truth
from backend.rehearsal.drawing import Drawing, differences
from backend.rehearsal.kinds.augmented import failures_of
from backend.rehearsal.kinds.contract import Desk, Option, Submission
from backend.rehearsal.kinds.registry import KINDS, get_kind
from backend.rehearsal.pool import Ask
from cellcommons.layouts.registry import get_layout
from cellcommons.reading import Reading, read_reading
from cellcommons.store import open_store
from tests.backend.rehearsal.folders import (
    write_bowl,
    write_crowd,
    write_movies,
    write_pairs,
    write_plate,
    write_spots,
    write_voc,
)

FOLDERS = {
    "dsb2018": write_bowl,
    "voc": write_voc,
    "plate": write_plate,
    "ctc": write_movies,
    "paired": write_pairs,
    "bubil": write_crowd,
    "trackmate": write_spots,
}
READABLE = [
    ("dsb2018", "instance_segmentation"),
    ("dsb2018", "semantic_segmentation"),
    ("bubil", "semantic_segmentation"),
    ("voc", "classification"),
    ("plate", "classification"),
    ("ctc", "tracking"),
    ("trackmate", "tracking"),
]


@pytest.fixture(scope="module")
def pools(tmp_path_factory):
    found = {}
    for layout, task in [*READABLE, ("paired", "augmented")]:
        home = tmp_path_factory.mktemp(f"{layout}-{task}")
        folder = FOLDERS[layout](home / "folder")
        (home / "work").mkdir()
        images = 3 if task == "tracking" else None
        found[layout, task] = get_kind(task).draw_pool(Ask(layout, folder, images, 0, home / "work"))
    return found


def empty(kind, case):
    return Reading(np.zeros(case.shape, np.uint32) if kind.paints else None, {})


def read(kind, pool, case, seed, *, draft=None):
    """One simulated reading, as a submission."""
    model, rng = kind.person(seed, pool), np.random.default_rng(seed)
    desk = Desk(case, {"question": None}, draft or empty(kind, case), draft is not None, None)
    (wish,) = list(kind.wishes(desk, model, rng))
    truth = wish.truth or case.truth
    score = kind.score_reading(case, truth, wish.reading)
    return Submission(case.name, f"person-{seed}", score, wish.seconds, 1, draft is not None, wish.reading, truth)


@pytest.mark.parametrize(("layout", "task"), READABLE)
def test_the_truth_is_in_the_terms_of_the_hub(pools, tmp_path, layout, task):
    """What simulated eyes see is what an import of the same files keeps."""
    store, pool = open_store(tmp_path.as_uri()), pools[layout, task]
    for upload in pool.uploads:
        reader = get_layout(upload.layout)
        for entry in reader.scan(upload.root).entries:
            if entry.name not in pool.cases:
                continue
            record, case = reader.read(entry), pool.cases[entry.name]
            kept = read_reading(store, keep_truth(store, record.image, record.truth).truth)
            if layout == "dsb2018" and task == "semantic_segmentation":
                kept = Reading(((kept.labels > 0) + 1).astype(np.uint32))
            assert differences(kept, case.truth) == 0, entry.name


@pytest.mark.parametrize(("layout", "task"), [*READABLE, ("paired", "augmented")])
def test_the_truth_scores_one_and_people_less(pools, layout, task):
    kind, pool = get_kind(task), pools[layout, task]
    scores = []
    for number, case in enumerate(pool.cases.values()):
        assert kind.score_reading(case, case.truth, case.truth) == pytest.approx(1.0)
        for seed in range(3):
            done = read(kind, pool, case, 10 * number + seed)
            assert done.seconds > 0
            scores.append(done.score)
    assert 0.2 < np.mean(scores) < 0.999


@pytest.mark.parametrize(("layout", "task"), [*READABLE, ("paired", "augmented")])
def test_a_wish_can_be_drawn_from_nothing_and_from_a_draft(pools, layout, task):
    kind, pool = get_kind(task), pools[layout, task]
    case = next(iter(pool.cases.values()))
    first = read(kind, pool, case, 1)
    for base in (empty(kind, case), first.reading):
        wish = read(kind, pool, case, 2, draft=base if base is first.reading and task != "augmented" else None)
        drawing = Drawing(base.raster, dict(base.values))
        drawing.edits_towards(wish.reading, np.random.default_rng(0))
        assert differences(drawing.reading, wish.reading) == 0


@pytest.mark.parametrize(("layout", "task"), READABLE)
def test_a_vote_of_five_is_better_than_its_voters(pools, layout, task):
    kind, pool = get_kind(task), pools[layout, task]
    read_by = {
        case.name: [read(kind, pool, case, 7 * number + seed) for seed in range(5)]
        for number, case in enumerate(pool.cases.values())
    }
    voted = kind.majority(pool, read_by)
    fused = [kind.score_reading(pool.cases[name], pool.cases[name].truth, said) for name, said in voted.items()]
    people = [s.score for submissions in read_by.values() for s in submissions]
    # Connected parts of a pixel vote tear and join small cells, so of outlined cells the vote is only a floor.
    margin = 0.1 if task == "instance_segmentation" else 0.0
    assert np.mean(fused) > np.mean(people) - margin


@pytest.mark.parametrize(("layout", "task"), READABLE)
def test_a_perfect_prediction_measures_as_perfect(pools, layout, task):
    kind, pool = get_kind(task), pools[layout, task]
    right = kind.measure(pool, {name: case.truth for name, case in pool.cases.items()})
    assert right[kind.headline(pool)] == pytest.approx(1.0)
    nothing = kind.measure(pool, {name: empty(kind, case) for name, case in pool.cases.items()})
    assert nothing[kind.headline(pool)] < 0.7


def test_images_predicted_as_they_are_measure_as_perfect(pools):
    kind, pool = get_kind("augmented"), pools["paired", "augmented"]
    targets = {name: case.given["target"].data for name, case in pool.cases.items()}
    assert kind.measure(pool, targets)["pearson_r"] == 1.0
    assert kind.measure(pool, {n: d[::-1] for n, d in targets.items()})["pearson_r"] < 0.9


def test_plain_methods_are_measured_beside(pools):
    tracked, classed = pools["ctc", "tracking"], pools["voc", "classification"]
    names = list(tracked.cases)
    assert 0.5 < get_kind("tracking").baseline(tracked, names[1:], names[:1])["link_f1"] <= 1
    names = list(classed.cases)
    most = get_kind("classification").baseline(classed, names[2:], names[:2])
    assert most["method"].startswith("always ")
    assert most["macro_f1"] < 0.7


def test_failures_are_where_a_prediction_is_far_from_the_real_image(pools):
    target = next(iter(pools["paired", "augmented"].cases.values())).given["target"]
    assert not failures_of(target, target.data).any()
    wrong = target.data.astype(np.float64)
    wrong[:, 30:60, 30:60] += 0.8 * np.ptp(target.data)
    found = failures_of(target, wrong)
    assert found[35:55, 35:55].all()
    assert found.sum() < 40 * 40


@pytest.mark.parametrize(("layout", "task"), READABLE)
def test_an_expert_sees_which_option_is_right(pools, layout, task):
    kind, pool = get_kind(task), pools[layout, task]
    case = next(case for case in pool.cases.values() if case.truth.raster is not None or case.truth.values)
    box = (0, 0, *case.shape)
    if kind.paints:
        options = [Option(0, np.roll(case.truth.labels, 20, axis=0), {}), Option(1, case.truth.labels, {})]
    else:
        keys = list(case.truth.values)[:2]
        right = {key: case.truth.values[key] for key in keys}
        options = [Option(0, None, dict.fromkeys(keys)), Option(1, None, right)]
    scores = [kind.score_option(case, case.truth, box, option) for option in options]
    assert scores[1] > scores[0]


def test_every_task_of_the_hub_can_be_rehearsed():
    assert {kind.task for kind in KINDS} == set(TASKS)
