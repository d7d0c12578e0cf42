"""Simulated annotators of classes err as they state."""

from __future__ import annotations

import numpy as np
import pytest

from cellcommons.classes import Ontology
from cellcommons.errors import InvalidDocument
from cellcommons.synthetic.class_annotator import ClassErrorModel, simulate_classes, skilled_classes

PLAIN, RANKS = Ontology(("a", "b", "c", "d")), Ontology(("a", "b", "c", "d"), ordinal=True)


@pytest.mark.parametrize("ontology", [PLAIN, RANKS])
def test_answers_follow_the_stated_confusion(ontology: Ontology) -> None:
    model = ClassErrorModel(accuracy=0.7, lookalike=0.5, habit=0.2, habit_class=3)
    stated = model.confusion(ontology)
    np.testing.assert_allclose(stated.sum(axis=1), 1)
    truth = tuple((name,) for name in ontology.names for _ in range(2000))
    answers = simulate_classes(truth, ontology, model, np.random.default_rng(0)).classes
    counts = np.zeros((4, 4))
    for (was,), (said,) in zip(truth, answers, strict=True):
        counts[ontology.index(was), ontology.index(said)] += 1
    np.testing.assert_allclose(counts / 2000, stated, atol=0.035)


def test_ranks_err_to_both_neighbours_and_classes_to_the_next() -> None:
    model = ClassErrorModel(accuracy=0.5, lookalike=1.0)
    assert model.confusion(RANKS)[1].tolist() == [0.25, 0.5, 0.25, 0.0]
    assert model.confusion(RANKS)[0].tolist() == [0.5, 0.5, 0.0, 0.0]
    assert model.confusion(PLAIN)[3].tolist() == [0.5, 0.0, 0.0, 0.5]


def test_several_classes_are_missed_and_invented() -> None:
    ontology = Ontology(PLAIN.names, multi=True)
    model = ClassErrorModel(accuracy=0.8, invented=0.1)
    answers = simulate_classes((("a", "b"),) * 3000, ontology, model, np.random.default_rng(0)).classes
    rates = np.mean([ontology.vector(answer) for answer in answers], axis=0)
    np.testing.assert_allclose(rates, [0.8, 0.8, 0.1, 0.1], atol=0.03)


def test_the_seed_decides_and_people_differ() -> None:
    truth = (("a",), ("b",)) * 20
    once, again = (simulate_classes(truth, PLAIN, skilled_classes(3), np.random.default_rng(5)) for _ in range(2))
    assert once == again
    assert once.seconds > 0
    assert len({skilled_classes(seed).accuracy for seed in range(20)}) == 20
    assert sum(skilled_classes(seed).habit > 0 for seed in range(100)) in range(10, 35)


def test_models_that_cannot_be_are_refused() -> None:
    for bad in ({"accuracy": 1.1}, {"habit": -0.1}, {"seconds": 0.0}, {"habit_class": -1}):
        with pytest.raises(InvalidDocument):
            ClassErrorModel(**bad)
    with pytest.raises(InvalidDocument, match="'x'"):
        simulate_classes((("x",),), PLAIN, ClassErrorModel(), np.random.default_rng(0))
