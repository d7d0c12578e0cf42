"""The linker's trainer on generated movies: it learns, repeats, resumes, and refuses what teaches nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.linking.contract import links_to_edges
from cellcommons.linking.learned import LearnedLinker, OperatingPoint, read_linker
from cellcommons.linking.registry import get_linker
from cellcommons.links import detections_of, edges_of_links
from cellcommons.measures.tracking import Counts, link_counts
from cellcommons.synthetic.motion import FAST, Density
from cellcommons.synthetic.movies import generate_movie
from ml_worker.tracking.config import LinkerConfig
from ml_worker.tracking.network import LinkNetwork, linker_of
from ml_worker.tracking.samples import MovieSample, lesson, movie_light, movie_sample, with_cells_lost
from ml_worker.tracking.train import LinkData, train_linker

SHORT = LinkerConfig(max_steps=250, batch=512)


def sample(seed: int, density: Density | str = FAST, frames: int = 12) -> MovieSample:
    movie = generate_movie(seed, density=density, frames=frames, height=192, width=192)
    masks, links = detections_of(movie.truth)
    return movie_sample(f"movie {seed}", masks, edges_of_links(links), movie.image[:, 0].astype(np.float32))


@pytest.fixture(scope="module")
def data() -> LinkData:
    return LinkData([sample(seed) for seed in (300, 301, 302)], [sample(310)])


@pytest.fixture(scope="module")
def checkpoint(data: LinkData) -> bytes:
    result = train_linker(data, SHORT, seed=1, budget_seconds=300)
    assert result.status == "finished"
    assert "validation" in result.curve[-1]
    return result.checkpoint


def links_found(linker, movies: list[MovieSample]) -> Counts:
    total = Counts(0, 0, 0)
    for movie in movies:
        total += link_counts(movie.edges, links_to_edges(movie.cells, linker.link(movie.cells)))
    return total


def test_it_links_fast_cells_better_than_overlap_and_nearest(checkpoint: bytes) -> None:
    unseen = [sample(seed) for seed in (320, 321)]
    learned = links_found(LearnedLinker(read_linker(checkpoint)), unseen).f1
    assert learned > 0.95
    for name in ("overlap", "nearest"):
        assert learned > links_found(get_linker(name), unseen).f1 + 0.03


def test_unsure_answers_are_more_often_wrong(checkpoint: bytes) -> None:
    unseen = sample(322)
    judged = LearnedLinker(read_linker(checkpoint)).judge(unseen.cells)
    true = {tuple(edge) for edge in unseen.edges.tolist()}
    edges = links_to_edges(unseen.cells, judged.links)
    right = np.array([tuple(edge) in true for edge in edges.tolist()])
    sure = judged.certainty[unseen.cells.rows(edges[:, 2], edges[:, 3])] >= 0.9
    assert right[sure].mean() > 0.98
    assert (~right[~sure]).mean() > (~right[sure]).mean()


def test_equal_seeds_give_equal_bytes_and_a_cut_run_goes_on(data: LinkData) -> None:
    quick = replace(SHORT, max_steps=30, validations=1)
    whole = train_linker(data, quick, seed=3, budget_seconds=300)
    again = train_linker(data, quick, seed=3, budget_seconds=300)
    assert whole.checkpoint == again.checkpoint
    states: list[bytes] = []
    asked = iter([False] * 12 + [True] * 100)
    cut = train_linker(
        data, quick, seed=3, budget_seconds=300, should_stop=lambda: next(asked), save_state=states.append
    )
    assert cut.status == "cancelled"
    resumed = train_linker(data, quick, seed=3, budget_seconds=300, resume=states[-1])
    assert resumed.checkpoint == whole.checkpoint
    with pytest.raises(InvalidDocument, match="other settings, seed or images"):
        train_linker(data, quick, seed=4, budget_seconds=300, resume=states[-1])


def test_numpy_computes_what_torch_does() -> None:
    torch.manual_seed(0)
    network = LinkNetwork(16)
    rows = np.random.default_rng(0).normal(size=(50, 31)).astype(np.float32)
    network.part("link").standardise(rows)
    model = linker_of(network, max_gap=2)
    with torch.no_grad():
        expected = network.part("link")(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(model.link.logits(rows), expected, atol=1e-5)


def test_the_operating_point_is_chosen_where_there_is_validation(data: LinkData, checkpoint: bytes) -> None:
    assert read_linker(checkpoint).about["validated"] is True
    alone = train_linker(LinkData(data.train), replace(SHORT, max_steps=5), seed=1, budget_seconds=300)
    model = read_linker(alone.checkpoint)
    assert model.point == OperatingPoint()
    assert model.about["validated"] is False


def test_lost_cells_leave_links_over_gaps() -> None:
    movie = sample(330, "easy")
    lost = with_cells_lost(movie, 0.1, seed=5)
    assert len(lost.cells) < len(movie.cells)
    frames = lost.edges[:, 2] - lost.edges[:, 0]
    assert set(frames.tolist()) == {1, 2}
    taught = lesson(lost, max_gap=2)
    assert taught.gap.sum() > 0
    assert taught.link.sum() + taught.gap.sum() <= len(lost.edges)
    assert lesson(movie, max_gap=2).gap.sum() == 0


def test_what_teaches_nothing_is_refused() -> None:
    movie = sample(331, "easy", frames=4)
    unlinked = movie_sample("unlinked", movie.detections, np.zeros((0, 4), dtype=np.int64), movie.light)
    with pytest.raises(InvalidDocument, match="holds a link"):
        train_linker(LinkData([unlinked]), SHORT, seed=0, budget_seconds=10)
    with pytest.raises(InvalidDocument, match="holds a link"):
        train_linker(LinkData([]), SHORT, seed=0, budget_seconds=10)
    with pytest.raises(InvalidDocument, match="one frame"):
        movie_sample("still", movie.detections[:1], np.zeros((0, 4), dtype=np.int64), None)
    with pytest.raises(InvalidDocument, match="no such cell"):
        movie_sample("strange", movie.detections, np.array([[0, 999, 1, 1]]), None)
    with pytest.raises(MismatchedShapes):
        movie_sample("small", movie.detections, movie.edges, np.zeros((4, 8, 8), dtype=np.float32))
    with pytest.raises(InvalidDocument, match="is no movie"):
        movie_light(ImageData(np.zeros((1, 8, 8), np.uint8), "cyx", ("a",)))
    for wrong in ({"width": 1}, {"blind": 0.9}, {"learning_rate": 0}, {"colour": 1}):
        with pytest.raises(InvalidDocument):
            LinkerConfig.from_order(wrong)
