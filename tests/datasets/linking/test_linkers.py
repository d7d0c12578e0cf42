"""Every linker: what any of them must keep, and what each does with cells that a person would link at a glance."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.linked import linked_movie
from cellcommons.linking.assignment import LinearAssignment
from cellcommons.linking.contract import Linker, Links, checked_links, edges_to_links, links_to_edges, links_to_lineage
from cellcommons.linking.features import CellTable, measure_cells, table_of_points
from cellcommons.linking.global_program import GlobalProgram
from cellcommons.linking.kalman import KalmanFilter
from cellcommons.linking.nearest import NearestNeighbour
from cellcommons.linking.overlap import MaskOverlap
from cellcommons.linking.registry import DEFAULT, all_linkers, get_linker, linker_names
from cellcommons.measures.tracking import tracking_scores
from cellcommons.synthetic.movies import generate_movie

LINKERS = all_linkers()
ON_POINTS = tuple(linker for linker in LINKERS if not isinstance(linker, MaskOverlap))


def points(rows: list[tuple[int, float, float, float]], n_frames: int, side: int = 200) -> CellTable:
    """A table of frame, y, x, area."""
    frame, y, x, area = np.array(rows, dtype=np.float64).T
    return table_of_points(frame.astype(np.int64), y, x, area, n_frames=n_frames, shape=(side, side))


def discs(rows: list[tuple[int, float, float, float]], n_frames: int, side: int = 200) -> CellTable:
    """The same as masks; ids 1.. in each frame, in the order given."""
    frames = np.zeros((n_frames, side, side), dtype=np.uint32)
    y, x = np.ogrid[:side, :side]
    for frame, centre_y, centre_x, area in rows:
        disc = (y - centre_y) ** 2 + (x - centre_x) ** 2 <= area / np.pi
        frames[frame][disc] = frames[frame].max() + 1
    return measure_cells(frames)


@st.composite
def tables(draw: st.DrawFn) -> CellTable:
    """Any few cells in any few frames; nothing says they move as cells do."""
    n_frames = draw(st.integers(1, 5))
    place = st.floats(0, 199, allow_nan=False)
    row = st.tuples(st.integers(0, n_frames - 1), place, place, st.floats(5, 400))
    return points(draw(st.lists(row, min_size=1, max_size=25)), n_frames)


def pairs_of(links: Links) -> set[tuple[int, int]]:
    return set(zip(links.parents.tolist(), links.children.tolist(), strict=True))


@pytest.mark.parametrize("linker", ON_POINTS, ids=lambda linker: linker.name)
@given(cells=tables())
@settings(max_examples=60)
def test_links_make_a_lineage_and_are_the_same_again(linker: Linker, cells: CellTable) -> None:
    links = linker.link(cells)
    assert np.unique(links.children).size == len(links)
    assert np.bincount(links.parents, minlength=1).max() <= 2
    assert (cells.frame[links.parents] < cells.frame[links.children]).all()
    assert pairs_of(linker.link(replace(cells))) == pairs_of(links)
    lineage, track = links_to_lineage(cells, links)
    assert track.size == len(cells)
    assert len(lineage.edges()) == len(links)


@pytest.mark.parametrize("linker", LINKERS, ids=lambda linker: linker.name)
def test_ids_say_nothing(linker: Linker) -> None:
    movie = generate_movie(11, density="medium", frames=8, height=160, width=160)
    data = movie.truth.data
    rng = np.random.default_rng(0)
    renamed = np.zeros_like(data)
    names = []
    for frame, labels in enumerate(data):
        name = rng.permutation(np.arange(1, int(data.max()) + 1)).astype(np.uint32)
        names.append(np.concatenate([[0], name]))
        renamed[frame] = names[-1][labels]
    first, second = measure_cells(data), measure_cells(renamed)
    edges = links_to_edges(first, linker.link(first))
    again = links_to_edges(second, linker.link(second))
    told = {(a, int(names[a][i]), b, int(names[b][j])) for a, i, b, j in edges.tolist()}
    assert told == {tuple(edge) for edge in again.tolist()}


@pytest.mark.parametrize(
    ("linker", "density", "least"),
    [*((linker, "easy", 0.99) for linker in LINKERS), (get_linker(), "hard", 0.95)],
    ids=lambda value: getattr(value, "name", value),
)
def test_generated_movies(linker: Linker, density: str, least: float) -> None:
    movie = generate_movie(21, density=density, frames=16)
    cells = measure_cells(movie.truth.data, movie.image[:, 0])
    found = linked_movie(movie.truth.data, links_to_edges(cells, linker.link(cells)))
    scores = tracking_scores(movie.truth, found, tolerance=0)
    assert scores.edges.f1 >= least
    assert scores.divisions.f1 >= 0.8


@pytest.mark.parametrize("linker", LINKERS, ids=lambda linker: linker.name)
def test_few_or_no_cells(linker: Linker) -> None:
    blank = np.zeros((3, 12, 12), dtype=np.uint32)
    assert len(linker.link(measure_cells(blank))) == 0
    assert len(linker.link(measure_cells(blank[:1]))) == 0
    one = blank.copy()
    one[:, 4:8, 4:8] = 1
    assert pairs_of(linker.link(measure_cells(one))) == {(0, 1), (1, 2)}


@pytest.mark.parametrize("linker", LINKERS, ids=lambda linker: linker.name)
def test_a_division_at_a_glance(linker: Linker) -> None:
    still = [(f, y, x, 300.0) for f in range(4) for y, x in ((40, 40), (40, 160), (160, 40), (160, 160))]
    mother = [(f, 100.0, 100.0, 400.0) for f in range(2)]
    daughters = [(f, 100.0, x, 200.0) for f in (2, 3) for x in (92.0, 108.0)]
    cells = discs(still + mother + daughters, 4)
    links = linker.link(cells)
    dividing = links.dividing()
    assert cells.points[dividing].tolist() == [[100.0, 100.0]]
    assert cells.frame[dividing].tolist() == [1]
    assert len(links) == len(cells) - 5


@pytest.mark.parametrize("linker", [GlobalProgram(), LinearAssignment(), KalmanFilter()], ids=lambda one: one.name)
def test_a_cell_unseen_for_a_frame_is_found_again(linker: Linker) -> None:
    rng = np.random.default_rng(5)
    rows = [
        (f, y + rng.normal(0, 1), x + rng.normal(0, 1), 300.0)
        for f in range(6)
        for y in range(30, 180, 35)
        for x in range(30, 180, 35)
        if (f, y, x) != (3, 100, 100)
    ]
    cells = points(rows, 6)
    links = linker.link(cells)
    over = cells.frame[links.children] - cells.frame[links.parents] == 2
    assert over.sum() == 1
    assert np.hypot(*(cells.points[links.parents[over]] - 100).T) < 5
    assert links.dividing().size == 0


def test_a_merge_is_reported_and_gives_no_second_parent() -> None:
    rng = np.random.default_rng(6)
    rows = [(f, y + rng.normal(0, 1), x, 300.0) for f in range(4) for y in (30.0, 170.0) for x in (30.0, 100.0, 170.0)]
    rows += [(f, 100.0, x, 250.0) for f in (0, 1) for x in (94.0, 107.0)] + [(f, 100.0, 99.0, 500.0) for f in (2, 3)]
    cells = points(rows, 4)
    links = LinearAssignment(max_distance=15).link(cells)
    assert cells.frame[links.merged_from].tolist() == [1]
    assert cells.points[links.merged_into].tolist() == [[100.0, 99.0]]
    assert LinearAssignment(max_distance=15, merges=False).link(cells).merged_from.size == 0


def test_common_drift_is_taken_out() -> None:
    rng = np.random.default_rng(1)
    start = rng.uniform(20, 140, (25, 2))
    rows = [(f, *(start[i] + f * np.array([6.0, -2.0])), 60.0) for f in range(5) for i in range(25)]
    cells = points(rows, 5)
    for linker in ON_POINTS:
        links = linker.link(cells)
        moved = cells.points[links.children] - cells.points[links.parents]
        right = np.abs(moved - [6.0, -2.0]).max(axis=1) < 1e-6
        assert right.mean() > 0.9, linker.name


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40)
def test_frame_to_frame_assignment_is_the_least_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 4  # under five cells no drift is taken out
    one, two = rng.uniform(60, 140, (n, 2)), rng.uniform(60, 140, (n, 2))
    cells = points([(0, *p, 50.0) for p in one] + [(1, *p, 50.0) for p in two], 2)
    links = LinearAssignment(max_distance=500, splits=False, merges=False, max_gap=1).link(cells)
    found = sum(float(((cells.points[a] - cells.points[b]) ** 2).sum()) for a, b in pairs_of(links))
    every = min(float(((one - two[list(order)]) ** 2).sum()) for order in permutations(range(n)))
    assert len(links) == n
    assert found == pytest.approx(every)


def test_overlap_needs_masks() -> None:
    with pytest.raises(InvalidDocument, match="only points"):
        MaskOverlap().link(points([(0, 5, 5, 9)], 1))


def test_registry_builds_by_name_and_checks_settings() -> None:
    assert linker_names()[0] == DEFAULT == get_linker().name
    assert {linker.name for linker in all_linkers()} == set(linker_names()) - {"learned"}
    assert get_linker("nearest", {"max_distance": 12}) == NearestNeighbour(max_distance=12)
    assert get_linker("assignment", {"max_gap": 1, "splits": False}) == LinearAssignment(max_gap=1, splits=False)
    with pytest.raises(NotFound, match="global-program"):
        get_linker("magic")
    for name, config in (
        ("nearest", {"radius": 3}),
        ("nearest", {"max_distance": -1}),
        ("nearest", {"divisions": 1}),
        ("assignment", {"max_gap": 1.5}),
        ("global-program", {"alone": None}),
        ("global-program", {"model": 1}),
    ):
        with pytest.raises(InvalidDocument):
            get_linker(name, config)


def test_links_are_checked() -> None:
    cells = points([(0, 5, 5, 9), (0, 9, 9, 9), (1, 5, 5, 9), (1, 7, 7, 9), (1, 9, 9, 9)], 2)
    with pytest.raises(InvalidDocument, match="two parents"):
        checked_links(cells, [0, 1], [2, 2])
    with pytest.raises(InvalidDocument, match="more than two daughters"):
        checked_links(cells, [0, 0, 0], [2, 3, 4])
    with pytest.raises(InvalidDocument, match="not before"):
        checked_links(cells, [2], [0])
    links = checked_links(cells, [1, 0], [4, 2])
    assert pairs_of(edges_to_links(cells, links_to_edges(cells, links))) == {(0, 2), (1, 4)}
