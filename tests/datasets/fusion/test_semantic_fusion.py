"""Consensus of semantic maps: generated crowds of mixed skill, unknown pixels, quorums learned from gold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.fusion.semantic import fuse_semantic, learn_quorum, peer_weights
from cellcommons.measures.semantic import semantic_scores
from cellcommons.semantic import SemanticMap
from cellcommons.synthetic.pixel_annotator import simulate_map, skilled_pixels
from cellcommons.synthetic.semantic import generate_tissue

NAMES = Ontology(("background", "stroma", "tumour"))
TWO = Ontology(("background", "cell"))
stacks = arrays(
    np.uint8, st.tuples(st.integers(1, 5), st.just(3), st.just(4)), elements=st.sampled_from([0, 1, 2, 255])
)


def maps(stack: np.ndarray, ontology: Ontology = NAMES) -> list[SemanticMap]:
    return [SemanticMap(np.ascontiguousarray(data), ontology) for data in stack]


def dice(truth: SemanticMap, found: SemanticMap) -> float:
    return semantic_scores(truth, found).mean_dice or 0.0


def test_better_than_the_mean_reader_and_than_majority_over_seeds() -> None:
    readers, majority, em = [], [], []
    for seed in range(16):
        truth = generate_tissue(seed).truth
        people = [skilled_pixels(seed * 50 + k) for k in range(5)]
        readings = [
            simulate_map(truth, person, np.random.default_rng([seed, k])).reading for k, person in enumerate(people)
        ]
        readers.append(np.mean([dice(truth, reading) for reading in readings]))
        majority.append(dice(truth, fuse_semantic(readings, method="majority").consensus))
        em.append(dice(truth, fuse_semantic(readings).consensus))
    assert np.mean(em) > np.mean(majority) + 0.01 > np.mean(readers) + 0.1
    assert all(e > r for e, r in zip(em, readers, strict=True))
    assert sum(e >= m for e, m in zip(em, majority, strict=True)) >= 12


@given(stacks)
def test_majority_by_hand(stack: np.ndarray) -> None:
    found = fuse_semantic(maps(stack), method="majority")
    for y, x in np.ndindex(3, 4):
        said = [v for v in stack[:, y, x].tolist() if v != 255]
        most = max(range(3), key=lambda k: (said.count(k), -k)) if said else 255
        assert found.consensus.data[y, x] == most
        assert found.certainty[y, x] == pytest.approx(said.count(most) / len(said) if said else 0.0)
    assert found.skill() == ()


@given(stacks, st.sampled_from(["em", "majority"]))
def test_unanimity_and_silence_are_kept(stack: np.ndarray, method: str) -> None:
    found = fuse_semantic(maps(stack), method=method)
    for y, x in np.ndindex(3, 4):
        said = set(stack[:, y, x].tolist()) - {255}
        if not said:
            assert (found.consensus.data[y, x], found.certainty[y, x]) == (255, 0)
        if len(said) == 1:
            assert found.consensus.data[y, x] == said.pop()
    assert 0 <= found.certainty.min() <= found.certainty.max() <= 1


@given(stacks, st.randoms(use_true_random=False))
def test_the_order_of_readers_does_not_matter(stack: np.ndarray, random: object) -> None:
    order = list(range(len(stack)))
    random.shuffle(order)
    straight, mixed = fuse_semantic(maps(stack)), fuse_semantic(maps(stack[order]))
    np.testing.assert_allclose(straight.certainty, mixed.certainty, atol=1e-6)
    assert np.array_equal(straight.consensus.data, mixed.consensus.data)
    assert [straight.skill()[k] for k in order] == pytest.approx(list(mixed.skill()), abs=1e-6)


def test_unknown_is_left_out_of_skill() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, (60, 60)).astype(np.uint8)

    def wrong(rate: float) -> np.ndarray:
        return np.where(rng.random(truth.shape) < rate, rng.integers(0, 3, truth.shape), truth).astype(np.uint8)

    silent = np.where(rng.random(truth.shape) < 0.5, np.uint8(255), wrong(0.05))
    readings = maps(np.stack([wrong(0.5), wrong(0.3), wrong(0.3), silent]))
    skill = fuse_semantic(readings, prior_share=0.05).skill()
    # The one who says little is the best of them: what they leave out is no error.
    assert max(range(4), key=lambda k: skill[k]) == 3
    assert min(range(4), key=lambda k: skill[k]) == 0


def test_many_readers_and_many_classes_fit() -> None:
    many = Ontology(tuple(f"class {k}" for k in range(200)))
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 200, (20, 20)).astype(np.uint8)
    stack = np.where(rng.random((12, 20, 20)) < 0.2, rng.integers(0, 200, (12, 20, 20)), truth).astype(np.uint8)
    assert np.array_equal(fuse_semantic(maps(stack, many), method="majority").consensus.data, truth)


def test_a_crowd_that_paints_too_far_out_gets_a_higher_quorum() -> None:
    rng = np.random.default_rng(0)
    examples = []
    for _ in range(6):
        gold = ndimage.gaussian_filter(rng.normal(size=(60, 60)), 5) > 0.04
        loose = [ndimage.binary_dilation(gold, iterations=int(rng.integers(0, 7))) for _ in range(7)]
        examples.append((maps(np.stack([gold.astype(np.uint8)]), TWO)[0], maps(np.stack(loose).astype(np.uint8), TWO)))
    quorum = learn_quorum(examples[:3])
    assert quorum > 0.7
    for gold, readings in examples[3:]:
        plain = fuse_semantic(readings, method="majority").consensus
        learned = fuse_semantic(readings, method="majority", quorum=quorum).consensus
        assert dice(gold, learned) > dice(gold, plain) + 0.05


@given(arrays(np.uint8, st.tuples(st.integers(2, 6), st.just(3), st.just(4)), elements=st.sampled_from([0, 1, 255])))
def test_no_other_quorum_does_better(stack: np.ndarray) -> None:
    gold, *readings = maps(stack, TWO)

    def score(quorum: float) -> float:
        found = fuse_semantic(readings, method="majority", quorum=quorum).consensus
        jaccard = semantic_scores(gold, found).jaccard("cell")
        return 1.0 if jaccard is None else jaccard

    best = max(score((votes - 0.5) / len(readings)) for votes in range(1, len(readings) + 1))
    assert score(learn_quorum([(gold, readings)])) == pytest.approx(best)


def test_readings_that_do_not_fit_are_refused() -> None:
    (one,) = maps(np.zeros((1, 2, 2), np.uint8))
    with pytest.raises(InvalidDocument, match="at least one"):
        fuse_semantic([])
    with pytest.raises(MismatchedShapes):
        fuse_semantic([one, *maps(np.zeros((1, 2, 3), np.uint8))])
    with pytest.raises(InvalidDocument, match="ontologies"):
        fuse_semantic([one, *maps(np.zeros((1, 2, 2), np.uint8), TWO)])
    for wrong in ({"quorum": 0.6}, {"quorum": 1.0}, {"prior_share": 0.0}, {"quorum": 0.6, "method": "majority"}):
        with pytest.raises(InvalidDocument):
            fuse_semantic([one], **wrong)
    with pytest.raises(InvalidDocument, match="gold"):
        learn_quorum([])
    with pytest.raises(InvalidDocument, match="two classes"):
        learn_quorum([(one, [one])])


def test_weights_decide_between_equal_heads_and_em_takes_none() -> None:
    stack = np.array([[[0, 1, 2]], [[0, 2, 1]]], dtype=np.uint8)
    assert fuse_semantic(maps(stack), method="majority").consensus.data.tolist() == [[0, 1, 1]]
    weighed = fuse_semantic(maps(stack), method="majority", weights=[1, 3])
    assert weighed.consensus.data.tolist() == [[0, 2, 1]]
    assert weighed.certainty.tolist() == [[1.0, 0.75, 0.75]]
    with pytest.raises(InvalidDocument, match="finds the weights"):
        fuse_semantic(maps(stack), weights=[1, 3])
    for weights in ([1.0], [1.0, 0.0], [1.0, np.inf]):
        with pytest.raises(InvalidDocument, match="as many weights above 0"):
            fuse_semantic(maps(stack), method="majority", weights=weights)


def test_who_is_agreed_with_breaks_ties() -> None:
    # Of five pixels in dispute the first two readers agree on three, the third with each of them on none or one.
    stack = np.array([[[0, 0, 1, 1, 2, 2]], [[0, 0, 1, 1, 1, 0]], [[0, 1, 2, 0, 1, 1]]], dtype=np.uint8)
    weights = peer_weights(maps(stack))
    assert weights == pytest.approx((0.3, 0.4, 0.1))
    found = fuse_semantic(maps(stack), method="majority", weights=weights).consensus.data
    assert found.tolist() == [[0, 0, 1, 1, 1, 0]]
    assert peer_weights(maps(stack[:2])) == (1.0, 1.0)
    assert peer_weights(maps(np.zeros((3, 1, 2), np.uint8))) == pytest.approx((0.05,) * 3)


@given(stacks)
def test_of_three_readers_weights_overrule_no_majority(stack: np.ndarray) -> None:
    if len(stack) < 3:
        return
    three = maps(stack[:3])
    weights = peer_weights(three)
    assert all(2 * weight <= sum(weights) + 0.1 for weight in weights)
    plain = fuse_semantic(three, method="majority")
    weighed = fuse_semantic(three, method="majority", weights=weights)
    most = plain.certainty > 0.6
    heard = (stack[:3] != 255).all(axis=0)
    assert (weighed.consensus.data[most & heard] == plain.consensus.data[most & heard]).all()
