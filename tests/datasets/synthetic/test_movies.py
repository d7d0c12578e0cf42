"""Generated movies: exact, repeatable, and as crowded as their name says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from cellcommons.errors import InvalidDocument
from cellcommons.matching import overlap_table
from cellcommons.measures.tracking import link_counts, tracking_scores
from cellcommons.synthetic.motion import DENSITIES, FAST, simulate_cells, without
from cellcommons.synthetic.movies import MIN_AREA, SyntheticMovie, generate_movie
from cellcommons.tracks import movie_nodes


@pytest.fixture(scope="module", params=list(DENSITIES))
def movie(request: pytest.FixtureRequest) -> SyntheticMovie:
    return generate_movie(5, density=request.param, frames=30, height=192, width=160)


def test_image_and_truth_fit(movie: SyntheticMovie) -> None:
    assert movie.image.shape == (30, 1, 192, 160)
    assert movie.image.dtype == np.uint16
    assert movie.truth.data.shape == (30, 192, 160)
    assert movie.truth.seconds_per_frame
    assert tracking_scores(movie.truth, movie.truth).divisions.truth >= 1


def test_cells_live_divide_and_die(movie: SyntheticMovie) -> None:
    lineage = movie.truth.lineage
    assert all(len(division.daughters) == 2 for division in lineage.divisions)
    ends = [t for t in lineage.tracks if t.end < 29 and t.id not in lineage.daughters]
    assert len(ends) < 0.3 * len(lineage.tracks)
    per_frame = np.bincount(movie_nodes(movie.truth.data)[:, 0])
    assert per_frame[-1] > per_frame[0]


def test_cells_shine_and_are_large_enough(movie: SyntheticMovie) -> None:
    for image, labels in zip(movie.image[::10, 0], movie.truth.data[::10], strict=True):
        assert image[labels > 0].mean() > 1.3 * image[ndimage.binary_dilation(labels > 0, iterations=4) == 0].mean()
        assert np.bincount(labels.ravel())[np.unique(labels)].min() >= MIN_AREA


def test_deaths_happen() -> None:
    lineage = simulate_cells(1, density="hard", frames=40).lineage
    dead = [t for t in lineage.tracks if t.end < 39 and t.id not in lineage.daughters]
    assert dead


def test_harder_movies_are_denser_and_faster() -> None:
    moves, covers = [], []
    for name in DENSITIES:
        cells = simulate_cells(2, density=name, frames=10)
        at = dict(zip(zip(cells.frame.tolist(), cells.id.tolist(), strict=True), cells.centre, strict=True))
        steps = [np.hypot(*(at[b, j] - at[a, i])) for a, i, b, j in cells.lineage.edges().tolist() if i == j]
        moves.append(np.mean(steps) / DENSITIES[name].radius)
        covers.append(np.count_nonzero(cells.frame == 0))
    assert moves == sorted(moves)
    assert covers == sorted(covers)


def test_fast_movies_are_beyond_plain_overlap() -> None:
    truths = [generate_movie(2, density=kind, frames=8, height=160, width=160).truth for kind in ("hard", FAST)]
    hard, fast = (link_counts(truth.edges(), overlap_links(truth.data)).f1 for truth in truths)
    assert fast < 0.92 < 0.98 < hard


def overlap_links(
    data: np.ndarray[tuple[int, ...], np.dtype[np.uint32]],
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Each cell tied to the one of the frame before that it covers most of."""
    found = []
    for frame, (one, two) in enumerate(pairwise(data)):
        table = overlap_table(one, two)
        for col in np.unique(table.cols).tolist():
            best = np.flatnonzero(table.cols == col)[np.argmax(table.intersections[table.cols == col])]
            found.append((frame, int(table.ids_a[table.rows[best]]), frame + 1, int(table.ids_b[col])))
    return np.array(found)


def test_equal_seeds_give_equal_movies() -> None:
    one, two = (generate_movie(7, density="easy", frames=4, height=96, width=96) for _ in range(2))
    assert one.image.tobytes() == two.image.tobytes()
    assert one.truth.data.tobytes() == two.truth.data.tobytes()
    assert one.truth.lineage == two.truth.lineage
    other = generate_movie(8, density="easy", frames=4, height=96, width=96)
    assert one.image.tobytes() != other.image.tobytes()


def test_a_track_taken_out_leaves_a_lineage() -> None:
    cells = simulate_cells(3, density="medium", frames=30)
    mother = cells.lineage.divisions[0]
    left = without(cells, cells.id == mother.mother)
    assert mother.mother not in left.lineage.by_id
    assert all(left.lineage.by_id[d].parent is None for d in mother.daughters)
    assert left.lineage.nodes().tolist() == np.stack([left.frame, left.id], axis=1).tolist()


@pytest.mark.parametrize(
    "wrong", [{"frames": 0}, {"height": 10}, {"count": 0}, {"density": "impossible"}], ids=lambda w: next(iter(w))
)
def test_what_cannot_be_generated_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidDocument, match="cannot simulate"):
        generate_movie(0, **wrong)  # type: ignore[arg-type]
