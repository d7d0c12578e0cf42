"""Tracking measures: right on what can be counted by hand, and equal to the challenge's own on its own files."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from ctc_metrics.scripts.evaluate import evaluate_sequence
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.ctc import Ctc, write_ctc_tracks
from cellcommons.linked import linked_movie
from cellcommons.measures.ctc import ctc_scores
from cellcommons.measures.tracking import Counts, division_counts, link_counts, pooled, tracking_scores
from cellcommons.synthetic.movies import generate_movie
from cellcommons.testing.lineages import label_movies, link_readings
from cellcommons.tracks import LabelMovie, Lineage, Track


@pytest.fixture(scope="module")
def truth() -> LabelMovie:
    return generate_movie(4, density="medium", frames=16, height=128, width=128).truth


def spoiled(truth: LabelMovie, *, seed: int = 0) -> LabelMovie:
    """Cells taken away, added and cut smaller; links left out. Links follow what the masks still hold."""
    rng = np.random.default_rng(seed)
    data = truth.data.copy()
    for t, i in truth.nodes()[rng.random(len(truth.nodes())) < 0.05].tolist():
        data[t][data[t] == i] = 0
    data[3, :6, :6] = data.max() + 1
    data[:, ::3] = 0
    there = {(int(t), int(i)) for t in range(len(data)) for i in np.unique(data[t])}
    edges = [e for e in truth.edges().tolist() if {(e[0], e[1]), (e[2], e[3])} <= there and rng.random() > 0.05]
    return linked_movie(data, np.array(edges))


def test_a_movie_agrees_with_itself(truth: LabelMovie) -> None:
    assert set(tracking_scores(truth, truth).measures().values()) == {1.0}
    assert set(ctc_scores(truth, truth).measures().values()) <= {1.0, None}


def test_the_challenge_measures_are_those_of_its_own_evaluation_of_files(truth: LabelMovie, tmp_path: Path) -> None:
    wrong = spoiled(truth)
    image = ImageData(np.zeros((16, 1, 128, 128), np.uint8), "tcyx", ("x",))
    Ctc().write([Record(Entry("a", (), "a"), image, truth, tmp_path)], tmp_path)
    write_ctc_tracks(wrong, tmp_path / "01_RES")
    with contextlib.redirect_stdout(io.StringIO()):
        names = ["SEG", "DET", "TRA", "LNK", "CT", "TF", "BC", "CCA", "BIO"]
        reference = evaluate_sequence(str(tmp_path / "01_RES"), str(tmp_path / "01_GT"), names, threads=1)
    scores = ctc_scores(truth, wrong, tolerance=2)
    for name in ("seg", "det", "tra", "lnk", "ct", "tf"):
        assert getattr(scores, name) == pytest.approx(reference[name.upper()], abs=1e-12)
        assert 0 < getattr(scores, name) < 1
    assert scores.bc == pytest.approx(reference["BC(2)"])
    assert scores.bio == pytest.approx(reference["BIO(2)"])
    # The package compares labels, so that how tracks are named cannot matter.
    assert ctc_scores(truth, linked_movie(wrong.data, wrong.edges()), tolerance=2).tra == pytest.approx(scores.tra)


def test_spoiling_shows_in_every_measure(truth: LabelMovie) -> None:
    scores = tracking_scores(truth, spoiled(truth))
    assert 0.5 < scores.edges.f1 < tracking_scores(truth, truth).edges.f1
    assert scores.cells.recall < 1
    assert scores.cells.precision < 1


def test_links_by_hand() -> None:
    truth = np.array([[0, 1, 1, 1], [1, 1, 2, 1], [2, 1, 3, 1]])
    said = np.array([[0, 1, 1, 1], [1, 1, 2, 2]])
    counts = link_counts(truth, said)
    assert counts == Counts(1, 3, 2)
    assert (counts.precision, counts.recall, counts.f1) == (0.5, 1 / 3, 0.4)
    pairs = np.array([[0, 1, 7], [1, 1, 8], [2, 1, 9]])
    assert link_counts(truth, np.array([[0, 7, 1, 8], [1, 8, 2, 9], [0, 7, 2, 9]]), pairs) == Counts(2, 3, 3)
    assert link_counts(truth, said, np.zeros((0, 3), np.int64)) == Counts(0, 3, 2)


def test_nothing_to_find_and_nothing_said_is_right() -> None:
    assert (Counts(0, 0, 0).f1, Counts(0, 0, 3).f1, Counts(0, 3, 0).precision) == (1.0, 0.0, 0.0)
    assert pooled([]).edges.f1 == 1.0


@pytest.mark.parametrize(("late", "tolerance", "tp"), [(0, 0, 1), (1, 0, 0), (1, 1, 1), (2, 1, 0), (-1, 1, 1)])
def test_a_division_may_be_some_frames_off(late: int, tolerance: int, tp: int) -> None:
    truth = Lineage((Track(1, 0, 4), Track(2, 5, 9, 1), Track(3, 5, 9, 1)))
    # Masks of their own: before a late division the mother stands where a daughter is, and the other comes later.
    mother = [(t, 1, 1) for t in range(5 + min(late, 0))]
    early = [(t, 2, 2) for t in range(5 + max(late, 0), 10)] + [(t, 3, 3) for t in range(5 + max(late, 0), 10)]
    said = Lineage((Track(1, 0, 4 + late), Track(2, 5 + late, 9, 1), Track(3, 5 + late, 9, 1)))
    counts = division_counts(truth, said, np.array(mother + early), tolerance=tolerance)
    assert counts == Counts(tp, 1, 1)


def test_a_division_with_one_wrong_daughter_is_wrong() -> None:
    truth = Lineage((Track(1, 0, 4), Track(2, 5, 9, 1), Track(3, 5, 9, 1), Track(4, 0, 9)))
    said = Lineage((Track(1, 0, 4), Track(2, 5, 9, 1), Track(3, 5, 9), Track(4, 5, 9, 1)))
    assert division_counts(truth, said).tp == 0


def test_movies_are_pooled_link_by_link(truth: LabelMovie) -> None:
    right, wrong = tracking_scores(truth, truth), tracking_scores(truth, spoiled(truth))
    total = pooled([right, wrong])
    assert total.edges.tp == right.edges.tp + wrong.edges.tp
    assert total.divisions.truth == 2 * right.divisions.truth


def test_what_cannot_be_compared_is_refused(truth: LabelMovie) -> None:
    small = LabelMovie(np.zeros((1, 4, 4), np.uint32), Lineage(()))
    for measure in (tracking_scores, ctc_scores):
        with pytest.raises(MismatchedShapes, match="cannot be compared"):
            measure(truth, small)
    with pytest.raises(InvalidDocument, match="a truth with cells"):
        ctc_scores(small, small)


def test_an_empty_prediction_scores_nothing(truth: LabelMovie) -> None:
    empty = LabelMovie(np.zeros_like(truth.data), Lineage(()))
    scores = ctc_scores(truth, empty)
    assert (scores.seg, scores.det, scores.tra, scores.lnk, scores.bio) == (0, 0, 0, 0, 0)
    assert tracking_scores(truth, empty).edges.f1 == 0


@settings(max_examples=40)
@given(st.data(), label_movies())
def test_scores_lie_within_their_range_whatever_is_drawn(data: st.DataObject, movie: LabelMovie) -> None:
    (edges,) = data.draw(link_readings(movie.edges(), max_readings=1))
    wrong = linked_movie(movie.data, edges)
    scores = tracking_scores(movie, wrong)
    assert scores.edges == Counts(len(edges), len(movie.edges()), len(edges))
    assert scores.cells.f1 == 1.0
    if movie.lineage.tracks:
        measured = ctc_scores(movie, wrong)
        assert all(value is None or 0 <= value <= 1 for value in measured.measures().values())
        assert measured.seg == measured.det == 1.0
