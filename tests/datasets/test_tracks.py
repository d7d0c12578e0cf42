"""Lineages and label movies: what is refused, and that links and tracks say the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.axes import PixelSize
from cellcommons.errors import InvalidDocument
from cellcommons.linked import edges_of, lineage_from_edges, lineage_from_ids, linked_movie, parents_of, relabelled
from cellcommons.testing.lineages import label_movies, lineages, link_readings
from cellcommons.tracks import Division, LabelMovie, Lineage, Track, lineage_from_rows, movie_nodes

FAMILY = Lineage((Track(3, 0, 2), Track(9, 3, 5, 3), Track(5, 3, 4, 3), Track(11, 7, 8, 9)))


def test_a_family_says_who_divides_and_what_is_linked() -> None:
    assert [track.id for track in FAMILY.tracks] == [3, 5, 9, 11]
    assert FAMILY.divisions == (Division(3, 2, (5, 9)),)
    assert FAMILY.daughters == {3: (5, 9), 9: (11,)}
    assert FAMILY.edges().tolist() == [
        [0, 3, 1, 3],
        [1, 3, 2, 3],
        [2, 3, 3, 5],
        [2, 3, 3, 9],
        [3, 5, 4, 5],
        [3, 9, 4, 9],
        [4, 9, 5, 9],
        [5, 9, 7, 11],
        [7, 11, 8, 11],
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 0, 3, None], [2, 0, 3, None], [1, 0, 3, 2]], "track 1: it has two parents"),
        ([[1, 0, 3, None], [1, 0, 3, None]], "track 1: it is listed twice"),
        ([[1, 0, 3, 1]], "track 1: it descends from itself"),
        ([[1, 0, 1, 3], [2, 2, 3, 1], [3, 4, 5, 2]], "it descends from itself"),
        ([[1, 4, 6, None], [2, 1, 3, 1]], "track 2: it begins in frame 1, but its mother 1 is there until frame 6"),
        ([[1, 0, 3, None], [2, 3, 4, 1]], "track 2: it begins in frame 3"),
        ([[2, 0, 3, 7]], "track 2: its parent 7 is no track"),
        ([[2, 3, 1, None]], "track 2: it ends in frame 1, before its begin 3"),
        ([[0, 0, 1, None]], "track 0: ids lie in"),
        ([[1, -1, 1, None]], "track 1: ids lie in"),
        ([[1, 0, True, None]], "is not \\[id, begin, end, parent\\]"),
        ([[1, 0, 2]], "is not \\[id, begin, end, parent\\]"),
    ],
)
def test_what_is_no_lineage_is_refused_by_name(rows: list[list[int | None]], message: str) -> None:
    with pytest.raises(InvalidDocument, match=message):
        lineage_from_rows(rows)


@given(lineages())
def test_rows_keep_everything(lineage: Lineage) -> None:
    assert lineage_from_rows(lineage.rows()) == lineage


@given(lineages())
def test_links_make_the_same_links_again(lineage: Lineage) -> None:
    nodes, edges = lineage.nodes(), lineage.edges()
    again, track = lineage_from_edges(nodes, edges)
    assert again.nodes().tolist() == sorted([frame, new] for (frame, _), new in zip(nodes.tolist(), track, strict=True))
    new = {tuple(node): int(name) for node, name in zip(nodes.tolist(), track, strict=True)}
    said = sorted([a, new[a, i], b, new[b, j]] for a, i, b, j in edges.tolist())
    assert again.edges().tolist() == said
    # Divisions are told from links alone, whatever the tracks are called.
    assert sorted(d.frame for d in again.divisions) == sorted(d.frame for d in lineage.divisions)
    assert edges_of(nodes, parents_of(nodes, edges)).tolist() == edges.tolist()


@given(lineages(), st.integers(0, 2**32 - 1))
def test_the_order_of_links_changes_nothing(lineage: Lineage, seed: int) -> None:
    nodes, edges = lineage.nodes(), lineage.edges()
    rng = np.random.default_rng(seed)
    mixed = lineage_from_edges(rng.permutation(nodes), rng.permutation(np.concatenate([edges, edges])))
    assert mixed[0] == lineage_from_edges(nodes, edges)[0]


@pytest.mark.parametrize(
    ("edge", "message"),
    [
        ([0, 1, 1, 7], "frame 1, cell 7: a link names a cell that is not there"),
        ([0, 9, 1, 1], "frame 0, cell 9: a link names a cell that is not there"),
        ([1, 1, 0, 1], "does not lead forward in time"),
        ([1, 1, 1, 2], "does not lead forward in time"),
        ([0, 2, 1, 1], "frame 1, cell 1: a cell has two parents"),
    ],
)
def test_links_that_make_no_lineage_are_refused(edge: list[int], message: str) -> None:
    nodes = np.array([[0, 1], [0, 2], [1, 1], [1, 2]])
    with pytest.raises(InvalidDocument, match=message):
        lineage_from_edges(nodes, np.array([[0, 1, 1, 1], edge]))


def test_no_cells_make_no_tracks() -> None:
    lineage, track = lineage_from_edges(np.zeros((0, 2), np.int64), np.zeros((0, 4), np.int64))
    assert lineage.tracks == ()
    assert track.size == 0
    assert LabelMovie(np.zeros((2, 3, 4), np.uint32), lineage).edges().shape == (0, 4)


@given(label_movies())
def test_a_movie_holds_what_its_lineage_says(movie: LabelMovie) -> None:
    assert movie_nodes(movie.data).tolist() == movie.nodes().tolist()


@settings(max_examples=50)
@given(st.data(), label_movies())
def test_masks_relinked_keep_their_outlines(data: st.DataObject, movie: LabelMovie) -> None:
    for edges in data.draw(link_readings(movie.edges(), max_readings=2)):
        again = linked_movie(movie.data, edges, pixel_size=PixelSize(1.0, 1.0), seconds_per_frame=60.0)
        assert ((again.data > 0) == (movie.data > 0)).all()
        for old, new in zip(movie.data, again.data, strict=True):
            pairs = np.unique(np.stack([old.ravel(), new.ravel()]), axis=1)
            assert len(set(pairs[0].tolist())) == len(set(pairs[1].tolist())) == pairs.shape[1]
        assert len(again.edges()) == len(edges)


def test_masks_and_lineage_that_disagree_are_refused_by_frame_and_cell() -> None:
    data = np.zeros((3, 4, 4), np.uint32)
    data[0, 0, 0] = data[2, 0, 0] = 5
    with pytest.raises(InvalidDocument, match="frame 1, cell 5: the lineage has it here, the masks have not"):
        LabelMovie(data, Lineage((Track(5, 0, 2),)))
    with pytest.raises(InvalidDocument, match="frame 2, cell 5: the masks have it here, the lineage has not"):
        LabelMovie(data, Lineage((Track(5, 0, 0),)))
    with pytest.raises(InvalidDocument, match="track 5: the lineage reaches frame 9, the movie has 3 frames"):
        LabelMovie(data, Lineage((Track(5, 0, 9),)))
    with pytest.raises(InvalidDocument, match="uint32 with axes tyx"):
        LabelMovie(data.astype(np.uint16), Lineage(()))  # type: ignore[arg-type]
    with pytest.raises(InvalidDocument, match="no interval of time"):
        LabelMovie(np.zeros((1, 2, 2), np.uint32), Lineage(()), seconds_per_frame=0.0)


def test_ids_over_gaps_become_tracks_with_parents() -> None:
    nodes = np.array([[0, 4], [1, 4], [3, 4], [5, 4], [3, 9], [6, 2], [6, 3]])
    lineage, track = lineage_from_ids(nodes, {2: 4, 3: 4})
    assert lineage.rows() == [
        [2, 6, 6, 11],
        [3, 6, 6, 11],
        [4, 0, 1, None],
        [9, 3, 3, None],
        [10, 3, 3, 4],
        [11, 5, 5, 10],
    ]
    assert track.tolist() == [4, 4, 10, 9, 11, 2, 3]
    with pytest.raises(InvalidDocument, match="cell 7: it is named in a division, but is in no frame"):
        lineage_from_ids(nodes, {9: 7})


def test_huge_ids_are_relabelled_too() -> None:
    data = np.zeros((2, 2, 2), np.uint32)
    data[0, 0, 0], data[1, 1, 1] = 2**32 - 1, 2**31
    nodes = movie_nodes(data)
    assert nodes.tolist() == [[0, 2**32 - 1], [1, 2**31]]
    assert relabelled(data, nodes, np.array([1, 2])).tolist() == [[[1, 0], [0, 0]], [[0, 0], [0, 2]]]
