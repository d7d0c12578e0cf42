"""Dice and Jaccard of each class against plain counting, unknown left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.measures.semantic import mean_dice_interval, pooled, semantic_scores
from cellcommons.semantic import SemanticMap

NAMES = Ontology(("background", "stroma", "tumour"))
maps = arrays(np.uint8, (3, 4), elements=st.sampled_from([0, 1, 2, 255])).map(lambda data: SemanticMap(data, NAMES))


@given(maps, maps)
def test_counting_by_hand(truth: SemanticMap, prediction: SemanticMap) -> None:
    scores = semantic_scores(truth, prediction)
    pixels = [(t, p) for t, p in zip(truth.data.ravel(), prediction.data.ravel(), strict=True) if t != 255]
    for place, name in enumerate(NAMES.names):
        both = sum(t == p == place for t, p in pixels)
        either = sum(place in (t, p) for t, p in pixels)
        assert scores.jaccard(name) == (both / either if either else None)
        total = sum(int(t == place) + int(p == place) for t, p in pixels)
        assert scores.dice(name) == (pytest.approx(2 * both / total) if total else None)
    assert scores.accuracy == (sum(t == p for t, p in pixels) / len(pixels) if pixels else None)


@given(maps, maps)
def test_what_is_predicted_where_truth_is_unknown_does_not_matter(truth: SemanticMap, prediction: SemanticMap) -> None:
    changed = np.where(truth.known, prediction.data, np.uint8(1))
    other = semantic_scores(truth, SemanticMap(changed, NAMES))
    assert np.array_equal(semantic_scores(truth, prediction).counts, other.counts)


def test_unknown_is_not_background() -> None:
    truth = SemanticMap(np.zeros((2, 2), np.uint8), NAMES)
    silent = SemanticMap(np.full((2, 2), 255, np.uint8), NAMES)
    assert semantic_scores(truth, silent).dice("background") == 0
    assert semantic_scores(silent, truth).mean_dice is None
    other = SemanticMap(np.full((2, 2), 7, np.uint8), NAMES, unknown=7)
    assert semantic_scores(truth, other).accuracy == 0


@given(st.lists(st.tuples(maps, maps), min_size=1, max_size=3))
def test_pooling_is_one_large_image(pairs: list[tuple[SemanticMap, SemanticMap]]) -> None:
    truths, predictions = (
        SemanticMap(np.concatenate([m.data for m in side]), NAMES) for side in zip(*pairs, strict=True)
    )
    scores = [semantic_scores(*pair) for pair in pairs]
    assert pooled(scores).measures() == semantic_scores(truths, predictions).measures()
    interval = mean_dice_interval(scores, seed=0, resamples=20)
    assert interval.value == (pooled(scores).mean_dice or 0.0)


def test_maps_that_do_not_fit_are_refused() -> None:
    truth = SemanticMap(np.zeros((2, 2), np.uint8), NAMES)
    with pytest.raises(MismatchedShapes):
        semantic_scores(truth, SemanticMap(np.zeros((2, 3), np.uint8), NAMES))
    with pytest.raises(InvalidDocument):
        semantic_scores(truth, SemanticMap(np.zeros((2, 2), np.uint8), Ontology(("a",))))
    with pytest.raises(InvalidDocument):
        pooled([])
