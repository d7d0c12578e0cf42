"""Rates of error told from the readings of one movie: who leaves out, who invents, and what follows from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellcommons.errors import InvalidDocument
from cellcommons.fusion.lineages import LineageFusion, fuse_lineages
from cellcommons.fusion.link_skill import link_skill
from cellcommons.linked import parents_of
from cellcommons.measures.tracking import link_counts
from cellcommons.synthetic.lineage_annotator import simulate_linking, skilled_linker
from cellcommons.synthetic.movies import generate_movie
from cellcommons.tracks import Edges, LabelMovie


def crowd(movie: LabelMovie, seed: int) -> list[Edges]:
    """An expert, a practised and a poor reader, in that order."""
    people = [skilled_linker(seed, level="expert"), skilled_linker(seed + 1, level="practised")]
    people.append(replace(people[1], miss=0.12, false_link=0.3, swap=0.06, missed_division=0.5))
    return [simulate_linking(movie, who, np.random.default_rng([seed, k])).edges for k, who in enumerate(people)]


@pytest.fixture(scope="module")
def movies() -> list[tuple[LabelMovie, list[Edges]]]:
    found = []
    for seed in range(6):
        movie = generate_movie(500 + seed, density="hard", frames=12, height=160, width=160).truth
        found.append((movie, crowd(movie, 10 * seed)))
    return found


def test_rates_are_near_the_true_ones(movies: list[tuple[LabelMovie, list[Edges]]]) -> None:
    for movie, readings in movies:
        nodes = movie.nodes()
        right = parents_of(nodes, movie.edges())
        parents = np.stack([parents_of(nodes, edges) for edges in readings])
        skill = link_skill(parents, nodes[:, 0] > 0)
        linked = right >= 0
        true = (parents == right)[:, linked].mean(axis=1)
        assert skill.linked[:, 0] == pytest.approx(true, abs=0.04)
        assert skill.linked.sum(axis=1) == pytest.approx([1.0] * 3)
        assert np.argmin(skill.weights()) == 2
        assert ((skill.invented > 0) & (skill.invented < 1)).all()


def test_a_crowd_with_a_poor_reader_gains_over_the_vote_and_is_asked_less(
    movies: list[tuple[LabelMovie, list[Edges]]],
) -> None:
    def f1(movie: LabelMovie, fusion: LineageFusion) -> float:
        return link_counts(movie.edges(), fusion.edges).f1

    voted = [fuse_lineages(movie.nodes(), readings) for movie, readings in movies]
    weighed = [fuse_lineages(movie.nodes(), readings, method="em") for movie, readings in movies]
    gains = [f1(m, em) - f1(m, vote) for (m, _), em, vote in zip(movies, weighed, voted, strict=True)]
    assert np.mean(gains) > 0.001
    assert sum(len(f.disagreements) for f in weighed) < sum(len(f.disagreements) for f in voted)
    for fusion in weighed:
        assert sum(fusion.weights) == pytest.approx(1.0)
        assert ((fusion.support > 0.5) & (fusion.support <= 1 + 1e-9)).all()


def test_the_order_of_readers_does_not_matter(movies: list[tuple[LabelMovie, list[Edges]]]) -> None:
    movie, readings = movies[0]
    one = fuse_lineages(movie.nodes(), readings, method="em", quorum=0.8)
    other = fuse_lineages(movie.nodes(), readings[::-1], method="em", quorum=0.8)
    assert one.edges.tolist() == other.edges.tolist()
    assert one.weights == pytest.approx(other.weights[::-1])
    assert [(e.kind, e.frame, e.cell) for e in one.disagreements] == [
        (e.kind, e.frame, e.cell) for e in other.disagreements
    ]


def test_what_all_say_is_settled_and_weights_are_refused(movies: list[tuple[LabelMovie, list[Edges]]]) -> None:
    movie, readings = movies[0]
    fused = fuse_lineages(movie.nodes(), [readings[0]] * 3, method="em", quorum=0.8)
    assert fused.edges.tolist() == readings[0].tolist()
    assert fused.disagreements == ()
    with pytest.raises(InvalidDocument, match="finds the weights"):
        fuse_lineages(movie.nodes(), readings, method="em", weights=[1.0, 1.0, 1.0])


def test_a_division_that_nobody_saw_is_asked_and_one_that_somebody_saw_is_not() -> None:
    """A mother of two in 30 pairs of frames; a daughter left out by some of the readers."""
    nodes, edges = [], []
    for frame in range(0, 60, 2):
        nodes += [[frame, 1], [frame + 1, 1], [frame + 1, 2]]
        edges += [[frame, 1, frame + 1, 1], [frame, 1, frame + 1, 2]]
    every = np.array(edges, dtype=np.int64)
    # Each of four readers loses a daughter of every fourth mother; of the last one two lose the one, two the other.
    readings = []
    for reader in range(4):
        lost = [2 * mother + 1 for mother in range(29) if mother % 4 == reader] + [58 + reader % 2]
        readings.append(np.delete(every, lost, axis=0))
    unseen = fuse_lineages(np.array(nodes), readings, method="em")
    assert [(e.kind, e.frame, e.cell) for e in unseen.disagreements] == [("division", 58, 1)]
    seen = fuse_lineages(np.array(nodes), [*readings[:3], every], method="em")
    assert seen.edges.tolist() == every.tolist()
    assert seen.disagreements == ()
