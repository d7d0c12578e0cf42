"""The learned linker as the library runs it: features, weights from a file, links and how certain they are."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from cellcommons.errors import CellCommonsError, InvalidDocument, NotFound, UnreadableFile, WrongFormat
from cellcommons.linked import linked_movie
from cellcommons.linking.contract import links_to_edges
from cellcommons.linking.features import CellTable, measure_cells
from cellcommons.linking.hypotheses import DIVISION_FEATURES, GAP_FEATURES, PAIR_FEATURES, movie_hypotheses
from cellcommons.linking.learned import FAMILY, FEATURES, LearnedLinker, OperatingPoint, read_linker
from cellcommons.linking.registry import all_linkers, get_linker, linker_names
from cellcommons.measures.tracking import tracking_scores
from cellcommons.synthetic.movies import SyntheticMovie, generate_movie


def by_cost(point: dict[str, float] | None = None, features: dict | None = None, **document: object) -> bytes:
    """A checkpoint that judges by the global program's cost alone: sure of what costs little."""
    tensors = {}
    for name, (bias, weight) in {"link": (6.0, -1.0), "gap": (2.0, -1.0), "division": (7.0, -0.5)}.items():
        width = len(FEATURES[name])
        row = np.zeros((1, width), np.float32)
        row[0, FEATURES[name].index("cost")] = weight
        tensors |= {
            f"{name}.mean": np.zeros(width, np.float32),
            f"{name}.scale": np.ones(width, np.float32),
            f"{name}.layers.0.weight": row,
            f"{name}.layers.0.bias": np.array([bias], np.float32),
        }
    about = {
        "family": FAMILY,
        "features": {name: list(listed) for name, listed in (features or FEATURES).items()},
        "point": point or {},
        "max_gap": 2,
        **document,
    }
    return save(tensors, {"cellcommons": json.dumps(about)})


@pytest.fixture(scope="module")
def movie() -> SyntheticMovie:
    return generate_movie(31, density="medium", frames=14)


@pytest.fixture(scope="module")
def cells(movie: SyntheticMovie) -> CellTable:
    return measure_cells(movie.truth.data, movie.image[:, 0])


def test_a_checkpoint_links_a_movie(movie: SyntheticMovie, cells: CellTable, tmp_path: Path) -> None:
    path = tmp_path / "linker.safetensors"
    path.write_bytes(by_cost())
    linker = get_linker("learned", {"checkpoint": str(path)})
    found = linked_movie(movie.truth.data, links_to_edges(cells, linker.link(cells)))
    scores = tracking_scores(movie.truth, found, tolerance=0)
    # Weights made up by hand; trained ones are judged in tests/ml_worker/tracking.
    assert scores.edges.f1 > 0.97
    assert movie.truth.lineage.divisions
    assert scores.divisions.f1 > 0.5


def test_every_cell_after_the_first_frame_has_a_certainty(cells: CellTable) -> None:
    judged = LearnedLinker(read_linker(by_cost())).judge(cells)
    first = cells.frame == 0
    assert np.isnan(judged.certainty[first]).all()
    assert ((judged.certainty[~first] > 0) & (judged.certainty[~first] <= 1)).all()
    assert judged.uncertainty == pytest.approx((judged.certainty[~first] < 0.9).mean())
    eager = LearnedLinker(read_linker(by_cost({"link": 40.0}))).judge(cells)
    assert len(eager.links) > len(judged.links)
    # An operating point says what to take, not how likely it is: what is taken against the odds stays unsure.
    shy = LearnedLinker(read_linker(by_cost({"link": -40.0, "gap": -40.0, "division": -40.0}))).judge(cells)
    assert len(shy.links) == 0
    assert shy.uncertainty > 0.9


def test_exposure_and_ids_change_no_feature(movie: SyntheticMovie, cells: CellTable) -> None:
    hypotheses = movie_hypotheses(cells)
    assert hypotheses.pair_features.shape == (hypotheses.pairs.before.size, len(PAIR_FEATURES))
    assert hypotheses.gap_features.shape == (hypotheses.gaps.before.size, len(GAP_FEATURES))
    assert hypotheses.division_features.shape == (hypotheses.triples.mother.size, len(DIVISION_FEATURES))
    assert all(np.isfinite(t).all() for t in (hypotheses.pair_features, hypotheses.gap_features))
    assert np.isfinite(hypotheses.division_features).all()
    brighter = movie_hypotheses(measure_cells(movie.truth.data, movie.image[:, 0].astype(np.float64) * 3))
    np.testing.assert_allclose(brighter.pair_features, hypotheses.pair_features, atol=1e-4)
    renamed = movie.truth.data * np.uint32(7)
    again = movie_hypotheses(measure_cells(renamed, movie.image[:, 0]))
    np.testing.assert_array_equal(again.division_features, hypotheses.division_features)


def test_what_is_not_known_is_said_so(movie: SyntheticMovie, cells: CellTable) -> None:
    dark = movie_hypotheses(measure_cells(movie.truth.data))
    light = [place for place, name in enumerate(PAIR_FEATURES) if name.startswith("light")]
    assert not dark.pair_features[:, light].any()
    points = movie_hypotheses(replace(cells, overlaps=None))
    masks = [place for place, name in enumerate(PAIR_FEATURES) if name.startswith("mask")]
    assert not points.pair_features[:, masks].any()
    assert movie_hypotheses(cells).pair_features[:, masks].any()


def test_the_best_rivals_are_those_of_a_plain_search(cells: CellTable) -> None:
    hypotheses = movie_hypotheses(cells)
    # Pairs that were far worse than their rivals are gone from the table, but never a cell's best two.
    pairs, cost = hypotheses.pairs, hypotheses.pair_features[:, PAIR_FEATURES.index("cost")]
    beyond = hypotheses.pair_features[:, PAIR_FEATURES.index("cost_beyond_best_back")]
    for row in range(0, cost.size, 37):
        others = cost[(pairs.after == pairs.after[row]) & (np.arange(cost.size) != row)]
        best = min(others.min(initial=12.0), 12.0)
        assert beyond[row] == pytest.approx(cost[row] - best, abs=1e-4) or others.size == 0
    ends = hypotheses.triples.first_pair
    known = ends >= 0
    assert (pairs.before[ends[known]] == hypotheses.triples.mother[known]).all()
    assert (pairs.after[ends[known]] == hypotheses.triples.first[known]).all()


def test_no_cells_and_no_overlaps() -> None:
    linker = LearnedLinker(read_linker(by_cost()))
    blank = np.zeros((3, 12, 12), dtype=np.uint32)
    assert linker.judge(measure_cells(blank)).uncertainty == 0
    one = blank.copy()
    one[:, 4:8, 4:8] = 1
    assert linker.link(measure_cells(one)).parents.tolist() == [0, 1]


def test_the_registry_knows_it_and_asks_for_its_file(tmp_path: Path) -> None:
    assert linker_names()[-1] == "learned"
    assert "learned" not in {linker.name for linker in all_linkers()}
    for config in (None, {"checkpoint": 3}, {"checkpoint": "a", "max_gap": 2}):
        with pytest.raises(InvalidDocument, match="path of its checkpoint"):
            get_linker("learned", config)
    with pytest.raises(NotFound, match="cannot be read"):
        get_linker("learned", {"checkpoint": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda data: b"", UnreadableFile),
        (lambda data: data[:40], UnreadableFile),
        (lambda data: struct.pack("<Q", 1 << 40) + data[8:], UnreadableFile),
        (lambda data: data[:-4], UnreadableFile),
        (lambda data: by_cost(family="cellcommons.flow-unet/1"), WrongFormat),
        (lambda data: by_cost(features={**FEATURES, "link": ("cost",)}), InvalidDocument),
        (lambda data: by_cost(max_gap=99), InvalidDocument),
        (lambda data: by_cost(point={"links": 1.0}), InvalidDocument),
        (lambda data: by_cost(point={"link": "much"}), InvalidDocument),
        (lambda data: data[:-4] + struct.pack("<f", float("nan")), WrongFormat),
        (lambda data: data.replace(b"link.layers.0.bias", b"link.layers.9.bias"), InvalidDocument),
        (lambda data: data.replace(b'"F32"', b'"I32"', 1), WrongFormat),
    ],
)
def test_damaged_checkpoints_are_refused(damage, error: type[CellCommonsError]) -> None:
    with pytest.raises(error):
        read_linker(damage(by_cost()), where="file")


def test_the_operating_point_is_read() -> None:
    assert read_linker(by_cost({"division": 2.0})).point == OperatingPoint(division=2.0)
