"""Consensus of lineages: votes, what stays disputed, and better than the mean reader."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument
from cellcommons.fusion.lineages import fuse_lineages, resolve
from cellcommons.linked import lineage_from_edges, linked_movie
from cellcommons.measures.tracking import link_counts, tracking_scores
from cellcommons.synthetic.lineage_annotator import (
    LineageErrorModel,
    simulate_linking,
    skilled_linker,
)
from cellcommons.synthetic.movies import generate_movie
from cellcommons.testing.lineages import lineages, link_readings
from cellcommons.tracks import LabelMovie, Lineage

# One mother (0, 1); two cells (1, 1) and (1, 2) in the next frame; a stranger (0, 9).
NODES = np.array([[0, 1], [0, 9], [1, 1], [1, 2]])
A, B, STRANGE = [0, 1, 1, 1], [0, 1, 1, 2], [0, 9, 1, 2]


def links(*rows: list[int]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def test_a_majority_settles_and_counts_who_was_overruled() -> None:
    fused = fuse_lineages(NODES, [links(A, B), links(A, B), links(A, STRANGE)])
    assert fused.edges.tolist() == [A, B]
    assert fused.support == pytest.approx([1.0, 2 / 3])
    assert fused.disagreements == ()
    assert fused.dissents == (0, 0, 1)
    assert fused.lineage()[0].divisions[0].frame == 0


def test_a_tie_is_disputed_with_both_answers() -> None:
    fused = fuse_lineages(NODES, [links(A, B), links(A, STRANGE)])
    assert fused.edges.tolist() == [A]
    (event,) = fused.disagreements
    assert (event.kind, event.frame, event.cell) == ("link", 1, 2)
    assert [(option.readings, option.cells) for option in event.options] == [((0,), ((0, 1),)), ((1,), ((0, 9),))]
    choice = [option.cells for option in event.options].index(((0, 9),))
    assert resolve(fused, {0: choice}).tolist() == [A, STRANGE]


def test_two_majorities_make_no_division_that_one_reader_saw() -> None:
    fused = fuse_lineages(NODES, [links(A), links(A, B), links(B)])
    assert fused.edges.tolist() == []
    (event,) = fused.disagreements
    assert (event.kind, event.frame, event.cell) == ("division", 0, 1)
    assert sorted(option.cells for option in event.options) == [((1, 1),), ((1, 1), (1, 2)), ((1, 2),)]
    both = [len(option.cells) for option in event.options].index(2)
    assert resolve(fused, {0: both}).tolist() == [A, B]


def test_weights_decide_where_numbers_do_not() -> None:
    fused = fuse_lineages(NODES, [links(A, B), links(A, STRANGE)], weights=[1.0, 3.0])
    assert fused.edges.tolist() == [A, STRANGE]
    assert fused.support.tolist() == [1.0, 0.75]


def test_a_higher_quorum_asks_more() -> None:
    readings = [links(A, B), links(A, B), links(A, STRANGE)]
    assert len(fuse_lineages(NODES, readings, quorum=0.7).disagreements) == 1


def test_one_reading_is_its_own_consensus() -> None:
    fused = fuse_lineages(NODES, [links(A, B)])
    assert fused.edges.tolist() == [A, B]
    assert fused.agreement == 1.0


@settings(max_examples=60)
@given(st.data(), lineages())
def test_every_consensus_is_a_lineage_and_no_order_of_readers_matters(data: st.DataObject, lineage: Lineage) -> None:
    nodes = lineage.nodes()
    readings = data.draw(link_readings(lineage.edges()))
    fused = fuse_lineages(nodes, readings)
    lineage_from_edges(nodes, fused.edges)
    assert len(fused.support) == len(fused.edges)
    again = fuse_lineages(nodes, readings[::-1])
    assert again.edges.tolist() == fused.edges.tolist()
    assert [(e.kind, e.frame, e.cell) for e in again.disagreements] == [
        (e.kind, e.frame, e.cell) for e in fused.disagreements
    ]
    for number, event in enumerate(fused.disagreements):
        assert sum(option.weight for option in event.options) == pytest.approx(1.0)
        for choice in range(len(event.options)):
            lineage_from_edges(nodes, resolve(fused, {number: choice}))
    unanimous = fuse_lineages(nodes, [lineage.edges()] * 3)
    assert unanimous.edges.tolist() == lineage.edges().tolist()
    assert unanimous.disagreements == ()


def test_what_is_no_reading_is_refused() -> None:
    with pytest.raises(InvalidDocument, match=r"reading 1, frame 1, cell 2: a cell has two parents"):
        fuse_lineages(NODES, [links(A), links(B, STRANGE)])
    with pytest.raises(InvalidDocument, match="one reading at least"):
        fuse_lineages(NODES, [])
    with pytest.raises(InvalidDocument, match="as many weights above 0"):
        fuse_lineages(NODES, [links(A)], weights=[0.0])
    with pytest.raises(InvalidDocument, match="quorum"):
        fuse_lineages(NODES, [links(A)], quorum=0.2)
    with pytest.raises(InvalidDocument, match="no option 5 of disagreement 0"):
        resolve(fuse_lineages(NODES, [links(A, B), links(A, STRANGE)]), {0: 5})


@pytest.fixture(scope="module")
def truth() -> LabelMovie:
    return generate_movie(11, density="hard", frames=20, height=160, width=160).truth


def f1(truth: LabelMovie, edges: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> tuple[float, float]:
    scores = tracking_scores(truth, linked_movie(truth.data, edges))
    return scores.edges.f1, scores.divisions.f1


@pytest.mark.parametrize("seed", range(4))
def test_the_consensus_of_three_is_better_than_the_mean_reader(truth: LabelMovie, seed: int) -> None:
    people = [skilled_linker(100 * seed + k) for k in range(3)]
    readings = [simulate_linking(truth, who, np.random.default_rng([seed, k])) for k, who in enumerate(people)]
    each = np.array([f1(truth, reading.edges) for reading in readings])
    edge, division = f1(truth, fuse_lineages(truth.nodes(), [r.edges for r in readings]).edges)
    assert edge > each[:, 0].mean()
    assert division > each[:, 1].mean()


def test_people_err_as_their_model_says(truth: LabelMovie) -> None:
    right = LineageErrorModel(miss=0, false_link=0, swap=0, missed_division=0)
    reading = simulate_linking(truth, right, np.random.default_rng(0))
    assert reading.edges.tolist() == truth.edges().tolist()
    assert reading.seconds > 0
    blind = LineageErrorModel(miss=0, false_link=0, swap=0, missed_division=1)
    reading = simulate_linking(truth, blind, np.random.default_rng(0))
    assert f1(truth, reading.edges)[1] == 0.0
    assert reading.actions.missed_divisions == len(truth.lineage.divisions)
    confused = simulate_linking(truth, LineageErrorModel(swap=0.1), np.random.default_rng(0))
    assert confused.actions.swapped > 5
    novice, expert = (
        np.mean(
            [
                f1(truth, simulate_linking(truth, skilled_linker(s, level=level), np.random.default_rng(s)).edges)[0]
                for s in range(4)
            ]
        )
        for level in ("novice", "expert")
    )
    assert novice < expert < 1
    with pytest.raises(InvalidDocument, match="miss is a probability"):
        LineageErrorModel(miss=1.5)


def test_a_draft_saves_time_and_anchors(truth: LabelMovie) -> None:
    draft = simulate_linking(truth, skilled_linker(1, level="novice"), np.random.default_rng(1)).edges
    careful = LineageErrorModel(miss=0, false_link=0, swap=0, missed_division=0, anchoring=0)
    from_scratch = simulate_linking(truth, careful, np.random.default_rng(2))
    mended = simulate_linking(truth, careful, np.random.default_rng(2), draft=draft)
    assert mended.edges.tolist() == truth.edges().tolist()
    assert mended.seconds < from_scratch.seconds / 3
    believing = LineageErrorModel(miss=0, false_link=0, swap=0, missed_division=0, anchoring=1)
    kept = simulate_linking(truth, believing, np.random.default_rng(2), draft=draft)
    assert kept.edges.tolist() == draft.tolist()
    assert kept.actions.left_wrong > 0
    assert link_counts(truth.edges(), kept.edges).f1 < 1
    equal = simulate_linking(truth, believing, np.random.default_rng(2), draft=draft)
    assert (equal.edges == kept.edges).all()
    assert equal.seconds == kept.seconds
