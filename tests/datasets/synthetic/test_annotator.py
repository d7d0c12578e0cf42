"""The simulated annotator errs as often as stated, and as its random generator says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.labels import Labels, relabel
from cellcommons.measures.detection import detection_scores
from cellcommons.measures.overlap import overlap_scores
from cellcommons.synthetic.annotator import ErrorModel, simulate_reading, skilled
from cellcommons.testing.strategies import label_maps

FAULTLESS = ErrorModel(miss=0, merge=0, split=0, spurious=0, boundary_px=0, anchoring=0)


def discs(side: int = 10, pitch: int = 30, radius: float = 11.0) -> Labels:
    """``side`` x ``side`` discs that do not touch, unless the radius is above half the pitch."""
    rows, cols = np.indices((side * pitch, side * pitch))
    middle = (np.hypot(rows % pitch - pitch / 2 + 0.5, cols % pitch - pitch / 2 + 0.5)) < radius
    return np.where(middle, rows // pitch * side + cols // pitch + 1, 0).astype(np.uint32)


def squares() -> Labels:
    """10 x 10 squares that share their edges: 180 touching pairs."""
    rows, cols = np.indices((200, 200))
    return (rows // 20 * 10 + cols // 20 + 1).astype(np.uint32)


def test_a_faultless_person_draws_the_truth() -> None:
    reading = simulate_reading(discs(), FAULTLESS, np.random.default_rng(0))
    np.testing.assert_array_equal(reading.labels, discs())
    assert reading.actions.drawn == 100
    assert reading.seconds == pytest.approx(608, rel=0.5)


def test_the_generator_decides() -> None:
    def read(seed: int) -> Labels:
        return simulate_reading(discs(), ErrorModel(), np.random.default_rng(seed)).labels

    np.testing.assert_array_equal(read(1), read(1))
    assert (read(1) != read(2)).any()
    a = simulate_reading(discs(), ErrorModel(), np.random.default_rng(5), draft=read(1))
    b = simulate_reading(discs(), ErrorModel(), np.random.default_rng(5), draft=read(1))
    np.testing.assert_array_equal(a.labels, b.labels)
    assert a.seconds == b.seconds


@pytest.mark.parametrize(
    ("rates", "counted", "truth", "expected"),
    [
        ({"miss": 0.1}, "missed", discs(), 10),
        ({"split": 0.1}, "split", discs(), 10),
        ({"spurious": 0.1}, "spurious", discs(), 10),
        ({"merge": 0.05}, "merged", squares(), 9),
    ],
)
def test_errors_come_at_the_stated_rate(rates: dict[str, float], counted: str, truth: Labels, expected: int) -> None:
    model = ErrorModel(**{**{"miss": 0, "merge": 0, "split": 0, "spurious": 0, "boundary_px": 0}, **rates})
    rng = np.random.default_rng(0)
    actions = [simulate_reading(truth, model, rng).actions for _ in range(20)]
    mean = np.mean([getattr(a, counted) for a in actions])
    assert mean == pytest.approx(expected, rel=0.2)
    others = {"missed", "merged", "split", "spurious"} - {counted}
    assert all(getattr(a, name) == 0 for a in actions for name in others)


@pytest.mark.parametrize("pixels", [0.5, 1.0, 2.0])
def test_boundaries_move_by_the_stated_distance(pixels: float) -> None:
    model = ErrorModel(miss=0, merge=0, split=0, spurious=0, boundary_px=pixels)
    reading = simulate_reading(discs(), model, np.random.default_rng(3))
    # The mean of |N(0, s)| is 0.8 s; whole pixels blur it.
    distance = overlap_scores(discs(), reading.labels).boundary_distance
    assert distance == pytest.approx(0.8 * pixels, abs=0.35)


def test_small_cells_are_missed_more_often() -> None:
    truth = discs()
    small = (truth % 2 == 0) & (discs(radius=5) == 0)
    truth[small] = 0
    model = ErrorModel(miss=0.2, merge=0, split=0, spurious=0, boundary_px=0)
    rng = np.random.default_rng(0)
    seen = np.zeros(101)
    for _ in range(20):
        seen[np.unique(truth[simulate_reading(truth, model, rng).labels > 0])] += 1
    assert seen[2::2].mean() < 0.9 * seen[1::2].mean()


def test_a_right_draft_is_kept_as_it_is_and_saves_time() -> None:
    draft = simulate_reading(
        discs(), ErrorModel(miss=0, merge=0, split=0, spurious=0, boundary_px=0.5), np.random.default_rng(0)
    ).labels
    corrected = simulate_reading(discs(), ErrorModel(spurious=0), np.random.default_rng(1), draft=draft)
    np.testing.assert_array_equal(corrected.labels, draft)
    assert corrected.actions.kept == 100
    assert corrected.seconds < 0.25 * simulate_reading(discs(), ErrorModel(), np.random.default_rng(1)).seconds


def test_a_wrong_draft_is_mended_except_where_it_anchors() -> None:
    careless = ErrorModel(miss=0.3, merge=0, split=0.2, spurious=0.2)
    draft = simulate_reading(discs(), careless, np.random.default_rng(0)).labels
    before = detection_scores(discs(), draft).f1_50
    mended = simulate_reading(discs(), FAULTLESS, np.random.default_rng(1), draft=draft)
    assert detection_scores(discs(), mended.labels).f1_50 == 1.0
    assert mended.actions.corrected > 0
    assert mended.actions.deleted > 0
    anchored = ErrorModel(miss=0, merge=0, split=0, spurious=0, boundary_px=0, anchoring=1.0)
    left = simulate_reading(discs(), anchored, np.random.default_rng(1), draft=draft)
    np.testing.assert_array_equal(left.labels, draft)
    between = simulate_reading(discs(), ErrorModel(anchoring=0.5), np.random.default_rng(1), draft=draft)
    assert before < detection_scores(discs(), between.labels).f1_50 < 1.0


def test_an_empty_draft_is_no_hindrance_to_a_careful_person() -> None:
    empty = np.zeros_like(discs())
    np.testing.assert_array_equal(
        simulate_reading(discs(), FAULTLESS, np.random.default_rng(0), draft=empty).labels, discs()
    )


@given(label_maps(), st.integers(0, 1000), st.booleans())
def test_any_image_can_be_read(truth: Labels, seed: int, with_draft: bool) -> None:
    rng = np.random.default_rng(seed)
    draft = np.roll(truth, 2, axis=1) if with_draft else None
    reading = simulate_reading(truth, ErrorModel(miss=0.3, merge=0.5, split=0.5, spurious=0.5), rng, draft=draft)
    assert reading.labels.shape == truth.shape
    assert reading.labels.dtype == np.uint32
    np.testing.assert_array_equal(reading.labels, relabel(reading.labels))
    assert reading.seconds > 0


def test_skill_is_drawn_from_the_seed() -> None:
    assert skilled(1) == skilled(1)
    assert len({skilled(seed) for seed in range(20)}) == 20

    def mean(level: str, name: str) -> float:
        return float(np.mean([getattr(skilled(seed, level=level), name) for seed in range(40)]))  # type: ignore[arg-type]

    for name in ("miss", "merge", "split", "spurious", "boundary_px", "seconds_per_cell"):
        assert mean("novice", name) > mean("practised", name) > mean("expert", name)


def test_bad_models_and_drafts() -> None:
    for bad in ({"miss": 1.5}, {"split": -0.1}, {"boundary_px": -1.0}, {"seconds_per_cell": float("nan")}):
        with pytest.raises(InvalidDocument):
            ErrorModel(**bad)
    with pytest.raises(MismatchedShapes):
        simulate_reading(discs(), ErrorModel(), np.random.default_rng(0), draft=np.zeros((3, 3), np.uint32))
