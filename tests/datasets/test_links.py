import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellcommons.errors import InvalidDocument
from cellcommons.links import detections_of, edges_of_links, links_of, movie_of, parse_node
from cellcommons.synthetic.movies import generate_movie


def test_links_and_edges_are_two_forms_of_one_thing():
    links = {"1:4": "0:2", "2:1": "1:4", "2:9": "1:4", "5:3": "2:9"}
    assert links_of(edges_of_links(links)) == links


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_identity_leaves_the_masks_and_comes_back_through_the_links(seed):
    movie = generate_movie(seed, density="easy", frames=6).truth
    masks, links = detections_of(movie)
    for frame in masks:
        ids = np.unique(frame[frame > 0])
        assert ids.tolist() == list(range(1, ids.size + 1))
        flat = frame.ravel()
        assert (np.diff([int(np.flatnonzero(flat == i)[0]) for i in ids]) > 0).all()
    back = movie_of(masks, links)
    assert (np.count_nonzero(back.data), len(back.edges())) == (np.count_nonzero(movie.data), len(movie.edges()))
    assert len(back.lineage.divisions) == len(movie.lineage.divisions)
    again = detections_of(back)
    assert np.array_equal(again[0], masks)
    assert again[1] == links


@pytest.mark.parametrize("text", ["3", "3:0", "03:1", "3:-1", "a:b", 7, None, "1:2:3"])
def test_what_is_no_cell_is_refused(text):
    with pytest.raises(InvalidDocument):
        parse_node(text)


def test_a_daughter_before_her_mother_is_refused_with_both_frames():
    with pytest.raises(InvalidDocument, match="frame 2, its parent in frame 3"):
        edges_of_links({"2:1": "3:1"})


def test_a_link_to_a_cell_that_is_not_there_is_refused():
    masks = np.zeros((2, 4, 4), dtype=np.uint32)
    masks[:, 0, 0] = 1
    with pytest.raises(InvalidDocument, match="not there"):
        movie_of(masks, {"1:1": "0:7"})
